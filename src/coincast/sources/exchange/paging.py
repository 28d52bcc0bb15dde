"""Asking page by page, so that no hole stays that the exchange could fill.

Times are milliseconds since 1970, spans are half-open pairs of them. A page is asked for as a span of at most `limit`
candles; the next one begins where the last candle that came ends, or, after an empty page, where the page ended. What
did not come is asked for once more, in pages that begin a little earlier, until a page brings nothing new: only then is
it taken for absent. So an empty, short, repeated or unordered page costs a request and no candle, and since every page
begins later than the one before it, no answer can hold the walk up.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coincast.candles.table import INTERVALS, ROUNDING

Span = tuple[int, int]
Times = npt.NDArray[np.int64]

GENESIS = 1_262_304_000_000
"""2010-01-01, before any exchange: where a download begins that names no beginning; no candle is older."""

DAY = INTERVALS["1d"]
STEP_BACK = 2
"""Candles by which a page that is asked for again begins earlier: some answers lose their first one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    """One candle as an exchange gives it."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float | None


# ---------------------------------------------------------------- times and spans


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, without the rounding of a float."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_time(milliseconds: int) -> datetime:
    """The time that so many milliseconds since 1970 are."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def move(time: int, interval: str, n: int) -> int:
    """A time moved by `n` intervals; months follow the calendar."""
    if interval != "1M":
        return time + n * INTERVALS[interval]
    moment = to_time(time)
    years, month = divmod(moment.year * 12 + moment.month - 1 + n, 12)
    return to_milliseconds(moment.replace(year=years, month=month + 1, day=min(moment.day, 28)))


