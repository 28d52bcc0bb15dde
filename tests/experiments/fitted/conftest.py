"""Small fitted models that the tests of this folder share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import polars as pl
import pytest

import coincast as cc
from coincast.experiments.fitted.fit import fit
from coincast.experiments.fitted.model import FittedModel

SMALL = {"lookback": 3, "epochs": 2, "batch_size": 16, "learning_rate": 0.01}


class MeanNetwork(eqx.Module):
    """A weighted mean of the inputs' means, and one number for each step."""

    weight: jax.Array
    shift: jax.Array
    scale: float = eqx.field(static=True)

    def __call__(self, past: jax.Array, *, key: Any = None) -> jax.Array:
        return self.scale * (past.mean(axis=0) @ self.weight + self.shift)[:, None]


@dataclass(frozen=True)
class Mean:
    """A user's own network."""

    scale: float = 1.0

    def build(self, axes: Any, *, key: Any) -> MeanNetwork:
        return MeanNetwork(jax.random.normal(key, (axes.feature, axes.horizon)), jnp.zeros(axes.horizon), self.scale)


@pytest.fixture(scope="session")
def mean() -> type[Mean]:
    return Mean


@pytest.fixture(scope="session")
def several(echo: pl.DataFrame) -> FittedModel:
    """Three runs of an LSTM with dropout, two steps ahead."""
    return fit(echo, cc.LSTM(units=2, dropout=0.25), seeds=3, horizon=2, **SMALL)


@pytest.fixture(scope="session")
def two(two_markets: pl.DataFrame) -> FittedModel:
    """Two runs each for two markets whose features are all inputs of both, validated."""
    features = ["log_return", "volume", "volatility"]
    return fit(two_markets, cc.LSTM(units=2), seeds=2, inputs="all", features=features, validation=0.2, **SMALL)


@pytest.fixture(scope="session")
def own(echo: pl.DataFrame) -> FittedModel:
    """A single run of a user's own network, on another target and scaling."""
    return fit(
        echo, Mean(0.5), seeds=1, features=["close", "volume"], target="window_change", scaling="window", **SMALL
    )


@pytest.fixture(scope="session")
def volatile(echo: pl.DataFrame) -> FittedModel:
    """Two runs that forecast the volatility of the next three days."""
    features = ["abs_log_return", "log_range"]
    return fit(echo, Mean(), seeds=2, quantity="volatility", horizon=3, features=features, **SMALL)
