"""A child process that trains: at low priority, in a group of its own, its lines read, ended for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

NICENESS = 10
"""How much the machine prefers other work: the page and a watch loop stay quick beside a training."""
PATIENCE_SECONDS = 8.0
"""From asking a process to end until it is ended."""
LONGEST_LINE = 2000


class Child:
    """A command that runs beside this process.

    Args:
        line: the command and its arguments; no shell sees them.
        folder: where it runs.
        on_line: is told every line of its stderr, in a thread of its own.
    """

    def __init__(self, line: Sequence[str], folder: Path, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._process = subprocess.Popen(
            line,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "200"},
        )
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        """Its exit code, None where it still runs after so long; negative where a signal ended it."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(PATIENCE_SECONDS)
        return code

    def end(self) -> None:
        """Ask it and all that it started to end; what does not, or has outlived it, is ended."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE_SECONDS)
        self._signal(signal.SIGKILL)
        self.wait(PATIENCE_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to its group, which may live on when the first process of it has gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            while text := lines.readline(LONGEST_LINE):
                told = "".join(mark if mark.isprintable() else " " for mark in text).strip()
                if told:
                    self._on_line(told)
