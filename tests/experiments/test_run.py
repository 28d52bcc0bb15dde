"""The main path: what an experiment leaves, and that the future never leaks into it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.candles.table import CANDLE_COLUMNS
from coincast.errors import CoincastError, TooFewRowsError
from coincast.experiments import trained as fits
from coincast.experiments.result import Result
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.forecasts.table import SORTING
from coincast.samples.features import FEATURES
from coincast.scores.verdict import SCORE_COLUMNS

OPPONENTS = ["oracle", "ar", "average", "random_walk", "drift"]
Make = Callable[..., Spec]
Spoil = Callable[[pl.DataFrame, Any], pl.DataFrame]


def test_tables_hold_every_model_and_run(result: Result) -> None:
    runs = result.runs.select("model", "run", "seed", "parameters", "epochs", "status")
    # LSTM: 4 x 2 gates x (1 input + 2 states + 1 bias) and a linear layer of 2 + 1.
    lstm = [("lstm", run, run - 1, 35, 2, "done") for run in (1, 2)]
    assert runs.rows() == [*lstm, *((name, 0, 0, 0, 0, "done") for name in [*OPPONENTS, "naive"])]
    counts = dict(result.forecasts.group_by("model", "run").len().select(pl.concat_str("model", "run"), "len").rows())
    assert counts == {
        "lstm1": 48,
        "lstm2": 48,
        "lstm.ensemble0": 48,
        **{f"{name}0": 48 for name in [*OPPONENTS, "naive"]},
    }
    assert list(result.scores.columns) == list(SCORE_COLUMNS)
    assert set(result.scores["model"]) == {"lstm", "lstm.ensemble", "naive", *OPPONENTS}
    assert result.forecasts.equals(result.forecasts.sort(SORTING))


def test_history_has_a_loss_for_every_epoch(result: Result) -> None:
    assert result.history.select("model", "run", "epoch").rows() == [("lstm", run, e) for run in (1, 2) for e in (1, 2)]
    assert result.history["loss"].is_finite().all()
    assert result.history["validation_loss"].null_count() == 4


def test_parts_and_inputs_are_what_the_candles_say(result: Result, echo: pl.DataFrame) -> None:
    assert result.parts.select("part", "rows", "windows").rows() == [("train", 112, 108), ("test", 48, 48)]
    assert result.parts["first"].to_list() == [echo["open_time"][0], echo["open_time"][112]]
    assert result.parts["last"].to_list() == [echo["close_time"][111], echo["close_time"][159]]
    returns = np.diff(np.log(echo["close"].to_numpy()))[:111]
    [row] = result.inputs.to_dicts()
    assert row["input"] == "log_return"
    assert row["train_sum"] == pytest.approx(returns.sum())
    assert row["train_deviation"] == pytest.approx(returns.std())


def test_naive_is_the_last_close_and_the_truth_is_joined(result: Result, echo: pl.DataFrame) -> None:
    naive = result.forecasts.filter(model="naive")
    close = echo["close"].to_list()
    assert naive["value"].to_list() == close[111:159] == naive["last_close"].to_list()
    assert naive["actual"].to_list() == close[112:]
    assert naive["origin"].to_list() == echo["close_time"].to_list()[111:159]
    assert naive["target_time"].to_list() == echo["close_time"].to_list()[112:]
    assert naive["first_close"].to_list() == close[109:157]  # the first of the three candles that a window holds


def test_the_ensemble_is_the_mean_of_its_runs(result: Result) -> None:
    of = {
        name: result.forecasts.filter(model=name).sort("run", "origin")["value"].to_numpy()
        for name in ("lstm", "lstm.ensemble")
    }
    np.testing.assert_allclose(of["lstm.ensemble"], of["lstm"].reshape(2, -1).mean(axis=0), rtol=1e-12)


def test_no_forecast_claims_to_have_learnt_after_its_origin(
    result: Result, two_results: Result, echo: pl.DataFrame
) -> None:
    for table in (result.forecasts, two_results.forecasts, two_results.outlook):
        assert (table["trained_until"] <= table["origin"]).all()
    learnt = result.forecasts.filter(pl.col("model").is_in(["lstm", "lstm.ensemble", "ar", "drift", "random_walk"]))
    assert learnt["trained_until"].unique().to_list() == [echo["close_time"][111]]
    unlearnt = result.forecasts.filter(pl.col("model").is_in(["naive", "average", "oracle"]))
    assert unlearnt["trained_until"].equals(unlearnt["origin"])


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The trained runs of every program that is run meanwhile."""
    kept: list[Any] = []
    train = fits.train

    def keeping(*args: Any, **kwargs: Any) -> Any:
        kept.append(train(*args, **kwargs))
        return kept[-1]

    monkeypatch.setattr(fits, "train", keeping)
    return kept


