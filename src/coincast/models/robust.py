"""AR(p) that a few large moves cannot bend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import UsageError
from coincast.models.autoregressive import Autoregression
from coincast.models.naive import log_returns
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.windows import find_stretches, stretch_firsts

NORMAL_PER_MEDIAN = 1.4826
"""Standard deviation of a normal law over the median of its absolute values."""


@dataclass(frozen=True)
class RobustAutoregression:
    """AR(p) on winsorised log returns: cut at a few robust deviations, in the fit and at an origin alike.

        r'_t = clip(r_t, m - limit s, m + limit s),   r'_t = c + a_1 r'_(t-1) + ... + a_p r'_(t-p) + e_t

    m is the median of the training returns and s 1.48 times their median absolute deviation from it, which a tenth of
    wild moves hardly changes. Least squares weighs a move by its square, so that in a market with crashes the
    coefficients are those of a few candles; after the cut they are those of usual ones, and a crash at the origin is
    answered as a large usual move. Lags before the first candle, or before a gap, count as the mean.

    Attributes:
        order: lags.
        limit: robust deviations from the median at which a return is cut.
    """

    order: int = 12
    limit: float = 3.0
    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.order < 1:
            raise UsageError(f"robust_ar: order is {self.order}; allowed: 1 lag or more")
        if not 0 < self.limit < np.inf:
            raise UsageError(f"robust_ar: limit is {self.limit}; allowed: above 0, for example 3.0")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        tame = replace(samples, close=winsorised_closes(samples, training, self.limit))
        path = Autoregression(self.order).forecast(tame, training=training, origins=origins, seed=seed)
        return np.asarray(path / tame.close[origins][:, None] * samples.close[origins][:, None])


def winsor_limits(returns: Float[np.ndarray, "move"], limit: float) -> tuple[float, float]:
    """The least and the largest return within `limit` robust deviations of the median.

    Where more than half of the returns are the same, their standard deviation takes the place of the robust one.
    """
    centre = float(np.median(returns))
    spread = NORMAL_PER_MEDIAN * float(np.median(np.abs(returns - centre))) or float(returns.std())
    return centre - limit * spread, centre + limit * spread


def winsorised_closes(samples: Samples, training: Part, limit: float) -> Float[np.ndarray, "row"]:
    """Closes from the first one on whose log returns are cut at `limit` robust deviations of the training rows.

    A move across a gap, which is no return, is left out.
    """
    low, high = winsor_limits(np.concatenate(log_returns(samples, training)), limit)
    returns = np.clip(np.diff(np.log(samples.close)), low, high)
    firsts = stretch_firsts(find_stretches(samples.open_time, samples.close_time))
    returns[firsts[1:] == np.arange(1, len(firsts))] = 0.0
    return np.asarray(samples.close[0] * np.exp(np.cumsum(np.append(0.0, returns))))
