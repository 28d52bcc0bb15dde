"""HAR: the volatility to come from that of the last day, week and month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.candles.table import interval_milliseconds
from coincast.errors import TooFewRowsError, UsageError
from coincast.models.volatility import is_count, training_returns
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.volatility import mean_variance, naive_volatility, returns_into_rows, trailing_sums

DAYS = (1, 7, 30)
"""Spans that count where none are given; a coin's week has seven days."""
FEWEST_EQUATIONS = 20
EQUATIONS_PER_CANDLE = 10
"""Equations needed for each candle of the horizon: those of ten targets that do not overlap."""
FLOOR = 1e-4
"""Share of the mean squared training return, the square of a hundredth of a typical move, that no variance falls
below before its logarithm is taken: a candle whose close does not move has none."""


@dataclass(frozen=True)
class HAR:
    """Heterogeneous autoregression of realised variance (Corsi 2009), in logarithms.

        ln v_(t+1..t+K) = c + b_1 ln v_(day) + b_2 ln v_(week) + b_3 ln v_(month) + e
        forecast = sqrt(K s exp(c + ...)),  s = mean of exp(e)

    v is the mean squared log return over K candles to come, and over the last day, week and month. One regression aims
    straight at the K candles together, by least squares on training rows whose targets lie in the training part. The
    logarithm keeps one crash from ruling the fit and any forecast from being negative; s (the smearing of Duan 1983)
    leads back to the mean of the variance, which is what QLIKE asks for. Behind an origin with fewer returns than a
    span those that are there are used; returns before a gap count, the one across it does not.

    Attributes:
        spans: candles of each trailing mean; without them those of a day, a week and 30 days, and of a candle where it
            is longer.
    """

    spans: Sequence[int] | None = None
    learns: ClassVar[bool] = True
    quantity: ClassVar[str] = "volatility"

    def __post_init__(self) -> None:
        if self.spans is None:
            return
        is_list = isinstance(self.spans, Sequence) and not isinstance(self.spans, str)
        if not (is_list and self.spans and all(is_count(span) and span >= 1 for span in self.spans)):
            raise UsageError(f"har: spans is {self.spans!r}; allowed: a list of candles such as [24, 168, 720]")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin 1"]:
        spans = default_spans(samples.interval) if self.spans is None else tuple(self.spans)
        past, future = har_equations(samples, training, spans)
        floor = FLOOR * float(np.nanmean(training_returns(samples, training) ** 2))
        if floor == 0:  # a price that never moves teaches nothing
            return naive_volatility(samples, origins)
        coefficients, smearing = fit_har(past, future, floor)
        returns = returns_into_rows(samples)
        # Sums of columns, not a matrix product, so that no bit depends on which other origins are asked.
        logarithm = np.full(len(origins), coefficients[0])
        for coefficient, span in zip(coefficients[1:], spans, strict=True):
            logarithm += coefficient * np.log(np.maximum(mean_variance(returns, span)[origins], floor))
        return np.asarray(np.sqrt(samples.windows.horizon * smearing * np.exp(logarithm))[:, None])


def default_spans(interval: str) -> tuple[int, ...]:
    """Candles of a day, a week and 30 days, ascending and each once: 24, 168, 720 by hour and 1, 7, 30 by day."""
    per_day = interval_milliseconds("1d") / interval_milliseconds(interval)
    return tuple(sorted({max(1, round(days * per_day)) for days in DAYS}))


def har_equations(
    samples: Samples, training: Part, spans: tuple[int, ...]
) -> tuple[Float[np.ndarray, "equation span"], Float[np.ndarray, "equation"]]:
    """Trailing mean variances of training rows, and the mean variance of the K candles after each.

    Rows count that have the returns of the longest span behind them, in the training part, and K candles without a gap
    before them.

    Raises:
        TooFewRowsError: fewer than `FEWEST_EQUATIONS`, or `EQUATIONS_PER_CANDLE` for each candle of the horizon.
    """
    horizon = samples.windows.horizon
    returns = training_returns(samples, training)
    past = np.column_stack([mean_variance(returns, span) for span in spans])[:-horizon]
    future = trailing_sums(returns**2, horizon)[horizon:] / horizon
    usable = (np.cumsum(np.isfinite(returns))[:-horizon] >= max(spans)) & np.isfinite(future)
    equations, needed = np.count_nonzero(usable), max(FEWEST_EQUATIONS, EQUATIONS_PER_CANDLE * horizon)
    if equations < needed:
        raise TooFewRowsError(
            f"har: {samples.market} has {equations} training rows with {max(spans)} returns before and {horizon} after "
            f"them, and {needed} are needed; ask for shorter spans or give more candles"
        )
    return past[usable], future[usable]


def fit_har(
    past: Float[np.ndarray, "equation span"], future: Float[np.ndarray, "equation"], floor: float
) -> tuple[Float[np.ndarray, "coefficient"], float]:
    """Intercept and coefficients by least squares in logarithms, and the smearing factor back to the mean.

    The factor is the mean of variance / exp(fitted logarithm), of all factors the one with the smallest QLIKE.
    """
    design = np.column_stack([np.ones(len(past)), np.log(np.maximum(past, floor))])
    coefficients, *_ = np.linalg.lstsq(design, np.log(np.maximum(future, floor)), rcond=None)
    return coefficients, float(np.mean(future / np.exp(design @ coefficients)))
