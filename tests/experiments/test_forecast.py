"""`cc.forecast`: what comes after the last candle."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest
from matplotlib.figure import Figure

import coincast as cc
from coincast.errors import TooFewRowsError, UsageError
from coincast.experiments.forecast import with_intervals, with_newest
from coincast.experiments.spec import Spec


@pytest.fixture(scope="module")
def outlook(echo: pl.DataFrame) -> cc.Outlook:
    return cc.forecast(
        echo, horizon=2, models=[cc.Linear(), "drift"], lookback=3, epochs=2, seeds=3, batch_size=16, test=0.3
    )


def test_the_next_candles_have_dates_and_naive_beside(outlook: cc.Outlook, echo: pl.DataFrame) -> None:
    last = echo.row(-1, named=True)
    table = outlook.table
    assert table["model"].unique(maintain_order=True).to_list() == ["drift", "linear.ensemble"]
    for rows in table.partition_by("model"):
        assert rows["origin"].to_list() == [last["close_time"]] * 2
        assert rows["step"].to_list() == [1, 2]
        assert rows["target_time"].to_list() == [last["close_time"] + timedelta(days=k) for k in (1, 2)]
        assert rows["naive"].to_list() == [last["close"]] * 2


def test_an_ensemble_lies_among_its_runs(outlook: cc.Outlook) -> None:
    network = outlook.table.filter(model="linear.ensemble")
    runs = outlook.result.outlook.filter(model="linear").group_by("step").agg(pl.col("value").mean()).sort("step")
    assert network["value"].to_list() == pytest.approx(runs["value"].to_list())
    assert (network["low"] <= network["value"]).all()
    assert (network["value"] <= network["high"]).all()
    assert outlook.table.filter(model="drift")["low"].null_count() == 2


def test_the_same_settings_are_judged(outlook: cc.Outlook) -> None:
    assert outlook.verdict == outlook.result.verdict
    assert outlook.sentence.startswith("The linear ensemble")
    assert outlook.sentences == (outlook.sentence,)
    assert outlook.result.parts["part"].to_list() == ["train", "validation", "test"]


def test_an_outlook_shows_itself(outlook: cc.Outlook) -> None:
    assert isinstance(outlook.plot(), Figure)
    assert "The linear ensemble" in outlook._repr_html_()


def test_seven_candles_unless_said(echo: pl.DataFrame) -> None:
    assert cc.forecast(echo, models=["drift"]).table["step"].to_list() == [1, 2, 3, 4, 5, 6, 7]


def test_hours_are_forecast_by_the_hour() -> None:
    hours = cc.simulate("walk", candles=120, interval="1h", seed=1)
    table = cc.forecast(hours, horizon=3, models=["drift"], lookback=3).table
    assert (table["target_time"] - table["origin"]).to_list() == [timedelta(hours=k) for k in (1, 2, 3)]


def test_wrong_horizons_are_refused(echo: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match=r"horizon is 0; allowed"):
        cc.forecast(echo, horizon=0)
    with pytest.raises(TooFewRowsError, match="need 520 candles in a row"):
        cc.forecast(echo, horizon=500)


# ---------------------------------------------------------------- intervals and horizons


def test_a_price_has_calibrated_intervals_and_naive_its_own(outlook: cc.Outlook) -> None:
    assert outlook.result.spec.judge.intervals == "split"
    for prefix in ("", "naive_"):
        names = [f"{prefix}q{level}" for level in ("05", "10", "25", "50", "75", "90", "95")]
        assert outlook.table.select(names).null_count().sum_horizontal().item() == 0
        for low, high in pairwise(names):
            assert (outlook.table[low] <= outlook.table[high]).all()
    # A point forecast is the median of its own interval.
    assert outlook.table["q50"].to_list() == pytest.approx(outlook.table["value"].to_list())
    assert outlook.notes == ()


def test_intervals_are_left_out_where_that_is_said(echo: pl.DataFrame) -> None:
    outlook = cc.forecast(echo, models=["drift"], horizon=1, intervals="none")
    assert outlook.table["q05"].null_count() == 1
    assert outlook.table["naive_q05"].null_count() == 0
    assert outlook.notes == ("no intervals were asked for (judge.intervals)",)
    assert outlook.result.parts["part"].to_list() == ["train", "test"]


def test_settings_get_intervals_unless_something_else_was_said() -> None:
    spec = Spec.from_keywords(models=["lstm"], grid={"training.learning_rate": [0.1, 0.2]})
    given = with_intervals(spec)
    assert (given.judge.intervals, given.split.validation) == ("split", 0.2)
    assert given.grid == spec.grid
    assert with_intervals(Spec.from_keywords(validation=50)).split.validation == 50
    for same in (Spec.from_keywords(intervals="residual", validation=9), Spec.from_keywords(quantity="direction")):
        assert with_intervals(same) == same
    assert with_intervals(spec, ["judge.intervals"]) == spec
    assert with_intervals(spec, {"validation"}) == spec


def test_a_long_history_is_cut_to_its_newest_candles(
    monkeypatch: pytest.MonkeyPatch, two_markets: pl.DataFrame
) -> None:
    monkeypatch.setattr("coincast.experiments.forecast.NEWEST", 100)
    spec = Spec.from_keywords(models=["drift"])
    assert with_newest(spec, two_markets.filter(pl.col("open_time").rank("dense") <= 90)) == spec
    cut = with_newest(spec, two_markets)
    assert cut.data.since == two_markets["open_time"].unique().sort()[-100]
    said = Spec.from_keywords(models=["drift"], since="2015-02-01")
    assert with_newest(said, two_markets) == said


def test_several_horizons_share_a_training(echo: pl.DataFrame) -> None:
    outlook = cc.forecast(echo, horizon=[3, 1], models=["drift"], lookback=3)
    assert outlook.horizons == (1, 3)
    assert outlook.table["step"].to_list() == [1, 2, 3]
    assert [line.partition(":")[0] for line in outlook.sentences] == ["1 candle ahead", "3 candles ahead"]
    assert outlook.verdicts.filter(model="drift")["horizon"].to_list() == [1, 3]
