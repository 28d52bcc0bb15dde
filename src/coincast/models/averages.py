"""Averages of the last closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import UsageError
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.windows import find_stretches, stretch_firsts


@dataclass(frozen=True)
class WeightedAverage:
    """The next closes are the weighted mean of the last `length` closes, the newest weighing most (length, ..., 2, 1).

    Where fewer candles lie between a gap, or the first candle, and an origin, those that are there are used. `length` 1
    is the naive forecast.
    """

    length: int = 3
    learns: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.length < 1:
            raise UsageError(f"average: length is {self.length}; allowed: 1 close or more")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        first = stretch_firsts(find_stretches(samples.open_time, samples.close_time))[origins]
        total, weights = np.zeros(len(origins)), np.zeros(len(origins))
        for back in range(min(self.length, len(samples.close))):
            weight = np.where(origins - back >= first, self.length - back, 0)
            total += weight * samples.close[np.maximum(origins - back, 0)]
            weights += weight
        return np.repeat((total / weights)[:, None], samples.windows.horizon, axis=1)
