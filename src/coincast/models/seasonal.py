"""The naive forecast of a seasonal series: what happened one season ago happens again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from coincast.errors import UsageError
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.windows import find_stretches, stretch_firsts

SENSES = ("log_return", "price")


@dataclass(frozen=True)
class SeasonalNaive:
    """The log returns of the last season come again, one after the other, from the last known close on.

        close_(t+h) = close_t x exp(r_(t+1-m) + ... + r_(t+h-m))

    Beyond one season its returns are used again and again. Only the price has a last known value to start from, so this
    is the sense that suits prices; the textbook's (Hyndman and Athanasopoulos 2021, 5.2), close_(t+h-m) itself, forgets
    all that happened since. A return that is not there, before the first candle or a gap, counts as 0, and a close as
    the last known one.

    Attributes:
        season: candles of a season: 7 for the week of daily candles, 24 for the day of hourly ones.
        on: "log_return" as above, or "price" for the textbook's.
    """

    season: int = 7
    on: str = "log_return"
    learns: ClassVar[bool] = False
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.season < 1:
            raise UsageError(f"seasonal_naive: season is {self.season}; allowed: 1 candle or more")
        if self.on not in SENSES:
            raise UsageError(f"seasonal_naive: on is {self.on!r}; allowed: {', '.join(SENSES)}")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        horizon = samples.windows.horizon
        rows = origins[:, None] + np.arange(1 - self.season, 1)[np.arange(horizon) % self.season]
        first = stretch_firsts(find_stretches(samples.open_time, samples.close_time))[origins][:, None]
        last = samples.close[origins][:, None]
        if self.on == "price":
            return _where_known(rows >= first, samples.close, rows, last)
        log_close = np.log(samples.close)
        returns = np.diff(log_close, prepend=log_close[0])
        steps = _where_known(rows > first, returns, rows, np.zeros_like(last))
        return np.asarray(last * np.exp(np.cumsum(steps, axis=1)))


def _where_known(
    is_known: Bool[np.ndarray, "origin horizon"],
    values: Float[np.ndarray, "row"],
    rows: Int[np.ndarray, "origin horizon"],
    otherwise: Float[np.ndarray, "origin 1"],
) -> Float[np.ndarray, "origin horizon"]:
    return np.where(is_known, values[np.maximum(rows, 0)], otherwise)
