"""What holds for every model, network or not: the future never leaks, and everything can be repeated."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from coincast.candles.table import KEYS
from coincast.experiments.fit import fit_entry
from coincast.experiments.rows import Fitted
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import make_tasks
from coincast.models import MODELS
from coincast.models.forecaster import Forecaster, Network
from coincast.sources.simulated import simulate

ROWS, TEST, HORIZON = 120, 40, 2
FEATURES = ["close", "volume", "log_return", "volatility"]


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return simulate("walk", candles=ROWS, seed=5)


@pytest.fixture(scope="module", params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fit(name: str, candles: pl.DataFrame) -> Fitted:
    spec = Spec.from_keywords(
        models=[name],
        features=FEATURES,
        lookback=5,
        horizon=HORIZON,
        test=TEST,
        target="log_return",
        epochs=2,
        batch_size=16,
        seeds=2,
        seed=11,
    )
    return fit_entry(spec.models[0], spec, make_tasks(spec, candles))


@pytest.fixture(scope="module")
def fitted(name: str, candles: pl.DataFrame) -> Fitted:
    return fit(name, candles)


def with_noise_from(candles: pl.DataFrame, row: int) -> pl.DataFrame:
    """The same candles up to a row, another market's and a hundred times as dear from there on, oracle included."""
    numbers = [column for column in candles.columns if column not in KEYS]
    noise = simulate("walk", candles=ROWS, seed=99).with_columns(
        oracle_log_return=pl.lit(0.5), oracle_decay=pl.lit(0.9)
    )
    later = candles[row:].with_columns(
        noise[column][row:] * (100 if column in numbers[:5] else 1) for column in numbers
    )
    return pl.concat([candles[:row], later])


def values(fitted: Fitted, until: datetime) -> pl.DataFrame:
    """What was forecast up to an origin, without the truth that came later."""
    return fitted.forecasts.filter(pl.col("origin") <= until).select(
        "model", "run", "trained_until", "origin", "step", "target_time", "value", "last_close", "first_close"
    )


@pytest.mark.parametrize("row", [ROWS - TEST, ROWS - TEST + 17])
def test_later_candles_change_no_bit_of_a_forecast(name: str, fitted: Fitted, candles: pl.DataFrame, row: int) -> None:
    """From the end of training on, where the first origin lies, and from the middle of the test span on."""
    noisy = fit(name, with_noise_from(candles, row))
    origin = candles["close_time"][row - 1]
    before = values(fitted, origin)
    assert before["origin"].n_unique() == row - (ROWS - TEST) + 1
    assert values(noisy, origin).equals(before)
    assert not noisy.forecasts["actual"].equals(fitted.forecasts["actual"])


def test_nothing_was_learnt_after_the_origin(name: str, fitted: Fitted, candles: pl.DataFrame) -> None:
    forecasts = fitted.forecasts
    assert (forecasts["trained_until"] <= forecasts["origin"]).all()
    is_network = hasattr(MODELS[name], "build")
    if is_network or MODELS[name].learns:
        assert forecasts["trained_until"].unique().to_list() == [candles["close_time"][ROWS - TEST - 1]]
    else:
        assert forecasts["trained_until"].equals(forecasts["origin"].rename("trained_until"))


def test_every_origin_gets_every_step_of_every_run(name: str, fitted: Fitted, candles: pl.DataFrame) -> None:
    runs = [1, 2] if hasattr(MODELS[name], "build") else [0]
    per_run = (TEST - HORIZON + 1) * HORIZON
    assert fitted.forecasts.group_by("run").len().sort("run").rows() == [(run, per_run) for run in runs]
    assert fitted.forecasts.select("run", "origin", "step").is_unique().all()
    assert (fitted.forecasts["value"] > 0).all()
    truth = dict(zip(candles["close_time"], candles["close"], strict=True))
    rows = fitted.forecasts.select("origin", "last_close", "target_time", "actual").rows()
    assert all((truth[origin], truth[target]) == (last, actual) for origin, last, target, actual in rows)


def test_again_it_says_the_same(name: str, fitted: Fitted, candles: pl.DataFrame) -> None:
    assert fit(name, candles).forecasts.equals(fitted.forecasts)


def test_a_model_keeps_one_of_the_two_contracts(name: str) -> None:
    settings = MODELS[name]()
    assert isinstance(settings, Network) != isinstance(settings, Forecaster)
