"""Paging against an exchange in a few lines that may lose, repeat or invent what it likes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincast.sources.exchange.paging import (
    DAY,
    Pages,
    Row,
    Span,
    align,
    ask,
    intersect,
    is_aligned,
    last_close,
    mend,
    merge,
    move,
    spans_of,
    subtract,
)

MINUTE = 60_000
JAN_31, FEB_29, MAR_31 = 1706659200000, 1709164800000, 1711843200000
JAN_1, FEB_1, MAR_1 = 1704067200000, 1706745600000, 1709251200000

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def candle(minute: int, price: float = 10.0) -> Row:
    return Row(minute * MINUTE, price, price, price, price, 1.0)


def moments(spans: Sequence[Span]) -> set[int]:
    return {time for start, end in spans for time in range(start, end)}


# ---------------------------------------------------------------- times and spans


def test_months_follow_the_calendar() -> None:
    assert move(JAN_1, "1M", 2) == MAR_1
    assert move(JAN_1, "1M", -1) == JAN_1 - 31 * DAY
    assert spans_of([JAN_1, FEB_1, MAR_1], "1M") == [(JAN_1, MAR_1 + 31 * DAY)]
    assert is_aligned(FEB_1, "1M")
    assert not is_aligned(FEB_29, "1M")


def test_what_opens_on_the_grid() -> None:
    assert is_aligned(7 * DAY + 3 * DAY, "1w")
    assert not is_aligned(MINUTE, "1h")
    assert align(1, "1h") == 60 * MINUTE
    assert align(60 * MINUTE, "1h") == 60 * MINUTE
    assert last_close(3 * DAY + 1, "1w") == 3 * DAY
    assert last_close(61 * MINUTE, "1h") == 60 * MINUTE


@given(SPANS, SPANS)
def test_spans_are_sets_of_moments(ones: list[Span], others: list[Span]) -> None:
    assert moments(merge(ones)) == moments(ones)
    assert moments(subtract(ones, others)) == moments(ones) - moments(others)
    assert moments(intersect(ones, others)) == moments(ones) & moments(others)
    for spans in (merge(ones), subtract(ones, others)):
        assert all(start < end for start, end in spans)
        assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))


@given(st.sets(st.integers(0, 50)))
def test_candles_cover_spans(minutes: set[int]) -> None:
    covered = spans_of(sorted(minute * MINUTE for minute in minutes), "1m")
    assert moments([(start // MINUTE, end // MINUTE) for start, end in covered]) == minutes


# ---------------------------------------------------------------- one answer


def test_an_answer_is_put_in_order() -> None:
    rows = [candle(2), candle(1), candle(2), candle(3)]
    mended = mend([list(row) for row in rows], "1m")
    assert mended.rows == [candle(1), candle(2), candle(3)]
    assert (mended.doubtful, mended.odd) == ({}, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        candle(2, 11.0),
        Row(2 * MINUTE, 10, 9, 10, 10, 1),
        Row(2 * MINUTE, 10, 10, 10, float("nan"), 1),
        Row(2 * MINUTE, 10, 10, 0, 10, 1),
        Row(2 * MINUTE, 10, 10, 10, 10, -1),
    ],
)
def test_doubtful_candles_are_left_out_and_named(wrong: Row) -> None:
    mended = mend([list(candle(1)), list(wrong), list(candle(2))], "1m")
    assert mended.rows == [candle(1)]
    assert list(mended.doubtful) == [2 * MINUTE]


def test_candles_off_the_grid_are_left_out_or_refuse_the_answer() -> None:
    odd = candle(3)._replace(open_time=3 * MINUTE + 7)
    mended = mend([list(candle(1)), list(candle(2)), list(odd)], "1m")
    assert (len(mended.rows), mended.odd) == (2, 1)
    with pytest.raises(ValueError, match="grid of 1m"):
        mend([list(candle(1)), list(odd), list(odd)], "1m")


@pytest.mark.parametrize("answer", [None, "<html>", {}, [1], [["a", 1, 1, 1, 1, 1]], [[60000, "x", 1, 1, 1, 1]], [[1]]])
def test_what_is_no_list_of_candles_is_refused(answer: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        mend(answer, "1m")


# ---------------------------------------------------------------- the walk


Spoil = Callable[[int, list[Row]], list[Row]]


class Exchange:
    """Serves the minutes that it has; `spoil` may change the nth answer."""

    def __init__(self, minutes: set[int], *, limit: int = 10, kind: str = "first", spoil: Spoil | None = None) -> None:
        self.rows = [candle(minute) for minute in sorted(minutes)]
        self.limit = limit
        self.kind = kind
        self.spoil = spoil or (lambda _, rows: rows)
        self.asked: list[Span] = []

    def fetch(self, start: int, end: int) -> list[Row]:
        self.asked.append((start, end))
        assert len(self.asked) < 2000, "the walk does not end"
        rows = [row for row in self.rows if row.open_time >= start]
        if self.kind == "latest":
            return self.spoil(len(self.asked), rows[-self.limit :])
        if self.kind == "onwards":
            return self.spoil(len(self.asked), rows[: self.limit])
        rows = [row for row in rows if row.open_time < end]
        cut = rows[: self.limit] if self.kind == "first" else rows[-self.limit :]
        return self.spoil(len(self.asked), cut)

    def get(self, *spans: Span) -> tuple[list[int], list[Span]]:
        """Minutes that came, and minutes taken for absent."""
        pages = Pages(self.fetch, "1m", self.limit, bounded=self.kind in ("first", "newest"))
        walk = ask(pages, [(start * MINUTE, end * MINUTE) for start, end in spans])
        minutes: list[int] = []
        while True:
            try:
                minutes += [row.open_time // MINUTE for row in next(walk)]
            except StopIteration as done:
                return sorted(minutes), [(start // MINUTE, end // MINUTE) for start, end in done.value]


def test_pages_follow_the_last_candle() -> None:
    exchange = Exchange(set(range(35)))
    assert exchange.get((0, 35)) == (list(range(35)), [])
    assert [start // MINUTE for start, _ in exchange.asked] == [0, 10, 20, 30]


def test_empty_pages_are_stepped_over_and_asked_for_again() -> None:
    minutes = set(range(40, 60)) | set(range(100, 110))
    exchange = Exchange(minutes)
    assert exchange.get((0, 110)) == (sorted(minutes), [(0, 40), (60, 100)])


@pytest.mark.parametrize("kind", ["first", "newest", "onwards"])
@given(
    minutes=st.sets(st.integers(0, 120)),
    seed=st.integers(0, 1000),
    spans=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 130)), max_size=4),
)
def test_whatever_one_answer_loses_comes_with_another(
    kind: str, minutes: set[int], seed: int, spans: list[Span]
) -> None:
    """Answers are empty, short at either end or in the middle, or repeated; no candle is lost twice."""
    luck = random.Random(seed)
    before: list[list[Row]] = [[]]
    lost: set[Row] = set()

    def spoil(_: int, rows: list[Row]) -> list[Row]:
        middle = len(rows) // 2
        spoilt = luck.choice([rows, [], rows[1:], rows[:-1], rows[:middle] + rows[middle + 1 :], before[0]])
        before[0] = rows
        missing = set(rows) - set(spoilt)
        if missing & lost:
            return rows
        lost.update(missing)
        return spoilt

    exchange = Exchange(minutes, kind=kind, spoil=spoil)
    came, absent = exchange.get(*spans)
    wanted = moments(spans)
    assert set(came) == minutes & wanted
    assert moments(absent) == wanted - minutes


def test_an_exchange_that_gives_the_latest_only() -> None:
    exchange = Exchange(set(range(1000)), kind="latest")
    assert exchange.get((0, 1000)) == (list(range(990, 1000)), [(0, 990)])
    assert len(exchange.asked) == 2


def test_no_answer_can_hold_the_walk_up() -> None:
    same = [candle(5)]
    exchange = Exchange(set(), spoil=lambda _, __: same)
    assert exchange.get((0, 50)) == ([5], [(0, 5), (6, 50)])
    forever = Exchange(set(range(500)), spoil=lambda _, rows: rows[:1])
    assert forever.get((0, 100))[0] == list(range(100))


def test_only_what_is_wanted_is_asked_for() -> None:
    exchange = Exchange(set(range(1000)))
    assert exchange.get((3, 5), (8, 9), (700, 702)) == ([3, 4, 8, 700, 701], [])
    assert len(exchange.asked) == 2
