"""The prices that a table of forecasts itself tells: actual values at their targets, last closes at their origins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.table import interval_milliseconds

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

HOUR = 3_600_000
DAY = 24 * HOUR
FEW_SECONDS = 59_000


@dataclass(frozen=True)
class CandleClock:
    """Numbers the candles of one market: neighbours differ by one, also across months and changes of clocks.

    Attributes:
        interval: interval of the candles.
        phase: milliseconds by which close times stand after even multiples of the interval (months: after the nearest
            first of a month).
    """

    interval: str
    phase: int = 0

    @classmethod
    def of(cls, times: pl.Series, interval: str) -> CandleClock:
        """The clock whose candles close where the first of these times stands."""
        first = times[:1].dt.cast_time_unit("ms")
        if interval != "1M":
            return cls(interval, int(first.to_physical()[0]) % interval_milliseconds(interval))
        nearest = first.dt.offset_by("15d").dt.truncate("1mo")
        return cls(interval, int((first.to_physical() - nearest.to_physical())[0]))

    @property
    def tolerance(self) -> int:
        """Milliseconds by which a close time may be stamped early: 23:59:59, and changes of clocks from days on."""
        length = interval_milliseconds(self.interval)
        return min(FEW_SECONDS, length // 60) + (HOUR if length >= DAY else 0)

    def number(self, times: pl.Series) -> Counts:
        """Number of the candle that closes nearest to each time, `Datetime("ms", "UTC")` without nulls."""
        half = 14 * DAY if self.interval == "1M" else interval_milliseconds(self.interval) // 2
        return self._count(times, half)

    def last_closed(self, times: pl.Series) -> Counts:
        """Number of the last candle that has closed at each time: what a forecast made then may know."""
        return self._count(times, self.tolerance)

    def is_close(self, times: pl.Series) -> NDArray[np.bool_]:
        """Whether each time is that of a close, up to the tolerance."""
        return self._count(times, self.tolerance) > self._count(times, -self.tolerance - 1)

    def _count(self, times: pl.Series, ahead: int) -> Counts:
        """Number of the last candle that has closed `ahead` milliseconds after each time."""
        moments = times.to_physical() + (ahead - self.phase)
        if self.interval == "1M":
            moved = moments.cast(pl.Datetime("ms"))
            return (12 * moved.dt.year().cast(pl.Int64) + moved.dt.month().cast(pl.Int64)).to_numpy()
        return np.asarray(moments.to_numpy() // interval_milliseconds(self.interval))


@dataclass(frozen=True)
class PricePath:
    """Known prices of one market, by the number of their candle.

    Attributes:
        clock: numbers the candles.
        candles: numbers of the candles whose price is known, ascending, each once.
        prices: one per candle.
    """

    clock: CandleClock
    candles: Counts
    prices: Floats

    def at(self, candles: Counts) -> Floats:
        """Prices of candles by their number, NaN where none is known."""
        if self.candles.size == 0:
            return np.full(candles.shape, np.nan)
        places = np.searchsorted(self.candles, candles).clip(0, self.candles.size - 1)
        return np.where(self.candles[places] == candles, self.prices[places], np.nan)


def price_path(forecasts: pl.DataFrame) -> PricePath:
    """Every price that the forecasts of one market and interval tell; an actual price wins over a last close.

    Args:
        forecasts: at least one row, with `interval`, `origin`, `target_time`, `actual` and `last_close`.
    """
    clock = CandleClock.of(forecasts["target_time"], forecasts["interval"][0])
    candles = np.concatenate([clock.last_closed(forecasts["origin"]), clock.number(forecasts["target_time"])])
    prices = np.concatenate([forecasts[name].cast(pl.Float64).to_numpy() for name in ("last_close", "actual")])
    known = np.isfinite(prices) & (prices > 0)
    # Of several prices of one candle `unique` keeps the first: reversed, an actual price.
    numbers, places = np.unique(candles[known][::-1], return_index=True)
    return PricePath(clock, numbers, prices[known][::-1][places])
