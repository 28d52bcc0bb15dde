"""Walking forward: what each fit may learn, which origins it forecasts, and the four ways to refit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

from coincast.errors import DataError, UsageError
from coincast.experiments.compare import compare
from coincast.experiments.fit import Losses
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, make_tasks, plan_fits
from coincast.sources.simulated import simulate

ROWS, TEST = 400, 90


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return simulate("walk", candles=ROWS, seed=2)


def plan(candles: pl.DataFrame, **keywords: object) -> list[Task]:
    spec = Spec.from_keywords(**{"test": TEST, "lookback": 5, "horizon": 3, "models": ["naive"], **keywords})
    return plan_fits(spec, make_tasks(spec, candles)[0])


@dataclass(frozen=True)
class Copy:
    """The last known price, as a user might write it."""

    learns: ClassVar[bool] = False

    def forecast(self, samples, *, training, origins, seed):
        return np.repeat(samples.close[origins][:, None], samples.windows.horizon, axis=1)


@dataclass(frozen=True)
class Recorder:
    """Forecasts the last price, off by how many rows it learnt from: its forecasts tell which fit made them."""

    learns: ClassVar[bool] = True

    def forecast(self, samples, *, training, origins, seed):
        price = samples.close[origins][:, None] * (1 + 1e-6 * len(training))
        return np.repeat(price, samples.windows.horizon, axis=1)


@pytest.mark.parametrize(("gap", "validation", "window"), [(0, 0, 0), (4, 30, 0), (2, 0, 120), (3, 25, 100)])
def test_no_fit_learns_of_a_target_that_comes_after_its_first_origin(
    candles: pl.DataFrame, gap: int, validation: int, window: int
) -> None:
    fits = plan(candles, refit="every", every=20, gap=gap, validation=validation, window=window)
    assert len(fits) == 5
    for number, fit in enumerate(fits):
        border = ROWS - TEST + 20 * number
        end = border - gap - (validation + gap if validation else 0)
        assert (fit.parts.train.first, fit.parts.train.end) == (max(0, end - window) if window else 0, end)
        assert fit.training.future_rows.max() < end
        assert (fit.training.past_rows.min() if len(fit.training) else 0) >= fit.parts.train.first
        assert len(fit.parts.validation) == validation
        if validation:
            assert fit.validation.future_rows.min() >= end + gap
            assert fit.validation.future_rows.max() < border - gap
        assert fit.test.future_rows[:, 0].min() == border
        assert fit.trained_until <= fit.samples.close_time[fit.test.origin_rows[0]]


def test_every_origin_is_forecast_once_whatever_the_refits(candles: pl.DataFrame) -> None:
    whole = plan(candles)[0].test.starts
    for every in (1, 7, 20, 1000):
        starts = np.concatenate([fit.test.starts for fit in plan(candles, refit="every", every=every)])
        assert starts.tolist() == whole.tolist()


def test_a_later_fit_forecasts_with_what_it_learnt(candles: pl.DataFrame) -> None:
    result = compare(candles, models=[Recorder()], test=TEST, lookback=5, refit="every", every=30)
    rows = result.forecasts.filter(pl.col("model") == "recorder").sort("origin")
    learnt = ((rows["value"] / rows["last_close"] - 1) / 1e-6).round().cast(pl.Int64)
    assert learnt.to_list() == [310] * 30 + [340] * 30 + [370] * 30
    assert rows["trained_until"].unique().sort().to_list() == candles["close_time"].gather([309, 339, 369]).to_list()
    assert result.runs.filter(pl.col("model") == "recorder")["fit"].to_list() == [1, 2, 3]
    assert any("fitted anew every 30 rows" in note for note in result.notes)


def test_refits_of_a_network_are_the_runs_that_a_fresh_training_gives(candles: pl.DataFrame) -> None:
    """The second fit's forecasts equal those of an experiment that ends its training there."""
    keywords = {"models": ["lstm"], "lookback": 5, "seeds": 2, "epochs": 2}
    walked = compare(candles, test=TEST, refit="every", every=50, **keywords).forecasts
    alone = compare(candles, test=TEST - 50, **keywords).forecasts
    wanted = ["model", "run", "origin", "step", "value"]
    joined = alone.select(wanted).join(walked.select(wanted), on=wanted[:4], suffix="_walked")
    assert joined.height == alone.height
    assert joined["value"].to_numpy() == pytest.approx(joined["value_walked"].to_numpy(), rel=1e-6)


