"""What holds for every model, network or not: the future never leaks, and everything can be repeated."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial

import numpy as np
import polars as pl
import pytest

from coincast.candles.table import KEYS
from coincast.errors import MissingPackageError
from coincast.experiments.fit import fit_entry
from coincast.experiments.rows import Fitted
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import make_tasks
from coincast.models import MODELS
from coincast.models.forecaster import Forecaster, Network
from coincast.sources.simulated import simulate

ROWS, TEST, HORIZON = 120, 40, 2
FEATURES = ["close", "volume", "log_return", "volatility"]
PACKAGES = {
    "arima": "statsforecast.models",
    "ets": "statsforecast.models",
    "theta": "statsforecast.models",
    "prophet": "prophet",
    "lightgbm": "lightgbm",
    "garch": "arch",
}
"""What the models of an extra import."""
WHOLE = {name for name, settings in MODELS.items() if getattr(settings, "quantity", "price") == "volatility"}
"""Models of volatility: one forecast for the whole horizon."""


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return simulate("walk", candles=ROWS, seed=5)


SHORT = {"lstm", "cnn"}
"""Networks that every run of the tests takes; the others, each with a program to compile, are for `make networks`."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.long) if hasattr(settings, "build") and name not in SHORT else name
        for name, settings in MODELS.items()
    ],
)
def name(request: pytest.FixtureRequest) -> str:
    return check_installed(request.param)


@pytest.fixture(scope="module", params=[name for name, settings in MODELS.items() if not hasattr(settings, "build")])
def opponent(request: pytest.FixtureRequest) -> str:
    """Models that are not networks."""
    return check_installed(request.param)


def check_installed(name: str) -> str:
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"{name} needs an extra that is not installed")
    return name


def make_spec(name: str) -> Spec:
    return Spec.from_keywords(
        models=[name],
        features=FEATURES,
        lookback=5,
        horizon=HORIZON,
        test=TEST,
        quantity="volatility" if name in WHOLE else "price",
        target="log_volatility" if name in WHOLE else "log_return",
        epochs=2,
        batch_size=16,
        seeds=2,
        seed=11,
    )


def fit(name: str, candles: pl.DataFrame) -> Fitted:
    spec = make_spec(name)
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
    steps = [HORIZON] if name in WHOLE else list(range(1, HORIZON + 1))
    per_run = (TEST - HORIZON + 1) * len(steps)
    assert fitted.forecasts["step"].unique().sort().to_list() == steps
    assert fitted.forecasts.group_by("run").len().sort("run").rows() == [(run, per_run) for run in runs]
    assert fitted.forecasts.select("run", "origin", "step").is_unique().all()
    assert (fitted.forecasts["value"] > 0).all()
    rows = fitted.forecasts.select("origin", "last_close", "target_time", "actual").rows()
    closes = dict(zip(candles["close_time"], candles["close"], strict=True))
    truth = volatilities(candles) if name in WHOLE else closes
    assert [closes[origin] for origin, *_ in rows] == [last for _, last, *_ in rows]
    assert [truth[target] for *_, target, _ in rows] == pytest.approx([actual for *_, actual in rows], rel=1e-12)


def volatilities(candles: pl.DataFrame) -> dict[datetime, float]:
    """Volatility over the last candles of a horizon, by the time of the last one."""
    moves = candles["close"].log().diff()
    return dict(zip(candles["close_time"], (moves**2).rolling_sum(HORIZON).sqrt(), strict=True))


def test_again_it_says_the_same(name: str, fitted: Fitted, candles: pl.DataFrame) -> None:
    assert fit(name, candles).forecasts.equals(fitted.forecasts)


def test_a_model_keeps_one_of_the_two_contracts(name: str) -> None:
    settings = MODELS[name]()
    assert isinstance(settings, Network) != isinstance(settings, Forecaster)


@pytest.fixture(scope="module")
def markets_with_gaps() -> pl.DataFrame:
    """Two markets; days are missing in the training and in the test part of each, other days and not as many."""
    gaps = {5: [30, 31, 60, 95, 110], 6: [0, 40, 84, 85, 86, 100]}
    markets = [simulate("walk", candles=ROWS, seed=seed).with_row_index() for seed in gaps]
    return pl.concat(
        market.filter(~pl.col("index").is_in(missing)).drop("index").with_columns(market=pl.lit(f"made:M{seed}/USD"))
        for (seed, missing), market in zip(gaps.items(), markets, strict=True)
    )


@pytest.fixture(scope="module")
def fitted_with_gaps(opponent: str, markets_with_gaps: pl.DataFrame) -> Fitted:
    return fit(opponent, markets_with_gaps)


def test_gaps_leave_no_forecast_out_and_make_none_up(fitted_with_gaps: Fitted, markets_with_gaps: pl.DataFrame) -> None:
    forecasts, naive = fitted_with_gaps.forecasts, fit("naive", markets_with_gaps).forecasts
    if forecasts["quantity"][0] == "volatility":
        naive = naive.filter(step=HORIZON)
    keys = ["market", "origin", "step", "target_time"]
    assert naive["market"].n_unique() == 2
    assert forecasts.select(keys).equals(naive.select(keys))
    assert (forecasts["value"] > 0).all()


def test_a_market_is_forecast_alone_as_among_others(
    opponent: str, fitted_with_gaps: Fitted, markets_with_gaps: pl.DataFrame
) -> None:
    among = fitted_with_gaps.forecasts.filter(market="made:M6/USD")
    alone = fit(opponent, markets_with_gaps.filter(market="made:M6/USD")).forecasts
    assert alone.equals(among)


def test_no_bit_depends_on_which_other_origins_are_asked(opponent: str, candles: pl.DataFrame) -> None:
    (task,) = make_tasks(make_spec(opponent), candles)
    origins = task.test.origin_rows
    ask = partial(MODELS[opponent]().forecast, task.samples, training=task.parts.train, seed=3)
    every = ask(origins=origins)
    for some in (origins[20:21], origins[::3], origins[:0]):
        assert ask(origins=some).tolist() == every[np.isin(origins, some)].tolist()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_named_in_one_line(
    name: str, candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    package = PACKAGES[name].partition(".")[0]
    with pytest.raises(MissingPackageError, match=rf"^{package} is not installed.*pip install 'coincast\[\w+\]'$"):
        fit(name, candles)
