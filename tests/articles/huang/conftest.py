"""Made-up markets of article 2's form, and its real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.articles.bench import Bench
from coincast.models.cnn import CNN


@pytest.fixture(scope="session")
def walk() -> pl.DataFrame:
    """A walk of five-minute candles: ten blocks of 272 and a rest."""
    return cc.simulate("walk", candles=10 * 272 + 100, seed=3, interval="5m")


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[..., Bench]:
    """A bench of the smallest size."""

    def make(candles: pl.DataFrame, **options: object) -> Bench:
        return Bench(candles, **{"folder": tmp_path / "study", "size": "quick", **options})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def tiny() -> dict[str, Any]:
    """A network that trains in a moment, by its name."""
    return {"cnn": CNN(filters=(2,), kernels=(20,), strides=(16,), head="dense")}


@pytest.fixture(scope="session")
def poloniex(shared_data: Path) -> pl.DataFrame:
    """Three months of Poloniex, 2017-07 to 2017-10."""
    return cc.read_candles(shared_data / "poloniex" / "USDT_BTC-5m-2017.csv")


@pytest.fixture(scope="session")
def binance(shared_data: Path) -> pl.DataFrame:
    """A year of Binance, 2023."""
    return cc.read_candles(shared_data / "binance" / "BTC_USDT-5m-2023.feather")


@pytest.fixture(scope="session")
def ethereum(shared_data: Path) -> pl.DataFrame:
    """Three weeks of ETH/BTC by five minutes."""
    return cc.read_candles(shared_data / "binance" / "UNITTEST_BTC-5m.h5")
