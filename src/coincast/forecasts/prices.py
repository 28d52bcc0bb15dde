"""The prices that a table of forecasts itself tells: actual values at their targets, last closes at their origins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.table import interval_milliseconds

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class CandleClock:
    """Numbers the candles of one market: neighbours differ by one, also across months and changes of clocks.

    Attributes:
        interval: interval of the candles.
        phase: milliseconds by which close times stand after even multiples of the interval.
    """

    interval: str
    phase: int = 0

    @classmethod
    def of(cls, times: pl.Series, interval: str) -> CandleClock:
        """The clock whose candles close where the first of these times stands."""
        return cls(interval, int(times.to_physical()[0]) % interval_milliseconds(interval))

    def number(self, times: pl.Series) -> Counts:
        """Number of the candle that closes nearest to each time, `Datetime("ms", "UTC")` without nulls."""
        if self.interval == "1M":
            return (12 * times.dt.year().cast(pl.Int64) + times.dt.month().cast(pl.Int64)).to_numpy()
        length = interval_milliseconds(self.interval)
        return np.asarray((times.to_physical().to_numpy() - self.phase + length // 2) // length)


@dataclass(frozen=True)
class PricePath:
    """Prices of one market on an even grid of candles.

    Attributes:
        clock: numbers the candles.
        start: number of the first candle.
        prices: one per candle, NaN where no price is known.
    """

    clock: CandleClock
    start: int
    prices: Floats

    def at(self, candles: Counts) -> Floats:
        """Prices of candles by their number, NaN where none is known."""
        places = candles - self.start
        inside = (places >= 0) & (places < self.prices.size)
        return np.where(inside, self.prices[np.where(inside, places, 0)], np.nan)


def price_path(forecasts: pl.DataFrame) -> PricePath:
    """Every price that the forecasts of one market and interval tell.

    Args:
        forecasts: at least one row, with `interval`, `origin`, `target_time`, `actual` and `last_close`.
    """
    clock = CandleClock.of(forecasts["target_time"], forecasts["interval"][0])
    known = pl.concat(
        [
            forecasts.select(time="origin", price="last_close"),
            forecasts.select(time="target_time", price="actual"),
        ]
    ).filter(pl.col("price").is_finite() & (pl.col("price") > 0))
    if known.is_empty():
        return PricePath(clock, 0, np.full(1, np.nan))
    numbers = clock.number(known["time"])
    prices = np.full(int(numbers.max() - numbers.min()) + 1, np.nan)
    prices[numbers - numbers.min()] = known["price"].to_numpy()
    return PricePath(clock, int(numbers.min()), prices)
