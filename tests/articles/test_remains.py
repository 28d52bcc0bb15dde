"""What the studies say alike."""

from __future__ import annotations

from datetime import date

import pytest

import coincast as cc
from coincast.articles.drawn import drawn_times
from coincast.articles.remains import are_own_candles, join_words, judged_row, tell_verdict, tell_verdicts


def test_candles_are_known_by_coins_number_newest_day_and_mean() -> None:
    candles = cc.simulate("walk", candles=31, coins=2, start="2018-01-01")
    coins = ["WALK2", "WALK1"]
    mean = candles["close"].mean()
    assert are_own_candles(candles, coins=coins, rows=31, newest=date(2018, 1, 31), mean_close=mean)  # type: ignore[arg-type]
    assert not are_own_candles(candles, coins=["BTC", "ETH"], rows=31)
    assert not are_own_candles(candles, coins=["WALK1"], rows=31)
    assert not are_own_candles(candles, coins=coins, rows=30)
    assert not are_own_candles(candles[1:], coins=coins, rows=31)
    assert not are_own_candles(candles, coins=coins, rows=31, newest=date(2018, 2, 1))
    assert not are_own_candles(candles, coins=coins, rows=31, mean_close=mean + 0.02)  # type: ignore[operator]


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_judged_row_is_that_of_the_ensemble_or_of_the_only_run(seeds: int) -> None:
    settings = {"lookback": 3, "test": 60, "seeds": seeds}
    result = cc.compare(
        cc.simulate("walk", candles=160), models=["ridge", cc.LSTM(units=2), "naive"], epochs=1, **settings
    )
    for name in ("lstm", "lstm.ensemble"):
        row = judged_row(result, "simulated:WALK1/USD", name)
        assert row["model"] == ("lstm" if seeds == 1 else "lstm.ensemble")
        assert (row["n"], row["level"]) == (60, "ensemble")
        assert row["verdict"] in ("better", "worse", "not distinguishable")
    assert judged_row(result, "simulated:WALK1/USD", "ridge")["model"] == "ridge"


def test_verdicts_as_a_sentence_says_them() -> None:
    assert tell_verdict("worse", "a copy") == "worse than a copy"
    assert tell_verdict("too few", "a copy") == tell_verdict(None, "a copy")
    told = tell_verdicts({"BTC": "worse", "ETH": "better", "XMR": "worse"}, "a copy")
    assert told == "worse than a copy on BTC and XMR, and better than a copy on ETH"


@pytest.mark.parametrize(
    ("words", "listed"), [([], ""), (["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C")]
)
def test_words_are_listed(words: list[str], listed: str) -> None:
    assert join_words(words) == listed


@pytest.mark.parametrize(("interval", "first"), [("1d", "2018-01-01T00:00"), ("1h", "2018-01-01T01:00")])
def test_a_day_is_drawn_where_it_begins_and_an_hour_where_it_ends(interval: str, first: str) -> None:
    candles = cc.simulate("walk", candles=3, interval=interval, start="2018-01-01")
    assert str(drawn_times(candles["close_time"], interval)[0]).startswith(first)
