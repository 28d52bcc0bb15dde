"""Ridge regression on the window: the linear opponent that sees what a network sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import TooFewRowsError, UsageError
from coincast.samples.samples import Samples
from coincast.samples.scaling import scale_window
from coincast.samples.splits import Part
from coincast.samples.windows import Windows

PENALTIES = tuple(float(10.0**power) for power in np.arange(-4, 3.5, 0.5))
"""Penalties that are tried where none is given, per training window."""
FOLDS = 5
FEWEST_WINDOWS = 4 * FOLDS


@dataclass(frozen=True)
class Ridge:
    """Ridge regression (Hoerl and Kennard 1970) of the log return to each step on all inputs of the window.

        minimise mean (y - b_0 - X b)^2 + penalty |b|^2

    Levels are taken relative to their first value in the window, as a network has them under the scaling "window";
    then every input is standardised on the training windows. Each step has coefficients and a penalty of its own.

    Attributes:
        penalty: per training window; 0 is least squares. Without one, each step's penalty is the one of `PENALTIES`
            with the smallest squared error in cross-validation over blocks of time of the training rows.
    """

    penalty: float | None = None
    learns: ClassVar[bool] = True

    def __post_init__(self) -> None:
        is_number = isinstance(self.penalty, int | float) and not isinstance(self.penalty, bool)
        if self.penalty is not None and not (is_number and 0 <= self.penalty < np.inf):
            raise UsageError(
                f"ridge: penalty is {self.penalty!r}; allowed: 0 or more, or none at all, and the training rows choose"
            )

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        inputs, returns = training_windows("ridge", samples, training)
        centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
        # An input that is the same in all windows, such as a level relative to itself, gets no coefficient.
        spread[spread <= 1e-12 * (1 + np.abs(centre))] = np.inf
        inputs = (inputs - centre) / spread
        if self.penalty is None:
            penalties = choose_penalties(inputs, returns)
        else:
            penalties = np.full(returns.shape[1], float(self.penalty))
        steps = np.arange(returns.shape[1])
        every_intercept, every_coefficient = fit_ridge(inputs, returns, penalties)
        intercepts, coefficients = every_intercept[steps, steps], every_coefficient[steps, :, steps].T
        past = (flat_windows(samples, samples.windows_at(origins)) - centre) / spread
        # One product for each origin, so that no bit depends on which others are asked.
        expected = np.array([intercepts + each @ coefficients for each in past]).reshape(-1, returns.shape[1])
        return price_at(samples, origins, expected)


def fit_ridge(
    inputs: Float[np.ndarray, "window input"],
    returns: Float[np.ndarray, "window horizon"],
    penalties: Float[np.ndarray, "penalty"],
) -> tuple[Float[np.ndarray, "penalty horizon"], Float[np.ndarray, "penalty input horizon"]]:
    """Intercepts and coefficients under every penalty; the intercept is not penalised.

    Without a penalty a direction in which nothing varies gets no coefficient, as in `numpy.linalg.lstsq`.
    """
    centre, level = inputs.mean(axis=0), returns.mean(axis=0)
    left, sizes, right = np.linalg.svd(inputs - centre, full_matrices=False)
    sizes[sizes <= sizes.max() * max(inputs.shape) * np.finfo(np.float64).eps] = 0
    divisor = sizes**2 + penalties[:, None] * len(inputs)
    shrink = np.divide(sizes, divisor, out=np.zeros_like(divisor), where=divisor > 0)
    coefficients = right.T @ (shrink[:, :, None] * (left.T @ (returns - level)))
    return level - np.einsum("i,pih->ph", centre, coefficients), np.asarray(coefficients)


def choose_penalties(
    inputs: Float[np.ndarray, "window input"], returns: Float[np.ndarray, "window horizon"]
) -> Float[np.ndarray, "horizon"]:
    """The penalty of `PENALTIES` with the smallest squared error of each step, cross-validated over blocks of time.

    A block is forecast from the windows of the others that share no target candle with it. Leaving out single windows
    instead, as generalised cross-validation does, would let neighbours tell the answer where horizons overlap.
    """
    horizon, numbers = returns.shape[1], np.arange(len(inputs))
    penalties = np.array(PENALTIES)
    errors = np.zeros((len(penalties), horizon))
    for block in np.array_split(numbers, FOLDS):
        others = (numbers <= block[0] - horizon) | (numbers >= block[-1] + horizon)
        intercepts, coefficients = fit_ridge(inputs[others], returns[others], penalties)
        expected = inputs[block] @ coefficients + intercepts[:, None]
        errors += ((returns[block] - expected) ** 2).sum(axis=1)
    return np.asarray(penalties[errors.argmin(axis=0)])


def training_windows(
    name: str, samples: Samples, training: Part
) -> tuple[Float[np.ndarray, "window input"], Float[np.ndarray, "window horizon"]]:
    """Inputs of the training windows, flat, and the log return from the last close to each step.

    Raises:
        TooFewRowsError: fewer than `FEWEST_WINDOWS`.
    """
    windows = samples.windows_in(training, reach_back=False)
    if len(windows) < FEWEST_WINDOWS + 2 * windows.horizon:
        raise TooFewRowsError(
            f"{name}: {samples.market} has {len(windows)} training windows, and {FEWEST_WINDOWS + 2 * windows.horizon} "
            "are needed; ask for a shorter window or give more candles"
        )
    returns = np.log(samples.future_close(windows) / samples.last_close(windows)[:, None])
    return flat_windows(samples, windows), returns


def flat_windows(samples: Samples, windows: Windows) -> Float[np.ndarray, "window input"]:
    """All inputs of each window in one row, oldest candle first; levels relative to their first value."""
    count = len(samples.names)
    relative = np.array(samples.is_level, dtype=bool)
    scaled = scale_window(samples.inputs[windows.past_rows], relative, np.zeros(count), np.ones(count))
    return np.asarray(scaled).reshape(len(windows), windows.lookback * count)


def price_at(
    samples: Samples, origins: Int[np.ndarray, "origin"], expected: Float[np.ndarray, "window horizon"]
) -> Float[np.ndarray, "origin horizon"]:
    """Prices from log returns of the windows at some origins; NaN where an origin has no complete window."""
    change = np.full((len(origins), samples.windows.horizon), np.nan)
    change[np.isin(origins, samples.windows.origin_rows)] = expected
    return np.asarray(samples.close[origins][:, None] * np.exp(change))
