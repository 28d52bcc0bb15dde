"""Averages of the last closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import TooFewRowsError, UsageError
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.windows import find_stretches, stretch_firsts

WEIGHTS = ("linear", "equal")
SPANS = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 89.0)
"""Spans that are tried where none is given; 1 is the naive forecast."""


@dataclass(frozen=True)
class WeightedAverage:
    """The next closes are the weighted mean of the last `length` closes, the newest weighing most (length, ..., 2, 1).

    Where fewer candles lie between a gap, or the first candle, and an origin, those that are there are used. `length` 1
    is the naive forecast.

    Attributes:
        length: closes that count.
        weights: "linear" as above, or "equal" for the simple moving average.
    """

    length: int = 3
    weights: str = "linear"
    learns: ClassVar[bool] = False
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.length < 1:
            raise UsageError(f"average: length is {self.length}; allowed: 1 close or more")
        if self.weights not in WEIGHTS:
            raise UsageError(f"average: weights is {self.weights!r}; allowed: {', '.join(WEIGHTS)}")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        first = stretch_firsts(find_stretches(samples.open_time, samples.close_time))[origins]
        total, weights = np.zeros(len(origins)), np.zeros(len(origins))
        for back in range(min(self.length, len(samples.close))):
            weight = np.where(origins - back >= first, 1 if self.weights == "equal" else self.length - back, 0)
            total += weight * samples.close[np.maximum(origins - back, 0)]
            weights += weight
        return np.repeat((total / weights)[:, None], samples.windows.horizon, axis=1)


@dataclass(frozen=True)
class ExponentialAverage:
    """The next closes are the exponentially weighted mean of the closes since the last gap.

        level_t = sum of (1 - a)^i close_(t-i) / sum of (1 - a)^i,  a = 2 / (span + 1)

    As `ewm(span=...).mean()` of pandas has it, bias corrected at the start. Span 1 is the naive forecast, and on a
    random walk no other is better.

    Attributes:
        span: of the weights, in candles; without one, the span of `SPANS` whose absolute log error for the next close
            is smallest on the training rows.
    """

    span: float | None = None
    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.span is not None and not (_is_number(self.span) and 1 <= self.span < np.inf):
            raise UsageError(
                f"ewma: span is {self.span!r}; allowed: 1 candle or more, or none at all, and the training rows choose"
            )

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        span = choose_span(samples, training) if self.span is None else float(self.span)
        until = int(origins.max(initial=-1)) + 1
        levels = exponential_levels(samples, (span,), Part(0, until))[origins]
        return np.repeat(levels, samples.windows.horizon, axis=1)


def choose_span(samples: Samples, training: Part) -> float:
    """The span of `SPANS` that forecasts the next close best, by mean absolute log error on the training rows.

    Raises:
        TooFewRowsError: no two neighbouring training candles.
    """
    rows = slice(training.first, training.end)
    is_next = samples.open_time[rows][1:] == samples.close_time[rows][:-1]
    if not is_next.any():
        raise TooFewRowsError(
            f"{samples.market} has {len(training)} training rows and no two of them are neighbours; give more candles"
        )
    levels = exponential_levels(samples, SPANS, training)[:-1][is_next]
    errors = np.abs(np.log(samples.close[rows][1:][is_next, None] / levels)).mean(axis=0)
    return SPANS[int(errors.argmin())]


def exponential_levels(samples: Samples, spans: tuple[float, ...], rows: Part) -> Float[np.ndarray, "_candle _span"]:
    """Exponentially weighted mean of the closes at each of these rows, one column per span; a gap starts it anew."""
    close = samples.close[rows.first : rows.end]
    starts = {
        first
        for first, _ in find_stretches(
            samples.open_time[rows.first : rows.end], samples.close_time[rows.first : rows.end]
        )
    }
    kept = 1 - 2 / (np.asarray(spans) + 1)
    levels = np.empty((len(close), len(spans)))
    total = weights = np.zeros(len(spans))
    for row, value in enumerate(close.tolist()):
        if row in starts:
            total = weights = np.zeros(len(spans))
        total, weights = value + kept * total, 1 + kept * weights
        levels[row] = total / weights
    return levels


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
