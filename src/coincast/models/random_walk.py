"""A random walk with drawn steps: a generator of scenarios, not a point forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

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

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        mean, deviation = step_law(samples, training)
        # Steps belong to a row, not to a place among the origins: whichever others are asked, a path is the same.
        rng = np.random.default_rng(seed)
        steps = rng.normal(mean, deviation, (int(origins.max(initial=-1)) + 1, samples.windows.horizon))
        return np.asarray(samples.close[origins][:, None] * np.exp(np.cumsum(steps[origins], axis=1)))


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
