"""Waiting and trying again, with a clock that jumps."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from coincast.sources.retry import Clock, Patience, Stopped, TemporaryError, back_off, parse_retry_after, try_again


class JumpingClock(Clock):
    """Waits by jumping, and remembers how far."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


class Failing:
    """Fails so many times."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.calls


def test_back_off_doubles_to_its_longest() -> None:
    patience = Patience(first_wait=1, longest_wait=10)
    assert [back_off(attempt, patience, lambda: 1.0) for attempt in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert all(0 <= back_off(3, patience) <= 4 for _ in range(100))


def test_a_temporary_failure_is_tried_again() -> None:
    clock, call = JumpingClock(), Failing(TemporaryError("a"), TemporaryError("b"))
    assert try_again(call, patience=Patience(), clock=clock, draw=lambda: 0.5) == 3
    assert clock.waits == [0.5, 1.0]


def test_the_wait_that_was_named_is_kept_to() -> None:
    clock, call = JumpingClock(), Failing(TemporaryError("slow down", after=17.0))
    assert try_again(call, patience=Patience(), clock=clock) == 2
    assert clock.waits == [17.0]


def test_it_ends_after_so_many_attempts_and_so_much_time() -> None:
    clock, call = JumpingClock(), Failing(*[TemporaryError(str(n)) for n in range(9)])
    with pytest.raises(TemporaryError, match="2"):
        try_again(call, patience=Patience(attempts=3), clock=clock)
    assert (call.calls, len(clock.waits)) == (3, 2)
    clock, call = JumpingClock(), Failing(*[TemporaryError("", after=40.0)] * 9)
    with pytest.raises(TemporaryError):
        try_again(call, patience=Patience(attempts=9, total=100), clock=clock)
    assert clock.waits == [40.0, 40.0]


def test_any_other_failure_ends_it_at_once() -> None:
    clock, call = JumpingClock(), Failing(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        try_again(call, patience=Patience(), clock=clock)
    assert call.calls == 1


def test_a_wait_ends_when_it_is_asked_to() -> None:
    clock = Clock()
    began = time.monotonic()
    threading.Timer(0.05, clock.stop).start()
    with pytest.raises(Stopped):
        clock.sleep(60)
    assert time.monotonic() - began < 5
    with pytest.raises(Stopped):
        clock.sleep(0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0.5", 0.5),
        ("-3", 0),
        ("Fri, 01 Mar 2024 12:01:00 GMT", 60),
        ("Fri, 01 Mar 2024 11:00:00 GMT", 0),
        ("Fri, 01 Mar 2024 12:01:00 -0000", 60),
        ("soon", None),
        ("Fri, 01 Mar 99999999999999 12:01:00 GMT", None),
        ("inf", None),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, datetime(2024, 3, 1, 12, tzinfo=UTC)) == seconds