def test_the_future_never_leaks(two_markets: pl.DataFrame, small: Make, spoil: Spoil, trained: list[Any]) -> None:
    """With every feature of both markets as inputs, every model, two steps and a validation part."""
    spec = small(
        models=[cc.LSTM(units=2), *OPPONENTS],
        features=list(FEATURES),
        inputs="all",
        horizon=2,
        validation=20,
        epochs=1,
        targets=["simulated:ECHO1/USD"],
    )
    honest = run_experiment(spec, two_markets)
    times = honest.candles.filter(market="simulated:ECHO1/USD")["open_time"]
    assert honest.history["validation_loss"].is_finite().all()
    assert honest.forecasts.filter(model="lstm")["trained_until"].unique().to_list() == [times[160 - 48 - 20]]
    after_training = run_experiment(spec, spoil(two_markets, times[160 - 48 - 20]))
    assert not after_training.candles["close"].equals(honest.candles["close"])
    assert after_training.history["loss"].equals(honest.history["loss"])
    parameters = [jax.tree.leaves(one.trained) for one in trained]
    assert len(parameters[0]) > 0
    for before, after in zip(*parameters, strict=True):
        np.testing.assert_array_equal(before, after)

    origin = times[140]  # in the middle of the test span; the candle that opens here is the first to be spoilt
    after_origin = run_experiment(spec, spoil(two_markets, origin))
    known = pl.col("origin") <= origin
    kept, changed = (one.forecasts.filter(known).drop("actual") for one in (honest, after_origin))
    # Two steps, nine models and runs, and the origins at the close of rows 111 to 139.
    assert kept.height == 2 * 9 * 29
    assert kept.equals(changed)
    later = [one.forecasts.filter(~known)["value"] for one in (honest, after_origin)]
    assert not later[0].equals(later[1])


def test_live_forecasts_do_not_depend_on_anything_but_the_candles(
    two_results: Result, two_markets: pl.DataFrame
) -> None:
    outlook = two_results.outlook
    last = two_markets["close_time"].max()
    assert outlook["origin"].unique().to_list() == [last] == outlook["trained_until"].unique().to_list()
    assert outlook["actual"].null_count() == outlook.height
    steps = outlook.filter(model="naive", market="simulated:WALK1/USD")
    assert steps["target_time"].to_list() == [last + timedelta(days=1), last + timedelta(days=2)]
    # The runs of the table are those that are judged; live ones are the same settings on more candles.
    assert two_results.runs.filter(model="lstm").height == 4


def test_one_seed_alone_is_its_own_ensemble(echo: pl.DataFrame, small: Make) -> None:
    result = run_experiment(small(seeds=1), echo)
    assert set(result.forecasts["model"]) == {"lstm", "drift", "naive"}
    assert result.headline["model"] == "lstm"
    assert result.headline["level"] == "ensemble"


def test_a_run_is_the_same_in_a_larger_set(echo: pl.DataFrame, small: Make, result: Result) -> None:
    alone = run_experiment(small(models=[cc.LSTM(units=2)], seeds=1, seed=1), echo)
    values = [
        alone.forecasts.filter(model="lstm")["value"].to_numpy(),
        result.forecasts.filter(model="lstm", run=2)["value"].to_numpy(),
    ]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-5)


def test_baselines_alone_need_no_network(echo: pl.DataFrame, small: Make) -> None:
    result = run_experiment(small(models=["drift", "ar"]), echo)
    assert result.history.is_empty()
    assert result.runs["parameters"].sum() == 0
    assert result.headline["model"] == "drift"


def test_naive_alone_has_no_verdict(echo: pl.DataFrame, small: Make) -> None:
    result = run_experiment(small(models=["naive"]), echo)
    assert result.verdict is None
    assert "Only the naive forecast" in result.sentence


