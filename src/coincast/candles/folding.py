"""Many numbers to one: where longer candles begin and end among shorter ones, and how their numbers are combined.

Times are whole milliseconds since 1970, `step` is the length of a shorter candle. Longer candles are numbered through,
so that their parts are found by arithmetic wherever no candle is absent.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.table import INTERVALS

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]
Parts = Integers | int
"""How many parts a longer candle is made of: one number for all, or one for each."""

_MONTH = "1M"
_FIRST_MONDAY = 4 * INTERVALS["1d"]
"""1970-01-05, in milliseconds."""
_FEW_PARTS = 16
_LONG_RUN = 500
_ROWS, _LONGER = 65_536, 16_384
"""Shorter and longer candles that are looked at together: their numbers stay near the processor."""


def is_amount(column: str) -> bool:
    """Whether a column of candles is an amount, which adds up over time: volume, turnover, number of trades."""
    return column in ("trades", "turnover") or column.endswith("volume")


# ---------------------------------------------------------------- where longer candles begin


def number_of(times: Integers, interval: str) -> Integers:
    """Longer candles are numbered through: the number of the one in which a time lies."""
    if interval == _MONTH:
        return times.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    return (times - _origin(interval)) // INTERVALS[interval]


def open_of(numbers: Integers, interval: str) -> Integers:
    """Times at which longer candles open, by their numbers."""
    if interval == _MONTH:
        return numbers.astype("datetime64[M]").astype("datetime64[ms]").astype(np.int64)
    return numbers * INTERVALS[interval] + _origin(interval)


def _origin(interval: str) -> int:
    return _FIRST_MONDAY if interval == "1w" else 0


def count_parts(numbers: Integers, step: int, interval: str) -> Parts:
    """How many parts longer candles are made of; one number for all but months."""
    if interval == _MONTH:
        return (open_of(numbers + 1, interval) - open_of(numbers, interval)) // step
    return INTERVALS[interval] // step


def ranges(starts: Integers, stops: Integers) -> Integers:
    """All the whole numbers from each start to its stop, one range after the other."""
    lengths = stops - starts
    ends = np.cumsum(lengths)
    within: Integers = np.arange(lengths.sum()) + np.repeat(starts - (ends - lengths), lengths)
    return within


# ---------------------------------------------------------------- runs


class Runs(NamedTuple):
    """Candles each of which opens when the one before it closes, and the longer candles that lie wholly in them.

    Attributes:
        begin, end: rows, half-open.
        opens: open of the first candle.
        low, high: numbers of the longer candles, half-open.
    """

    begin: Integers
    end: Integers
    opens: Integers
    low: Integers
    high: Integers


def begin_of_runs(times: Integers, step: int) -> Integers:
    """Rows that do not open one step after the row before them; the first is one of them."""
    steps, other, found = np.empty(_ROWS, np.int64), np.empty(_ROWS, np.bool_), [np.zeros(1, np.int64)]
    for row in range(1, len(times), _ROWS):
        block = times[row : row + _ROWS]
        size = len(block)
        np.subtract(block, times[row - 1 : row - 1 + size], out=steps[:size])
        found.append(np.flatnonzero(np.not_equal(steps[:size], step, out=other[:size])) + row)
    return np.concatenate(found)


def find_runs(times: Integers, begin: Integers, step: int, interval: str) -> Runs:
    end = np.append(begin[1:], len(times))
    opens, closes = times[begin], times[end - 1] + step
    closes[:-1] -= step * (opens[1:] < closes[:-1])  # a candle that opens in the last one of a run belongs to no part
    low = number_of(opens - 1, interval) + 1
    high = np.maximum(number_of(closes, interval), low)
    stands = (open_of(low, interval) - opens) % step == 0
    return Runs(begin, end, opens, low, np.where(stands, high, low))


# ---------------------------------------------------------------- many numbers to one


class Block(NamedTuple):
    """Complete longer candles that are made together.

    Attributes:
        result: where they stand among the longer candles.
        span: rows of the shorter candles from their first to their last part.
        need: how many parts each has.
        first: where in the span their first parts stand; None: at every `need` rows, side by side.
    """

    result: slice
    span: slice
    need: Parts
    first: Integers | None

    def pick(self, values: Any, place: Parts) -> Any:
        """One part of each, from the values of the span."""
        return values[place :: self.need] if self.first is None else values.take(self.first + place)


def make_blocks(runs: Runs, step: int, interval: str) -> list[Block]:
    """The complete longer candles in blocks. Those of long runs need no index."""
    counts = runs.high - runs.low
    need = count_parts(runs.low, step, interval)
    few = isinstance(need, int) and need <= _FEW_PARTS
    if isinstance(need, int) and few and counts.sum() > _LONG_RUN * len(counts):
        begin = runs.begin + (open_of(runs.low, interval) - runs.opens) // step
        return _cut_long_runs(begin.tolist(), counts.tolist(), need)
    numbers = ranges(runs.low, runs.high)
    rows = np.repeat(runs.begin - runs.opens // step, counts) + open_of(numbers, interval) // step
    length = _LONGER if few else max(len(rows), 1)
    return [
        _index_block(low, rows[low : low + length], count_parts(numbers[low : low + length], step, interval))
        for low in range(0, len(rows), length)
    ]


def _index_block(done: int, rows: Integers, need: Parts) -> Block:
    span = slice(rows[0], (rows + need)[-1])
    return Block(slice(done, done + len(rows)), span, need, rows - rows[0])


def _cut_long_runs(begin: list[int], counts: list[int], need: int) -> list[Block]:
    blocks, done = [], 0
    for row, count in zip(begin, counts, strict=True):
        for low in range(0, count, _LONGER):
            high = min(low + _LONGER, count)
            span = slice(row + need * low, row + need * high)
            blocks.append(Block(slice(done + low, done + high), span, need, None))
        done += count
    return blocks


# ---------------------------------------------------------------- numbers


def fold_columns(candles: pl.DataFrame, blocks: list[Block]) -> list[pl.Series]:
    """The columns of the longer candles. Unknown is NaN on the way, which every combination hands on.

    One piece of memory for all columns, and the cores share the columns: NumPy lets go of the interpreter while it
    computes.
    """
    room = np.empty((candles.width, blocks[-1].result.stop if blocks else 0))
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda column, out: _fold(column, blocks, out), candles, room))


def _fold(column: pl.Series, blocks: list[Block], room: Numbers) -> pl.Series:
    values, name = column.to_numpy(), column.name
    out: Any = room.view(values.dtype)
    if name in ("high", "low") or is_amount(name):
        _combine_parts({"high": np.maximum, "low": np.minimum}.get(name, np.add), values, blocks, out)
    elif name == "open_time":
        _count_times(values, blocks, out)
    else:
        for block in blocks:
            out[block.result] = block.pick(values[block.span], 0 if name == "open" else block.need - 1)
    return pl.Series(name, out, nan_to_null=column.null_count() > 0)


def _count_times(times: Integers, blocks: list[Block], out: Integers) -> None:
    """Side by side the opens are equally far apart, and need not be read."""
    for block in blocks:
        if block.first is None:
            start, length = (
                times[block.span.start],
                block.need * (times[block.span.start + 1] - times[block.span.start]),
            )
            out[block.result] = np.arange(block.result.stop - block.result.start) * length + start
        else:
            out[block.result] = block.pick(times[block.span], 0)


def _combine_parts(combine: Any, values: Numbers, blocks: list[Block], out: Numbers) -> None:
    buffer = np.empty(max((block.span.stop - block.span.start for block in blocks), default=0))
    for block in blocks:
        parts = values[block.span]
        if isinstance(block.need, int) and block.need <= _FEW_PARTS:
            _combine_few(combine, parts, block, block.need, buffer[: len(parts) - 1], out[block.result])
        else:
            first: Any = block.first
            edges = np.stack([first, first + block.need], axis=1).ravel()
            out[block.result] = combine.reduceat(parts, edges[:-1])[::2]


def _combine_few(combine: Any, parts: Numbers, block: Block, need: int, pairs: Numbers, out: Numbers) -> None:
    """Neighbours first, all of them at once, then the pairs of each longer candle, then its odd part.

    Three times as fast as numpy's reduction of one short stretch after the other; a product sums faster still.
    """
    if combine is np.add and block.first is None:
        np.matmul(parts.reshape(-1, need), np.ones(need), out=out)
        return
    combine(parts[:-1], parts[1:], out=pairs)
    first, *others = [block.pick(pairs, place) for place in range(0, need - 1, 2)]
    if need % 2:
        others.append(block.pick(parts, need - 1))
    if not others:
        out[:] = first
    for number, other in enumerate(others):
        combine(out if number else first, other, out=out)
