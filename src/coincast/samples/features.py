"""Inputs of a model, each a small causal function of one market's candles.

A feature is called once per gap-free stretch of candles and returns one value per candle, known at that candle's close;
null where it is not known. A new feature is a function here and a line in `FEATURES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from coincast.errors import UnknownNameError

CANDLE_KEYS = ("market", "interval", "open_time", "close_time")


@dataclass(frozen=True)
class Feature:
    """One input column.

    Attributes:
        compute: candles of one gap-free stretch -> one float per candle.
        is_level: True for a quantity whose size means nothing by itself (a price, a volume), so that scaling per window
            divides it by its first value; False for a ratio that is left alone there.
        description: what it is, with its unit.
        from_close: (close, close before) -> value, arrays of any equal shape, where a forecast close alone tells the
            value of a candle that is not there yet; None where it needs more.
    """

    compute: Callable[[pl.DataFrame], pl.Series]
    is_level: bool
    description: str
    from_close: Callable[[Any, Any], Any] | None = None


def _column(name: str) -> Callable[[pl.DataFrame], pl.Series]:
    return lambda candles: candles[name]


def close_off_high(candles: pl.DataFrame) -> pl.Series:
    """`2 (high - close) / (high - low) - 1`: -1 at the high, +1 at the low, 0 where high equals low."""
    off_high, span = candles["high"] - candles["close"], candles["high"] - candles["low"]
    frame = pl.DataFrame({"off_high": off_high, "span": span})
    ratio = 2 * pl.col("off_high") / pl.col("span") - 1
    return frame.select(pl.when(pl.col("span") == 0).then(0.0).otherwise(ratio)).to_series()


def volatility(candles: pl.DataFrame) -> pl.Series:
    """`(high - low) / open`, the range of the candle as a share of its open."""
    return (candles["high"] - candles["low"]) / candles["open"]


def day_diff(candles: pl.DataFrame) -> pl.Series:
    """`(close - open) / open`, the candle's own change."""
    return (candles["close"] - candles["open"]) / candles["open"]


def log_return(candles: pl.DataFrame) -> pl.Series:
    """`ln(close / previous close)`; null at the first candle of a stretch."""
    return (candles["close"] / candles["close"].shift(1)).log()


def abs_log_return(candles: pl.DataFrame) -> pl.Series:
    """`|ln(close / previous close)|`, the size of the last move."""
    return log_return(candles).abs()


def log_range(candles: pl.DataFrame) -> pl.Series:
    """`ln(high / low)`, the base of range estimators of volatility (Parkinson 1980)."""
    return (candles["high"] / candles["low"]).log()


def volume_change(candles: pl.DataFrame) -> pl.Series:
    """`ln((volume + m) / (previous volume + m))`, where m is 1 % of the mean volume so far: bounded at volume 0."""
    floor = 0.01 * pl.col("volume").cum_sum() / pl.col("volume").cum_count()
    change = ((pl.col("volume") + floor) / (pl.col("volume").shift(1) + floor)).log()
    return candles.select(pl.when(floor > 0).then(change)).to_series()


FEATURES: dict[str, Feature] = {
    "open": Feature(_column("open"), True, "open, quote currency"),
    "high": Feature(_column("high"), True, "high, quote currency"),
    "low": Feature(_column("low"), True, "low, quote currency"),
    "close": Feature(_column("close"), True, "close, quote currency", lambda close, before: close),
    "volume": Feature(_column("volume"), True, "traded volume, base units"),
    "close_off_high": Feature(
        close_off_high, False, "2 (high - close) / (high - low) - 1: -1 at the high, +1 at the low"
    ),
    "volatility": Feature(volatility, False, "(high - low) / open"),
    "day_diff": Feature(day_diff, False, "(close - open) / open"),
    "log_return": Feature(
        log_return, False, "ln(close / previous close)", lambda close, before: np.log(close / before)
    ),
    "abs_log_return": Feature(
        abs_log_return, False, "|ln(close / previous close)|", lambda close, before: np.abs(np.log(close / before))
    ),
    "log_range": Feature(log_range, False, "ln(high / low)"),
    "volume_change": Feature(volume_change, False, "change of ln(volume)"),
}


def find_feature(name: str, candles: pl.DataFrame) -> Feature:
    """The feature of that name: a line of `FEATURES`, else an extra numeric column of the candles.

    Raises:
        UnknownNameError: neither knows the name.
    """
    if name in FEATURES:
        return FEATURES[name]
    if name in candles.columns and name not in CANDLE_KEYS:
        return Feature(_column(name), True, f"column {name} of the candles")
    extra = [column for column in candles.columns if column not in CANDLE_KEYS]
    raise UnknownNameError("feature", name, {*FEATURES, *extra})


def compute_feature(name: str, candles: pl.DataFrame, stretches: list[tuple[int, int]]) -> pl.Series:
    """One feature over all gap-free stretches, so that no value reaches across a gap.

    Args:
        name: a name that `find_feature` knows.
        candles: candles of one market, in time order.
        stretches: first row and row after the last of each gap-free stretch.

    Returns:
        One float64 per candle, null where unknown.
    """
    feature = find_feature(name, candles)
    pieces = [feature.compute(candles[first:end]).cast(pl.Float64) for first, end in stretches]
    return pl.concat(pieces).alias(name)
