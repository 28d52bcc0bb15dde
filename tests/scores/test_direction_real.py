"""Article 3's figure of 81.4 %, on its own hours: what copying the last price scores, and what is fair."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.scores.direction import article_direction, article_sentences, judge_direction
from coincast.scores.verdict import deciding_rows, score_forecasts
from coincast.scores.words import is_naive_itself
from coincast.sources.files import read_candles

FIRST, LAST = datetime(2018, 5, 6, 17, tzinfo=UTC), datetime(2019, 7, 9, 7, tzinfo=UTC)
TRAINING_ROWS = 8_000


@pytest.fixture(scope="module")
def candles(shared_data: Path) -> pl.DataFrame:
    """The hours of the article, whose own mean and standard deviation of the close are 6,126.24 and 1,948.34."""
    read = read_candles(shared_data / "bitfinex" / "Bitfinex_BTCUSD_1h.csv")
    hours = read.filter(pl.col("open_time").is_between(FIRST, LAST)).sort("open_time")
    assert hours.height == 10_287
    assert hours["close"].mean() == pytest.approx(6_126.24, abs=0.005)
    assert hours["close"].std() == pytest.approx(1_948.34, abs=0.005)
    return hours


@pytest.fixture(scope="module")
def hourly(candles: pl.DataFrame) -> pl.DataFrame:
    """Forecasts of the next close made at every hour from row 8,000 on; their value is the last close."""
    close, time = candles["close"], candles["close_time"]
    origins = pl.Series(np.arange(TRAINING_ROWS, candles.height - 1))
    return pl.DataFrame(
        {
            "market": "bitfinex:BTC/USD",
            "interval": "1h",
            "model": "copy",
            "run": 0,
            "quantity": "price",
            "trained_until": time[TRAINING_ROWS],
            "origin": time.gather(origins),
            "step": 1,
            "target_time": time.gather(origins + 1),
            "value": close.gather(origins),
            "actual": close.gather(origins + 1),
            "last_close": close.gather(origins),
        }
    )


def test_copying_the_last_price_scores_87_9_percent_by_the_formula_that_gave_81_4(candles: pl.DataFrame) -> None:
    """Windows 800 to 999 start at rows 8,000, 8,010, ...; their last target stands ten rows after their start."""
    close = candles["close"].to_numpy()
    targets = 10 * np.arange(800, 1_000) + 10
    hits, pairs = article_direction(close[targets], close[targets - 1])
    assert (hits, pairs) == (175, 199)
    assert hits / pairs == pytest.approx(0.879, abs=0.0005)


@pytest.mark.parametrize("phase", range(10))
def test_it_does_so_at_every_phase(candles: pl.DataFrame, phase: int) -> None:
    close = candles["close"].to_numpy()
    targets = 10 * np.arange(800, 1_000) + 10 + phase
    expected = (175, 177, 176, 185, 180, 178, 181, 181, 173, 172)[phase]
    assert article_direction(close[targets], close[targets - 1]) == (expected, 199)


def test_the_fair_formula_has_no_figure_for_a_copy(hourly: pl.DataFrame) -> None:
    row = judge_direction(hourly).row(0, named=True)
    assert (row["forecasts"], row["ties"], row["undirected"], row["n"]) == (2_286, 13, 2_273, 0)
    assert row["hit_rate"] is None
    assert row["rises_with_ties"] == pytest.approx(0.5245, abs=5e-5)
    assert row["rises"] == pytest.approx(0.5275, abs=5e-5)
    assert row["sentence"] == (
        "The copy forecast names no direction: it repeats the last known price (52.7 % of 2,273 moves were rises)."
    )


def test_always_up_is_the_naive_forecast_itself(candles: pl.DataFrame, hourly: pl.DataFrame) -> None:
    """Of the moves within the training rows 4,010 are rises and 3,951 falls, so "always up" is what naive says."""
    moves = candles["close"][:TRAINING_ROWS].diff().drop_nulls()
    rises, falls = int((moves > 0).sum()), int((moves < 0).sum())
    assert (rises, falls) == (4_010, 3_951)
    table = hourly.with_columns(
        model=pl.lit("always up"),
        quantity=pl.lit("direction"),
        value=pl.lit(1.0),
        actual=pl.when(pl.col("actual") != pl.col("last_close")).then((pl.col("actual") > pl.col("last_close")) + 0.0),
        naive=pl.lit(float(rises > falls)),
    )
    row = judge_direction(table).row(0, named=True)
    assert (row["n"], row["ties"], row["hits"]) == (2_273, 13, 1_199)
    assert row["hit_rate"] == row["majority_hit_rate"] == pytest.approx(0.5275, abs=5e-5)
    assert row["hit_rate_with_ties"] == pytest.approx(0.5245, abs=5e-5)
    assert (row["low"], row["high"]) == (pytest.approx(0.507, abs=1e-3), pytest.approx(0.548, abs=1e-3))
    assert (row["majority"], row["difference"], row["p"]) == ("rise", 0, 1)
    verdict = deciding_rows(score_forecasts(table)).row(0, named=True)
    assert (verdict["metric"], verdict["n"], verdict["verdict"]) == ("miss", 2_273, "not distinguishable")
    assert (verdict["skill"], verdict["p"]) == (0, 1)
    assert is_naive_itself(verdict)
    assert verdict["value"] == verdict["naive"] == pytest.approx(1 - 0.5275, abs=5e-5)


def test_the_articles_formula_is_told_beside_what_a_copy_scores_by_it(
    candles: pl.DataFrame, hourly: pl.DataFrame
) -> None:
    """The sentence of `judge --article-direction` on the article's 200 windows."""
    times = candles["close_time"].gather(10 * np.arange(800, 1_000) + 10)
    [sentence] = article_sentences(hourly.filter(pl.col("target_time").is_in(times.to_list())))
    assert "the copy forecast hits 175 of 199 directions (87.9 %)" in sentence
    assert "copying the last price 175 of 199" in sentence
