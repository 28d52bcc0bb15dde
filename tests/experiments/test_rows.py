"""Rows of the forecast table: what is known of the truth and of the training rows stands beside every forecast."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.scores.direction import judge_direction


def _majority(close: pl.Series, step: int) -> float:
    moves = close.diff(step).drop_nulls()
    return float((moves > 0).sum() >= (moves < 0).sum())


@pytest.fixture(scope="module")
def falling() -> pl.DataFrame:
    """A market that falls while models learn and rises afterwards: the test rows would say another majority."""
    candles = cc.simulate("walk", candles=200, seed=1)
    row = pl.int_range(pl.len())
    tilt = (pl.when(row < 120).then(-0.03 * row).otherwise(0.03 * (row - 240))).exp()
    return candles.with_columns((pl.col(name) * tilt) for name in ("open", "high", "low", "close"))


@pytest.mark.parametrize("quantity", ["price", "log_return", "direction"])
def test_the_majority_of_the_training_rows_stands_at_every_step(falling: pl.DataFrame, quantity: str) -> None:
    settings: dict[str, Any] = {"models": ["drift"], "quantity": quantity, "horizon": 2, "lookback": 3, "test": 0.3}
    result = cc.compare(falling, **settings)
    trained = falling["close"][: result.parts.filter(part="train")["rows"][0]]
    told = dict(result.forecasts.select("step", "majority").unique().iter_rows())
    assert told == {step: _majority(trained, step) for step in (1, 2)} == {1: 0.0, 2: 0.0}
    found = result.further["direction"].table.filter(model="drift")
    assert found["majority"].to_list() == ["fall"] * 3
    assert found["majority_hit_rate"].to_list() == pytest.approx((1 - found["rises"]).to_list())
    assert found.equals(judge_direction(result.forecasts.filter(model="drift")))


def test_a_refit_has_the_majority_of_its_own_rows(falling: pl.DataFrame) -> None:
    settings: dict[str, Any] = {"models": ["drift"], "lookback": 3, "test": 0.3, "refit": "every", "every": 20}
    result = cc.compare(falling, **settings)
    drift = result.forecasts.filter(model="drift")
    expected = [
        _majority(falling.filter(pl.col("close_time") <= until)["close"], 1) for until in drift["trained_until"]
    ]
    assert drift["majority"].to_list() == expected


def test_a_volatility_has_no_majority() -> None:
    candles = cc.simulate("walk", candles=200, seed=1)
    settings: dict[str, Any] = {"models": ["har"], "quantity": "volatility", "horizon": 3, "lookback": 30, "test": 0.3}
    result = cc.compare(candles, **settings)
    assert result.forecasts["majority"].null_count() == result.forecasts.height
