"""Rules that find doubtful candles in one series: bad prints, stale runs, repeated values, odd spacing.

Each takes the candles of one market and interval in order of time and returns the places that it doubts. A doubtful
candle may be true; nobody has to believe it unseen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.table import INTERVALS, PRICES

PRINT_LENGTH = 3
"""Longest bad print, in candles."""
PRINT_SIZE = 0.03
"""Smallest distance of a bad print from its neighbours, natural log."""
PRINT_RATIO = 15.0
"""Smallest distance of a bad print, in usual moves of the candles around it."""
PRINT_RETURN = 0.25
"""Largest distance between the neighbours of a bad print, as a share of its own distance from them."""
WICK_SIZE = 0.3
"""Smallest distance of a doubtful high or low from open and close, natural log."""
WICK_RATIO = 20.0
"""The same, in median ranges (ln(high / low)) of the series."""
STALE_CHANCE = 0.01
"""Expected number of runs as long as a stale one, in a series as long as this one."""
STALE_AROUND = 500
"""Candles before and after a run that tell how usual an unchanged one is."""
STALE_LEAST = 2
"""Fewest unchanged candles of a stale run: three closes that are the same."""

END_AROUND = 30
"""Candles before the last one that tell how much is usually traded."""
END_SHARE = 0.1
"""Share of their median below which the last candle seems to be a part only."""

_PRINT_AROUND = 50
_HOUR = 3_600_000

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class Doubt(NamedTuple):
    """A doubtful place of a series.

    Attributes:
        first, last: rows of the first and last candle.
        candles: how many are doubtful.
        detail: one short sentence with figures.
    """

    first: int
    last: int
    candles: int
    detail: str


# ---------------------------------------------------------------- prices


def find_bad_prints(series: pl.DataFrame) -> list[Doubt]:
    """One to three closes far from the close before and the close after, which are near each other.

    With d the smallest distance, in natural logs, of these closes from both neighbours, on one side of them: d is at
    least 0.03 and 15 times the usual move (the median of the moves other than zero among the 50 candles before and the
    50 after), and the neighbours differ by d / 4 at most. A rise or fall that stays is no bad print, however large.
    """
    close = series["close"].to_numpy()
    level = np.log(close)
    moves = np.abs(np.diff(level, prepend=level[:1]))
    jumps = np.flatnonzero(moves >= PRINT_SIZE)
    usual = _usual_move(moves)
    doubts: list[Doubt] = []
    for row, length in _returning_jumps(level, jumps):
        end = row + length
        if doubts and row <= doubts[-1].last:
            continue
        distance = _distance(level, row, length)
        around = np.concatenate([moves[max(0, row - _PRINT_AROUND) : row], moves[end + 1 : end + 1 + _PRINT_AROUND]])
        if distance >= PRINT_RATIO * _usual_move(around, usual):
            what = f"a close of {close[row]:,.8g}" if length == 1 else f"{length} closes near {close[row]:,.8g}"
            detail = f"{what} between {close[row - 1]:,.8g} and {close[end]:,.8g}"
            doubts.append(Doubt(row, end - 1, length, detail))
    return doubts


def _returning_jumps(level: Floats, jumps: Rows) -> list[tuple[int, int]]:
    """First row and length of the runs after which the price is back where it was, the shortest at each row."""
    found: dict[int, int] = {}
    for length in range(1, PRINT_LENGTH + 1):
        rows = jumps[(jumps > 0) & (jumps + length < len(level))]
        run = np.stack([level[rows + step] for step in range(length)])
        before, after = level[rows - 1], level[rows + length]
        distance = np.maximum(run.min(axis=0) - np.maximum(before, after), np.minimum(before, after) - run.max(axis=0))
        back = (distance >= PRINT_SIZE) & (np.abs(after - before) <= PRINT_RETURN * distance)
        for row in rows[back].tolist():
            found.setdefault(row, length)
    return sorted(found.items())


def _distance(level: Floats, row: int, length: int) -> float:
    run, sides = level[row : row + length], level[[row - 1, row + length]]
    return float(max(run.min() - sides.max(), sides.min() - run.max()))


def _usual_move(moves: Floats, otherwise: float = 0.0) -> float:
    """Median of the moves other than zero, where there are ten of them."""
    moved = moves[moves > 0]
    return float(np.median(moved)) if len(moved) >= 10 else otherwise


def find_bad_wicks(series: pl.DataFrame) -> list[Doubt]:
    """A high or low far from open and close.

    It lies beyond both by 0.3 in natural logs or more, and by 20 times the median range ln(high / low) of the series.
    The first candle of a series is left alone: on the day of a listing such a price may be true.
    """
    top, bottom = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    factor = float(np.exp(WICK_SIZE))
    far = (pl.col("high") > top * factor) | (pl.col("low") * factor < bottom)
    if not series.select(far.any()).item():
        return []
    span = (pl.col("high") / pl.col("low")).log()
    above, below = (pl.col("high") / top).log(), (bottom / pl.col("low")).log()
    size = pl.max_horizontal(above, below)
    rows = series.select(
        pl.int_range(pl.len()).alias("row"), "high", "low", "open", "close", (above > below).alias("is_high")
    ).filter(series.select(far & (size >= WICK_RATIO * span.median()) & (pl.int_range(pl.len()) > 0)).to_series())
    doubts = []
    for row, high, low, first, last, is_high in rows.iter_rows():
        wick = f"a high of {high:,.8g}" if is_high else f"a low of {low:,.8g}"
        opened = "an unknown open" if first is None else f"{first:,.8g}"
        doubts.append(Doubt(row, row, 1, f"{wick} in a candle from {opened} to {last:,.8g}"))
    return doubts


# ---------------------------------------------------------------- values that stand still or come back


def find_stale_runs(series: pl.DataFrame) -> list[Doubt]:
    """Closes that stay the same for longer than this series makes usual.

    With q the share of unchanged closes among the 500 candles before a run and the 500 after (one more counted, so that
    it is never 0), n candles and L unchanged ones in the run: n q^L is below 0.01, and L is 2 or more. Where high and
    low are known, the same holds for candles that are wholly flat at the close before; these are rarer, so that shorter
    runs of them are doubted.
    """
    close, high, low = (series[name].to_numpy() for name in ("close", "high", "low"))
    unchanged = np.zeros(len(close), dtype=bool)
    unchanged[1:] = close[1:] == close[:-1]
    runs = {row: length for flags in (unchanged, unchanged & (high == low)) for row, length in _unusual_runs(flags)}
    doubts: list[Doubt] = []
    for row, length in sorted(runs.items()):
        if not doubts or row > doubts[-1].last:
            detail = f"the close stays at {close[row]:,.8g} for {length + 1:,} candles"
            doubts.append(Doubt(row - 1, row + length - 1, length + 1, detail))
    return doubts


def _unusual_runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First row and length of the runs of flags that are too long for the share of flags around them."""
    rows = len(flags)
    steps = np.diff(flags.astype(np.int8), prepend=0, append=0)
    firsts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    lengths = ends - firsts
    counts = np.concatenate([[0], np.cumsum(flags)])
    left, right = np.maximum(firsts - STALE_AROUND, 1), np.minimum(ends + STALE_AROUND, rows)
    share = (counts[right] - counts[left] - lengths + 1) / (right - left - lengths + 2)
    unusual = (lengths >= STALE_LEAST) & (rows * share**lengths < STALE_CHANCE)
    return list(zip(firsts[unusual].tolist(), lengths[unusual].tolist(), strict=True))


