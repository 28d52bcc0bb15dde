"""AR(p) by least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.naive import log_returns
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.windows import find_stretches, stretch_firsts


@dataclass(frozen=True)
class Autoregression:
    """AR(p) on log returns with an intercept, fitted by least squares, iterated over the horizon.

        r_t = c + a_1 r_(t-1) + ... + a_p r_(t-p) + e_t

    On returns, not on prices, so that a price beyond the training range is nothing new to it. Lags that lie before the
    first candle, or before a gap, count as the mean return.
    """

    order: int = 5
    learns: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.order < 1:
            raise UsageError(f"ar: order is {self.order}; allowed: 1 lag or more")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        returns = log_returns(samples, training)
        intercept, lags = fit_autoregression(returns, self.order)
        recent = self._recent_returns(samples, origins, float(np.mean(np.concatenate(returns))))
        path = np.empty((len(origins), samples.windows.horizon))
        for step in range(samples.windows.horizon):
            path[:, step] = intercept + recent @ lags
            recent = np.column_stack([path[:, step], recent[:, :-1]])
        return np.asarray(samples.close[origins][:, None] * np.exp(np.cumsum(path, axis=1)))

    def _recent_returns(
        self, samples: Samples, origins: Int[np.ndarray, "origin"], mean: float
    ) -> Float[np.ndarray, "origin lag"]:
        """The last `order` log returns at each origin, newest first."""
        log_close = np.log(samples.close)
        returns = np.diff(log_close, prepend=log_close[0])
        first = stretch_firsts(find_stretches(samples.open_time, samples.close_time))[origins]
        rows = origins[:, None] - np.arange(self.order)
        return np.where(rows > first[:, None], returns[np.maximum(rows, 0)], mean)


def fit_autoregression(
    returns: list[Float[np.ndarray, "_candle"]], order: int
) -> tuple[float, Float[np.ndarray, "lag"]]:
    """Intercept and coefficients (newest lag first) by ordinary least squares over gap-free stretches.

    Raises:
        TooFewRowsError: fewer equations than twice the coefficients.
    """
    long_enough = [stretch for stretch in returns if len(stretch) > order]
    equations = sum(len(stretch) - order for stretch in long_enough)
    if equations < 2 * (order + 1):
        raise TooFewRowsError(
            f"ar: order {order} needs {2 * (order + 1)} training returns that have {order} returns before them, "
            f"and there are {equations}; ask for a lower order or give more candles"
        )
    lagged = np.concatenate(
        [
            np.column_stack([stretch[order - lag - 1 : len(stretch) - lag - 1] for lag in range(order)])
            for stretch in long_enough
        ]
    )
    design = np.column_stack([np.ones(equations), lagged])
    answer = np.concatenate([stretch[order:] for stretch in long_enough])
    coefficients, *_ = np.linalg.lstsq(design, answer, rcond=None)
    return float(coefficients[0]), coefficients[1:]