def test_a_grid_makes_one_model_per_combination(echo: pl.DataFrame, small: Make) -> None:
    grid = {"lstm.dropout": [0, 0.5], "training.learning_rate": [0.01, 0.1]}
    result = run_experiment(small(models=["drift", cc.LSTM(units=2)], grid=grid, epochs=1), echo)
    names = [f"lstm(dropout={dropout},learning_rate={rate})" for dropout in ("0", "0.5") for rate in ("0.01", "0.1")]
    networks = result.runs.filter(pl.col("parameters") > 0)
    assert networks["model"].unique(maintain_order=True).to_list() == names
    assert result.runs.columns == [
        *("market", "interval", "model", "run", "fit", "seed", "dropout", "learning_rate"),
        *("parameters", "epochs", "best_epoch", "seconds", "status"),
    ]
    varied = networks.filter(run=1).select("dropout", "learning_rate").rows()
    assert varied == [(0.0, 0.01), (0.0, 0.1), (0.5, 0.01), (0.5, 0.1)]
    assert {f"{name}.ensemble" for name in names} <= set(result.leaderboard["model"])
    assert result.headline["model"] == "drift"
    # A setting of the grid is the setting itself: the first is the LSTM without a grid.
    plain = run_experiment(small(epochs=1), echo).forecasts.filter(model="lstm")["value"].to_numpy()
    np.testing.assert_allclose(result.forecasts.filter(model=names[0])["value"].to_numpy(), plain, rtol=1e-5)


def test_a_gap_in_the_candles_is_told(echo: pl.DataFrame, small: Make) -> None:
    holed = echo.filter(~pl.int_range(pl.len()).is_in([50, 51, 130]))
    result = run_experiment(small(models=["drift"]), holed)
    assert result.notes == ("simulated:ECHO1/USD has 2 gaps, 3 candles missing; no window reaches across a gap.",)
    assert result.parts["windows"].to_list()[1] < result.parts["rows"].to_list()[1]


def test_hours_and_months_are_forecast_on_their_own_clock(small: Make) -> None:
    for interval, step in (("1h", timedelta(hours=1)), ("1M", timedelta(days=31))):
        candles = cc.simulate("echo", candles=120, interval=interval, seed=1)
        forecasts = run_experiment(small(models=["drift"]), candles).forecasts
        spans = (forecasts["target_time"] - forecasts["origin"]).max()
        assert spans == step
        assert forecasts["interval"].unique().to_list() == [interval]


def test_few_origins_of_many_steps_are_too_few(echo: pl.DataFrame, small: Make) -> None:
    result = run_experiment(small(models=["ar"], horizon=5), echo)
    assert result.verdict == "too few"  # 44 origins, and five overlapping steps need 100
    assert result.headline["n"] == 44
    steps = result.scores.filter(model="ar", metric="abs_log_error", subset="all", view="every_origin")["step"]
    assert sorted(steps.to_list()) == [0, 1, 2, 3, 4, 5]


def test_a_run_beside_a_longer_market_is_the_run_alone(small: Make) -> None:
    """To the bit, also where the batch is larger than all that the shorter market has."""
    short, long = cc.simulate("echo", candles=333, seed=1), cc.simulate("walk", candles=700, seed=2)
    spec = small(models=[cc.LSTM(units=8)], batch_size=512, epochs=4)
    alone = run_experiment(spec, short)
    together = run_experiment(spec, pl.concat([short, long], how="diagonal"))
    for table in ("forecasts", "history"):
        rows = getattr(together, table).filter(market="simulated:ECHO1/USD", model="lstm")
        assert rows.equals(getattr(alone, table).filter(model="lstm")), table


def test_joined_inputs_tell_what_they_leave_out(two_markets: pl.DataFrame, small: Make) -> None:
    walk, echo = "simulated:WALK1/USD", "simulated:ECHO1/USD"
    missing = (pl.col("market") == walk) & pl.int_range(pl.len()).over("market").is_in([50, 51])
    result = run_experiment(small(models=["drift"], inputs="all"), two_markets.filter(~missing))
    assert result.notes == (
        f"2 candles of {echo} left out, since {walk} have none of that time, and all markets are inputs.",
        f"{echo} has 1 gap, 2 candles missing; no window reaches across a gap.",
        f"{walk} has 1 gap, 2 candles missing; no window reaches across a gap.",
    )


