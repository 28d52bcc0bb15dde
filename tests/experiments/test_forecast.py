"""`cc.forecast`: what comes after the last candle."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from matplotlib.figure import Figure

import coincast as cc
from coincast.errors import TooFewRowsError, UsageError


@pytest.fixture(scope="module")
def outlook(echo: pl.DataFrame) -> cc.Outlook:
    return cc.forecast(
        echo, horizon=2, models=[cc.LSTM(units=2), "drift"], lookback=3, epochs=2, seeds=3, batch_size=16, test=0.3
    )


def test_the_next_candles_have_dates_and_naive_beside(outlook: cc.Outlook, echo: pl.DataFrame) -> None:
    last = echo.row(-1, named=True)
    table = outlook.table
    assert table["model"].unique(maintain_order=True).to_list() == ["drift", "lstm.ensemble"]
    for rows in table.partition_by("model"):
        assert rows["origin"].to_list() == [last["close_time"]] * 2
        assert rows["step"].to_list() == [1, 2]
        assert rows["target_time"].to_list() == [last["close_time"] + timedelta(days=k) for k in (1, 2)]
        assert rows["naive"].to_list() == [last["close"]] * 2


def test_an_ensemble_lies_among_its_runs(outlook: cc.Outlook) -> None:
    network = outlook.table.filter(model="lstm.ensemble")
    runs = outlook.result.outlook.filter(model="lstm").group_by("step").agg(pl.col("value").mean()).sort("step")
    assert network["value"].to_list() == pytest.approx(runs["value"].to_list())
    assert (network["low"] <= network["value"]).all()
    assert (network["value"] <= network["high"]).all()
    assert outlook.table.filter(model="drift")["low"].null_count() == 2


def test_the_same_settings_are_judged(outlook: cc.Outlook) -> None:
    assert outlook.verdict == outlook.result.verdict
    assert outlook.sentence.startswith("The LSTM ensemble")
    assert outlook.sentences == (outlook.sentence,)
    assert outlook.result.parts["part"].to_list() == ["train", "test"]


def test_an_outlook_shows_itself(outlook: cc.Outlook) -> None:
    assert isinstance(outlook.plot(), Figure)
    assert "The LSTM ensemble" in outlook._repr_html_()


def test_seven_candles_unless_said(echo: pl.DataFrame) -> None:
    assert cc.forecast(echo, models=["drift"]).table["step"].to_list() == [1, 2, 3, 4, 5, 6, 7]


def test_hours_are_forecast_by_the_hour() -> None:
    hours = cc.simulate("walk", candles=120, interval="1h", seed=1)
    table = cc.forecast(hours, horizon=3, models=["drift"], lookback=3).table
    assert (table["target_time"] - table["origin"]).to_list() == [timedelta(hours=k) for k in (1, 2, 3)]


def test_wrong_horizons_are_refused(echo: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match=r"samples.horizon is 0"):
        cc.forecast(echo, horizon=0)
    with pytest.raises(TooFewRowsError, match="need 520 candles in a row"):
        cc.forecast(echo, horizon=500)
