"""Boosted trees where the truth is a step, and against LightGBM's other interface."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.candles.table import make_candles
from coincast.errors import TooFewRowsError, UsageError
from coincast.models.boosting import LightGBM
from coincast.models.regression import flat_windows, training_windows
from coincast.samples.samples import Samples, make_samples
from coincast.samples.splits import Part

lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")

TRAINING, ORIGINS = Part(0, 800), np.arange(799, 990)
MARKET = "made:STEP/USD"


@pytest.fixture(scope="module")
def steps() -> Samples:
    """The next return is 3 % where the last was below -1 %, else 0, and then there is noise of 2 %."""
    rng = np.random.default_rng(7)
    returns = np.zeros(1_000)
    for t in range(1, 1_000):
        returns[t] = 0.03 * (returns[t - 1] < -0.01) + 0.02 * rng.standard_normal()
    times = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(1_000)]
    schema = {"open_time": pl.Datetime("ms", "UTC"), "close": pl.Float64}
    columns = pl.DataFrame({"open_time": times, "close": np.exp(np.cumsum(returns))}, schema=schema)
    return make_samples(
        make_candles(columns, market=MARKET, interval="1d"),
        market=MARKET,
        inputs=[MARKET],
        features=["log_return"],
        target="log_return",
        lookback=3,
        horizon=2,
    )


def forecast(settings: LightGBM, samples: Samples) -> np.ndarray:
    prices = settings.forecast(samples, training=TRAINING, origins=ORIGINS, seed=5)
    return np.log(prices / samples.close[ORIGINS][:, None])


@pytest.mark.parametrize("loss", ["mae", "mse"])
def test_a_step_is_found(steps: Samples, loss: str) -> None:
    """Which no line can follow; away from its edge, and on average, to a fifth of its height."""
    last = np.log(steps.close[ORIGINS] / steps.close[ORIGINS - 1])
    expected = forecast(LightGBM(loss=loss), steps)[:, 0]
    assert expected[last < -0.015].mean() == pytest.approx(0.03, abs=0.006)
    assert expected[last > -0.005].mean() == pytest.approx(0.0, abs=0.006)


@pytest.mark.parametrize(("loss", "objective"), [("mae", "regression_l1"), ("mse", "regression")])
def test_the_other_interface_of_lightgbm_says_the_same(steps: Samples, loss: str, objective: str) -> None:
    inputs, returns = training_windows("lightgbm", steps, TRAINING)
    past = flat_windows(steps, steps.windows_at(ORIGINS))
    found = forecast(LightGBM(trees=20, learning_rate=0.1, leaves=7, min_leaf=30, loss=loss), steps)
    for step in range(2):
        peer = lightgbm.LGBMRegressor(
            n_estimators=20,
            learning_rate=0.1,
            num_leaves=7,
            min_child_samples=30,
            objective=objective,
            n_jobs=1,
            verbosity=-1,
        )
        peer.fit(inputs, returns[:, step])
        booster = peer.booster_  # scikit-learn's own check of names would warn
        assert found[:, step] == pytest.approx(booster.predict(past), rel=1e-6, abs=1e-9)


def test_too_few_windows_are_refused(steps: Samples) -> None:
    with pytest.raises(TooFewRowsError, match=r"lightgbm: made:STEP/USD has 16 training windows, and 24 are needed"):
        LightGBM().forecast(steps, training=Part(0, 21), origins=ORIGINS, seed=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LightGBM(trees=0), "lightgbm: trees is 0; allowed: 1 or more"),
        (lambda: LightGBM(leaves=1), "lightgbm: leaves is 1; allowed: 2 or more"),
        (lambda: LightGBM(min_leaf=0), "lightgbm: min_leaf is 0; allowed: 1 or more"),
        (lambda: LightGBM(learning_rate=1.5), "lightgbm: learning_rate is 1.5; allowed: above 0, up to 1"),
        (lambda: LightGBM(loss="huber"), "lightgbm: loss is 'huber'; allowed: mae, mse"),
    ],
)
def test_impossible_settings_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