def test_an_outlook_from_an_old_candle_is_refused(small: Make) -> None:
    old, new = cc.simulate("walk", candles=160, seed=2), cc.simulate("echo", candles=200, seed=3)
    both = pl.concat([old, new], how="diagonal")
    spec = small(models=["drift"], inputs="all")
    says = (
        r'ECHO1/USD has a candle that closes at 2015-07-20 .*, and simulated:WALK1/USD none, .*samples.inputs = "own"'
    )
    with pytest.raises(TooFewRowsError, match=says):
        run_experiment(spec, both, beyond=True)
    assert run_experiment(spec, both).notes[0].startswith("40 candles of simulated:ECHO1/USD left out")
    alone = run_experiment(small(models=["drift"], inputs="all", targets=["simulated:WALK1/USD"]), both, beyond=True)
    assert alone.outlook["origin"].unique().to_list() == [old["close_time"].max()]


@pytest.mark.parametrize(
    "changes",
    [
        {"models": ["lstm", "oracle"]},
        {"models": ["lstm", {"name": "lstm", "label": "wide", "units": 200_000}]},
        {"models": ["lstm", "drift"], "grid": {"lstm.units": [2, 200_000]}},
        {"models": ["lstm", "drift"], "grid": {"samples.lookback": [2, 2_000]}},
        {"models": ["lstm", "drift"], "intervals": "network"},
        {"models": ["lstm", "drift"], "loss_on": "every"},
        {"models": ["lstm", "drift"], "grid": {"drift.units": [2, 3]}},
    ],
)
def test_what_cannot_be_done_is_said_before_a_network_is_trained(
    changes: dict[str, Any], echo: pl.DataFrame, small: Make
) -> None:
    told: list[str] = []
    real = echo.select(CANDLE_COLUMNS).with_columns(market=pl.lit("file:BTC/USD"))
    with pytest.raises(CoincastError):
        run_experiment(small(**changes), real, on_progress=lambda label, _: told.append(label))
    assert told == []


def test_tables_keep_the_order_of_the_spec(echo: pl.DataFrame, small: Make) -> None:
    models = ["drift", cc.LSTM(units=2), "naive", "ar"]
    runs = run_experiment(small(models=models, seeds=1), echo).runs
    assert runs["model"].to_list() == ["drift", "lstm", "naive", "ar"]


def test_progress_names_the_model(echo: pl.DataFrame, small: Make) -> None:
    told: list[tuple[str, Any]] = []
    run_experiment(small(), echo, on_progress=lambda label, progress: told.append((label, progress)))
    assert {label for label, _ in told} == {"lstm"}
    last = told[-1][1]
    assert (last.runs, last.epoch, last.epochs) == (2, 2, 2)
    assert last.loss > 0
    assert last.steps_per_second > 0


def test_seconds_are_told_by_stage(result: Result) -> None:
    assert set(result.seconds) == {"samples", "train", "opponents", "forecast", "score"}
    assert all(seconds >= 0 for seconds in result.seconds.values())


SAME_SEED = """
import sys, coincast as cc
from coincast.experiments.folder import write_table
result = cc.compare(cc.simulate("echo", candles=160, seed=1), models=[cc.LSTM(units=2, dropout=0.5), "random_walk"],
                    lookback=3, epochs=2, seeds=3, batch_size=16, test=0.3)
write_table(result.forecasts, sys.argv[1], kind="forecasts")
"""


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """In two fresh processes, the second of which has no place for its cache of compiled programs."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    without = {**os.environ, "COINCAST_HOME": str(tmp_path / "file" / "home")}
    del without["JAX_COMPILATION_CACHE_DIR"]
    files = [tmp_path / "first.parquet", tmp_path / "second.parquet"]
    processes = [
        subprocess.Popen([sys.executable, "-c", SAME_SEED, str(file)], env=environment, stderr=subprocess.DEVNULL)
        for file, environment in zip(files, (dict(os.environ), without), strict=True)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_another_seed_gives_other_forecasts(echo: pl.DataFrame, small: Make, result: Result) -> None:
    other = run_experiment(small(models=[cc.LSTM(units=2)], seed=5), echo)
    values = [one.forecasts.filter(model="lstm", run=1)["value"] for one in (result, other)]
    assert not values[0].equals(values[1])
    assert other.runs.filter(model="lstm")["seed"].to_list() == [5, 6]


def test_candles_that_do_not_suffice_are_refused(echo: pl.DataFrame, small: Make) -> None:
    with pytest.raises(TooFewRowsError):
        run_experiment(small(), echo[:4])
