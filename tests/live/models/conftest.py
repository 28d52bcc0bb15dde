"""Small live models that the tests of this folder share."""

from __future__ import annotations

import polars as pl
import pytest

import coincast as cc
from coincast.experiments.spec import Spec
from coincast.live.models import LiveModel, train_live

SMALL = {"lookback": 3, "horizon": 2, "epochs": 2, "seeds": 2, "batch_size": 16, "learning_rate": 0.01, "test": 0.3}


@pytest.fixture(scope="session")
def candles() -> pl.DataFrame:
    """The same 160 days of a `walk` and of an `echo`."""
    walk, echo = cc.simulate("walk", candles=160, seed=2), cc.simulate("echo", candles=160, seed=3)
    return pl.concat([walk, echo], how="diagonal")


@pytest.fixture(scope="session")
def spec() -> Spec:
    """A network, and an opponent that is judged beside it."""
    return Spec.from_keywords(models=[cc.Linear(), "drift"], **SMALL)


@pytest.fixture(scope="session")
def live(spec: Spec, candles: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> LiveModel:
    """Two markets, two runs each."""
    return train_live(spec, candles, tmp_path_factory.mktemp("live") / "model")