def find_repeated_values(series: pl.DataFrame) -> list[Doubt]:
    """Candles that move, with volume, and have open, high, low, close and volume of an earlier candle exactly."""
    columns = [*PRICES, "volume"]
    moving = (pl.col("high") > pl.col("low")) & (pl.col("volume") > 0) & pl.col("open").is_not_null()
    mixed = pl.sum_horizontal(
        pl.col(name) * weight for name, weight in zip(columns, (1.1, 0.3, 1.9, 1.7, 1), strict=True)
    )
    key = series.select(pl.when(moving).then(mixed)).to_series()
    ranked = key.drop_nulls().sort()
    doubled = ranked.filter(ranked.diff() == 0).unique()
    if doubled.is_empty():
        return []
    rows = series.select(pl.int_range(pl.len()).alias("row"), "open_time", *columns).filter(
        key.is_in(doubled.implode()).fill_null(False)
    )
    again = rows.with_columns(pl.col("open_time").first().over(columns).alias("earlier")).filter(
        pl.col("earlier") < pl.col("open_time")
    )
    if again.is_empty():
        return []
    earlier = again["earlier"][0]
    detail = f"{_count(again.height)} with all the values of an earlier one, the first of {earlier:%Y-%m-%d %H:%M}"
    return [Doubt(again["row"][0], again["row"][-1], again.height, detail)]


def find_unfinished_end(series: pl.DataFrame) -> list[Doubt]:
    """A last candle in which far less was traded than in every one of those before: the file was made within it."""
    for name in (name for name in ("volume", "quote_volume") if name in series.columns):
        traded = series[name].tail(END_AROUND + 1)
        last, before = traded[-1], traded[:-1].drop_nulls()
        if last is not None and before.len() == END_AROUND:
            usual = float(before.median() or 0)  # type: ignore[arg-type]
            if 0 < last < min(END_SHARE * usual, float(before.min() or 0)):  # type: ignore[arg-type]
                row = series.height - 1
                detail = f"a {name} of {last:,.8g} in the last candle, usually {usual:,.8g}: it may not have been over"
                return [Doubt(row, row, 1, detail)]
            return []
    return []


# ---------------------------------------------------------------- times


def find_odd_spacing(series: pl.DataFrame, interval: str) -> list[Doubt]:
    """Candles that open off the grid of the others: at another remainder of the interval than most.

    Of a month's candles the grid is the time since the month began.
    """
    times = series["open_time"]
    if interval == "1M":
        offsets = (times - times.dt.month_start().dt.truncate("1d")).dt.total_milliseconds().to_numpy()
    else:
        offsets = times.to_physical().to_numpy() % INTERVALS[interval]
    if (offsets == offsets[0]).all():
        return []
    values, counts = np.unique(offsets, return_counts=True)
    off = offsets - values[counts.argmax()]
    length = INTERVALS[interval]
    shifts = (off + length // 2) % length - length // 2
    rows = np.flatnonzero(off)
    hours = np.abs(shifts[rows]).max() / _HOUR
    detail = f"{_count(len(rows))} off the grid of the others, by up to {hours:,.3g} hours"
    if (np.abs(shifts[rows]) == _HOUR).all() and length > _HOUR:
        detail = f"{_count(len(rows))} off the grid of the others by one hour, as clocks change"
    return [Doubt(int(rows[0]), int(rows[-1]), len(rows), detail)]


def _count(number: int) -> str:
    return f"{number:,} candle" if number == 1 else f"{number:,} candles"
