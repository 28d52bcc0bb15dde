"""Models that are asked at every close."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.candles.store.series import write_series
from coincast.errors import DataError, TooFewRowsError, UnknownNameError, UnreadableFileError, UsageError
from coincast.experiments.bands import OWN_LEVELS
from coincast.experiments.fitted.loading import load
from coincast.experiments.places import safe_name
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.experiments.story import outlook_table, say
from coincast.forecasts.intervals import FEWEST_ERRORS
from coincast.forecasts.table import check_forecasts, check_intervals
from coincast.live.models import LiveModel, load_live, train_live
from coincast.live.models.folder import save_live
from coincast.scores.verdict import deciding_rows

SMALL = {"lookback": 3, "epochs": 2, "seeds": 2, "batch_size": 16, "learning_rate": 0.01, "test": 0.3}
ECHO, WALK = "simulated:ECHO1/USD", "simulated:WALK1/USD"


def only(model: LiveModel) -> Path:
    """The folder of its one fitted model."""
    (folder,) = model.folder.glob("made-*/*")
    return folder


# ---------------------------------------------------------------- what it says


def test_it_says_what_a_forecast_of_the_same_settings_says(live: LiveModel, spec: Spec, candles: pl.DataFrame) -> None:
    """Forecasts, intervals and verdict, as `coincast forecast` makes them in one program."""
    from coincast.experiments.forecast import with_intervals

    result = run_experiment(with_intervals(spec), candles, beyond=True)
    wanted = outlook_table(result).filter(model="linear.ensemble").sort("market", "step")
    answer = live.forecast(candles)
    keys = ["market", "interval", "model", "quantity", "origin", "step", "target_time"]
    assert answer.outlook.select(keys).equals(wanted.select(keys))
    numbers = [name for name in wanted.columns if name not in keys]
    for name in numbers:
        np.testing.assert_allclose(answer.outlook[name].to_numpy(), wanted[name].to_numpy(), rtol=1e-5, err_msg=name)
    rows = deciding_rows(result.scores).filter(model="linear.ensemble").sort("market")
    told = sorted(answer.verdicts, key=lambda one: one.market)
    assert [one.verdict for one in told] == rows["verdict"].to_list()
    assert [one.sentence for one in told] == [say(result.scores, row) for row in rows.iter_rows(named=True)]
    assert set(told[0].coverage) == {"50", "80", "90"}


def test_without_jax_it_says_what_it_says_with(live: LiveModel, candles: pl.DataFrame) -> None:
    table = load(only(live)).forecast(candles).table
    answer = live.forecast(candles)
    wanted = table.filter(run=0).sort("market", "step")
    np.testing.assert_allclose(answer.forecasts.sort("market", "step")["value"], wanted["value"], rtol=1e-6)
    assert answer.runs.height == 2 * answer.forecasts.height


def test_the_tables_are_those_of_the_library(live: LiveModel, candles: pl.DataFrame) -> None:
    answer = live.forecast(candles)
    assert check_forecasts(answer.forecasts).equals(answer.forecasts)
    assert check_intervals(answer.intervals).equals(answer.intervals)
    assert check_intervals(answer.naive_intervals).equals(answer.naive_intervals)
    assert set(answer.naive_intervals["model"]) == {"naive"}
    assert answer.intervals.select("market", "step").equals(answer.forecasts.select("market", "step"))
    assert answer.forecasts["origin"].unique().to_list() == [candles["close_time"].max()]
    last = candles.group_by("market").agg(pl.col("close").last()).sort("market")["close"].to_list()
    assert answer.forecasts.filter(step=1)["last_close"].to_list() == last
    assert answer.trained_until == live.trained_until == candles["close_time"].max().timestamp() * 1000
    document = answer.describe()
    assert (document["verdict"], document["sentences"]) == (answer.verdict, list(answer.sentences))


def test_a_single_run_counts_by_itself(candles: pl.DataFrame, tmp_path: Path) -> None:
    spec = Spec.from_keywords(models=[cc.Linear()], horizon=1, **SMALL | {"seeds": 1})
    answer = train_live(spec, candles.filter(market=ECHO), tmp_path).forecast(candles)
    assert answer.outlook.select("model", "low").row(0) == ("linear", None)
    assert answer.outlook["q05"].null_count() == 0
    assert answer.forecasts["run"].to_list() == [1]


def test_what_is_no_price_has_no_intervals(candles: pl.DataFrame, tmp_path: Path) -> None:
    spec = Spec.from_keywords(models=[cc.Linear()], quantity="volatility", features=["log_range"], horizon=3, **SMALL)
    answer = train_live(spec, candles, tmp_path).forecast(candles)
    assert answer.forecasts["quantity"].unique().to_list() == ["volatility"]
    assert answer.intervals.is_empty()
    assert answer.naive_intervals.is_empty()
    assert answer.outlook["naive"].null_count() == 0


# ---------------------------------------------------------------- markets


def test_one_market_of_several(live: LiveModel, candles: pl.DataFrame) -> None:
    both, alone = live.forecast(candles), live.forecast(candles, WALK)
    assert alone.outlook.equals(both.outlook.filter(market=WALK))
    assert live.forecast(candles.filter(market=WALK)).outlook.equals(alone.outlook)
    assert [one.market for one in alone.verdicts] == [WALK]
    with pytest.raises(UnknownNameError, match="unknown market of this model"):
        live.forecast(candles, "simulated:ETH/USD")


def test_a_market_that_cannot_be_forecast_stops_no_other(live: LiveModel, candles: pl.DataFrame) -> None:
    newest = candles["open_time"].max()
    gap = candles.filter((pl.col("market") != ECHO) | (pl.col("open_time") != newest - timedelta(days=1)))
    answer = live.forecast(gap)
    assert answer.outlook["market"].unique().to_list() == [WALK]
    assert "has a gap before the candle" in answer.missing[ECHO]
    with pytest.raises(DataError, match="has a gap before the candle"):
        live.forecast(gap, ECHO)
    with pytest.raises(TooFewRowsError, match="looks at the newest 3"):
        live.forecast(candles.group_by("market", maintain_order=True).tail(2))
    with pytest.raises(DataError, match="needs candles of 1d"):
        live.forecast(candles.with_columns(interval=pl.lit("1h")))


def test_other_coins_are_inputs_and_must_be_there(candles: pl.DataFrame, tmp_path: Path) -> None:
    spec = Spec.from_keywords(models=[cc.Linear()], inputs="all", targets=[ECHO], horizon=1, **SMALL)
    live = train_live(spec, candles, tmp_path)
    assert (live.markets, live.needed_markets, live.needed_for([])) == ((ECHO,), (ECHO, WALK), live.models[0].inputs)
    value = live.forecast(candles).outlook["value"][0]
    newest = pl.col("open_time") == candles["open_time"].max()
    other = candles.with_columns(
        pl.when(newest & (pl.col("market") == WALK)).then(pl.col("close") * 1.05).otherwise("close")
    )
    moved = other.with_columns(high=pl.max_horizontal("high", "close"))
    assert live.forecast(moved).outlook["value"][0] != value
    with pytest.raises(DataError, match=f"needs candles of {WALK}, and there are none"):
        live.forecast(candles.filter(market=ECHO))
    late = candles.filter((pl.col("market") == ECHO) | ~newest)
    with pytest.raises(DataError, match="has no candle that closes at"):
        live.forecast(late)


# ---------------------------------------------------------------- nothing from the future


def test_an_outside_series_is_seen_as_of_when_it_was_known(
    candles: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that becomes known when the last candle closes, or after, changes no bit of the answer."""
    own = candles.filter(market=ECHO)
    closed = own["close_time"].max()
    dates = own["open_time"].to_list()
    mood = pl.DataFrame({"date": dates, "value": np.sin(np.arange(len(dates)))})
    mood = mood.with_columns(known_at=pl.col("date") + timedelta(days=1)).select("date", "known_at", "value")

    def store(name: str, table: pl.DataFrame) -> None:
        monkeypatch.setenv("COINCAST_HOME", str(tmp_path / name))
        write_series("mood", table, source="a test", on_conflict="replace")

    store("before", mood)
    features = ["log_return", "mood_value"]
    spec = Spec.from_keywords(models=[cc.Linear()], outside=["mood"], features=features, horizon=1, **SMALL)
    joined = cc.join_outside(own, mood, prefix="mood").candles
    live = train_live(spec, joined, tmp_path / "model")
    value = live.forecast(own).outlook["value"][0]
    assert live.forecast(joined).outlook["value"][0] == value
    # The last value is dated with the last candle, and known when that has closed: not before.
    store(
        "later", mood.with_columns(pl.when(pl.col("known_at") >= closed).then(99.0).otherwise("value").alias("value"))
    )
    assert live.forecast(own).outlook["value"][0] == value
    earlier = pl.col("known_at") >= closed - timedelta(days=1)
    store("earlier", mood.with_columns(pl.when(earlier).then(99.0).otherwise("value").alias("value")))
    assert live.forecast(own).outlook["value"][0] != value


