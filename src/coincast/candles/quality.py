"""What is doubtful in a candle table: gaps, prices outside their range."""

from __future__ import annotations

import polars as pl

from coincast.candles.table import INTERVALS, ROUNDING


def find_gaps(candles: pl.DataFrame) -> pl.DataFrame:
    """Find the places where a candle does not open when the one before it closed.

    Returns:
        One row per gap, in order of market, interval and time: `market`, `interval`, `after` (close of the last candle
        before it), `before` (open of the next), `missing` (candles that would fill it; 0 where the times shift by less
        than one interval).
    """
    groups = ["market", "interval"]
    before = pl.col("open_time").shift(-1).over(groups)
    gaps = candles.sort(*groups, "open_time").select(
        *groups, pl.col("close_time").alias("after"), before.alias("before")
    )
    length = pl.col("interval").replace_strict(dict(INTERVALS), return_dtype=pl.Int64)
    months = (pl.col("before").dt.year() - pl.col("after").dt.year()).cast(pl.Int64) * 12 + (
        pl.col("before").dt.month().cast(pl.Int64) - pl.col("after").dt.month().cast(pl.Int64)
    )
    fixed = (pl.col("before") - pl.col("after")).dt.total_milliseconds() // length
    missing = pl.when(pl.col("interval") == "1M").then(months).otherwise(fixed)
    return gaps.filter(pl.col("before") > pl.col("after")).with_columns(missing.alias("missing"))


def find_outside_range(candles: pl.DataFrame) -> pl.DataFrame:
    """Find the candles whose open or close lies outside low to high by more than rounding.

    Such a candle is doubtful and not impossible: some sources take the open from the close before.
    """
    doubtful = [
        (pl.col(price) > pl.col("high") * (1 + ROUNDING)) | (pl.col(price) < pl.col("low") * (1 - ROUNDING))
        for price in ("open", "close")
    ]
    return candles.filter(pl.any_horizontal(doubtful).fill_null(False))
