"""A child process for what needs the networks of this library, so that the server stays small and answers quickly.

JAX and all that hangs on it take more than a hundred megabytes and a second to import, in which nothing else is
answered. The child is started when it is first needed and ended when nothing has been asked of it for a while; where
the server ends in whatever way, its pipe ends, and so does the child.

Questions and answers are lines of JSON: `{"work", "arguments"}` there, `{"answer"}`, `{"refusal"}` or `{"fault"}` back.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from coincast.errors import CoincastError
from coincast.web.faults import Refusal

Answer = TypeVar("Answer", bound=BaseModel)

IDLE_SECONDS = 180.0
"""After so long without a question the child is ended."""
CALL_SECONDS = 120.0
"""Longest that a piece of work may take; a child that does not come back is ended."""
NICENESS = 5

PLACES = {
    "choices": ("coincast.web.jobs.choices", "make_choices"),
    "walk": ("coincast.web.walking.answers", "draw_walk"),
    "odds": ("coincast.web.walking.answers", "draw_many"),
}
"""Name of a piece of work -> module and function; nothing else is called, and only the child imports them."""


@dataclass(frozen=True)
class Work(Generic[Answer]):
    """What the workshop can do.

    Attributes:
        name: a key of `PLACES`.
        answer: what its function returns.
    """

    name: str
    answer: type[Answer]


class Workshop:
    """Has work done in a child process, one piece after the other; from any thread.

    Args:
        idle_seconds: after so long without a question the child is ended.
        call_seconds: longest that a piece of work may take.
    """

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS, call_seconds: float = CALL_SECONDS) -> None:
        self._idle, self._patience = idle_seconds, call_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._timer: threading.Timer | None = None

    @property
    def is_open(self) -> bool:
        """Whether the child is there."""
        return self._process is not None

    def ask(self, work: Work[Answer], **arguments: int | str) -> Answer:
        """Have a piece of work done, and wait for it.

        Raises:
            Refusal: the work says no, the library does, or the child does not come back.
        """
        with self._lock:
            self._forget_timer()
            try:
                told = self._exchange({"work": work.name, "arguments": arguments})
            except (OSError, EOFError):
                self._end()
                raise Refusal(503, "the process that works on this has ended, or takes too long", wait=5) from None
            self._timer = threading.Timer(self._idle, self.close)
            self._timer.daemon = True
            self._timer.start()
        if "refusal" in told:
            raise Refusal(**told["refusal"])
        if "fault" in told:
            raise RuntimeError(told["fault"])
        return work.answer.model_validate_json(told["answer"])

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._forget_timer()
            self._end()

    def _exchange(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """A line there and a line back.

        Raises:
            OSError, EOFError: the child has ended, or was ended because it took too long.
        """
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        overdue = threading.Timer(self._patience, process.kill)
        overdue.daemon = True
        overdue.start()
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        finally:
            overdue.cancel()
        if not line.endswith("\n"):
            raise EOFError
        told: dict[str, Any] = json.loads(line)
        return told

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(BrokenPipeError), self._process:
                pass
            self._process = None


def _start() -> subprocess.Popen[str]:
    """The child; in a session of its own, so that Ctrl-C is for its parent to decide about."""
    line = [sys.executable, "-c", "from coincast.web.workshop import serve_pipe; serve_pipe()"]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, stdin=pipe, stdout=pipe, encoding="utf-8", start_new_session=True)


def serve_pipe() -> None:
    """In the child: answer one line after the other until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints does not end up among the answers
    for line in sys.stdin:
        question = json.loads(line)
        answers.write(json.dumps(_answer(question["work"], question["arguments"])) + "\n")
        answers.flush()


def find_work(name: str) -> Callable[..., BaseModel]:
    """The function of a piece of work; imports what it needs."""
    module, function = PLACES[name]
    found: Callable[..., BaseModel] = getattr(import_module(module), function)
    return found


def _answer(name: str, arguments: Mapping[str, int | str]) -> dict[str, Any]:
    """What a piece of work comes to, or why it does not, as it travels back."""
    try:
        return {"answer": find_work(name)(**arguments).model_dump_json()}
    except Refusal as refusal:
        return {"refusal": {"status": refusal.status, "message": refusal.message, "wait": refusal.wait}}
    except CoincastError as error:
        return {"refusal": {"status": 422, "message": str(error)}}
    except Exception as error:
        return {"fault": f"{type(error).__name__} in the workshop: {error}"}