def test_a_warm_start_goes_on_and_a_fresh_fit_does_not(candles: pl.DataFrame) -> None:
    keywords = {"models": ["lstm"], "lookback": 5, "seeds": 1, "epochs": 3, "test": TEST, "every": 45}
    warm = compare(candles, refit="warm", **keywords).history.filter(pl.col("fit") == 2)["loss"]
    fresh = compare(candles, refit="every", **keywords).history.filter(pl.col("fit") == 2)["loss"]
    once = compare(candles, refit="never", **keywords).history["loss"]
    assert warm[0] < fresh[0]
    assert abs(warm[0] - once[2]) < abs(fresh[0] - once[2])


def test_drift_refits_only_after_the_losses_have_grown() -> None:
    """A market whose drift turns in the middle of the test span: the trained drift is wrong from there on."""
    rng = np.random.default_rng(0)
    moves = np.concatenate([np.full(300, 0.01), np.full(200, -0.01)]) + 0.002 * rng.standard_normal(500)
    close = 100 * np.exp(np.cumsum(moves))
    candles = simulate("walk", candles=500, seed=1).with_columns(
        open=pl.Series(close), high=pl.Series(close), low=pl.Series(close), close=pl.Series(close)
    )
    keywords = {"models": ["drift"], "test": 250, "lookback": 5, "every": 25, "window": 100}
    runs = compare(candles, refit="drift", **keywords).runs.filter(pl.col("model") == "drift")
    assert runs["fit"].to_list()[0] == 1
    # The turn is at row 300, the second border; it can be seen at the border after the newest rows have it.
    assert min(runs["fit"].to_list()[1:]) in (4, 5)
    still = simulate("walk", candles=500, seed=1)
    assert compare(still, refit="drift", **keywords).runs.filter(pl.col("model") == "drift").height <= 3


def test_losses_that_are_not_known_yet_do_not_count() -> None:
    losses = Losses(known_at=[np.arange(100)], differences=[np.where(np.arange(100) < 60, 0.0, 5.0)])
    losses.differences[0] += 0.01 * np.random.default_rng(0).standard_normal(100)
    assert not losses.have_grown(60, 20, overlapping=1)
    assert losses.have_grown(80, 20, overlapping=1)
    losses.fitted_at = 60
    assert not losses.have_grown(80, 20, overlapping=1)