def test_candles_after_an_origin_change_nothing_of_it(live: LiveModel, candles: pl.DataFrame) -> None:
    until = candles["open_time"].unique().sort()[100]
    cut = candles.filter(pl.col("open_time") <= until)
    answer = live.forecast(cut)
    assert answer.outlook["origin"].unique().to_list() == [until + timedelta(days=1)]
    assert answer.notes == ("it is asked about candles from before the end of its training: it has seen what it "
                            "forecasts here",)  # fmt: skip
    shuffled = live.forecast(cut.sample(fraction=1.0, shuffle=True, seed=1))
    assert shuffled.outlook.equals(answer.outlook)


# ---------------------------------------------------------------- folders and fingerprints


def test_it_comes_back_from_its_folder(live: LiveModel, candles: pl.DataFrame) -> None:
    again = load_live(live.folder)
    assert again.forecast(candles).outlook.equals(live.forecast(candles).outlook)
    assert again.fingerprints == live.fingerprints
    assert again.sentence == live.sentence
    assert "judged on these" in again.sentence


def test_a_plain_fitted_model_is_asked_too(candles: pl.DataFrame, tmp_path: Path) -> None:
    fitted = cc.fit(candles, cc.Linear(), seeds=2, epochs=1, lookback=3, horizon=2)
    answer = load_live(fitted.save(tmp_path)).forecast(candles)
    np.testing.assert_allclose(
        answer.runs.sort("market", "run", "step")["value"],
        fitted.forecast().table.filter(pl.col("run") > 0).sort("market", "run", "step")["value"],
        rtol=1e-6,
    )
    assert (answer.verdict, answer.intervals.height) == (None, 0)
    assert answer.sentence.startswith("Nothing is known of the worth of this model")
    assert answer.outlook["naive_q05"].null_count() == 0


