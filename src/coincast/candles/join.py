"""Several markets on the same candles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import polars as pl

from coincast.errors import CandleError, UnknownNameError


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
