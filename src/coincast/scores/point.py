"""Metrics of point forecasts: the loss of every single forecast, and how losses become one figure.

A metric is a function of truth and forecast that gives one loss per row. The caller averages the losses over the steps
of an origin and then over the origins, so that a model and the naive forecast always meet on the same targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coincast.errors import UsageError

Floats = NDArray[np.float64]

LARGEST = 1e300
"""Losses beyond this count as this, so that means of them stay numbers."""


@dataclass(frozen=True)
class Metric:
    """A way to turn truth and forecast into one figure, smaller is better.

    Attributes:
        name: key in `METRICS` and in the score table.
        unit: of the figure; "quote" stands for the quote currency of the market.
        description: one line for reports.
        loss: (truth, forecast) -> one loss per row, arrays of any equal shape.
        quantity: what is forecast.
        scale: column that the loss is divided by, if any; rows where it is unknown are left out.
        is_root: whether the figure is the root of the mean loss.
        is_signed: whether losses carry a sign; there is no skill then.
    """

    name: str
    unit: str
    description: str
    loss: Callable[[Floats, Floats], Floats]
    quantity: str = "price"
    scale: Literal["last_close", "first_close"] | None = None
    is_root: bool = False
    is_signed: bool = False

    def reduce(self, losses: Floats) -> float:
        """The figure for losses that were averaged over the steps of each origin."""
        with np.errstate(over="ignore"):
            mean = float(losses.mean())
        return mean**0.5 if self.is_root else mean


def absolute_log_error(truth: Floats, forecast: Floats) -> Floats:
    """|ln(forecast / truth)|; both above zero."""
    return np.asarray(np.abs(np.log(forecast) - np.log(truth)))


def absolute_error(truth: Floats, forecast: Floats) -> Floats:
    """|forecast - truth|, at most `LARGEST`."""
    return np.abs(signed_error(truth, forecast))


def squared_error(truth: Floats, forecast: Floats) -> Floats:
    """(forecast - truth)^2, at most `LARGEST`."""
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum((forecast - truth) ** 2, LARGEST))


def percentage_error(truth: Floats, forecast: Floats) -> Floats:
    """100 |forecast - truth| / |truth|, at most `LARGEST`."""
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(100 * np.abs(forecast - truth) / np.abs(truth), LARGEST))


def signed_error(truth: Floats, forecast: Floats) -> Floats:
    """forecast - truth: above zero where the forecast is too high; no larger than `LARGEST` either way."""
    with np.errstate(over="ignore"):
        return np.asarray(np.clip(forecast - truth, -LARGEST, LARGEST))


def direction_miss(truth: Floats, forecast: Floats) -> Floats:
    """1 where the side of a probability of a rise is wrong, 0 where it is right; 0.5 names no side and has no loss."""
    return np.asarray((forecast > 0.5) != (truth > 0.5), dtype=np.float64)


def qlike(truth: Floats, forecast: Floats) -> Floats:
    """`r - ln r - 1` with r = true / forecast variance, for volatilities above zero (Patton 2011); at most `LARGEST`.

    It is least in expectation for the conditional mean of the variance, also where a noisy proxy stands for the truth.
    """
    log_ratio = 2 * (np.log(truth) - np.log(forecast))
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(np.exp(log_ratio) - log_ratio - 1, LARGEST))


def variance_error(truth: Floats, forecast: Floats) -> Floats:
    """Squared difference of the squares of two volatilities, at most `LARGEST`."""
    zero = np.zeros_like(truth)
    return squared_error(squared_error(zero, truth), squared_error(zero, forecast))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("abs_log_error", "log", "mean |ln(forecast / price)|; it decides", absolute_log_error),
        Metric("mae", "quote", "mean absolute error", absolute_error),
        Metric("rmse", "quote", "root of the mean squared error", squared_error, is_root=True),
        Metric("mape", "%", "mean absolute error in percent of the price", percentage_error),
        Metric("bias", "quote", "mean error; above zero where forecasts are too high", signed_error, is_signed=True),
        Metric("mae_relative", "of last close", "mean error over the last close", absolute_error, scale="last_close"),
        Metric(
            "mae_window",
            "of first close",
            "mean error relative to the first close of the window (unit of the 2017 article)",
            absolute_error,
            scale="first_close",
        ),
        Metric("abs_error", "log return", "mean absolute error; it decides", absolute_error, "log_return"),
        Metric(
            "miss", "share", "share of forecasts on the wrong side; it decides", direction_miss, quantity="direction"
        ),
        Metric("brier", "share squared", "mean squared error of the probability", squared_error, quantity="direction"),
        Metric("qlike", "log variance", "true over forecast variance; it decides", qlike, quantity="volatility"),
        Metric("mse_variance", "squared variance", "mean squared error of the variance", variance_error, "volatility"),
    )
}
"""Every metric of a point forecast, by name."""

DECIDING: dict[str, str] = {
    "price": "abs_log_error",
    "log_return": "abs_error",
    "direction": "miss",
    "volatility": "qlike",
}
"""The one metric that gives a verdict, by quantity."""

FLOOR = 0.01
"""A price forecast at or below zero is scored as this share of the last close in the deciding loss."""


def metrics_of(quantity: str) -> list[Metric]:
    """The metrics of a quantity, the deciding one first.

    Raises:
        UsageError: the quantity cannot be judged.
    """
    if quantity not in DECIDING:
        raise UsageError(f"forecasts of {quantity!r} cannot be judged; what can be judged: {', '.join(DECIDING)}")
    return [metric for metric in METRICS.values() if metric.quantity == quantity]


def naive_forecast(quantity: str, last_close: Floats, naive: Floats) -> Floats:
    """The naive forecast: the last close for a price, no change for a log return, else what the table tells.

    Args:
        quantity: what is forecast.
        last_close: last known close of each row.
        naive: the column `naive` of the table.
    """
    if quantity == "price":
        return last_close
    return np.zeros_like(last_close) if quantity == "log_return" else naive


def floor_price(forecast: Floats, last_close: Floats) -> Floats:
    """Price forecasts, with those at or below zero raised to 1 % of the last close."""
    return np.where(forecast > 0, forecast, FLOOR * last_close)
