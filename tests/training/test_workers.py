"""Threads that work: what they say, what they raise, and what happens where nothing comes back."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import jax
import pytest

from coincast.errors import StuckError, UsageError
from coincast.training import workers
from coincast.training.workers import Workers, places_to_work

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="an accelerator has a worker per device")
needs_signals = pytest.mark.skipif(
    sys.platform == "win32" or signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="a process cannot press Ctrl-C for itself here",
)


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "available_cores", lambda: 3)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Ends tasks that would never return, after the test."""
    event = threading.Event()
    yield event
    event.set()


def test_every_core_has_a_worker_on_the_same_device() -> None:
    assert places_to_work() == [jax.devices()[0]] * 3
    for most, expected in ((0, 1), (1, 1), (2, 2), (9, 3)):
        assert len(Workers(most).devices) == expected


def test_workers_work_at_the_same_time_and_each_in_its_order() -> None:
    meeting = threading.Barrier(3, timeout=20)

    def meet(worker: int, device: Any) -> tuple[str, int]:
        meeting.wait()
        return device.platform, worker

    with Workers(3) as group:
        for worker in range(3):
            group.give(worker, meet)
            group.give(worker, lambda worker, _: 10 + worker)
        heard = group.listen()
        said = [next(heard) for _ in range(6)]
    assert all(is_done for _, is_done, _ in said)
    for worker in range(3):
        assert [what for place, _, what in said if place == worker] == [("cpu", worker), 10 + worker]


def test_news_come_before_the_result() -> None:
    with Workers(1) as group:

        def task(worker: int, _: Any) -> str:
            for part in (1, 2):
                group.tell(worker, part)
            return "done"

        group.give(0, task)
        heard = group.listen()
        assert [next(heard) for _ in range(3)] == [(0, False, 1), (0, False, 2), (0, True, "done")]
        assert group.ask(lambda worker, _: "answer") == "answer"


def test_what_a_task_raises_is_raised_here() -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("as it was")

    with Workers(2) as group:
        group.give(1, fail)
        heard = group.listen()
        with pytest.raises(ZeroDivisionError, match="as it was"):
            next(heard)


def test_a_task_that_never_returns_ends_in_an_error_with_advice(
    monkeypatch: pytest.MonkeyPatch, release: threading.Event
) -> None:
    monkeypatch.setenv("COINCAST_STUCK_SECONDS", "0.3")
    monkeypatch.setattr(workers, "LONGEST_PARTING", 0.2)
    began = time.monotonic()
    with Workers(2) as group:
        group.give(0, lambda *_: release.wait())
        heard = group.listen()
        with pytest.raises(StuckError, match=r"not answered for 0\.3 seconds.*COINCAST_STUCK_SECONDS=1200"):
            next(heard)
    assert 0.3 <= time.monotonic() - began < 5


def test_one_that_gives_a_sign_of_life_is_not_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINCAST_STUCK_SECONDS", "1")
    with Workers(1) as group:

        def task(worker: int, _: Any) -> int:
            for _ in range(6):
                time.sleep(0.2)
                group.tell(worker, None)
            return 7

        assert group.ask(task) == 7


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@needs_signals
def test_ctrl_c_is_heard_while_programs_run() -> None:
    """Tasks under way stop where they would say something; the calling thread leaves at once."""
    left = threading.Event()

    def task(worker: int, _: Any) -> None:
        try:
            while True:
                time.sleep(0.01)
                group.tell(worker, None)
        finally:
            left.set()

    group = Workers(2)

    def listen() -> None:
        with group:
            group.give(0, task)
            for _ in group.listen():
                pass

    threading.Timer(0.2, press_ctrl_c).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        listen()
    assert left.wait(10)
    assert time.monotonic() - began < 10
    assert not any(thread.is_alive() for thread in group.threads)


@needs_signals
def test_ctrl_c_is_heard_while_nothing_comes_back(monkeypatch: pytest.MonkeyPatch, release: threading.Event) -> None:
    monkeypatch.setattr(workers, "LONGEST_PARTING", 0.2)

    def listen() -> None:
        with Workers(2) as group:
            group.give(0, lambda *_: release.wait())
            next(group.listen())

    threading.Timer(0.2, press_ctrl_c).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        listen()
    assert time.monotonic() - began < 10


def test_every_thread_goes_home() -> None:
    with Workers(3) as group:
        group.ask(lambda *_: None)
    assert not any(thread.is_alive() for thread in group.threads)


@pytest.mark.parametrize("given", ["abc", "-1", "nan", "0", "inf"])
def test_a_patience_that_is_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINCAST_STUCK_SECONDS", given)
    with Workers(1) as workers, pytest.raises(UsageError, match=f"COINCAST_STUCK_SECONDS is '{given}'; allowed: a num"):
        workers.ask(lambda *_: None)
