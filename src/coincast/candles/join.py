"""Several markets on the same candles, and outside series as of the moment when they were known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce
from typing import NamedTuple

import polars as pl

from coincast.errors import CandleError, ColumnError, DataError, UnknownNameError

STALE_AFTER = 7
"""Periods of an outside series after which a value that nothing has followed is not used any more."""


class JoinedSeries(NamedTuple):
    """Candles with the columns of an outside series, and what a person should know about them."""

    candles: pl.DataFrame
    notes: tuple[str, ...]


def join_markets(candles: pl.DataFrame, markets: Sequence[str]) -> list[pl.DataFrame]:
    """Restrict markets to the candles that all of them have.

    Args:
        candles: candle table with at least these markets, each in one and the same interval.
        markets: names as in the column `market`.

    Returns:
        One candle table per market, in the order asked for, with equal heights and equal `close_time`, in order of
        time.

    Raises:
        UnknownNameError: a market is not in the table.
        CandleError: the intervals differ, or no candle is common to all.
    """
    known = candles["market"].unique().to_list()
    for market in markets:
        if market not in known:
            raise UnknownNameError("market", market, known)
    tables = [candles.filter(pl.col("market") == market).sort("close_time") for market in markets]
    _refuse_mixed_intervals(tables)
    common = reduce(lambda left, right: left.join(right, on="close_time"), [t.select("close_time") for t in tables])
    if common.height == 0:
        spans = ", ".join(_span(table) for table in tables)
        names = " and ".join(markets)
        raise CandleError(f"{names} have no candle in common: {spans}; give markets whose times overlap")
    return [table.join(common, on="close_time", how="semi", maintain_order="left") for table in tables]


def _refuse_mixed_intervals(tables: list[pl.DataFrame]) -> None:
    found = {table["market"][0]: table["interval"].unique().sort().to_list() for table in tables}
    if len({interval for intervals in found.values() for interval in intervals}) > 1:
        given = ", ".join(f"{market} is {' and '.join(intervals)}" for market, intervals in found.items())
        raise CandleError(f"markets are joined on one interval only, and {given}; give candles of one interval")


def _span(table: pl.DataFrame) -> str:
    first, last = (f"{table['open_time'][row]:%Y-%m-%d %H:%M}".removesuffix(" 00:00") for row in (0, -1))
    return f"{table['market'][0]} covers {first} to {last}"


def join_outside(
    candles: pl.DataFrame, series: pl.DataFrame, *, prefix: str, stale_after: int = STALE_AFTER
) -> JoinedSeries:
    """Give each candle the values of an outside series that were known before it closed.

    Of the rows with `known_at` before `close_time`, strictly, the one with the latest `date` counts, and of several
    rows of that date (revisions) the one known last. So a daily value dated D that is known when D has ended, at D + 1
    day, is not seen by the candle that closes at that moment, but by the next. Nothing is filled: a value that is null
    in that row is null, and so is everything before the first row is known, and once the row is stale: known for longer
    than `stale_after` periods. A period is the median spacing of the dates.

    Args:
        candles: candle table of any markets and intervals, in any order.
        series: `date`, `known_at` (times with a zone) and columns of numbers, in any order, as `read_outside` gives it.
        prefix: the column `value` becomes `<prefix>_value`.
        stale_after: periods, 1 or more.

    Returns:
        The candles, their rows in the order given, and notes about what is unknown.

    Raises:
        ColumnError: a column is missing, of the wrong kind, or there already.
        DataError: two different rows of one date and one `known_at`.
    """
    values = {name: f"{prefix}_{name}" for name in series.columns if name not in ("date", "known_at")}
    series = _check_series(series, candles, values)
    known = _known_states(series).rename(values)
    moments = candles.select(pl.col("close_time").unique()).sort("close_time")
    seen = moments.join_asof(
        known, left_on="close_time", right_on="known_at", strategy="backward", allow_exact_matches=False, coalesce=False
    )
    period = _period(series)
    too_old = pl.col("close_time") - pl.col("known_at") > period * stale_after if period else pl.lit(False)
    seen = seen.with_columns(
        pl.col("known_at").is_null().alias("_early"), too_old.fill_null(False).alias("_stale")
    ).with_columns(pl.when(~pl.col("_stale")).then(pl.col(name)).alias(name) for name in values.values())
    joined = candles.join(seen.drop("date", "known_at"), on="close_time", how="left", maintain_order="left")
    notes = _tell_unknown(int(joined["_early"].sum()), int(joined["_stale"].sum()), prefix, stale_after)
    return JoinedSeries(joined.drop("_early", "_stale"), notes)


def _check_series(series: pl.DataFrame, candles: pl.DataFrame, values: dict[str, str]) -> pl.DataFrame:
    """The series in UTC milliseconds and float64, or an error."""
    missing = [name for name in ("date", "known_at") if name not in series.columns]
    if missing or not values:
        raise ColumnError(f"an outside series needs date, known_at and values; given: {', '.join(series.columns)}")
    for name in ("date", "known_at"):
        if getattr(series.schema[name], "time_zone", None) is None or series[name].null_count():
            raise ColumnError(f"column {name!r} of an outside series must hold times with a zone, and no nulls")
    for name, joined in values.items():
        if not (series.schema[name].is_numeric() or series.schema[name] == pl.Null):
            raise ColumnError(f"column {name!r} of an outside series holds {series.schema[name]}; it must hold numbers")
        if joined in candles.columns:
            raise ColumnError(f"the candles have a column {joined!r} already; give another prefix")
    return series.select(
        pl.col("date", "known_at").dt.convert_time_zone("UTC").dt.cast_time_unit("ms"),
        pl.col(list(values)).cast(pl.Float64).fill_nan(None),
    ).unique(maintain_order=True)


def _known_states(series: pl.DataFrame) -> pl.DataFrame:
    """The row that counts from each `known_at` on, in order of `known_at`.

    A row that becomes known after a row of a later date changes nothing.
    """
    ordered = series.sort("known_at", "date")
    doubled = ordered.filter(pl.struct("date", "known_at").is_duplicated())
    if doubled.height:
        raise DataError(
            f"the outside series has two different rows of {doubled['date'][0]:%Y-%m-%d %H:%M} UTC; keep one"
        )
    return ordered.filter(pl.col("date") == pl.col("date").cum_max()).unique("known_at", keep="last").sort("known_at")


def _period(series: pl.DataFrame) -> timedelta | None:
    """Median spacing of the dates; None where there is only one."""
    spacings = series["date"].unique().sort().diff().drop_nulls()
    return spacings.median() if spacings.len() else None  # type: ignore[return-value]


def _tell_unknown(early: int, stale: int, prefix: str, stale_after: int) -> tuple[str, ...]:
    notes = []
    if early:
        notes.append(f"{prefix}: unknown in {_count(early)} that closed before its first value was known")
    if stale:
        notes.append(f"{prefix}: unknown in {_count(stale)}, for nothing new was known for over {stale_after} periods")
    return tuple(notes)


def _count(number: int) -> str:
    return f"{number:,} candle" if number == 1 else f"{number:,} candles"
