"""Small candles and small experiments that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.experiments.result import Result
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec

SMALL = {"lookback": 3, "epochs": 2, "seeds": 2, "batch_size": 16, "learning_rate": 0.01, "test": 0.3}


@pytest.fixture(scope="session")
def echo() -> pl.DataFrame:
    """160 daily candles of one simulated market."""
    return cc.simulate("echo", candles=160, seed=1)


@pytest.fixture(scope="session")
def two_markets() -> pl.DataFrame:
    """The same days of a `walk` and of an `echo`."""
    walk, echo = cc.simulate("walk", candles=160, seed=2), cc.simulate("echo", candles=160, seed=3)
    return pl.concat([walk, echo], how="diagonal")


@pytest.fixture(scope="session")
def small() -> Callable[..., Spec]:
    """A spec that trains in a moment, with changes as keywords."""

    def make(**changes: Any) -> Spec:
        return Spec.from_keywords(**{**SMALL, "models": [cc.LSTM(units=2), "drift"], **changes})

    return make


@pytest.fixture(scope="session")
def result(echo: pl.DataFrame, small: Callable[..., Spec]) -> Result:
    """A small experiment with an LSTM, every opponent and the oracle."""
    spec = small(models=[cc.LSTM(units=2), "oracle", "ar", "average", "random_walk", "drift"])
    return run_experiment(spec, echo)


@pytest.fixture(scope="session")
def two_results(two_markets: pl.DataFrame, small: Callable[..., Spec]) -> Result:
    """A small experiment on two markets whose features are all inputs of both, and beyond their last candles."""
    spec = small(inputs="all", features=["log_return", "volatility"], horizon=2)
    return run_experiment(spec, two_markets, beyond=True)


@pytest.fixture(scope="session")
def spoil() -> Callable[[pl.DataFrame, Any], pl.DataFrame]:
    """Change every number of all candles that open at or after a time; keys and coherence inside a candle stay."""

    def change(candles: pl.DataFrame, time: Any) -> pl.DataFrame:
        rng = np.random.default_rng(7)
        late = pl.col("open_time") >= time
        factor = pl.Series("factor", rng.uniform(2, 3, candles.height))
        numbers = [name for name, dtype in candles.schema.items() if dtype == pl.Float64]
        changed = candles.with_columns(factor)
        return changed.with_columns(
            pl.when(late).then(pl.col(name) * pl.col("factor")).otherwise(pl.col(name)).alias(name) for name in numbers
        ).drop("factor")

    return change
