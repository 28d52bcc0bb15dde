"""Longer candles out of shorter ones: 1m to 5m, 1h to 1d, 1d to 1w.

A longer candle is made of all its parts or not at all. Its parts are the candles that tile it exactly, from its open to
its close; where one is absent, or stands elsewhere, the longer candle is left out and named. Nothing is filled.

Longer candles begin where UTC does: an hour at the full hour, a day at midnight, a week on Monday, a month on the 1st,
three days counted from 1970-01-01.

    open                            of the first part
    high, low                       highest and lowest of all parts
    close                           of the last part
    volume and other amounts        sum of all parts (`folding.is_amount`)
    market_cap and all other extras of the last part

A high, low or amount that is unknown in one part is unknown in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from coincast.candles.folding import (
    Integers,
    Runs,
    begin_of_runs,
    count_parts,
    find_runs,
    fold_columns,
    make_blocks,
    number_of,
    open_of,
    ranges,
)
from coincast.candles.table import CANDLE_COLUMNS, INTERVALS, KEYS, add_intervals, check_candles, check_interval
from coincast.errors import CandleError, UsageError

_DAY = INTERVALS["1d"]
_MONTH = "1M"
_TIMES = pl.Datetime("ms", "UTC")


@dataclass(frozen=True)
class Resampled:
    """Longer candles, and the ones that could not be made.

    Attributes:
        candles: candle table, in order of market and time.
        incomplete: what was left out, in the same order: `market`, `open_time`, `have` (parts that are there), `need`
            (parts that it is made of), `astray` (candles that open in it, and at no part's place). A time of which no
            part is there is a gap of the shorter candles, and is not listed.
    """

    candles: pl.DataFrame
    incomplete: pl.DataFrame


def resample(candles: pl.DataFrame, interval: str) -> Resampled:
    """Make longer candles out of shorter ones, for every market of a table.

    Args:
        candles: candle table as `check_candles` returns it, of one interval.
        interval: longer than that of the candles, and a multiple of it.

    Returns:
        The longer candles, and what was left out. A market of which nothing is left has no rows.

    Raises:
        UsageError: the interval is unknown or no multiple.
        CandleError: the candles are of several intervals, or not in order of time.

    Example:
        >>> import coincast as cc
        >>> resample(cc.simulate("walk", candles=48, interval="1h"), "1d").candles.height
        2
    """
    check_interval(interval)
    if not _is_arranged(candles):
        candles = check_candles(candles)
    if candles.height == 0:
        return Resampled(candles, _name_incomplete([], [], [], [], []))
    markets = _split_markets(candles)
    source = _one_interval(markets)
    _refuse_no_multiple(source, interval)
    done = [_resample_market(part, source, interval) for part in markets]
    return Resampled(pl.concat([one.candles for one in done]), pl.concat([one.incomplete for one in done]))


def longer_intervals(interval: str) -> list[str]:
    """Intervals that candles of this one can be made into."""
    return [other for other in INTERVALS if _is_multiple(check_interval(interval), other)]


# ---------------------------------------------------------------- what can be made


def _is_arranged(candles: pl.DataFrame) -> bool:
    schema = candles.schema
    return tuple(schema)[: len(CANDLE_COLUMNS)] == CANDLE_COLUMNS and list(schema.values()) == [
        *(pl.String, pl.String, _TIMES, _TIMES),
        *(pl.Float64,) * (len(schema) - len(KEYS)),
    ]


def _one_interval(markets: list[pl.DataFrame]) -> str:
    """In a table in order, a market whose first and last row are of one interval is of that interval only."""
    given = sorted({str(part["interval"][row]) for part in markets for row in (0, -1)})
    if len(given) > 1:
        raise CandleError(f"the candles are of several intervals ({', '.join(given)}); resample those of one at a time")
    return check_interval(given[0])


def _is_multiple(source: str, target: str) -> bool:
    if target == _MONTH:
        return source != _MONTH and _DAY % INTERVALS[source] == 0
    return source != _MONTH and INTERVALS[target] > INTERVALS[source] and INTERVALS[target] % INTERVALS[source] == 0


def _refuse_no_multiple(source: str, target: str) -> None:
    if not _is_multiple(source, target):
        possible = longer_intervals(source)
        way_out = f"possible: {' '.join(possible)}" if possible else "nothing longer can be made of them"
        raise UsageError(f"{source} candles cannot be made into {target}, which is no multiple of {source}; {way_out}")


def _split_markets(candles: pl.DataFrame) -> list[pl.DataFrame]:
    """One table per market; a table in order whose first and last row are of one market is of that market only."""
    if candles["market"][0] == candles["market"][-1]:
        return [candles]
    return candles.partition_by("market", maintain_order=True)


# ---------------------------------------------------------------- one market


def _resample_market(candles: pl.DataFrame, source: str, interval: str) -> Resampled:
    market, step = str(candles["market"][0]), INTERVALS[source]
    times = candles["open_time"].to_physical().to_numpy()
    begin = begin_of_runs(times, step)
    _refuse_disorder(candles, times, begin)
    runs = find_runs(times, begin, step, interval)
    blocks = make_blocks(runs, step, interval)
    numbers = candles.select(pl.col("open_time").to_physical(), pl.exclude(KEYS))
    longer = pl.DataFrame(fold_columns(numbers, blocks)).select(
        pl.lit(market).alias("market"),
        pl.lit(interval).alias("interval"),
        opens := pl.col("open_time").cast(_TIMES),
        add_intervals(opens, interval, 1).alias("close_time"),
        pl.exclude("open_time"),
    )
    return Resampled(longer, _find_incomplete(market, times, runs, step, interval))


def _refuse_disorder(candles: pl.DataFrame, times: Integers, begin: Integers) -> None:
    """Order and market need a look only where a run begins."""
    if (times[begin[1:]] <= times[begin[1:] - 1]).any() or candles["market"].gather(begin).n_unique() > 1:
        raise CandleError(
            f"the candles of {candles['market'][0]} are not in order of time, each once; "
            "check_candles brings a table into order"
        )


def _find_incomplete(market: str, times: Integers, runs: Runs, step: int, interval: str) -> pl.DataFrame:
    """Longer candles of which some part is there, and not every one."""
    used = runs.begin + (open_of(runs.low, interval) - runs.opens) // step
    unused = runs.begin + (open_of(runs.high, interval) - runs.opens) // step
    nothing = runs.low == runs.high
    head = np.where(nothing, runs.end, used)
    left = times[ranges(np.append(runs.begin, np.where(nothing, runs.end, unused)), np.append(head, runs.end))]
    numbers, inverse = np.unique(number_of(left, interval), return_inverse=True)
    starts = open_of(numbers, interval)
    stands = (left - starts[inverse]) % step == 0
    have, opened = (np.bincount(inverse, weights, len(numbers)).astype(np.int64) for weights in (stands, None))
    needed = np.broadcast_to(count_parts(numbers, step, interval), len(numbers))
    return _name_incomplete([market] * len(numbers), starts, have, needed, opened - have)


def _name_incomplete(market: list[str], open_time: Any, have: Any, need: Any, astray: Any) -> pl.DataFrame:
    columns = {"market": market, "open_time": open_time, "have": have, "need": need, "astray": astray}
    schema = dict.fromkeys(columns, pl.Int64) | {"market": pl.String}
    return pl.DataFrame(columns, schema=schema).with_columns(pl.col("open_time").cast(_TIMES))
