"""Metrics against figures worked out by hand, and against article 0."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.errors import UsageError
from coincast.scores.point import METRICS, floor_price, metrics_of
from coincast.scores.verdict import NAIVE, score_forecasts

TRUTH = np.array([100.0, 200.0])
FORECAST = np.array([110.0, 180.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mae", 15.0),
        ("rmse", np.sqrt(250.0)),
        ("mape", 10.0),
        ("bias", -5.0),
        ("abs_log_error", (np.log(1.1) - np.log(0.9)) / 2),
        ("abs_error", 15.0),
    ],
)
def test_figures_by_hand(name: str, expected: float) -> None:
    metric = METRICS[name]
    assert metric.reduce(metric.loss(TRUTH, FORECAST)) == pytest.approx(expected)


def test_a_price_at_or_below_zero_becomes_one_percent_of_the_last_close() -> None:
    assert floor_price(np.array([-3.0, 0.0, 5.0]), np.array([200.0, 100.0, 100.0])).tolist() == [2.0, 1.0, 5.0]


def test_other_quantities_are_refused_with_what_can_be_judged() -> None:
    with pytest.raises(UsageError, match="'volume' cannot be judged; what can be judged: price, log_return, direction"):
        metrics_of("volume")


@pytest.mark.parametrize(("coin", "expected"), [("bitcoin", 0.0378), ("ethereum", 0.0417)])
def test_the_naive_forecast_scores_what_article_0_would_have_found(
    shared_data: Path, coin: str, expected: float
) -> None:
    """164 windows of 10 days between 2017-06-01 and 2017-11-21, error over the window's first close."""
    file = pl.read_csv(shared_data / "cmc" / "kaggle2018" / f"{coin}_price.csv", infer_schema=False)
    candles = file.select(
        time=pl.col("Date").str.to_datetime("%b %d, %Y", time_unit="ms").dt.replace_time_zone("UTC").dt.offset_by("1d"),
        close=pl.col("Close").cast(pl.Float64),
    ).sort("time")
    span = (pl.col("time") > datetime(2017, 6, 1, tzinfo=UTC)) & (pl.col("time") <= datetime(2017, 11, 22, tzinfo=UTC))
    table = candles.filter(span).select(
        market=pl.lit("coinmarketcap:COIN/USD"),
        interval=pl.lit("1d"),
        model=pl.lit(NAIVE),
        run=pl.lit(0),
        quantity=pl.lit("price"),
        trained_until=pl.col("time").shift(1),
        origin=pl.col("time").shift(1),
        step=pl.lit(1),
        target_time="time",
        value=pl.col("close").shift(1),
        actual="close",
        last_close=pl.col("close").shift(1),
        first_close=pl.col("close").shift(10),
    )
    scores = score_forecasts(table.drop_nulls())
    row = scores.filter((pl.col("metric") == "mae_window") & (pl.col("subset") == "all")).row(0, named=True)
    assert row["n"] == 164
    assert row["naive"] == pytest.approx(expected, abs=5e-5)
    assert scores["verdict"].null_count() == scores.height


def test_a_direction_is_missed_on_the_wrong_side() -> None:
    truth, forecast = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.4, 0.6])
    assert METRICS["miss"].loss(truth, forecast).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("forecast", [5e-324, 1e-200, 1e200, 1.7e308])
def test_no_loss_is_too_large_for_a_mean(name: str, forecast: float) -> None:
    metric = METRICS[name]
    for truth in (1e-200, 0.02, 1e200):
        assert np.isfinite(metric.reduce(metric.loss(np.full(1000, truth), np.full(1000, forecast))))


def test_qlike_equals_its_formula_on_variances() -> None:
    """r - ln r - 1 with r = true / forecast variance; 0.5 for 0.25 is 4 - ln 4 - 1, by hand."""
    assert METRICS["qlike"].loss(np.array([0.5]), np.array([0.25])) == pytest.approx(4 - math.log(4) - 1)
    assert METRICS["qlike"].loss(np.array([0.25]), np.array([0.5])) == pytest.approx(0.25 + math.log(4) - 1)
    assert METRICS["mse_variance"].loss(np.array([0.5]), np.array([0.25])) == pytest.approx((0.25 - 0.0625) ** 2)


def test_the_mean_variance_has_the_least_qlike() -> None:
    """Also where the truth is a noisy proxy: that is why it decides (Patton 2011)."""
    truth = np.abs(np.random.default_rng(0).standard_t(6, 200_000))
    best = math.sqrt(np.mean(truth**2))
    losses = [METRICS["qlike"].loss(truth, np.full_like(truth, factor * best)).mean() for factor in (0.97, 1, 1.03)]
    assert min(losses) == losses[1]
