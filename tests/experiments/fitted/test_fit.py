"""`cc.fit`: a network that learns from all candles."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import DataError, TooFewRowsError, UnknownNameError, UsageError
from coincast.experiments.fitted.fit import fit, make_spec
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.spec import Spec
from coincast.forecasts.combine import add_ensembles
from coincast.forecasts.table import check_forecasts

SMALL = {"lookback": 3, "epochs": 2, "batch_size": 16, "learning_rate": 0.01}


def assert_told(model: FittedModel, there: cc.Outlook) -> None:
    """The same runs, trained beside others there and alone here."""
    table = model.forecast().table
    wanted = there.result.outlook.filter(pl.col("model").str.starts_with(model.label))
    keys = ["market", "interval", "model", "run", "quantity", "trained_until", "origin", "step", "target_time"]
    assert table.select(keys).equals(wanted.select(keys))
    for name in ("value", "last_close", "first_close", "majority"):
        told, others = (one[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for one in (table, wanted))
        np.testing.assert_allclose(told, others, rtol=1e-6)
    beside = there.table.filter(model=f"{model.label}.ensemble")
    np.testing.assert_allclose(table.filter(run=0)["naive"], beside["naive"], rtol=1e-12)


def test_it_says_what_the_forecast_beyond_the_last_candle_says(several: FittedModel, echo: pl.DataFrame) -> None:
    network = cc.LSTM(units=2, dropout=0.25)
    assert_told(several, cc.forecast(echo, models=[network], seeds=3, horizon=2, **SMALL))


def test_the_same_of_a_volatility(volatile: FittedModel, echo: pl.DataFrame, mean: Any) -> None:
    settings = {"quantity": "volatility", "horizon": 3, "features": ["abs_log_return", "log_range"]}
    assert_told(volatile, cc.forecast(echo, models=[mean()], seeds=2, **SMALL, **settings))


def test_the_same_of_a_direction(echo: pl.DataFrame, mean: Any) -> None:
    settings = {"quantity": "direction", "horizon": 2, "features": ["volume_change", "close"]}
    model = fit(echo, mean(), seeds=2, **SMALL, **settings)
    assert_told(model, cc.forecast(echo, models=[mean()], seeds=2, **SMALL, **settings))


def test_the_same_of_steps_one_after_the_other(echo: pl.DataFrame) -> None:
    settings = {"multi_step": "recursive", "horizon": 3, "features": ["close"], "target": "window_change"}
    model = fit(echo, cc.LSTM(units=2), seeds=2, **SMALL, **settings)
    assert_told(model, cc.forecast(echo, models=[cc.LSTM(units=2)], seeds=2, **SMALL, **settings))


def test_the_table_is_a_forecast_table_with_its_ensemble(several: FittedModel) -> None:
    table = several.forecast().table
    assert check_forecasts(table).equals(table)
    assert add_ensembles(table.filter(pl.col("run") > 0)).equals(table)
    assert table["run"].to_list() == [1, 1, 2, 2, 3, 3, 0, 0]
    assert table["naive"].to_list() == table["last_close"].to_list()


def test_several_markets_have_their_own_runs(two: FittedModel, two_markets: pl.DataFrame) -> None:
    table = two.forecast().table
    last = two_markets.sort("open_time").group_by("market").agg(pl.col("close").last())
    told = table.select("market", "last_close").unique().sort("market")
    assert told.rows() == last.sort("market").rows()
    assert table.group_by("market").agg(pl.col("value").n_unique() == 3)["value"].all()
    assert add_ensembles(table.filter(pl.col("run") > 0)).equals(table)


def test_one_network_for_all_markets(two_markets: pl.DataFrame, mean: Any) -> None:
    pooled = fit(two_markets, mean(), seeds=2, pool=True, **SMALL)
    assert {one.market for one in pooled.markets} == set(two_markets["market"])
    weight = pooled.trained.trained.weight
    assert weight.shape[0] == 4
    assert weight[:2].tolist() == weight[2:].tolist()
    assert pooled.forecast().table["value"].n_unique() == 6


def test_nothing_is_held_back_but_what_validates(several: FittedModel, two: FittedModel, echo: pl.DataFrame) -> None:
    assert several.markets[0].candles == echo.height
    assert several.markets[0].trained_until == echo["close_time"][-1].timestamp() * 1000
    assert f"learnt from 160 candles of {echo['market'][0]} up to" in several.sentence
    assert "Nothing was held back to judge it: compare" in several.sentence
    assert several.trained.validation_losses is None
    assert two.markets[0].candles == 128
    assert two.trained.validation_losses is not None


def test_a_test_span_and_refits_play_no_part(several: FittedModel, echo: pl.DataFrame) -> None:
    again = fit(
        echo, cc.LSTM(units=2, dropout=0.25), seeds=3, horizon=2, test=0.5, refit="every", every=20, cost=0.01, **SMALL
    )
    assert again.forecast().table.equals(several.forecast().table)


def test_only_the_newest_rows_where_a_window_slides(echo: pl.DataFrame, mean: Any) -> None:
    market = fit(echo, mean(), seeds=1, window=60, features=["close"], **SMALL).markets[0]
    assert market.candles == 60
    assert market.input_scale.centre.tolist() == pytest.approx([echo["close"].tail(60).mean()])
    assert market.input_scale.spread.tolist() == pytest.approx([echo["close"].tail(60).std(ddof=0)])


def test_runs_and_history(several: FittedModel, two: FittedModel) -> None:
    runs = several.runs
    assert runs["seed"].to_list() == several.seeds == [0, 1, 2]
    assert runs["parameters"].unique().to_list() == [several.parameters] == [4 * 2 * (1 + 2 + 1) + 3 * 2]
    assert runs.select("epochs", "best_epoch", "status").unique().rows() == [(2, 2, "done")]
    history = two.history
    assert history.select("market", "run", "epoch").n_unique() == history.height == 2 * 2 * 2
    assert two.trained.validation_losses is not None
    assert history["validation_loss"].to_list() == two.trained.validation_losses.reshape(-1).tolist()
    assert several.history["validation_loss"].null_count() == 6


def test_it_shows_itself(several: FittedModel) -> None:
    forecast = several.forecast()
    assert several.sentence in repr(several)
    assert "Nothing was held back" in forecast._repr_html_()
    assert "lstm.ensemble" in forecast.to_pandas()["model"].to_list()
    rows = forecast.ensemble
    assert rows["value"].to_list() == pytest.approx(forecast.table.filter(run=0)["value"].to_list())
    assert ((rows["low"] <= rows["value"]) & (rows["value"] <= rows["high"])).all()


# ---------------------------------------------------------------- settings


def spec_of(model: Any = None, **given: Any) -> Spec:
    told = {"recipe": None, "seeds": None, "spec": None}
    told |= {key: given.pop(key) for key in list(given) if key in told}
    return make_spec(model, **told, settings=given)


def test_settings_have_the_defaults_of_a_forecast() -> None:
    spec = spec_of()
    assert [entry.label for entry in spec.models] == ["lstm", "naive"]
    assert (spec.samples.lookback, spec.training.epochs, spec.training.seeds) == (20, 20, 10)


def test_a_recipe_says_how_to_train() -> None:
    spec = spec_of(cc.LSTM(units=2), recipe=cc.Recipe(epochs=7, loss="mse"), seeds=3, seed=5)
    assert (spec.training.epochs, spec.training.loss, spec.training.batch_size) == (7, "mse", 32)
    assert (spec.training.seeds, spec.training.seed) == (3, 5)
    assert spec.models[0].settings == cc.LSTM(units=2)


def test_a_spec_says_everything(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('models = ["lstm", "drift"]\n[samples]\nlookback = 4\n[training]\nseeds = 2\n')
    assert spec_of(spec=path).samples.lookback == 4
    assert [entry.label for entry in spec_of(spec=Spec.from_toml(path)).models] == ["lstm", "naive"]
    assert spec_of(cc.LSTM(units=3), spec=path, seeds=4).training.seeds == 4
    assert spec_of("lstm", spec=path).models[0].name == "lstm"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "drift"}, "drift is no network: it fits itself whenever it is asked"),
        ({"model": "lstn"}, "unknown model 'lstn'; did you mean 'lstm'"),
        ({"model": 3}, "3 is not a model"),
        ({"models": ["lstm"]}, "models was given; give it as the second argument"),
        ({"lookbak": 3}, "unknown keyword 'lookbak'"),
        ({"recipe": cc.Recipe(), "epochs": 3}, "not both; given beside the recipe: epochs"),
        ({"spec": Spec.from_keywords(models=["drift"])}, r"the spec has 0 \(drift, naive\); name one with model="),
        ({"spec": Spec.from_keywords(), "lookback": 3}, "a spec or keywords, not both; given with the spec: lookback"),
        ({"grid": {"training.learning_rate": [0.1, 0.2]}}, "grid has training.learning_rate; choose one with compare"),
        ({"seeds": 0}, "training.seeds is 0; allowed: a whole number from 1"),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        spec_of(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"lookback": 200}, TooFewRowsError, "need 201 candles in a row"),
        ({"lookback": 80, "window": 80}, TooFewRowsError, "no window fits into the 80 rows .* for training"),
        ({"validation": 1, "horizon": 2}, TooFewRowsError, "no window fits into the 1 rows .* for validation"),
        ({"validation": 400}, TooFewRowsError, "split.validation is 400, gap 0, which leaves .* candles open from"),
        (
            {"validation": "2030-01-01"},
            TooFewRowsError,
            "validation is 2030-01-01.* allowed: a date between them",
        ),
        ({"features": ["volatilty"]}, UnknownNameError, "did you mean 'volatility'"),
        ({"targets": ["file:BTC/USD"]}, UnknownNameError, "unknown market in samples.targets"),
    ],
)
def test_candles_that_do_not_suffice(echo: pl.DataFrame, given: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fit(echo, cc.LSTM(units=2), seeds=1, **{**SMALL, **given})


# ---------------------------------------------------------------- asking


def test_newer_candles_are_forecast_from(several: FittedModel, echo: pl.DataFrame) -> None:
    """Candles that end earlier are newer ones to a model that would have been fitted then."""
    told = several.forecast(echo.head(150))
    assert told.sentence.endswith("it has seen what it forecasts here.")
    assert several.forecast().sentence == several.sentence
    earlier = told.table
    assert earlier["last_close"].unique().to_list() == [echo["close"][149]]
    assert earlier["origin"].unique().to_list() == [echo["close_time"][149]]
    assert several.forecast(echo).table.equals(several.forecast().table)


def test_files_and_frames_of_pandas_are_taken(several: FittedModel, echo: pl.DataFrame, tmp_path: Path) -> None:
    wanted = several.forecast(echo.tail(30)).table
    echo.tail(30).write_parquet(tmp_path / "newer.parquet")
    assert several.forecast(tmp_path / "newer.parquet").table.equals(wanted)
    assert several.forecast(echo.tail(30).to_pandas()).table.equals(wanted)


def test_other_horizons(several: FittedModel, two: FittedModel, echo: pl.DataFrame) -> None:
    whole = several.forecast().table
    assert several.forecast(horizon=2).table.equals(whole)
    assert several.forecast(horizon=1).table.equals(whole.filter(step=1))
    longer = several.forecast(horizon=5).table
    assert longer.filter(pl.col("step") <= 2).drop("majority").equals(whole.drop("majority"))
    assert longer["step"].max() == 5
    assert longer.filter(pl.col("step") > 2)["value"].is_finite().all()
    last = longer.filter(step=5)["target_time"][0]
    assert (last - echo["close_time"][-1]).days == 5
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(UsageError, match="allowed: a whole number of candles from 1"):
            several.forecast(horizon=wrong)
    with pytest.raises(UsageError, match="the model forecasts 1 at most"):
        two.forecast(horizon=2)


def test_later_steps_are_forecasts_from_the_earlier_ones(several: FittedModel, echo: pl.DataFrame) -> None:
    """By hand: the candles that a run forecast are handed over as if they had come."""
    path = several.forecast(horizon=4).table.filter(run=2)["value"].to_list()
    rows = [
        {**echo.row(-1, named=True), "close": close, "open_time": opened, "close_time": opened + timedelta(days=1)}
        for close, opened in zip(path[:2], several.forecast().table["target_time"] - timedelta(days=1), strict=False)
    ]
    came = pl.DataFrame(rows, schema=echo.schema).with_columns(open=None, high=None, low=None)
    after = several.forecast(pl.concat([echo, came.cast(dict(echo.schema))])).table
    assert after.filter(run=2)["value"].to_list() == pytest.approx(path[2:], rel=1e-6)


def test_months_follow_the_calendar(several: FittedModel) -> None:
    months = cc.simulate("echo", candles=40, interval="1M", seed=1)
    last = months["close_time"][-1]
    later = [last.month + step - 1 for step in (1, 2)]
    wanted = [datetime(last.year + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in later]
    table = dataclasses.replace(several, interval="1M").forecast(months).table
    assert table.filter(run=0)["target_time"].to_list() == wanted


def test_a_failed_run_says_nothing(several: FittedModel) -> None:
    losses = several.trained.losses.copy()
    losses[1, -1] = np.nan
    broken = dataclasses.replace(several, trained=dataclasses.replace(several.trained, losses=losses))
    table = broken.forecast().table
    assert table.filter(run=2)["value"].null_count() == 2
    sound = several.forecast().table.filter(pl.col("run").is_in([1, 3])).group_by("step").agg(pl.col("value").mean())
    assert table.filter(run=0)["value"].to_list() == pytest.approx(sound.sort("step")["value"].to_list())
    assert broken.runs["status"].to_list() == ["done", "failed", "done"]


def test_other_candles_are_refused(several: FittedModel, echo: pl.DataFrame, two_markets: pl.DataFrame) -> None:
    hourly = cc.simulate("echo", candles=40, interval="1h", seed=1)
    for newer, words in (
        (
            cc.simulate("walk", candles=40, seed=1),
            "needs candles of simulated:ECHO1/USD, and those that were given are",
        ),
        (hourly, "needs candles in 1d, and those that were given are 1h"),
        (echo.tail(2), "has 2 candles, and the model looks at the newest 3"),
        (pl.concat([echo.head(150), echo.tail(2)]), "has a gap before the candle that opens"),
        (echo.tail(3), "input 'log_return' of simulated:ECHO1/USD is unknown in the candle that opens"),
    ):
        with pytest.raises(DataError, match=words) as caught:
            several.forecast(newer)
        assert "\n" not in str(caught.value)