def align(time: int, interval: str) -> int:
    """The first moment at or after a time at which a candle may open; weeks and longer may open on any day."""
    grid = min(INTERVALS[interval], DAY)
    return -(-time // grid) * grid


def is_aligned(time: int, interval: str) -> bool:
    """Whether a candle may open then: on the grid of its interval; a week on any day, a month on its first."""
    if interval == "1M":
        return time % DAY == 0 and to_time(time).day == 1
    return time % min(INTERVALS[interval], DAY) == 0


def last_close(now: int, interval: str) -> int:
    """A bound that every finished candle keeps to: the last moment of the grid at or before `now`."""
    grid = min(INTERVALS[interval], DAY)
    return now // grid * grid


def merge(spans: Iterable[Span]) -> list[Span]:
    """The same times in order, without overlaps."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def subtract(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What of the spans lies in none of those taken."""
    left: list[Span] = []
    holes = merge(taken)
    number = 0
    for start, end in merge(spans):
        while number < len(holes) and holes[number][1] <= start:
            number += 1
        while number < len(holes) and holes[number][0] < end:
            if holes[number][0] > start:
                left.append((start, holes[number][0]))
            start = holes[number][1]
            if start > end:
                break
            number += 1
        if start < end:
            left.append((start, end))
    return left


def intersect(spans: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What lies in both."""
    spans = merge(spans)
    return subtract(spans, subtract(spans, others))


def spans_of(opens: Sequence[int] | Times, interval: str) -> list[Span]:
    """The time that candles cover, from their open times in order."""
    times = np.asarray(opens, dtype=np.int64)
    if interval == "1M":
        return merge((int(time), move(int(time), interval, 1)) for time in times)
    if not len(times):
        return []
    length = INTERVALS[interval]
    breaks = np.flatnonzero(np.diff(times) > length)
    firsts, lasts = times[np.r_[0, breaks + 1]], times[np.r_[breaks, len(times) - 1]]
    return list(zip(firsts.tolist(), (lasts + length).tolist(), strict=True))


def is_inside(times: Times, spans: Sequence[Span]) -> npt.NDArray[np.bool_]:
    """Which times lie in one of the spans, which are in order and apart."""
    starts, ends = np.array(list(spans), dtype=np.int64).reshape(-1, 2).T
    return np.searchsorted(starts, times, side="right") > np.searchsorted(ends, times, side="right")


def count_candles(spans: Iterable[Span], interval: str) -> int:
    """About how many candles fit."""
    return sum((end - start) // INTERVALS[interval] for start, end in spans)


# ---------------------------------------------------------------- one answer


@dataclass(frozen=True)
class Mended:
    """An answer in order.

    Attributes:
        rows: candles by time, one of each.
        doubtful: open time -> why no candle of that time is among them.
        odd: how many were left out because no candle can open when they do.
    """

    rows: list[Row]
    doubtful: dict[int, str]
    odd: int


def mend(answer: object, interval: str) -> Mended:
    """Put an answer in order: by time, without repeats, without candles that cannot be.

    Args:
        answer: what a client took for candles.
        interval: of the candles.

    Raises:
        ValueError: the answer is no list of candles, or most of them stand at times at which none can open.
    """
    if not isinstance(answer, list):
        raise ValueError(f"a {type(answer).__name__} and no list")
    kept: dict[int, Row] = {}
    doubtful: dict[int, str] = {}
    odd = 0
    for row in map(_read_row, answer):
        if not is_aligned(row.open_time, interval):
            odd += 1
        elif reason := _impossible(row):
            doubtful[row.open_time] = reason
        elif kept.setdefault(row.open_time, row) != row:
            doubtful[row.open_time] = "two different candles"
    if odd * 2 > len(answer):
        raise ValueError(f"candles that do not open on the grid of {interval}")
    return Mended([kept[time] for time in sorted(kept) if time not in doubtful], doubtful, odd)


def _read_row(row: object) -> Row:
    if not isinstance(row, list | tuple) or len(row) < 5 or not isinstance(row[0], int):
        raise ValueError(f"{row!r:.80} and no candle")
    first, high, low, last = (math.nan if value is None else float(value) for value in row[1:5])
    volume = row[5] if len(row) > 5 else None
    return Row(row[0], first, high, low, last, None if volume is None else float(volume))


def _impossible(row: Row) -> str | None:
    """Why a candle cannot be true, by the rules of `check_candles`."""
    if not all(0 < price < math.inf for price in row[1:5]):
        return "a price that is not above zero and finite"
    if row.high < row.low * (1 - ROUNDING):
        return "a high below the low"
    if row.volume is not None and not 0 <= row.volume < math.inf:
        return "an impossible volume"
    return None


# ---------------------------------------------------------------- the walk


@dataclass(frozen=True)
class Pages:
    """How an exchange is asked.

    Attributes:
        fetch: (start, end) -> candles in order; `end` is a wish that an exchange may not understand.
        interval: of the candles.
        limit: most candles of one answer.
        bounded: whether it understands `end`. One that does not answers with what comes from `start` on, so that its
            first candle tells where the next one is.
    """

    fetch: Callable[[int, int], list[Row]]
    interval: str
    limit: int
    bounded: bool

    def end_of(self, start: int) -> int:
        """Where a page ends that begins then."""
        return move(start, self.interval, self.limit)


def ask(pages: Pages, spans: Iterable[Span]) -> Generator[list[Row], None, list[Span]]:
    """Ask for spans of time, each candle that does not come twice.

    Yields:
        The candles of one answer that open inside the spans, in order.

    Returns:
        What of the spans came in no answer.
    """
    wanted = merge(spans)
    opens: list[Times] = []
    for rows in _walk(pages, wanted):
        opens.append(np.array([row.open_time for row in rows], dtype=np.int64))
        yield rows
    came = np.unique(np.concatenate(opens)) if opens else np.array([], dtype=np.int64)
    return (yield from _walk_again(pages, subtract(wanted, spans_of(came, pages.interval))))


def _walk(pages: Pages, spans: list[Span]) -> Generator[list[Row], None, None]:
    starts = [start for start, _ in spans]
    time = starts[0] if starts else 0
    for start, end in _joined(pages, spans):
        time = max(time, start)
        while time < end:
            page_end = min(pages.end_of(time), end)
            reach = page_end if pages.bounded else end
            asked = _inside(pages.fetch(time, page_end), [(time, reach)])
            near = spans[max(0, bisect_right(starts, time) - 1) : bisect_left(starts, reach)]
            if rows := _inside(asked, near):
                yield rows
            time = move(asked[-1].open_time, pages.interval, 1) if asked else page_end


def _joined(pages: Pages, spans: list[Span]) -> list[Span]:
    """Spans that one page can serve, as one."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and end <= pages.end_of(joined[-1][0]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _walk_again(pages: Pages, gaps: list[Span]) -> Generator[list[Row], None, list[Span]]:
    """Ask for gaps until an answer brings nothing new; what is left is absent."""
    absent: list[Span] = []
    queue = gaps[::-1]
    while queue:
        start = max(0, move(queue[-1][0], pages.interval, -STEP_BACK))
        most = max(pages.end_of(start), queue[-1][0] + 1)
        group, covered = _take(queue, most)
        answer = pages.fetch(start, covered)
        if not pages.bounded and answer:
            more, covered = _take(queue, max(covered, move(answer[-1].open_time, pages.interval, 1)))
            group = merge([*group, *more])
        if rows := _inside(answer, group):
            yield rows
            queue += subtract(group, spans_of([row.open_time for row in rows], pages.interval))[::-1]
        else:
            absent += group
    return merge(absent)


def _take(queue: list[Span], until: int) -> tuple[list[Span], int]:
    """Take from the end of a queue what lies before a time; also where the last of it ends."""
    taken: list[Span] = []
    while queue and queue[-1][0] < until:
        start, end = queue.pop()
        if end > until:
            queue.append((until, end))
        taken.append((start, min(end, until)))
    return taken, taken[-1][1] if taken else until


def _inside(rows: list[Row], spans: list[Span]) -> list[Row]:
    """The candles that open inside spans in order."""
    inside = is_inside(np.array([row.open_time for row in rows], dtype=np.int64), spans)
    return [row for row, is_wanted in zip(rows, inside.tolist(), strict=True) if is_wanted]
