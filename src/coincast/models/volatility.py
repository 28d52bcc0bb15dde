"""Volatility of the next candles from what is plain to see: its recent mean, or where it used to lie.

A forecast of volatility is sqrt(expected sum of the next K squared log returns), one number per origin; see
`realised_volatility` for what it is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import TooFewRowsError, UsageError
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.volatility import NAIVE_DECAY, ewma_variance, returns_into_rows, trailing_sums

FEWEST_WINDOWS = 20
"""Past windows that a cone needs."""


@dataclass(frozen=True)
class EWMAVolatility:
    """The variance stays what its exponentially weighted mean is (RiskMetrics, J.P. Morgan 1996).

    At the default decay this is the naive forecast of volatility. NaN where no return is known yet.

    Attributes:
        decay: weight of a squared return beside that of the next newer one.
    """

    decay: float = NAIVE_DECAY
    learns: ClassVar[bool] = False
    quantity: ClassVar[str] = "volatility"

    def __post_init__(self) -> None:
        if not 0 <= self.decay <= 1:
            raise UsageError(f"ewma_volatility: decay is {self.decay}; allowed: 0 to 1")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin 1"]:
        variance = ewma_variance(returns_into_rows(samples), decay=self.decay)[origins]
        return np.asarray(np.sqrt(samples.windows.horizon * variance)[:, None])


@dataclass(frozen=True)
class VolatilityCone:
    """Volatility will be where it used to be: a quantile of that of past windows as long as the horizon.

    The cone of Burghardt and Lane (1990) at one horizon; the same number at every origin. Windows overlap, and none
    reaches across a gap. The default is their median; the mean variance, which QLIKE asks for, lies higher wherever
    volatility comes in clusters.

    Attributes:
        window: newest training candles that count; without it, all.
        level: of the quantile, 0 to 1.
    """

    window: int | None = None
    level: float = 0.5
    learns: ClassVar[bool] = True
    quantity: ClassVar[str] = "volatility"

    def __post_init__(self) -> None:
        if self.window is not None and not (is_count(self.window) and self.window >= 1):
            raise UsageError(f"volatility_cone: window is {self.window!r}; allowed: 1 candle or more, or none at all")
        if not 0 <= self.level <= 1:
            raise UsageError(f"volatility_cone: level is {self.level}; allowed: 0 to 1")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin 1"]:
        first = training.first if self.window is None else max(training.first, training.end - self.window)
        horizon = samples.windows.horizon
        sums = trailing_sums(training_returns(samples, Part(first, training.end)) ** 2, horizon)
        past = np.sqrt(sums[np.isfinite(sums)])
        if len(past) < FEWEST_WINDOWS:
            raise TooFewRowsError(
                f"volatility_cone: {samples.market} has {len(past)} windows of {horizon} returns without a gap in "
                f"{training.end - first} training rows, and {FEWEST_WINDOWS} are needed; give more candles"
            )
        return np.full((len(origins), 1), np.quantile(past, self.level))


def training_returns(samples: Samples, training: Part) -> Float[np.ndarray, "_row"]:
    """Log return into each training row; NaN at the first one, and after a gap."""
    returns = returns_into_rows(samples)[training.first : training.end]
    returns[:1] = np.nan
    return returns


def is_count(value: object) -> bool:
    """Whether a setting without a default to compare with is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)
