"""`cc.compare` as a README would show it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import coincast as cc
from coincast.errors import UnknownNameError, UsageError
from coincast.tabular import to_pandas

BASELINES = {"models": ["ar", "drift"], "lookback": 3}


def test_readme_lines(tmp_path: Path) -> None:
    cc.simulate("echo", candles=160, seed=1).select("open_time", "close", "volume").rename(
        {"open_time": "date"}
    ).write_csv(tmp_path / "btc.csv")
    candles = cc.read_candles(tmp_path / "btc.csv")
    result = cc.compare(
        candles,
        models=[cc.LSTM(units=2), "naive", "ar"],
        lookback=3,
        horizon=1,
        test="2015-04-23",
        seeds=2,
        epochs=2,
        batch_size=16,
    )
    assert result.verdict in ("better", "not distinguishable", "worse", "too few")
    assert set(result.leaderboard["model"]) == {"lstm.ensemble", "naive", "ar"}
    assert result.forecasts.height == 5 * 48
    assert result.sentence.startswith("The LSTM ensemble")
    assert result.sentences == (result.sentence,)


def test_files_frames_and_lists_give_the_same(echo: pl.DataFrame, tmp_path: Path) -> None:
    expected = cc.compare(echo, **BASELINES).forecasts
    echo.write_parquet(tmp_path / "candles.parquet")
    echo.write_csv(tmp_path / "candles.csv")
    for given in (to_pandas(echo), [echo], tmp_path / "candles.parquet", str(tmp_path / "candles.csv")):
        assert cc.compare(given, **BASELINES).forecasts.equals(expected)


def test_a_pandas_frame_of_prices_is_read(echo: pl.DataFrame) -> None:
    frame = pd.DataFrame({"date": echo["open_time"].to_list(), "price": echo["close"].to_list()})
    candles = cc.read_candles(frame, market="file:BTC/USD")
    values = [cc.compare(one, **BASELINES).forecasts["value"] for one in (candles, echo)]
    assert values[0].equals(values[1])


def test_several_markets_each_have_a_verdict(two_markets: pl.DataFrame) -> None:
    result = cc.compare(two_markets, **BASELINES)
    assert [row["market"] for row in result.headlines] == ["simulated:ECHO1/USD", "simulated:WALK1/USD"]
    assert [sentence.partition(": ")[0] for sentence in result.sentences] == [row["market"] for row in result.headlines]
    assert result.sentence == result.sentences[0].partition(": ")[2]
    assert result.headline == result.headlines[0]
    chosen = cc.compare(two_markets, markets=["simulated:WALK1/USD", "simulated:ECHO1/USD"], **BASELINES)
    assert [row["market"] for row in chosen.headlines] == ["simulated:WALK1/USD", "simulated:ECHO1/USD"]


def test_all_markets_may_be_inputs(two_markets: pl.DataFrame) -> None:
    result = cc.compare(two_markets, inputs="all", targets=["simulated:ECHO1/USD"], **BASELINES)
    assert result.inputs["input"].to_list() == ["ECHO1 log_return", "WALK1 log_return"]
    assert result.forecasts["market"].unique().to_list() == ["simulated:ECHO1/USD"]


def test_a_spec_may_be_given(echo: pl.DataFrame, tmp_path: Path) -> None:
    spec = cc.Spec.from_keywords(**BASELINES)
    (tmp_path / "spec.toml").write_text(spec.to_toml(), encoding="utf-8")
    expected = cc.compare(echo, **BASELINES).forecasts
    assert cc.compare(echo, spec=spec).forecasts.equals(expected)
    assert cc.compare(echo, spec=tmp_path / "spec.toml").forecasts.equals(expected)
    with pytest.raises(UsageError, match="a spec or keywords, not both; given with the spec: lookback, seeds"):
        cc.compare(echo, spec=spec, lookback=3, seeds=2)


def test_one_model_may_stand_alone(echo: pl.DataFrame) -> None:
    assert set(cc.compare(echo, models="drift").leaderboard["model"]) == {"drift", "naive"}


def test_wrong_names_are_refused(echo: pl.DataFrame) -> None:
    with pytest.raises(UnknownNameError, match="unknown model 'ltsm'; did you mean 'lstm'"):
        cc.compare(echo, models=["ltsm"])
    with pytest.raises(UnknownNameError, match="unknown keyword 'lookbak'; did you mean 'lookback'"):
        cc.compare(echo, lookbak=3)
    with pytest.raises(UnknownNameError, match="unknown feature 'cloze'; did you mean 'close'"):
        cc.compare(echo, features=["cloze"])
    with pytest.raises(UnknownNameError, match="unknown loss 'hubert'; did you mean 'huber'"):
        cc.compare(echo, models=[cc.LSTM(units=2)], loss="hubert")
    with pytest.raises(UnknownNameError, match="unknown target 'prize'; did you mean 'price'"):
        cc.compare(echo, target="prize")
    with pytest.raises(UnknownNameError, match="unknown scaling 'big'"):
        cc.compare(echo, scaling="big")
    with pytest.raises(UsageError, match="a float is no table"):
        cc.compare(3.0)


def test_the_oracle_is_the_best_of_an_echo() -> None:
    candles = cc.simulate("echo", skill=0.1, candles=1000, seed=1)
    result = cc.compare(candles, models=["oracle", "average"], lookback=3, test=0.5)
    assert result.leaderboard["model"].to_list()[0] == "oracle"
    assert result.verdict == "better"
    assert result.headline["low"] < 0.1 < result.headline["high"]
