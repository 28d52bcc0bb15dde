"""A piece of work in a child process, as others see it."""

from __future__ import annotations

import shlex
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from coincast.web.api.shapes import Milliseconds, Number, Shape
from coincast.web.jobs.orders import Command
from coincast.web.jobs.progress import ProgressShape

JobState = Literal["waiting", "running", "finished", "failed", "cancelled"]
ENDED: tuple[JobState, ...] = ("finished", "failed", "cancelled")
LINES = 20


class JobShape(Shape):
    """A job without what it said."""

    id: str
    kind: Literal["comparison", "reproduction"]
    title: str = Field(examples=["lstm, naive on binance:BTC/USDT, 1d"])
    state: JobState
    made_at: Milliseconds
    began_at: Milliseconds | None
    ended_at: Milliseconds | None
    command: str = Field(description="what does the same on a command line")
    progress: ProgressShape | None
    fraction: Number = Field(description="share of the current model's training that is done, from 0 to 1")
    message: str | None = Field(description="why it failed")
    run_id: str | None = Field(description="its run folder, once there is one")


class JobDetailShape(JobShape):
    """A job and the last lines that it wrote."""

    lines: list[str]


@dataclass
class Job:
    """A job; only its queue changes it.

    Attributes:
        id: for addresses.
        command: what is run.
        run_id: id of its run folder.
        made_at, began_at, ended_at: milliseconds since 1970.
        progress: how far its present training is.
        lines: the last lines that it wrote.
        message: why it failed.
        wish: set where it shall end.
    """

    id: str
    kind: Literal["comparison", "reproduction"]
    command: Command
    run_id: str
    made_at: int
    state: JobState = "waiting"
    began_at: int | None = None
    ended_at: int | None = None
    progress: ProgressShape | None = None
    message: str | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    wish: threading.Event = field(default_factory=threading.Event)

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    def show(self) -> JobShape:
        """What everybody sees of it."""
        return JobShape(**self._facts())

    def show_whole(self) -> JobDetailShape:
        """The same with the lines that it wrote."""
        return JobDetailShape(**self._facts(), lines=list(self.lines))

    def _facts(self) -> dict[str, Any]:
        progress = self.progress
        fraction = 1.0 if self.state == "finished" else None
        if progress is not None and not self.has_ended:
            fraction = min(1.0, progress.done / progress.total)
        names = ("id", "kind", "state", "made_at", "began_at", "ended_at", "progress", "message")
        return {
            **{name: getattr(self, name) for name in names},
            "title": self.command.title,
            "command": shlex.join(["coincast", *self.command.arguments]),
            "fraction": fraction,
            "run_id": None if self.state == "waiting" else self.run_id,
        }
