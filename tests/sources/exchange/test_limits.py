"""One pace for all threads."""

from __future__ import annotations

import threading

import pytest

from coincast.sources.exchange.limits import Limiter
from coincast.sources.retry import Clock


class SharedClock(Clock):
    """A clock that stands still until somebody sleeps; it never runs backwards."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 100.0
        self.lock = threading.Lock()

    def monotonic(self) -> float:
        with self.lock:
            return self.time

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.time += seconds


def test_requests_are_spaced_by_their_cost() -> None:
    clock = SharedClock()
    limiter = Limiter(0.5, clock)
    begins = []
    for cost in (1, 4, 1, 0):
        limiter.wait(cost)
        begins.append(clock.time)
    assert begins == [100, 100.5, 102.5, 103]


def test_a_pause_holds_for_all_and_never_shortens() -> None:
    clock = SharedClock()
    limiter = Limiter(0.5, clock)
    limiter.pause(30)
    limiter.pause(10)
    limiter.wait()
    assert clock.time == 130


def test_threads_share_the_pace() -> None:
    clock = SharedClock()
    limiter = Limiter(1.0, clock)
    begins: list[float] = []

    def work() -> None:
        for _ in range(5):
            limiter.wait()
            begins.append(clock.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Twenty requests, each a second after the one before it.
    assert clock.time >= 100 + 19
    assert len(begins) == 20


def test_no_spacing_means_no_wait() -> None:
    clock = SharedClock()
    limiter = Limiter(0.0, clock)
    for _ in range(3):
        limiter.wait(7)
    assert clock.time == pytest.approx(100)
