"""A random walk with drawn steps: a generator of scenarios, not a point forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import ColumnError, UsageError
from coincast.models.naive import log_returns
from coincast.samples.samples import Samples
from coincast.samples.splits import Part


@dataclass(frozen=True)
class RandomWalk:
    """One path per origin, each step drawn from a normal law with the mean and deviation of the training log returns.

    Noise can only raise the expected error of a point forecast (article 0, flaw 3): this model shows what a walk looks
    like, and how badly a path that looks like a price is scored. `scenarios` gives many paths from one origin.
    """

    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        mean, deviation = step_law(samples, training)
        # Steps belong to a row, not to a place among the origins: whichever others are asked, a path is the same.
        steps = np.empty((len(origins), samples.windows.horizon))
        for place, row in enumerate(origins.tolist()):
            steps[place] = np.random.default_rng([seed, row]).normal(mean, deviation, samples.windows.horizon)
        return np.asarray(samples.close[origins][:, None] * np.exp(np.cumsum(steps, axis=1)))


def step_law(samples: Samples, training: Part) -> tuple[float, float]:
    """Mean and population standard deviation of the log returns of the training rows."""
    returns = np.concatenate(log_returns(samples, training))
    return float(returns.mean()), float(returns.std())


def scenarios(
    samples: Samples, *, training: Part, origin: int, paths: int, seed: int
) -> Float[np.ndarray, "path horizon"]:
    """Many drawn price paths from one origin; errors compound over the horizon."""
    mean, deviation = step_law(samples, training)
    steps = np.random.default_rng(seed).normal(mean, deviation, (paths, samples.windows.horizon))
    return np.asarray(samples.close[origin] * np.exp(np.cumsum(steps, axis=1)))


@dataclass(frozen=True)
class Scenario:
    """One set of drawn changes over a span of candles, in the two ways of article 0.

    Attributes:
        single_point: each close from the true close before it: never far off, and no forecast beyond one step.
        full_interval: all closes from the one before the span: errors compound.
    """

    single_point: Float[np.ndarray, "candle"]
    full_interval: Float[np.ndarray, "candle"]


def draw_scenario(samples: Samples, *, training: Part, span: Part, seed: int) -> Scenario:
    """Both ways over a span of rows, from the same draws.

    Changes are drawn as article 0 drew them: `close / close before - 1` from a normal law with the mean and deviation
    of `change_law`.

    Args:
        samples: candles of the market.
        training: rows that the law is taken from.
        span: rows to fill; the row before it is the last that is known.
        seed: of the draws.

    Raises:
        UsageError: no row lies before the span.
    """
    if span.first < 1:
        raise UsageError("a random walk over all candles has none to start from; let the span begin at row 1 or later")
    (changes,) = draw_changes([change_law(samples, training)], len(span), seed=seed)
    before = samples.close[span.first - 1 : span.end - 1]
    return Scenario(before * (1 + changes), full_interval(float(before[0]), changes))


def full_interval(start: float, changes: Float[np.ndarray, "candle"]) -> Float[np.ndarray, "candle"]:
    """Closes from a first one on, each from the drawn one before it."""
    return np.asarray(start * np.cumprod(1 + changes))


def draw_changes(laws: Sequence[tuple[float, float]], count: int, *, seed: int) -> list[Float[np.ndarray, "_candle"]]:
    """Normal changes of some candles for market after market, all from one seed.

    They are the draws that `numpy.random.seed(seed)` and `numpy.random.normal` give, so that a seed means what it means
    in article 0 (202 in its text, 200 to 210 on its slider).

    Args:
        laws: mean and deviation for each market.
        count: candles.
        seed: of all of them.
    """
    rng = np.random.RandomState(seed)
    return [rng.normal(mean, deviation, count) for mean, deviation in laws]


def change_law(samples: Samples, training: Part) -> tuple[float, float]:
    """Mean and population standard deviation of `close / open - 1` over the training rows, as in article 0.

    Raises:
        ColumnError: no training row has an open.
    """
    candles = samples.candles[training.first : training.end].drop_nulls("open")
    if candles.is_empty():
        raise ColumnError(
            f"{samples.market} has no open in its training rows, and article 0's walk is drawn from changes open to "
            "close; give candles with opens"
        )
    changes = candles["close"].to_numpy() / candles["open"].to_numpy() - 1
    return float(changes.mean()), float(changes.std())
