"""What every metric in the registry must keep."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from coincast.scores.point import DECIDING, METRICS, Metric, metrics_of
from coincast.scores.verdict import score_forecasts

N, STEPS = 60, 3


TRUTH = {
    "price": lambda target, close: (target, close),
    "log_return": lambda target, close: (math.log(target / close), 0.0),
    "direction": lambda target, close: (float(target > close), 1.0),
    "volatility": lambda target, close: (0.02 + 0.1 * abs(math.log(target / close)), 0.02),
}
"""What happened, and the naive forecast of it."""
NOISY = {
    "price": lambda actual, naive, rng: naive + 0.3 * (actual - naive) + rng.standard_normal(),
    "log_return": lambda actual, naive, rng: naive + 0.3 * (actual - naive) + 0.01 * rng.standard_normal(),
    "direction": lambda actual, naive, rng: min(
        1.0, max(0.0, 0.5 + 0.3 * (actual - 0.5) + 0.2 * rng.standard_normal())
    ),
    "volatility": lambda actual, naive, rng: naive * math.exp(0.3 * rng.standard_normal()),
}


def make_table(metric: Metric, *, forecast: str, seed: int = 0) -> pl.DataFrame:
    """A table of forecasts several steps ahead on a made-up walk."""
    rng = np.random.default_rng(seed)
    prices = 100 * np.exp(np.cumsum(0.02 * rng.standard_normal(N + STEPS + 1)))
    times = pl.datetime_range(
        datetime(2021, 1, 1, tzinfo=UTC), interval="1h", end=datetime(2021, 2, 1, tzinfo=UTC), eager=True
    )[: prices.size]
    rows = []
    for origin in range(N):
        for step in range(1, STEPS + 1):
            close, target = prices[origin], prices[origin + step]
            actual, naive = TRUTH[metric.quantity](target, close)
            noisy = NOISY[metric.quantity](actual, naive, rng)
            rows.append(
                {
                    "market": "made:UP/USD",
                    "interval": "1h",
                    "model": "model",
                    "run": 0,
                    "quantity": metric.quantity,
                    "trained_until": times[origin],
                    "origin": times[origin],
                    "step": step,
                    "target_time": times[origin + step],
                    "value": {"perfect": actual, "naive": naive, "noisy": noisy}[forecast],
                    "actual": actual,
                    "last_close": close,
                    "first_close": prices[max(origin - 10, 0)],
                    "naive": naive,
                }
            )
    return pl.DataFrame(rows)


def whole_row(scores: pl.DataFrame, metric: Metric) -> dict:
    found = scores.filter((pl.col("subset") == "all") & (pl.col("step") == 0) & (pl.col("metric") == metric.name))
    return found.row(0, named=True)


@pytest.fixture(params=METRICS.values(), ids=METRICS)
def metric(request: pytest.FixtureRequest) -> Metric:
    return request.param


def test_is_registered_under_its_name(metric: Metric) -> None:
    assert METRICS[metric.name] is metric
    assert metric in metrics_of(metric.quantity)
    assert metric.unit
    assert metric.description


def test_a_perfect_forecast_scores_zero(metric: Metric) -> None:
    row = whole_row(score_forecasts(make_table(metric, forecast="perfect")), metric)
    assert row["value"] == pytest.approx(0, abs=1e-12)
    assert row["skill"] is None if metric.is_signed else row["skill"] == pytest.approx(1, abs=1e-12)


def test_the_naive_forecast_has_a_skill_of_exactly_zero(metric: Metric) -> None:
    row = whole_row(score_forecasts(make_table(metric, forecast="naive")), metric)
    assert row["value"] == row["naive"]
    if not metric.is_signed:
        assert (row["skill"], row["low"], row["high"], row["p"]) == (0, 0, 0, 1)


def test_a_loop_over_the_rows_gives_the_same_figure(metric: Metric) -> None:
    table = make_table(metric, forecast="noisy")
    losses = []
    for row in table.iter_rows(named=True):
        scale = 1 if metric.scale is None else row[metric.scale]
        losses.append(float(metric.loss(np.array(row["actual"]), np.array(row["value"]))) / scale)
    mean = math.fsum(losses) / len(losses)
    expected = math.sqrt(mean) if metric.is_root else mean
    assert whole_row(score_forecasts(table), metric)["value"] == pytest.approx(expected, rel=1e-12)


def test_the_order_of_rows_does_not_matter(metric: Metric) -> None:
    table = make_table(metric, forecast="noisy")
    assert score_forecasts(table.sample(fraction=1, shuffle=True, seed=1)).equals(score_forecasts(table))


def test_the_interval_holds_the_figure(metric: Metric) -> None:
    row = whole_row(score_forecasts(make_table(metric, forecast="noisy")), metric)
    inside = row["value"] if metric.is_signed else row["skill"]
    assert row["low"] < inside < row["high"]


def test_no_figure_is_nan(metric: Metric) -> None:
    for forecast in ("perfect", "naive", "noisy"):
        scores = score_forecasts(make_table(metric, forecast=forecast))
        for column in scores.select(pl.col(pl.Float64)).iter_columns():
            assert column.drop_nulls().is_finite().all(), column.name


def test_only_the_deciding_metric_carries_a_word(metric: Metric) -> None:
    scores = score_forecasts(make_table(metric, forecast="noisy"))
    words = scores.filter(pl.col("verdict").is_not_null())
    assert words["metric"].to_list() == [DECIDING[metric.quantity]]
    assert (words["step"][0], words["subset"][0]) == (0, "all")
