"""Intervals on tables of forecasts: what they cover, what they know, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri

from coincast.errors import ColumnError, UnknownNameError, UsageError
from coincast.forecasts.combine import add_ensembles
from coincast.forecasts.conformal import adaptive_bound
from coincast.forecasts.intervals import (
    INTERVALS,
    LEVELS,
    calibrate_quantiles,
    check_levels,
    ensemble_quantiles,
    make_intervals,
)
from coincast.forecasts.prices import price_path
from coincast.forecasts.residuals import origin_volatility
from coincast.forecasts.table import quantile_name

CENTRAL = (0.05, 0.1, 0.5, 0.9, 0.95)


def make_forecasts(prices: np.ndarray, *, steps: int = 1, runs: int = 0, seed: int = 0) -> pl.DataFrame:
    """The last close as a forecast of every step from every candle; with runs, so many of them around it."""
    rng = np.random.default_rng(seed)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    times = pl.datetime_range(start, datetime(2030, 1, 1, tzinfo=UTC), "1h", eager=True).dt.cast_time_unit("ms")
    origins = np.arange(prices.size - steps)
    parts = []
    for run in range(1, runs + 1) if runs else [0]:
        noise = np.exp(0.002 * rng.standard_normal(origins.size)) if runs else np.ones(origins.size)
        for step in range(1, steps + 1):
            known = {"last_close": prices[origins], "actual": prices[origins + step], "value": prices[origins] * noise}
            place = {"origin": times[origins], "target_time": times[origins + step], "step": step, "run": run}
            parts.append(pl.DataFrame({**place, **known}))
    keys = {"market": "made:UP/USD", "interval": "1h", "model": "m", "quantity": "price"}
    named = pl.concat(parts).with_columns(pl.lit(value).alias(name) for name, value in keys.items())
    return named.with_columns(pl.col("step", "run").cast(pl.Int64), trained_until=pl.lit(times[0]))


def split_at(table: pl.DataFrame, candle: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Forecasts from this candle on, and those whose target was known at it."""
    border = table["origin"].unique().sort()[candle]
    return table.filter(pl.col("origin") >= border), table.filter(pl.col("target_time") <= border)


def told_by_runs(table: pl.DataFrame) -> pl.DataFrame:
    """Quantiles that every run forecasts itself: around its point forecast, each run wider than the one before."""
    width = 0.01 * pl.col("run")
    names = {quantile_name(level): pl.col("value") * (width * float(ndtri(level))).exp() for level in LEVELS}
    return table.with_columns(**names).drop("value", "actual", "last_close")


def walk(candles: int, seed: int = 0, spread: float = 0.01) -> np.ndarray:
    return 100 * np.exp(np.cumsum(spread * np.random.default_rng(seed).standard_normal(candles)))


def test_split_equals_its_definition_unscaled() -> None:
    prices = walk(160)
    now, past = split_at(make_forecasts(prices), 99)
    found = make_intervals(now, past, levels=(0.1, 0.5, 0.9), scaled=False).table
    errors = np.sort(np.abs(np.diff(np.log(prices[:100]))))
    radius = errors[int(np.ceil(0.8 * 100)) - 1]
    last = now.sort("origin")["last_close"].to_numpy()
    assert found["q10"].to_numpy() == pytest.approx(last * np.exp(-radius))
    assert found["q50"].to_numpy() == pytest.approx(last)
    assert found["q90"].to_numpy() == pytest.approx(last * np.exp(radius))


def slow_volatility(prices: np.ndarray, candle: int) -> float:
    moves = [np.log(prices[i] / prices[i - 1]) for i in range(1, candle + 1)]
    weights = [0.94 ** (len(moves) - 1 - i) for i in range(len(moves))]
    return float(np.sqrt(np.average(np.square(moves), weights=weights)))


def test_the_volatility_is_that_of_the_known_moves() -> None:
    prices = walk(60)
    path = price_path(make_forecasts(prices))
    found = origin_volatility(path, path.candles[0] + np.array([19, 20, 40]))
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([slow_volatility(prices, candle) for candle in (20, 40)])


