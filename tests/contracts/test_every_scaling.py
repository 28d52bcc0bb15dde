"""What holds for every scaling: test rows teach it nothing, dead inputs are named, scaled inputs are finite."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.errors import ColumnError
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, make_tasks
from coincast.samples.scaling import SCALINGS, fit_input_scale, scale_window
from coincast.sources.simulated import simulate

ROWS, TEST = 120, 40


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return simulate("walk", candles=ROWS, seed=3)


@pytest.fixture(params=SCALINGS)
def scaling(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make_task(scaling: str, candles: pl.DataFrame) -> Task:
    spec = Spec.from_keywords(
        models=["naive"],
        features=["close", "volume", "log_return", "volatility"],
        lookback=5,
        test=TEST,
        scaling=scaling,
        target="price",
    )
    return make_tasks(spec, candles)[0]


def test_statistics_do_not_move_when_test_rows_do(candles: pl.DataFrame, scaling: str) -> None:
    prices = pl.col("open", "high", "low", "close", "volume")
    later = candles.with_columns(pl.when(pl.int_range(pl.len()) >= ROWS - TEST).then(prices * 50).otherwise(prices))
    before, after = make_task(scaling, candles), make_task(scaling, later)
    for name in ("relative", "centre", "spread"):
        assert getattr(before.input_scale, name).tobytes() == getattr(after.input_scale, name).tobytes()
    assert before.target_scale == after.target_scale


def test_statistics_move_with_training_rows_or_learn_nothing(candles: pl.DataFrame, scaling: str) -> None:
    prices = pl.col("open", "high", "low", "close", "volume")
    earlier = candles.with_columns(pl.when(pl.int_range(pl.len()) < 40).then(prices * 50).otherwise(prices))
    moved = (make_task(scaling, candles).input_scale.centre != make_task(scaling, earlier).input_scale.centre).any()
    assert moved == (scaling == "training")


def test_scaled_windows_are_finite(candles: pl.DataFrame, scaling: str) -> None:
    task = make_task(scaling, candles)
    scale = task.input_scale
    for windows in (task.training, task.test):
        pasts = task.samples.inputs[windows.past_rows]
        scaled = scale_window(pasts, scale.relative, scale.centre, scale.spread)
        assert scaled.shape == pasts.shape
        assert np.isfinite(scaled).all()
    assert (scale.spread > 0).all()


@pytest.mark.parametrize("dead", [np.nan, 0.0, 7.0])
def test_a_dead_input_is_named(scaling: str, dead: float) -> None:
    rows = np.column_stack([np.arange(4.0), np.full(4, dead)])
    with pytest.raises(ColumnError, match="input 'volume' is "):
        fit_input_scale(scaling, rows, ("close", "volume"), (True, True))


def test_the_scaling_describes_itself(scaling: str) -> None:
    assert SCALINGS[scaling]
