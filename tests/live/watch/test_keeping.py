"""Several markets at once, and who waits for whom."""

from __future__ import annotations

import threading
import time

import pytest

from coincast.live.watch.feed import _agreeing
from coincast.live.watch.keeping import AT_ONCE, in_parallel
from coincast.sources.exchange.paging import Row
from coincast.sources.retry import Stopped


def test_answers_come_in_the_order_of_the_questions() -> None:
    names = [str(number) for number in range(3 * AT_ONCE)]
    tasks = {name: lambda name=name: time.sleep(0.001 * (int(name) % 3)) or int(name) for name in names}
    assert list(in_parallel(tasks, threading.Event()).items()) == [(name, int(name)) for name in names]


def test_nobody_waits_for_an_exchange_that_says_nothing_when_the_end_is_wanted() -> None:
    stopping, never = threading.Event(), threading.Event()
    threading.Timer(0.05, stopping.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        in_parallel({"a": lambda: never.wait(30)}, stopping)
    assert time.monotonic() - began < 5
    never.set()


def test_those_that_have_answered_do_not_wait_for_one_that_hangs() -> None:
    never, began = threading.Event(), time.monotonic()
    tasks = {"slow": lambda: never.wait(30), "quick": lambda: True}
    assert in_parallel(tasks, threading.Event(), seconds=0.1) == {"quick": True}
    assert time.monotonic() - began < 5
    never.set()


def test_what_nobody_waits_for_is_not_begun() -> None:
    before, never, begun = threading.active_count(), threading.Event(), []
    tasks = {str(number): lambda: never.wait(30) for number in range(AT_ONCE)} | {"later": lambda: begun.append(True)}
    assert in_parallel(tasks, threading.Event(), seconds=0.05) == {}
    never.set()
    end = time.monotonic() + 10
    while threading.active_count() > before:
        assert time.monotonic() < end
        time.sleep(0.001)
    assert begun == []


def test_a_fault_of_ours_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        in_parallel({"a": lambda: 1 / 0, "b": lambda: 1}, threading.Event())


def row(time: int, close: float) -> Row:
    return Row(time, 1.0, 3.0, 0.5, close, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "is_sure", "closes"),
    [
        ([row(1, 1.0), row(2, 2.0)], [row(1, 1.0), row(2, 2.0)], False, [1.0, 2.0]),  # both say the same
        ([row(1, 1.0), row(2, 2.0)], [row(1, 1.0), row(2, 2.5)], False, [1.0]),  # it may still be growing
        ([row(1, 1.0), row(2, 2.0)], [row(1, 1.0), row(2, 2.5)], True, [1.0, 2.5]),  # the one after it has begun
        ([row(1, 1.0)], [], False, []),
    ],
)
def test_a_newest_candle_is_believed_where_it_is_sure_or_said_twice(
    first: list[Row], second: list[Row], is_sure: bool, closes: list[float]
) -> None:
    assert [one.close for one in _agreeing(first, second, is_sure=is_sure)] == closes
