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

CRITERIA = ("aic", "bic")


@dataclass(frozen=True)
class Autoregression:
    """AR(p) on log returns with an intercept, fitted by least squares, iterated over the horizon.

        r_t = c + a_1 r_(t-1) + ... + a_p r_(t-p) + e_t

    On returns, not on prices, so that a price beyond the training range is nothing new to it. Lags that lie before the
    first candle, or before a gap, count as the mean return.

    Attributes:
        order: lags; with a criterion the most that may be chosen.
        criterion: "aic" or "bic" choose 0 to `order` lags on the training rows; without one there are `order` lags.
    """

    order: int = 5
    criterion: str | None = None
    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.order < 1:
            raise UsageError(f"ar: order is {self.order}; allowed: 1 lag or more")
        if self.criterion is not None and self.criterion not in CRITERIA:
            raise UsageError(f"ar: criterion is {self.criterion!r}; allowed: {', '.join(CRITERIA)}, or none at all")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        returns = log_returns(samples, training)
        order = self.order if self.criterion is None else choose_order(returns, self.order, self.criterion)
        intercept, lags = fit_autoregression(returns, order)
        recent = _recent_returns(samples, origins, order, float(np.mean(np.concatenate(returns))))
        path = np.empty((len(origins), samples.windows.horizon))
        for step in range(samples.windows.horizon):
            path[:, step] = intercept + recent @ lags
            recent = np.column_stack([path[:, step], recent])[:, :order]
        return np.asarray(samples.close[origins][:, None] * np.exp(np.cumsum(path, axis=1)))


def _recent_returns(
    samples: Samples, origins: Int[np.ndarray, "origin"], order: int, mean: float
) -> Float[np.ndarray, "origin lag"]:
    """The last `order` log returns at each origin, newest first."""
    log_close = np.log(samples.close)
    returns = np.diff(log_close, prepend=log_close[0])
    first = stretch_firsts(find_stretches(samples.open_time, samples.close_time))[origins]
    rows = origins[:, None] - np.arange(order)
    return np.where(rows > first[:, None], returns[np.maximum(rows, 0)], mean)


def choose_order(returns: list[Float[np.ndarray, "_candle"]], most: int, criterion: str) -> int:
    """Order 0 to `most` with the smallest criterion, all of them fitted to the same equations.

        AIC = n ln(RSS / n) + 2 (p + 1),  BIC = n ln(RSS / n) + ln(n) (p + 1)

    The equations are those that have `most` returns before them (statsmodels' `ar_select_order` does the same).

    Raises:
        TooFewRowsError: fewer equations than twice the coefficients of the highest order.
    """
    design, answer = _equations(returns, most)
    each = 2.0 if criterion == "aic" else float(np.log(len(answer)))
    criteria = []
    for order in range(most + 1):
        lags = design[:, : order + 1]
        residuals = answer - lags @ np.linalg.lstsq(lags, answer, rcond=None)[0]
        spread = max(float(np.mean(residuals**2)), np.finfo(np.float64).tiny)
        criteria.append(len(answer) * np.log(spread) + each * (order + 1))
    return int(np.argmin(criteria))


def fit_autoregression(
    returns: list[Float[np.ndarray, "_candle"]], order: int
) -> tuple[float, Float[np.ndarray, "lag"]]:
    """Intercept and coefficients (newest lag first) by ordinary least squares over gap-free stretches.

    Raises:
        TooFewRowsError: fewer equations than twice the coefficients.
    """
    design, answer = _equations(returns, order)
    coefficients, *_ = np.linalg.lstsq(design, answer, rcond=None)
    return float(coefficients[0]), coefficients[1:]


def _equations(
    returns: list[Float[np.ndarray, "_candle"]], order: int
) -> tuple[Float[np.ndarray, "equation coefficient"], Float[np.ndarray, "equation"]]:
    """Ones and lagged returns (newest first), and the returns that they are to give."""
    long_enough = [stretch for stretch in returns if len(stretch) > order]
    equations = sum(len(stretch) - order for stretch in long_enough)
    if equations < 2 * (order + 1):
        raise TooFewRowsError(
            f"an autoregression of order {order} needs {2 * (order + 1)} training returns that have {order} returns "
            f"before them, and there are {equations}; ask for a lower order or give more candles"
        )
    lagged = [
        np.concatenate([stretch[order - lag - 1 : len(stretch) - lag - 1] for stretch in long_enough])
        for lag in range(order)
    ]
    answer = np.concatenate([stretch[order:] for stretch in long_enough])
    return np.column_stack([np.ones(equations), *lagged]), answer
