"""Trying again after a failure that may pass: how long to wait, and when to stop.

The wait before attempt n + 1 is drawn evenly from zero to `first_wait` x 2^(n - 1), at most `longest_wait` ("full
jitter"), so that clients which failed together do not come back together. Where the other side names a wait
(`Retry-After`), that one is kept to.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

T = TypeVar("T")


class TemporaryError(Exception):
    """A failure that may be gone at the next attempt; it never reaches a user.

    Args:
        message: what happened, to be put behind "the last answer was".
        after: seconds to wait, where the other side named them.
        crowded: whether too much was asked, so that all who ask there must wait.
        closed: whether the other side says that it does not serve now.
    """

    def __init__(
        self, message: str, *, after: float | None = None, crowded: bool = False, closed: bool = False
    ) -> None:
        super().__init__(message)
        self.after = after
        self.crowded = crowded
        self.closed = closed


class Stopped(Exception):
    """Somebody asked this work to end; it never reaches a user."""


@dataclass(frozen=True)
class Patience:
    """How long one request is worth waiting for, in seconds.

    Attributes:
        attempts: requests in all.
        first_wait: most that is waited after the first failure; it doubles with each.
        longest_wait: most that is waited between two attempts of one's own accord.
        total: no attempt begins later than this after the first.
        longest_pause: most that is waited where the other side names the wait; more is a refusal.
        deadline: from the start of one request to the last byte of its answer.
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 30.0
    total: float = 300.0
    longest_pause: float = 120.0
    deadline: float = 30.0


PATIENCE = Patience()


class Clock:
    """Time of this machine, and waiting that can be ended from outside; tests put another in its place."""

    def __init__(self) -> None:
        self.stopping = threading.Event()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, or raise `Stopped` as soon as `stop` is called."""
        if self.stopping.wait(max(0.0, seconds)):
            raise Stopped

    def stop(self) -> None:
        """End every wait, now and later."""
        self.stopping.set()


def try_again(
    call: Callable[[], T],
    *,
    patience: Patience,
    clock: Clock,
    wait: Callable[[TemporaryError, float], None] | None = None,
    draw: Callable[[], float] = random.random,
) -> T:
    """Call until it succeeds, waiting after each `TemporaryError`.

    Args:
        call: what to do; any other exception ends it at once.
        patience: how often and how long.
        clock: measures and waits.
        wait: waits the seconds that it is given, after the failure that it is given; default: `clock.sleep`.
        draw: a number from 0 to 1.

    Raises:
        TemporaryError: the last one, when patience is at its end.
    """
    began = clock.monotonic()
    attempt = 1
    while True:
        try:
            return call()
        except TemporaryError as error:
            seconds = back_off(attempt, patience, draw) if error.after is None else error.after
            if attempt >= patience.attempts or clock.monotonic() + seconds - began > patience.total:
                raise
            if wait is None:
                clock.sleep(seconds)
            else:
                wait(error, seconds)
        attempt += 1


def back_off(attempt: int, patience: Patience, draw: Callable[[], float] = random.random) -> float:
    """Seconds to wait after the given attempt, counted from 1, has failed."""
    return draw() * min(patience.longest_wait, patience.first_wait * 2.0 ** (attempt - 1))


def read_date(text: str | None) -> datetime | None:
    """The date of a header, with a zone; None where it says nothing readable."""
    try:
        date = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return date.replace(tzinfo=UTC) if date and date.tzinfo is None else date


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number or a date; None where it says nothing readable.

    Args:
        text: the header.
        now: with a zone; by the clock of the one who sent the header, since a date is meant by that clock.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until = read_date(text)
        if until is None:
            return None
        seconds = (until - now).total_seconds()
    return max(0.0, seconds) if seconds < float("inf") else None
