"""A linear network of a user's own, small enough to work out by hand, and runs of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.forecaster import Axes
from coincast.samples.scaling import InputScale
from coincast.training.recipe import Recipe
from coincast.training.trainer import TrainingRun

LOOKBACK, HORIZON, FEATURES = 3, 2, 2
TABLE = np.random.default_rng(0).normal(size=(600, FEATURES))
UNSCALED = InputScale(np.zeros(FEATURES, dtype=bool), np.zeros(FEATURES), np.ones(FEATURES))


class LineNetwork(eqx.Module):
    """Every output is a weighted sum of all inputs, and a constant."""

    weight: jax.Array
    constant: jax.Array

    def __call__(self, past: jax.Array, *, key: Any = None) -> jax.Array:
        return (past.reshape(-1) @ self.weight + self.constant)[:, None]


@dataclass(frozen=True)
class Line:
    """Settings of a network that no registry knows."""

    def build(self, axes: Axes, *, key: Any) -> LineNetwork:
        shape = (axes.lookback * axes.feature, axes.horizon)
        return LineNetwork(0.5 * jax.random.normal(key, shape), jnp.zeros(axes.horizon))


def targets_of(table: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The next two values of the first feature."""
    return table[starts[:, None] + LOOKBACK + np.arange(HORIZON), 0]


@pytest.fixture(scope="session")
def make_run() -> Callable[..., TrainingRun]:
    """A run on `windows` training windows from row 0 on, and `validation` windows right after them."""

    def make(
        seed: int = 0, *, windows: int = 21, validation: int = 0, table: np.ndarray = TABLE, **recipe: Any
    ) -> TrainingRun:
        starts, later = np.arange(windows), np.arange(windows, windows + validation)
        return TrainingRun(
            settings=Line(),
            recipe=Recipe(**{"epochs": 3, "batch_size": 4, "learning_rate": 0.01, "loss": "mse", **recipe}),
            seed=seed,
            inputs=table,
            scale=UNSCALED,
            starts=starts,
            targets=targets_of(table, starts),
            validation_starts=later,
            validation_targets=targets_of(table, later),
        )

    return make
