"""The leakage audit as a user calls it: what it catches, what it passes, when it is void, which history is needed."""

from __future__ import annotations

import dataclasses
import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import UsageError
from coincast.experiments.audit import plants
from coincast.experiments.audit.audit import audit
from coincast.experiments.audit.report import Audit
from coincast.samples.features import FEATURES
from coincast.samples.samples import Samples

PROOF = runpy.run_path(str(Path(__file__).resolve().parents[3] / "proofs" / "audit_pipelines.py"))
SETTINGS = {"lookback": 3, "horizon": 2, "test": 0.4, "minutes": 0.02}


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return cc.simulate("walk", candles=50, seed=4)


def statuses(report: Audit) -> dict[tuple[str, str], str]:
    return {(row["kind"], row["item"]): row["status"] for row in report.table.iter_rows(named=True)}


@pytest.fixture(scope="module")
def clean(candles: pl.DataFrame) -> Audit:
    models = ["oracle", "ar", cc.LSTM(units=2)]
    return audit(candles, models=models, features=["log_return", "close"], **SETTINGS)


def test_what_is_shipped_passes(clean: Audit) -> None:
    assert set(statuses(clean).values()) == {"clean"}
    assert {kind for kind, _ in statuses(clean)} == {
        *("column", "inputs", "windows", "target", "scale", "training", "parameters", "forecast")
    }
    assert {("parameters", "lstm"), ("forecast", "lstm"), ("parameters", "ar"), ("forecast", "naive")} <= set(
        statuses(clean)
    )
    assert (clean.void, clean.passed, clean.leaks.height) == (False, True, 0)
    assert clean.sentence.startswith(f"No value in this experiment knows its future: {clean.table.height} items, ")
    assert clean.sentence.endswith("10 of 10 planted leaks caught.")
    assert clean.sentence in clean._repr_html_()
    assert len(clean.to_pandas()) == clean.table.height


@pytest.mark.long
@pytest.mark.parametrize("pool", [False, True])
def test_a_network_that_stops_early_or_is_pooled_passes(candles: pl.DataFrame, pool: bool) -> None:
    settings = {**SETTINGS, "test": "2015-02-05", "validation": "2015-01-25", "patience": 2, "learning_rate": 0.05}
    other = cc.simulate("echo", candles=40, seed=5)
    given = pl.concat([candles, other], how="diagonal") if pool else candles
    report = audit(given, models=[cc.LSTM(units=2)], features=["log_return"], pool=pool, **settings)
    assert (report.void, report.passed) == (False, True)
    assert set(statuses(report).values()) == {"clean"}


def test_coverage_is_told(clean: Audit) -> None:
    column = clean.table.row(by_predicate=pl.col("item") == "close", named=True)
    assert column["rows"] == 49
    assert 0 < column["rows_probed"] <= 49
    assert column["coverage"] == column["rows_probed"] / 49
    assert clean.table["rows_probed"].min() > 0


def test_the_history_of_columns_and_forecasts_is_measured(clean: Audit) -> None:
    warm_up = {(row["kind"], row["item"]): row["warm_up"] for row in clean.table.iter_rows(named=True)}
    assert warm_up["column", "close"] == 1
    assert warm_up["column", "log_return"] == 2
    # A window of three log returns needs four closes; five lags of AR need two more.
    assert warm_up["forecast", "naive"] == 4
    assert warm_up["forecast", "lstm"] == 4
    assert warm_up["forecast", "ar"] == 6
    curve = clean.warm_up.filter(pl.col("kind") == "column", pl.col("item") == "log_return")
    assert curve["history"].to_list()[:4] == [1, 2, 3, 4]
    assert curve["change"].to_list()[:3] == [math.inf, 0, 0]


def test_warm_up_of_functions_equals_theory() -> None:
    functions = {
        "mean of 7": lambda frame: frame["close"].rolling_mean(7),
        "lag 11": lambda frame: frame["close"].shift(11),
        "fading": lambda frame: frame["close"].ewm_mean(alpha=0.7, adjust=False),
        "sum so far": lambda frame: frame["close"].cum_sum(),
    }
    report = audit(cc.simulate("walk", candles=70, seed=4), features=functions, minutes=0.02)
    found = dict(report.table.select("item", "warm_up").iter_rows())
    assert (found["mean of 7"], found["lag 11"], found["sum so far"]) == (7, 12, None)
    # What lies n candles back weighs 0.3^n of 1; prices so near to one another differ by 0.1 % to 100 %.
    assert math.log(1e3, 1 / 0.3) < found["fading"] < math.log(1e6, 1 / 0.3) + 1