def test_split_equals_its_definition_scaled() -> None:
    prices = walk(130)
    now, past = split_at(make_forecasts(prices, steps=2), 99)
    found = make_intervals(now, past, levels=(0.1, 0.9)).table.filter(pl.col("step") == 2)
    scores = [abs(np.log(prices[o + 2] / prices[o])) / slow_volatility(prices, o) for o in range(20, 98)]
    radius = np.sort(scores)[int(np.ceil(0.8 * 79)) - 1]
    expected = [prices[o] * np.exp(radius * slow_volatility(prices, o)) for o in range(99, 128)]
    assert found["q90"].to_numpy() == pytest.approx(np.array(expected))


@pytest.mark.parametrize("method", sorted(INTERVALS))
def test_no_method_knows_the_future(method: str) -> None:
    prices, border = walk(400), 300
    changed = prices.copy()
    changed[border + 1 :] *= np.exp(0.5)
    found = []
    for each in (prices, changed):
        now, past = split_at(make_forecasts(each, steps=3, runs=5), 200)
        own = {"own": told_by_runs(now), "past_own": told_by_runs(past)}
        table = make_intervals(now, past, method=method, **own).table
        cut = now["origin"].unique().sort()[border - 200]
        found.append(table.filter(pl.col("origin") <= cut).drop("trained_until"))
    assert found[0].height == 3 * 101
    assert found[0].equals(found[1])


@pytest.mark.parametrize("method", ["split", "residual", "cqr", "adaptive"])
def test_calibrated_intervals_cover_what_they_say(method: str) -> None:
    now, past = split_at(make_forecasts(walk(3000, seed=1), runs=6), 1500)
    table = make_intervals(now, past, method=method, levels=CENTRAL).table
    truth = now.unique("origin").sort("origin")["actual"].to_numpy()
    for low, high, coverage in (("q05", "q95", 0.9), ("q10", "q90", 0.8)):
        held = ((table[low].to_numpy() <= truth) & (truth <= table[high].to_numpy())).mean()
        assert held == pytest.approx(coverage, abs=0.035)


def test_the_spread_of_runs_is_too_narrow() -> None:
    now, past = split_at(make_forecasts(walk(600), runs=10), 300)
    raw, calibrated = (make_intervals(now, past, method=method).table for method in ("ensemble", "cqr"))
    truth = now.unique("origin").sort("origin")["actual"].to_numpy()
    ends = [(table["q05"].to_numpy(), table["q95"].to_numpy()) for table in (raw, calibrated)]
    held = [float(((low <= truth) & (truth <= high)).mean()) for low, high in ends]
    assert held[0] < 0.5
    assert held[1] == pytest.approx(0.9, abs=0.06)


def test_ensemble_quantiles_are_those_of_numpy() -> None:
    table = make_forecasts(walk(30), runs=7)
    found = ensemble_quantiles(table, LEVELS)
    first = table.filter(pl.col("origin") == table["origin"].min())["value"].to_numpy()
    assert found["model"].unique().to_list() == ["m.ensemble"]
    assert found.select("q05", "q10", "q25", "q50", "q75", "q90", "q95").row(0) == pytest.approx(
        np.quantile(first, LEVELS)
    )


def test_a_failed_run_is_in_no_quantile() -> None:
    table = make_forecasts(walk(30), runs=4)
    broken = table.with_columns(value=pl.when(pl.col("run") == 2, pl.col("step") == 1).then(None).otherwise("value"))
    assert ensemble_quantiles(broken, LEVELS).equals(ensemble_quantiles(table.filter(pl.col("run") != 2), LEVELS))


