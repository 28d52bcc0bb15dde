"""A child process for what needs the networks of this library, so that the server stays small and answers quickly.

JAX and all that hangs on it take more than a hundred megabytes and a second to import, in which nothing else is
answered. The child is started when it is first needed and ended when nothing has been asked of it for a while; where
the server ends in whatever way, its pipe ends, and so does the child.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from coincast.errors import CoincastError
from coincast.web.faults import Refusal

T = TypeVar("T")

IDLE_SECONDS = 180.0
"""After so long without a question the child is ended."""
CALL_SECONDS = 120.0
"""Longest that a call may take; a child that does not come back is ended."""
NICENESS = 5


class Workshop:
    """Calls functions in a child process, one after the other; from any thread.

    Args:
        idle_seconds: after so long without a call the child is ended.
        call_seconds: longest that a call may take.
    """

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS, call_seconds: float = CALL_SECONDS) -> None:
        self._idle, self._patience = idle_seconds, call_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._timer: threading.Timer | None = None

    @property
    def is_open(self) -> bool:
        """Whether the child is there."""
        return self._process is not None

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function of a module with plain arguments, and wait for what it returns.

        Raises:
            Refusal: the function says no, the library does, or the child does not come back.
        """
        with self._lock:
            self._forget_timer()
            try:
                answer = self._ask((function, arguments))
            except (OSError, EOFError, pickle.UnpicklingError):
                self._end()
                raise Refusal(503, "the process that works on this has ended, or takes too long", wait=5) from None
            self._timer = threading.Timer(self._idle, self.close)
            self._timer.daemon = True
            self._timer.start()
        if isinstance(answer, Refusal):
            raise answer
        if isinstance(answer, _Fault):
            raise RuntimeError(answer.words)
        return answer  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._forget_timer()
            self._end()

    def _ask(self, question: tuple[Callable[..., Any], tuple[Any, ...]]) -> Any:
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        overdue = threading.Timer(self._patience, process.kill)
        overdue.daemon = True
        overdue.start()
        try:
            pickle.dump(question, process.stdin)
            process.stdin.flush()
            return pickle.load(process.stdout)
        finally:
            overdue.cancel()

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            with self._process:
                pass
            self._process = None


class _Fault:
    """A fault of ours in the child."""

    def __init__(self, words: str) -> None:
        self.words = words


def _start() -> subprocess.Popen[bytes]:
    """The child; in a session of its own, so that Ctrl-C is for its parent to decide about."""
    line = [sys.executable, "-c", "from coincast.web.workshop import work; work()"]
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def work() -> None:
    """In the child: answer one question after the other until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not end up among the answers
    while True:
        try:
            function, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_answer(function, arguments), answers)
        answers.flush()


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What a function returns, or an error as something that can travel back."""
    try:
        return function(*arguments)
    except Refusal as refusal:
        return refusal
    except CoincastError as error:
        return Refusal(422, str(error))
    except Exception as error:
        return _Fault(f"{type(error).__name__} in the workshop: {error}")
