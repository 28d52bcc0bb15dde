"""Quantile scores against scoringrules and statsmodels, and the naive interval against a slow reading."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
import scoringrules
from scipy.special import ndtri
from statsmodels.stats.proportion import proportion_confint

from coincast.errors import UsageError
from coincast.forecasts.prices import price_path
from coincast.scores.interval import (
    interval_score,
    naive_quantiles,
    pinball_loss,
    score_intervals,
    wilson_interval,
)

LEVELS = [0.05, 0.5, 0.95]


def test_pinball_equals_scoringrules() -> None:
    rng = np.random.default_rng(0)
    truth, quantile = rng.standard_normal((2, 200))
    for level in LEVELS:
        assert pinball_loss(truth, quantile, level) == pytest.approx(
            scoringrules.quantile_score(truth, quantile, level)
        )


def test_mean_pinball_over_many_levels_is_half_the_crps() -> None:
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = ndtri(levels)
    found = np.mean([pinball_loss(np.array(0.7), q, tau) for q, tau in zip(quantiles, levels, strict=True)])
    assert 2 * found == pytest.approx(scoringrules.crps_normal(0.7, 0.0, 1.0), rel=1e-3)


def test_interval_score_equals_scoringrules() -> None:
    rng = np.random.default_rng(0)
    truth, low = rng.standard_normal((2, 200))
    high = low + rng.random(200)
    assert interval_score(truth, low, high, 0.1) == pytest.approx(scoringrules.interval_score(truth, low, high, 0.1))


@pytest.mark.parametrize(("share", "n"), [(0.0, 10), (0.9, 50), (1.0, 164), (0.5, 1000)])
def test_wilson_equals_statsmodels(share: float, n: int) -> None:
    expected = proportion_confint(share * n, n, alpha=0.05, method="wilson")
    assert wilson_interval(share, n) == pytest.approx(expected)


def slow_naive_quantiles(prices: list[float], origin: int, step: int, levels: list[float]) -> np.ndarray:
    """The definition, candle by candle, with nothing that is known after the origin."""

    def scale(candle: int) -> float:
        moves = [np.log(prices[i] / prices[i - step]) for i in range(step, candle + 1)]
        weights = [0.94 ** (len(moves) - 1 - i) for i in range(len(moves))]
        return np.sqrt(np.average(np.square(moves), weights=weights))

    scaled = [np.log(prices[j] / prices[j - step]) / scale(j - step) for j in range(2 * step, origin + 1)]
    return np.exp(scale(origin) * np.quantile(scaled[-250:], levels))


def make_path(prices: np.ndarray) -> pl.DataFrame:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    times = pl.datetime_range(start, interval="1h", end=datetime(2022, 1, 1, tzinfo=UTC), eager=True)[: prices.size]
    times = times.dt.cast_time_unit("ms")
    columns = {"market": "made:UP/USD", "interval": "1h", "model": "m", "run": 0, "quantity": "price"}
    known = {"origin": times[:-1], "target_time": times[1:], "last_close": prices[:-1], "actual": prices[1:]}
    return pl.DataFrame({**columns, **known}).with_columns(trained_until="origin", step=pl.lit(1), value="last_close")


@pytest.mark.parametrize("step", [1, 3])
def test_the_naive_interval_follows_its_definition(step: int) -> None:
    prices = 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_t(4, 330)))
    path = price_path(make_path(prices))
    origins = np.array([40, 100, 270, 320])
    found = naive_quantiles(path, origins + path.candles[0], step, LEVELS)
    expected = [slow_naive_quantiles(list(prices), int(origin), step, LEVELS) for origin in origins]
    assert found == pytest.approx(np.array(expected))
    few = naive_quantiles(path, np.array([20]) + path.candles[0], step, LEVELS)
    assert np.isnan(few).all()


def test_the_naive_interval_knows_nothing_after_the_origin() -> None:
    prices = 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_normal(200)))
    changed = prices.copy()
    changed[121:] *= 3
    before, after = (
        naive_quantiles(path, np.array([120]) + path.candles[0], 1, LEVELS)
        for path in (price_path(make_path(each)) for each in (prices, changed))
    )
    assert np.array_equal(before, after)


def make_intervals(table: pl.DataFrame, width: float) -> pl.DataFrame:
    keys = ["market", "interval", "model", "run", "quantity", "trained_until", "origin", "step", "target_time"]
    return table.select(
        *keys, q10=pl.col("last_close") * np.exp(-width), q50="last_close", q90=pl.col("last_close") * np.exp(width)
    )


def test_scores_of_quantiles_beside_the_naive_interval() -> None:
    rng = np.random.default_rng(0)
    spread = 0.01
    prices = 100 * np.exp(np.cumsum(spread * rng.standard_normal(600)))
    table = make_path(prices)
    scores = score_intervals(table, make_intervals(table, 1.2816 * spread))
    rows = {row["metric"]: row for row in scores.iter_rows(named=True)}
    assert set(rows) == {"pinball", "interval_score_80", "coverage_80"}
    assert rows["coverage_80"]["value"] == pytest.approx(0.8, abs=0.05)
    assert rows["coverage_80"]["naive"] == pytest.approx(0.8, abs=0.06)
    assert rows["coverage_80"]["low"] < rows["coverage_80"]["value"] < rows["coverage_80"]["high"]
    assert rows["interval_score_80"]["skill"] > 0, "the true quantiles beat estimated ones"
    assert rows["pinball"]["low"] < rows["pinball"]["skill"] < rows["pinball"]["high"]
    assert scores["verdict"].null_count() == scores.height
    wide = score_intervals(table, make_intervals(table, 20 * spread))
    assert wide.filter(pl.col("metric") == "coverage_80")["value"].to_list() == [1.0]
    assert wide.filter(pl.col("metric") == "interval_score_80")["high"][0] < 0


def test_only_prices_have_quantiles_that_can_be_scored() -> None:
    table = make_path(np.linspace(100, 110, 60)).with_columns(quantity=pl.lit("log_return"))
    with pytest.raises(UsageError, match="quantiles of 'log_return' cannot be scored; what can be scored: price"):
        score_intervals(table, make_intervals(table, 0.1))