def test_own_quantiles_are_the_mean_over_the_sound_runs_level_by_level() -> None:
    now, past = split_at(make_forecasts(walk(120), runs=4), 60)
    now = now.with_columns(value=pl.when(pl.col("run") != 2).then("value"))
    own = told_by_runs(now)
    found = make_intervals(now, past, method="network", own=own)
    assert (found.table["model"].unique().to_list(), found.notes) == (["m.ensemble"], ())
    for name in ("q05", "q50", "q90"):
        values = np.stack([own.filter(run=run).sort("origin")[name].to_numpy() for run in (1, 3, 4)])
        assert found.table.sort("origin")[name].to_numpy() == pytest.approx(values.mean(axis=0))
    assert found.table.columns == make_intervals(now, past, method="ensemble").table.columns


def test_a_lone_run_and_its_calibration_start_from_its_own_quantiles() -> None:
    now, past = split_at(make_forecasts(walk(300), runs=1), 200)
    others = {"own": told_by_runs(now), "past_own": told_by_runs(past)}
    table = make_intervals(now, past, method="network", **others).table
    assert table.select("model", "run").unique().rows() == [("m", 1)]
    [calibrated, expected] = [
        make_intervals(now, past, method="cqr", **others).table,
        calibrate_quantiles(others["own"], now, others["past_own"], past).table,
    ]
    assert calibrated.equals(expected)


def test_own_quantiles_that_nobody_has_are_refused() -> None:
    now, past = split_at(make_forecasts(walk(100), runs=3), 50)
    for own in (None, told_by_runs(now).clear()):
        with pytest.raises(UsageError, match="'network' are quantiles that a network forecasts itself, and none does"):
            make_intervals(now, past, method="network", own=own)
        assert make_intervals(now, past, method="cqr", own=own, past_own=own).table.height == 49


def test_cqr_equals_its_definition() -> None:
    """Romano, Patterson and Candes (2019), in logs: max(low - y, y - high), and its k-th smallest on both ends."""
    now, past = split_at(make_forecasts(walk(200), runs=5), 120)
    found = make_intervals(now, past, method="cqr", levels=(0.1, 0.9), scaled=False).table
    earlier, later = (
        ensemble_quantiles(t, (0.1, 0.9)).join(t.filter(pl.col("run") == 1).select("origin", "actual"), on="origin")
        for t in (past, now)
    )
    low, high, truth = (np.log(earlier[name].to_numpy()) for name in ("q10", "q90", "actual"))
    radius = np.sort(np.maximum(low - truth, truth - high))[int(np.ceil(0.8 * 121)) - 1]
    assert found["q10"].to_numpy() == pytest.approx(later["q10"].to_numpy() * np.exp(-radius))
    assert found["q90"].to_numpy() == pytest.approx(later["q90"].to_numpy() * np.exp(radius))


def test_any_quantiles_can_be_calibrated() -> None:
    now, past = split_at(make_forecasts(walk(900)), 500)
    keys = [name for name in now.columns if name not in ("value", "actual", "last_close")]
    narrow = [
        table.select(*keys, q10=pl.col("last_close") * 0.999, q90=pl.col("last_close") * 1.001) for table in (now, past)
    ]
    truth = now.sort("origin")["actual"].to_numpy()
    for follow in (False, True):
        table = calibrate_quantiles(narrow[0], now, narrow[1], past, follow=follow).table
        held = ((table["q10"].to_numpy() <= truth) & (truth <= table["q90"].to_numpy())).mean()
        assert held == pytest.approx(0.8, abs=0.06)
    with pytest.raises(UsageError, match="give the same"):
        calibrate_quantiles(narrow[0], now, narrow[1].rename({"q10": "q05", "q90": "q95"}), past)


def test_too_few_rows_make_infinite_intervals_and_say_how_many_are_needed() -> None:
    now, past = split_at(make_forecasts(walk(60)), 25)
    made = make_intervals(now, past, levels=CENTRAL)
    assert made.table["q95"].is_infinite().all()
    assert (made.table["q05"] == 0).all()
    assert made.table["q90"].is_finite().all()
    needed = (
        "the 90% interval is infinite in 34 of 34 forecasts; it needs 9 calibration forecasts, and the fewest are 5"
    )
    assert needed in made.notes