@pytest.mark.parametrize("overlapping", [1, 5, 10])
def test_no_drift_is_seen_where_there_is_none(overlapping: int) -> None:
    """Losses of overlapping targets are a moving sum; they drift by chance alone in some 2.5 % of the cases."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(1000):
        shocks = rng.standard_normal(199 + overlapping)
        moving = np.convolve(shocks, np.ones(overlapping), mode="valid")
        losses = Losses(known_at=[np.arange(200)], differences=[moving])
        found += losses.have_grown(200, 50, overlapping=overlapping)
    assert found <= 45


def test_recursive_forecasts_of_one_step_are_the_direct_ones(candles: pl.DataFrame) -> None:
    keywords = {"models": ["lstm"], "lookback": 5, "seeds": 1, "epochs": 2, "test": TEST}
    direct = compare(candles, horizon=1, **keywords).forecasts.filter(pl.col("model") == "lstm")
    recursive = compare(candles, horizon=1, multi_step="recursive", **keywords).forecasts
    recursive = recursive.filter(pl.col("model") == "lstm")
    assert recursive["value"].to_numpy() == pytest.approx(direct["value"].to_numpy(), rel=1e-9)
    assert compare(candles, horizon=4, multi_step="recursive", **keywords).forecasts["step"].max() == 4


def test_what_does_not_go_together_is_refused(candles: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="cannot be told from its forecast close"):
        compare(candles, models=["lstm"], features=["volume"], multi_step="recursive", horizon=2)
    with pytest.raises(UsageError, match="needs prices as the next inputs"):
        compare(candles, models=["lstm"], quantity="direction", multi_step="recursive")
    with pytest.raises(UsageError, match=r"ar forecasts prices, which tell no volatility; models that do: lstm, .*har"):
        compare(candles, models=["ar"], quantity="volatility")
    with pytest.raises(UsageError, match=r'har forecasts volatility; ask for it with samples.quantity = "volatility"'):
        compare(candles, models=["har"])
    with pytest.raises(UsageError, match=r"from which no direction can be told; allowed for samples.quantity = "):
        compare(candles, models=["lstm"], quantity="direction", target="log_volatility")
    with pytest.raises(UsageError, match=r"training.loss is 'qlike', which compares variances"):
        compare(candles, models=["lstm"], loss="qlike")


def test_three_views_of_several_steps(candles: pl.DataFrame) -> None:
    result = compare(candles, models=["lstm", "drift"], lookback=5, horizon=3, seeds=2, epochs=1, test=TEST)
    chosen = result.scores.filter(
        pl.col("metric") == "abs_log_error",
        pl.col("subset") == "all",
        pl.col("step") == 0,
        pl.col("level") == "ensemble",
    )
    counts = {(row["view"], row["model"]): row["n"] for row in chosen.iter_rows(named=True)}
    for model in ("lstm.ensemble", "drift", "naive"):
        assert counts["every_origin", model] == TEST - 2
        assert counts["segments", model] == -(-(TEST - 2) // 3)
        assert counts["full_interval", model] == 1
    assert result.full_interval.group_by("model", "run").len()["len"].unique().to_list() == [TEST]
    assert chosen.filter(pl.col("view") != "every_origin")["verdict"].null_count() == 6


def test_the_full_interval_of_a_network_starts_as_its_first_forecast(candles: pl.DataFrame) -> None:
    result = compare(candles, models=["lstm"], lookback=5, horizon=3, seeds=1, epochs=1, test=TEST)
    whole = result.full_interval.filter(pl.col("model") == "lstm").sort("step")["value"][:3]
    origin = result.forecasts["origin"].min()
    first = result.forecasts.filter(pl.col("model") == "lstm", pl.col("origin") == origin).sort("step")["value"]
    assert whole.to_list() == pytest.approx(first.to_list(), rel=1e-6)


def test_volatility_has_one_forecast_per_origin_and_its_own_naive(candles: pl.DataFrame) -> None:
    result = compare(
        candles,
        models=["lstm", "volatility_cone"],
        quantity="volatility",
        lookback=5,
        horizon=4,
        seeds=1,
        epochs=1,
        test=TEST,
    )
    rows = result.forecasts.filter(pl.col("model") == "naive")
    assert rows["step"].unique().to_list() == [4]
    returns = np.diff(np.log(candles["close"].to_numpy()))
    origin = ROWS - TEST - 1
    weights = 0.94 ** np.arange(origin)[::-1]
    expected = np.sqrt(4 * np.sum(weights * returns[:origin] ** 2) / weights.sum())
    assert rows.sort("origin")["value"][0] == pytest.approx(expected, rel=1e-12)
    assert rows.sort("origin")["actual"][0] == pytest.approx(
        np.sqrt(np.sum(returns[origin : origin + 4] ** 2)), rel=1e-12
    )
    assert result.scores.filter(pl.col("verdict").is_not_null())["metric"].unique().to_list() == ["qlike"]


def test_a_price_copy_has_no_direction_and_the_others_are_judged(candles: pl.DataFrame) -> None:
    result = compare(candles, models=[Copy(), "ar", "drift"], quantity="direction", lookback=5, test=TEST)
    assert set(result.leaderboard["model"]) == {"naive", "ar", "drift"}
    assert any("copy on simulated:WALK1/USD never names a direction" in note for note in result.notes)


@pytest.mark.parametrize(
    "refit", ["never", "drift", *(pytest.param(how, marks=pytest.mark.long) for how in ("every", "warm"))]
)
def test_a_changed_future_leaves_every_forecast_made_before_it(candles: pl.DataFrame, refit: str) -> None:
    """Also the decision to refit may know nothing of the future: the market falls to a third after the cut."""
    cut = ROWS - 35
    changed = candles.with_columns(
        pl.when(pl.int_range(pl.len()) > cut).then(pl.col(name) / 3).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )
    keywords = {
        "models": ["lstm", "ar"],
        "lookback": 5,
        "horizon": 2,
        "seeds": 1,
        "epochs": 1,
        "test": TEST,
        "every": 12,
    }
    made = [compare(each, refit=refit, **keywords).forecasts for each in (candles, changed)]
    before, after = (table.filter(pl.col("origin") <= candles["close_time"][cut]) for table in made)
    wanted = ["model", "run", "trained_until", "origin", "step", "value"]
    assert before.height > 3 * 2 * 40
    assert before.select(wanted).equals(after.select(wanted))


@pytest.mark.parametrize("quantity", ["direction", "volatility"])
def test_a_market_that_never_moves_is_refused(candles: pl.DataFrame, quantity: str) -> None:
    still = candles.with_columns(pl.lit(100.0).alias(name) for name in ("open", "high", "low", "close"))
    with pytest.raises(DataError, match=f"never moves in its .* training windows, so that there is no {quantity}"):
        compare(still, models=["naive"], features=["volume"], quantity=quantity, lookback=5, test=TEST)