def test_a_leaking_feature_of_the_registry_is_named(candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    leaky = dataclasses.replace(FEATURES["day_diff"], compute=lambda frame: frame["close"].shift(-2))
    monkeypatch.setitem(FEATURES, "day_diff", leaky)
    report = audit(candles, models=["naive"], features=["day_diff", "close"], **SETTINGS)
    leaks = {(row["kind"], row["item"]): row for row in report.leaks.iter_rows(named=True)}
    assert set(leaks) == {
        *(("column", "day_diff"), ("inputs", "all columns"), ("windows", "past"), ("scale", "inputs"))
    }
    column = leaks["column", "day_diff"]
    assert (column["horizon"], column["first_row"], column["first_time"]) == (2, 0, candles["close_time"][0])
    assert (report.passed, report.void) == (False, False)
    assert "column day_diff of simulated:WALK1/USD sees 2 candles ahead, first at 2015-01-02" in report.sentence


def test_training_that_reaches_into_the_test_part_is_caught(
    candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Samples.windows_in

    def greedy(self: Samples, part: Any, *, reach_back: bool) -> Any:
        longer = dataclasses.replace(part, end=part.end + 1) if part.first == 0 else part
        return honest(self, longer, reach_back=reach_back)

    monkeypatch.setattr(Samples, "windows_in", greedy)
    report = audit(candles, models=["naive"], features=["log_return"], **SETTINGS)
    found = {key for key, status in statuses(report).items() if status == "leak"}
    assert found == {("training", "samples"), ("scale", "target")}


def test_a_missed_plant_makes_the_report_void(candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plants, "FUNCTIONS", {"no leak at all": lambda frame: frame["close"]})
    report = audit(candles, features={"mine": lambda frame: frame["close"].diff()}, minutes=0.02)
    assert (report.void, report.passed) == (True, False)
    assert "void" in report.sentence
    assert "missed: no leak at all" in report.sentence


def test_functions_alone_are_audited_alone(candles: pl.DataFrame) -> None:
    report = audit(candles, features={"range": lambda frame: frame["high"] - frame["low"]}, minutes=0.02)
    assert statuses(report) == {("column", "range"): "clean"}
    assert report.plants.height == 6


def test_filling_backwards_shows_though_nothing_is_missing(candles: pl.DataFrame) -> None:
    report = audit(candles, features={"filled": lambda frame: frame["volume"].backward_fill()}, minutes=0.02)
    assert statuses(report) == {("column", "filled"): "leak"}
    assert any("only where values are missing" in note for note in report.notes)


def test_what_cannot_be_repeated_cannot_be_audited(candles: pl.DataFrame) -> None:
    rng = np.random.default_rng()
    report = audit(candles, features={"dice": lambda frame: rng.normal(size=frame.height)}, minutes=0.02)
    assert statuses(report) == {("column", "dice"): "not repeatable"}
    assert (report.passed, report.void) == (False, False)
    assert "dice" in report.sentence


def test_an_outside_series_is_joined_as_of_when_it_was_known(candles: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "mood.csv"
    candles.select(date=pl.col("open_time").dt.date(), value="volume").write_csv(path)
    report = audit(candles, models=["naive"], outside=[f"mood={path}"], features=["mood_value"], **SETTINGS)
    assert statuses(report)["column", "mood_value"] == "clean"
    assert report.passed
    peek = audit(candles, outside=[f"mood={path}"], features={"as of": lambda frame: frame["mood_value"]}, minutes=0.02)
    assert statuses(peek) == {("column", "as of"): "clean"}


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda frame: frame["close"][1:], "one value per candle"),
        (lambda frame: frame["cloze"], "feature 'mine' failed on candles of simulated:WALK1/USD"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused(
    candles: pl.DataFrame, function: Callable[[pl.DataFrame], Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        audit(candles, features={"mine": function})


def test_wrong_use_is_refused(candles: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="minutes is 0"):
        audit(candles, minutes=0)
    with pytest.raises(UsageError, match="not both"):
        audit(candles, spec=cc.Spec(), lookback=3)


def test_random_pipelines() -> None:
    """Ten with a leak and thirty without; proofs/audit_pipelines.py runs fifty and two hundred."""
    assert PROOF["run_features"](10, 30, seed=0, rows=50, columns=1) == ([], [])
