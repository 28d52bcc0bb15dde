"""Two networks of a user's own, small enough to work out by hand, and runs of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes
from coincast.samples.scaling import InputScale
from coincast.training.recipe import Recipe
from coincast.training.runs import Lessons, NoChange, Span, TrainingRun
from coincast.training.trained import TrainedRuns

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


class LoopNetwork(eqx.Module):
    """`h' = tanh(x kernel + h recurrent_kernel + bias)`, dropout, and a linear head after the last row or every one."""

    kernel: jax.Array
    recurrent_kernel: jax.Array
    bias: jax.Array
    head_kernel: jax.Array
    head_bias: jax.Array
    dropout: Dropout
    horizon: int = eqx.field(static=True)
    every_step: bool = eqx.field(static=True)

    def __call__(self, past: jax.Array, *, key: Any = None) -> jax.Array:
        return self.with_activity(past, key=key)[0]

    def with_activity(self, past: jax.Array, *, key: Any = None) -> tuple[jax.Array, jax.Array]:
        h, states = jnp.zeros_like(self.bias), []
        for row in past:
            h = jnp.tanh(row @ self.kernel + h @ self.recurrent_kernel + self.bias)
            states.append(h)
        activity = jnp.stack(states) if self.every_step else h
        outputs = self.dropout(activity, key=key) @ self.head_kernel
        outputs = outputs + jnp.broadcast_to(self.head_bias, outputs.shape)
        return outputs.reshape(*activity.shape[:-1], self.horizon, -1), activity


@dataclass(frozen=True)
class Loop:
    """Settings of a plain recurrent network."""

    units: int = 2
    dropout: float = 0.0
    every_step: bool = False

    def build(self, axes: Axes, *, key: Any) -> LoopNetwork:
        keys = jax.random.split(key, 5)
        outputs = axes.horizon * axes.output
        shapes = [
            (axes.feature, self.units),
            (self.units, self.units),
            (self.units,),
            (self.units, outputs),
            (outputs,),
        ]
        drawn = [0.5 * jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]
        return LoopNetwork(*drawn, Dropout.at(self.dropout), axes.horizon, self.every_step)


def targets_of(table: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The next two values of the first feature."""
    return table[starts[:, None] + LOOKBACK + np.arange(HORIZON), 0]


def make_lessons(table: np.ndarray, starts: np.ndarray) -> Lessons:
    """Windows, beside which the newest value of the first feature says that nothing changes."""
    naive = table[starts + LOOKBACK - 1, 0]
    return Lessons(starts, targets_of(table, starts), NoChange(naive, 0.02 + 0.001 * (starts % 7)))


def make_market(
    windows: int, validation: int = 0, *, table: np.ndarray = TABLE, scale: InputScale = UNSCALED, first: int = 0
) -> Span:
    """A span with training windows from a row on, and validation windows right after them."""
    ends = first + windows, first + windows + validation
    return Span(
        inputs=table,
        scale=scale,
        training=make_lessons(table, np.arange(first, ends[0])),
        validation=make_lessons(table, np.arange(*ends)),
        step_targets=np.stack([np.roll(table[:, 0], -step) for step in (1, 2)], axis=1),
    )


@pytest.fixture(scope="session")
def make_span() -> Callable[..., Span]:
    return make_market


@pytest.fixture(scope="session")
def make_run() -> Callable[..., TrainingRun]:
    """A run on `windows` training windows from row 0 on, and `validation` windows right after them, or on `spans`."""

    markets: dict[Any, Span] = {}

    def market(windows: int, validation: int, table: np.ndarray) -> Span:
        """Runs that share their span share a program, too."""
        if table is not TABLE:
            return make_market(windows, validation, table=table)
        return markets.setdefault((windows, validation), make_market(windows, validation))

    def make(
        seed: int = 0,
        *,
        windows: int = 21,
        validation: int = 0,
        table: np.ndarray = TABLE,
        spans: tuple[Span, ...] | None = None,
        settings: Any = None,
        **recipe: Any,
    ) -> TrainingRun:
        return TrainingRun(
            settings=settings or Line(),
            recipe=Recipe(**{"epochs": 3, "batch_size": 4, "learning_rate": 0.01, "loss": "mse", **recipe}),
            seed=seed,
            spans=spans or (market(windows, validation, table),),
        )

    return make


@pytest.fixture(scope="session")
def make_loop() -> Callable[..., Loop]:
    return Loop


@pytest.fixture(scope="session")
def weights() -> Callable[..., np.ndarray]:
    """Every trained number of one run, of a set or of its own."""

    def flat(trained: Any, run: int = 0) -> np.ndarray:
        tree = trained.weights(run) if isinstance(trained, TrainedRuns) else trained
        return np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(tree)])

    return flat