def test_rows_known_too_late_are_left_out_and_counted() -> None:
    table = make_forecasts(walk(200))
    now, past = split_at(table, 120)
    made = make_intervals(now, table.filter(pl.col("origin") < now["origin"].min()), levels=CENTRAL)
    assert made.table.equals(make_intervals(now, past, levels=CENTRAL).table)
    later = make_intervals(now, table, levels=CENTRAL)
    assert later.table.equals(made.table)
    assert later.notes[0].startswith("79 forecasts of the validation part are left out of the calibration")


def test_lone_runs_and_baselines_get_intervals_and_single_runs_none() -> None:
    several, lone = make_forecasts(walk(200), runs=3), make_forecasts(walk(200), runs=1)
    table = pl.concat([several, lone.with_columns(model=pl.lit("lone"))])
    now, past = split_at(add_ensembles(table), 120)
    names = make_intervals(now, past).table.select("model", "run").unique().sort("model").rows()
    assert names == [("lone", 1), ("m.ensemble", 0)]
    made = make_intervals(now, past, method="cqr")
    assert made.table["model"].unique().to_list() == ["m.ensemble"]
    assert made.notes[0] == "no intervals for lone: they have no several runs"


def test_a_missing_forecast_gets_no_interval() -> None:
    now, past = split_at(make_forecasts(walk(200)), 120)
    holed = now.with_columns(value=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("value"))
    made = make_intervals(holed, past)
    assert made.table["q90"].null_count() == 1
    assert "1 of 79 intervals could not be made" in made.notes[-1]


def test_forecasts_beyond_the_last_candle_get_intervals() -> None:
    now, past = split_at(make_forecasts(walk(200)), 120)
    open_ones = now.with_columns(actual=pl.lit(None, dtype=pl.Float64))
    for method in ("split", "adaptive"):
        assert make_intervals(open_ones, past, method=method).table["q95"].is_finite().all()


def test_adaptive_intervals_say_what_they_promise() -> None:
    now, past = split_at(make_forecasts(walk(200)), 120)
    bound = 100 * min(adaptive_bound(0.9, 79, overlapping=1), 0.9)
    assert make_intervals(now, past, method="adaptive").notes[-1] == (
        f"the adaptive 90% intervals cover within {bound:.0f} points of that over 79 forecasts, whatever happens"
    )


def test_a_price_that_never_moves_has_intervals_of_no_width() -> None:
    now, past = split_at(make_forecasts(np.full(100, 5.0)), 60)
    table = make_intervals(now, past, scaled=False, method="adaptive").table
    assert table["q05"].to_numpy() == pytest.approx(5.0)


def test_intervals_without_a_validation_part_are_refused() -> None:
    now, past = split_at(make_forecasts(walk(100), runs=3), 50)
    for missing in (None, past.clear()):
        with pytest.raises(UsageError) as caught:
            make_intervals(now, missing)
        assert str(caught.value) == (
            "intervals 'split' need a validation part to learn from, and there is none; set split.validation or "
            "take 'ensemble'"
        )
    assert make_intervals(now, method="ensemble").table.height == 49


def test_wrong_use_is_refused() -> None:
    now, past = split_at(make_forecasts(walk(100)), 50)
    with pytest.raises(UnknownNameError, match="unknown interval method 'splitt'; did you mean 'split'"):
        make_intervals(now, past, method="splitt")
    with pytest.raises(UsageError, match="there are none"):
        make_intervals(now.with_columns(quantity=pl.lit("volatility")), past)
    with pytest.raises(ColumnError, match="actual and last_close"):
        make_intervals(now.drop("actual"), past)
    for levels in [(0.1, 0.5), (0.0, 1.0), (), (0.1, 0.95)]:
        with pytest.raises(UsageError, match="central intervals"):
            check_levels(levels)
    assert check_levels([0.95, 0.5, 0.05]) == (0.05, 0.5, 0.95)
