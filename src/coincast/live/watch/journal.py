"""The log of the loop: a file that is cut off at a megabyte, with three before it, and the same lines on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST, KEPT = 1_000_000, 3
FORM = "%(asctime)s %(levelname)-7s %(message)s"


class _LogFile(RotatingFileHandler):
    """A file that holds nobody up where it cannot be written: what matters is on stderr, too."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing, where the standard is a traceback for each line."""


class Journal:
    """Writes lines; what is said again and again is said once.

    Args:
        path: of the file; None: there is none.
        quiet: nothing on stderr but warnings.
        wall: seconds since 1970 that the lines are dated by.
    """

    def __init__(self, path: Path | None, *, quiet: bool = False, wall: Callable[[], float] = time.time) -> None:
        self._logger = logging.Logger("coincast.watch", logging.INFO)
        self._wall = wall
        self._said: dict[str, str] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = _LogFile(path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", delay=True)
            self._add(handler, logging.INFO)
        self._add(logging.StreamHandler(sys.stderr), logging.WARNING if quiet else logging.INFO)

    def say(self, words: str) -> None:
        """What was done."""
        self._write(logging.INFO, words)

    def warn(self, about: str, words: str) -> None:
        """What is wrong; the same words about the same thing are said once, until it is `well` again."""
        if self._said.get(about) != words:
            self._said[about] = words
            self._write(logging.WARNING, words)

    def well(self, about: str, words: str = "") -> None:
        """What was wrong is not any more."""
        if self._said.pop(about, None) is not None and words:
            self._write(logging.INFO, words)

    def close(self) -> None:
        """Close the file."""
        for handler in list(self._logger.handlers):
            handler.close()
            self._logger.removeHandler(handler)

    def _write(self, level: int, words: str) -> None:
        record = self._logger.makeRecord(self._logger.name, level, "", 0, _printable(words), (), None)
        record.created = self._wall()
        record.msecs = record.created % 1 * 1000
        self._logger.handle(record)

    def _add(self, handler: logging.Handler, level: int) -> None:
        formatter = logging.Formatter(FORM, datefmt="%Y-%m-%d %H:%M:%S")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        handler.setLevel(level)
        self._logger.addHandler(handler)


def _printable(words: str) -> str:
    """One line, without marks that a terminal would obey."""
    return "".join(mark if mark.isprintable() else " " for mark in words)
