"""Quantile scores against scoringrules and statsmodels, and the naive interval against a slow reading."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import scoringrules
from scipy.special import ndtri
from statsmodels.stats.proportion import proportion_confint

from coincast.errors import UsageError
from coincast.forecasts.prices import price_path
from coincast.scores.interval import PIT_COLUMNS, pit_histogram, score_intervals
from coincast.scores.naive_interval import naive_quantiles
from coincast.scores.quantiles import (
    crps_of_quantiles,
    crps_of_runs,
    expected_band,
    interval_score,
    pinball_loss,
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
    rows = {row["metric"]: row for row in scores.filter(pl.col("subset") == "all").iter_rows(named=True)}
    assert set(rows) == {
        "pinball",
        "crps_quantile",
        *(f"{n}_80" for n in ("interval_score", "coverage", "width", "infinite")),
    }
    assert rows["coverage_80"]["value"] == pytest.approx(0.8, abs=0.05)
    assert rows["coverage_80"]["naive"] == pytest.approx(0.8, abs=0.06)
    assert rows["coverage_80"]["low"] < rows["coverage_80"]["value"] < rows["coverage_80"]["high"]
    assert rows["interval_score_80"]["skill"] > 0, "the true quantiles beat estimated ones"
    assert rows["pinball"]["low"] < rows["pinball"]["skill"] < rows["pinball"]["high"]
    assert scores["verdict"].null_count() == scores.height
    wide = score_intervals(table, make_intervals(table, 20 * spread))
    assert wide.filter(pl.col("metric") == "coverage_80")["value"].to_list() == [1.0] * 4
    assert wide.filter(pl.col("metric") == "interval_score_80")["high"][0] < 0


def test_only_prices_have_quantiles_that_can_be_scored() -> None:
    table = make_path(np.linspace(100, 110, 60)).with_columns(quantity=pl.lit("log_return"))
    with pytest.raises(UsageError, match="quantiles of 'log_return' cannot be scored; what can be scored: price"):
        score_intervals(table, make_intervals(table, 0.1))


def test_crps_of_quantiles_equals_scoringrules() -> None:
    rng = np.random.default_rng(0)
    truth, quantiles = rng.standard_normal(200), np.sort(rng.standard_normal((200, 7)), axis=1)
    levels = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
    found = crps_of_quantiles(truth, quantiles, levels)
    assert found == pytest.approx(scoringrules.crps_quantile(truth, quantiles, levels))


@pytest.mark.parametrize(("fair", "estimator"), [(False, "nrg"), (True, "fair")])
def test_crps_of_runs_equals_scoringrules(fair: bool, estimator: str) -> None:
    rng = np.random.default_rng(0)
    truth, runs = rng.standard_normal(100), rng.standard_normal((100, 9))
    expected = scoringrules.crps_ensemble(truth, runs, estimator=estimator)
    assert crps_of_runs(truth, runs, fair=fair) == pytest.approx(expected)


def test_the_band_holds_the_shares_whose_wilson_interval_holds_the_truth() -> None:
    low, high = expected_band(0.15, 80)
    assert wilson_interval(low, 80)[1] == pytest.approx(0.15)
    assert wilson_interval(high, 80)[0] == pytest.approx(0.15)


def clustered_path(candles: int) -> tuple[np.ndarray, np.ndarray]:
    """Prices whose volatility doubles and halves every 60 candles, and that volatility for the candle to come."""
    spread = 0.01 * np.where(np.arange(candles) // 60 % 2, 2.0, 1.0)
    return 100 * np.exp(np.cumsum(spread * np.random.default_rng(1).standard_normal(candles))), np.append(spread[1:], 0)


def test_coverage_by_tercile_finds_where_a_constant_width_fails() -> None:
    prices, _ = clustered_path(1200)
    table = make_path(prices)
    moves = np.abs(np.diff(np.log(prices)))
    scores = score_intervals(table, make_intervals(table, float(np.quantile(moves, 0.8))))
    shares = {row["subset"]: row for row in scores.filter(pl.col("metric") == "coverage_80").iter_rows(named=True)}
    assert set(shares) == {"all", "calm", "middle", "wild"}
    assert shares["calm"]["value"] > 0.87
    assert shares["wild"]["value"] < 0.73
    assert shares["calm"]["n"] + shares["middle"]["n"] + shares["wild"]["n"] == shares["all"]["n"]
    weighted = sum(shares[third]["value"] * shares[third]["n"] for third in ("calm", "middle", "wild"))
    assert weighted == pytest.approx(shares["all"]["value"] * shares["all"]["n"])
    assert all(row["low"] < row["value"] < row["high"] for row in shares.values())


def test_infinite_intervals_are_counted_and_never_scored() -> None:
    table = make_path(100 * np.exp(np.cumsum(0.01 * np.random.default_rng(2).standard_normal(400))))
    given = make_intervals(table, 0.0128)
    is_hole = pl.int_range(pl.len()) % 4 == 0
    holed = given.with_columns(
        q10=pl.when(is_hole).then(0.0).otherwise("q10"), q90=pl.when(is_hole).then(np.inf).otherwise("q90")
    )
    rows, whole = (
        {
            row["metric"]: row
            for row in score_intervals(table, each).filter(pl.col("subset") == "all").iter_rows(named=True)
        }
        for each in (holed, given)
    )
    n = whole["infinite_80"]["n"]
    assert rows["infinite_80"]["value"] == pytest.approx(n / 4, abs=1)
    assert rows["infinite_80"]["n"] == rows["coverage_80"]["n"] == n
    assert (
        rows["width_80"]["n"]
        == rows["interval_score_80"]["n"]
        == rows["pinball"]["n"]
        == n - rows["infinite_80"]["value"]
    )
    assert rows["width_80"]["value"] == pytest.approx(2 * np.sinh(0.0128))
    assert rows["coverage_80"]["value"] > whole["coverage_80"]["value"]
    assert whole["infinite_80"]["value"] == 0
    none_finite = given.with_columns(q10=pl.lit(0.0), q90=pl.lit(np.inf))
    empty = score_intervals(table, none_finite).filter(pl.col("metric") == "interval_score_80").row(0, named=True)
    assert (empty["value"], empty["n"]) == (None, 0)


def test_every_step_has_its_own_rows() -> None:
    one = make_path(100 * np.exp(np.cumsum(0.01 * np.random.default_rng(3).standard_normal(300))))
    later = one.with_columns(
        step=pl.lit(2), target_time=pl.col("target_time").shift(-1), actual=pl.col("actual").shift(-1)
    )
    table = pl.concat([one[:-1], later[:-1]])
    scores = score_intervals(table, make_intervals(table, 0.0128)).filter(pl.col("subset") == "all")
    covered = {
        row["step"]: row["value"] for row in scores.filter(pl.col("metric") == "coverage_80").iter_rows(named=True)
    }
    assert set(covered) == {0, 1, 2}
    assert covered[0] == pytest.approx((covered[1] + covered[2]) / 2)
    assert covered[2] < covered[1]
    assert scores.filter(pl.col("step") == 0)["overlap"].unique().to_list() == [2]


def test_runs_of_an_ensemble_have_a_crps_of_their_own() -> None:
    rng = np.random.default_rng(4)
    table = make_path(100 * np.exp(np.cumsum(0.01 * rng.standard_normal(300))))
    runs = [
        table.with_columns(run=pl.lit(k), value=pl.col("last_close") * np.exp(0.01 * rng.standard_normal(299)))
        for k in range(1, 6)
    ]
    given = make_intervals(table, 0.0128).with_columns(model=pl.lit("m.ensemble"))
    row = score_intervals(pl.concat(runs), given).filter(pl.col("metric") == "crps_runs").row(0, named=True)
    values = np.stack([run["value"].to_numpy() / run["last_close"].to_numpy() for run in runs], axis=1)[-row["n"] :]
    truth = (table["actual"] / table["last_close"]).to_numpy()[-row["n"] :]
    assert row["value"] == pytest.approx(scoringrules.crps_ensemble(truth, values, estimator="nrg").mean())
    assert 0 < row["naive"] < row["value"]


def test_the_validation_part_tells_the_naive_interval_of_the_first_origin() -> None:
    table = make_path(100 * np.exp(np.cumsum(0.01 * np.random.default_rng(5).standard_normal(300))))
    now, before = table[100:], table[:100]
    given = make_intervals(now, 0.0128)
    assert score_intervals(now, given)["n"][0] == 200 - 22
    assert score_intervals(now, given, calibration=before)["n"][0] == 199


def test_the_histogram_counts_where_prices_fell() -> None:
    prices = 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(6).standard_normal(1500)))
    table = make_path(prices)
    histogram = pit_histogram(table, make_intervals(table, 0.01 * float(ndtri(0.9))))
    assert list(histogram.columns) == list(PIT_COLUMNS)
    moves = np.diff(np.log(prices))[-histogram["n"][0] :]
    edges = [-np.inf, -0.01 * float(ndtri(0.9)), 0.0, 0.01 * float(ndtri(0.9)), np.inf]
    counts = [((moves > low) & (moves <= high)).sum() for low, high in pairwise(edges)]
    assert histogram["share"].to_numpy() == pytest.approx(np.array(counts) / moves.size)
    assert histogram["expected"].to_list() == pytest.approx([0.1, 0.4, 0.4, 0.1])
    assert histogram["share"].is_between(histogram["band_low"], histogram["band_high"]).all()
    assert histogram["naive"].sum() == pytest.approx(1)
    narrow = pit_histogram(table, make_intervals(table, 0.004))
    assert (narrow["share"] > narrow["band_high"]).to_list() == [True, False, False, True]
