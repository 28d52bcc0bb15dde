"""A training in a process of its own, at low priority: the loop starts it, looks at it from time to time, and ends it.

The file that makes the folder of a model whole is written last (`coincast.live.models.folder`). The process ends by
itself when the loop does, however that ends: it reads from a pipe that the loop holds open. Seconds are real ones, also
in a simulation.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coincast.errors import UsageError
from coincast.live.watch.plan import Plan
from coincast.tabular import write_beside

COMMAND = (sys.executable, "-m", "coincast.live.watch.child")

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0
"""Seconds after a failed training before the next; they double with each failure in a row."""

GENTLE_SECONDS = 3.0
"""What a process is given to end by itself."""

_BELOW_NORMAL = 0x00004000
"""`BELOW_NORMAL_PRIORITY_CLASS` of Windows; elsewhere the process lowers its own priority."""


@dataclass(frozen=True)
class Trained:
    """A training that has ended.

    Attributes:
        folder: of the model; None: it failed.
        seconds: that it took.
        words: why it failed.
    """

    folder: Path | None
    seconds: float
    words: str = ""


class Training:
    """At most one training at a time.

    Args:
        plan: what is trained, and for how long at most.
        folder: of all models of this plan.
        command: what is run; a file with the request is its only argument.
        monotonic: real seconds.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        *,
        command: tuple[str, ...] = COMMAND,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._command = command
        self._monotonic = monotonic
        self._process: subprocess.Popen[bytes] | None = None
        self._target = folder
        self._began = 0.0
        self._failures = 0
        self._not_before = float("-inf")

    @property
    def is_running(self) -> bool:
        """Whether one is under way."""
        return self._process is not None

    @property
    def seconds(self) -> float:
        """For how long it has been, in real seconds; 0 where none is."""
        return self._monotonic() - self._began if self._process else 0.0

    @property
    def may_start(self) -> bool:
        """Whether none is under way, and the last failure is long enough ago."""
        return self._process is None and self._monotonic() >= self._not_before

    def start(self, origin: int) -> Trained | None:
        """Train on the candles that closed until then; the folder is called by that time, in milliseconds.

        Returns:
            None, or why it could not begin: no memory for another process, a full disk.
        """
        self._target, self._began = self._folder / f"{origin:015d}", self._monotonic()
        try:
            self._process = self._begin(json.dumps(self._request(origin), default=str))
        except (OSError, UsageError) as error:
            return self._fail(0.0, f"it could not begin: {error}")
        return None

    def _begin(self, request: str) -> subprocess.Popen[bytes]:
        """The process, with its request in a file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = write_beside(self._folder / "request.json", lambda beside: beside.write_text(request, encoding="utf-8"))
        with open(self._folder / "training.log", "wb") as log:
            return subprocess.Popen(
                [*self._command, str(path)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C of a terminal is for the loop, which ends this process itself
                creationflags=_BELOW_NORMAL if sys.platform == "win32" else 0,
            )

    def poll(self) -> Trained | None:
        """What has ended since the last look; one that takes too long is ended here."""
        if self._process is None:
            return None
        seconds = self.seconds
        if self._process.poll() is None and seconds <= self._plan.training_limit:
            return None
        if self._process.returncode is None:
            self.stop()
            return self._fail(seconds, f"it had not ended after {self._plan.training_limit / 60:g} minutes")
        code = self._forget()
        if code == 0 and self._target.is_dir():
            self._failures = 0
            return Trained(self._target, seconds)
        return self._fail(seconds, self._last_words() or f"it ended with exit code {code} and said nothing")

    def fail(self, words: str) -> None:
        """A model that was trained cannot be used: that counts as a failure of the training."""
        self._fail(0.0, words)

    def stop(self) -> None:
        """End a training that is under way."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(GENTLE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _forget(self) -> int:
        assert self._process is not None
        if self._process.stdin:
            self._process.stdin.close()
        code, self._process = self._process.returncode, None
        return int(code)

    def _fail(self, seconds: float, words: str) -> Trained:
        self._failures += 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (self._failures - 1))
        self._not_before = self._monotonic() + pause
        return Trained(None, seconds, words)

    def _last_words(self) -> str:
        """The last line that the process said."""
        try:
            text = (self._folder / "training.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def _request(self, origin: int) -> dict[str, Any]:
        return {
            "spec": self._plan.spec.to_dict(),
            "markets": [market.name for market in self._plan.markets],
            "interval": self._plan.interval,
            "since": origin - self._plan.history * self._plan.length,
            "until": origin,
            "folder": str(self._target),
        }