def test_a_newer_training_takes_the_place_of_an_older_one(
    spec: Spec, candles: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train_live(spec, candles.head(150), tmp_path)
    second = train_live(spec, candles.head(155), tmp_path)
    third = train_live(spec, candles, tmp_path)
    assert len({one.fingerprint for one in (first, second, third)}) == 3
    assert load_live(tmp_path).fingerprint == third.fingerprint
    assert len(list(tmp_path.glob("made-*"))) == 2  # the one before stays, for readers on their way

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("coincast.live.models.folder.write_json", stop)
    fitted = load(max(tmp_path.glob("made-*/linear")))
    with pytest.raises(KeyboardInterrupt):
        save_live([fitted], tmp_path, data="")
    assert load_live(tmp_path).fingerprint == third.fingerprint


def test_the_fingerprints_tell_data_model_and_code_apart(
    live: LiveModel, candles: pl.DataFrame, tmp_path: Path
) -> None:
    now = live.forecast(candles).fingerprints
    assert live.forecast(candles).fingerprints == now
    assert set(now) == {"data", "model", "code"}
    earlier = live.forecast(candles.head(159)).fingerprints
    assert (earlier["data"] != now["data"], earlier["model"], earlier["code"]) == (True, now["model"], now["code"])
    made = only(live)
    manifest = json.loads((made / "model.json").read_text(encoding="utf-8"))
    assert manifest["evidence"]["made"]["code"] == now["code"]
    assert manifest["evidence"]["made"]["data"] == live.fingerprints["data"]
    assert {one["errors"] >= FEWEST_ERRORS for one in manifest["evidence"]["moves"].values()} <= {True, False}
    shutil.copytree(live.folder, tmp_path / "copy")
    assert load_live(tmp_path / "copy").fingerprints == live.fingerprints


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, r"written by a newer Coincast \(format 2, here 1\); update Coincast"),
        ({"format": "else"}, "describes no live model"),
        ({"made": "../elsewhere"}, "was changed since it was written"),
        ({"models": ["/etc"]}, "was changed since it was written"),
        ({"made": "made-gone"}, "holds no model.json"),
    ],
)
def test_a_folder_that_says_something_else_is_refused(
    live: LiveModel, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    shutil.copytree(live.folder, tmp_path / "copy")
    path = tmp_path / "copy" / "live.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UnreadableFileError, match=words) as caught:
        load_live(tmp_path / "copy")
    assert "\n" not in str(caught.value)


def test_a_label_may_have_the_letters_of_any_script(live: LiveModel, tmp_path: Path) -> None:
    shutil.copytree(live.folder, tmp_path / "copy")
    path, (made,) = tmp_path / "copy" / "live.json", (tmp_path / "copy").glob("made-*/*")
    made.rename(made.with_name(safe_name("Ξ-Wörter")))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"models": [safe_name("Ξ-Wörter")]}))
    assert load_live(tmp_path / "copy").fingerprint == live.fingerprint


def test_what_cannot_be_kept_is_refused(candles: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only networks are kept, and the spec has drift, naive"):
        train_live(Spec.from_keywords(models=["drift"]), candles, tmp_path)
    grid = Spec.from_keywords(models=["lstm"], grid={"training.learning_rate": [0.1, 0.2]})
    with pytest.raises(UsageError, match=r"one setting is kept, and grid has training\.learning_rate"):
        train_live(grid, candles, tmp_path)
    assert not list(tmp_path.iterdir())


def test_levels_are_those_of_every_interval(live: LiveModel) -> None:
    assert [f"q{round(100 * level):02d}" for level in live.models[0].evidence.moves[ECHO].levels] == OWN_LEVELS  # type: ignore[union-attr]
