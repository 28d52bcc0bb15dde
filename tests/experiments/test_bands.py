"""Intervals beyond the last candle: what the methods say of one forecast more, and the naive interval beside."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import UsageError
from coincast.experiments.bands import NAIVE_LEVELS, OWN_LEVELS, add_bands, look_back
from coincast.experiments.horizons import judge_horizons, read_horizons, refuse_horizons
from coincast.experiments.moves import calibrate, describe_moves, restore_moves
from coincast.experiments.result import Result
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.experiments.story import outlook_table
from coincast.forecasts.intervals import LEVELS, make_intervals
from coincast.forecasts.prices import CandleClock, PricePath
from coincast.forecasts.table import check_forecasts
from coincast.scores.naive_interval import naive_quantiles
from coincast.scores.significance import adjust_holm
from coincast.scores.verdict import deciding_rows, score_forecasts

MODELS = [cc.Linear(), "drift"]
SMALL = {"lookback": 3, "horizon": 2, "epochs": 2, "seeds": 3, "batch_size": 16, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def ahead(echo: pl.DataFrame) -> Result:
    """Two models judged and beyond the last candle, with 70 candles to calibrate on."""
    spec = Spec.from_keywords(models=MODELS, **SMALL, test=0.3, validation=70, intervals="split")
    return run_experiment(spec, echo, beyond=True)


@pytest.mark.parametrize("method", ["ensemble", "residual", "split", "cqr", "adaptive"])
def test_they_are_those_of_one_forecast_more(ahead: Result, method: str) -> None:
    """By the slow way: the forecasts beyond the last candle as the last rows of the test span."""
    rows = pl.concat([ahead.forecasts, ahead.outlook], how="diagonal")
    table = make_intervals(check_forecasts(rows), ahead.calibration, method=method).table
    origin = ahead.outlook["origin"].max()
    wanted = table.filter(pl.col("origin") == origin, pl.col("model") != "naive").drop_nulls().sort("model", "step")
    varied = Spec.from_dict({**ahead.spec.to_dict(), "judge": {"intervals": method}, "models": ahead.spec.models})
    told = add_bands(outlook_table(ahead).drop([*OWN_LEVELS, *NAIVE_LEVELS]), _with_spec(ahead, varied))
    found = told.filter(pl.col("q50").is_not_null()).sort("model", "step")
    assert found["model"].to_list() == wanted["model"].to_list() != []
    # The volatility knows the whole past here, and the prices that the tables tell there.
    np.testing.assert_allclose(
        np.log(found.select(OWN_LEVELS).to_numpy()), np.log(wanted.select(OWN_LEVELS).to_numpy()), atol=2e-3
    )


def _with_spec(result: Result, spec: Spec) -> Result:
    from dataclasses import replace

    return replace(result, spec=spec)


def test_few_past_errors_tell_no_end_or_nothing(ahead: Result) -> None:
    known = pl.col("origin").rank("dense", descending=True).over("model", "run", "step") <= 4
    few = ahead.calibration.with_columns(pl.when(known).then("actual"))
    assert calibrate(ahead.forecasts, few, method="residual") == {}
    moves = calibrate(ahead.forecasts, few, method="split")["simulated:ECHO1/USD", "drift"]
    assert moves.errors == 4
    # Four errors tell an 80 % interval, and none of 90 %.
    assert np.isinf(moves.moves[0]).tolist() == [True, False, False, False, False, False, True]
    quantiles = moves.quantiles(np.array([10.0, 11.0]), np.empty((0, 0)), last_close=10.0, volatility=0.01)
    assert quantiles[0, [0, -1]].tolist() == [0.0, np.inf]
    restored = restore_moves(describe_moves(moves))
    assert restored.moves.tolist() == moves.moves.tolist()
    assert restored.quantiles(np.array([10.0]), np.empty((0, 0)), last_close=10.0, volatility=0.01)[0].tolist() == (
        quantiles[0].tolist()
    )


def test_a_step_that_was_not_learnt_has_no_interval(ahead: Result) -> None:
    moves = calibrate(ahead.forecasts, ahead.calibration, method="split")["simulated:ECHO1/USD", "drift"]
    told = moves.quantiles(np.full(3, 10.0), np.empty((0, 0)), last_close=10.0, volatility=0.01)
    assert np.isfinite(told).all(axis=1).tolist() == [True, True, False]


def test_looking_back_is_the_formula(echo: pl.DataFrame) -> None:
    """The naive interval and the volatility by their formulas, term by term."""
    close = echo["close"].to_numpy()
    for step in (1, 2):
        back = look_back(echo, [step])
        moves = np.log(close[step:] / close[:-step])
        scale = [_ewma(moves[: end + 1] ** 2) ** 0.5 for end in range(len(moves))]
        scaled = [moves[end] / scale[end - step] for end in range(step, len(moves))]
        wanted = close[-1] * np.exp(np.quantile(scaled[-250:], LEVELS) * scale[-1])
        np.testing.assert_allclose(back.naive[0], wanted, rtol=1e-9)
        assert back.last_close == close[-1]
    assert back.volatility == pytest.approx(_ewma(np.diff(np.log(close)) ** 2) ** 0.5)


def _ewma(squares: np.ndarray) -> float:
    weights = 0.94 ** np.arange(len(squares))[::-1]
    return float((weights * squares).sum() / weights.sum())


def test_only_the_newest_candles_are_looked_at(echo: pl.DataFrame) -> None:
    older = echo.with_columns(pl.col("open_time", "close_time") - timedelta(days=160 * 20))
    copies = [older.with_columns(pl.col("open_time", "close_time") + timedelta(days=160 * n)) for n in range(20)]
    long = pl.concat([*copies, echo])
    whole, cut = look_back(long, [1, 3]), look_back(long.tail(1_200), [1, 3])
    np.testing.assert_allclose(cut.naive, whole.naive, rtol=1e-12)


def test_all_steps_at_once_say_what_each_says_by_itself() -> None:
    candles = cc.simulate("walk", candles=700, seed=4, interval="1h")
    gap = candles.filter(pl.int_range(pl.len()) != 690)
    still = candles.with_columns(close=pl.when(pl.int_range(pl.len()) < 600).then(100.0).otherwise("close"))
    for table in (candles, gap, still, candles.tail(60)):
        clock = CandleClock.of(table["close_time"], "1h")
        path = PricePath(clock, clock.number(table["close_time"]), table["close"].to_numpy())
        wanted = [naive_quantiles(path, path.candles[-1:], step, LEVELS)[0] for step in (1, 5, 24)]
        found = look_back(table, (1, 5, 24)).naive / path.prices[-1]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_without_a_price_there_are_no_bands(echo: pl.DataFrame) -> None:
    outlook = cc.forecast(echo, models=["ridge"], lookback=3, horizon=1, quantity="direction")
    assert outlook.table.select(pl.col(*OWN_LEVELS, *NAIVE_LEVELS).null_count() == 1).row(0) == (True,) * 14


# ---------------------------------------------------------------- horizons


@pytest.mark.parametrize(
    ("given", "wanted"), [(7, (7,)), ("1,7,30", (1, 7, 30)), (["30", "1, 7"], (1, 7, 30)), ([3, 3], (3,))]
)
def test_horizons_are_read(given: object, wanted: tuple[int, ...]) -> None:
    assert read_horizons(given) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [0, -1, "", "a", "1,,2", "1.5", [], "99999", "²"])
def test_wrong_horizons_are_refused(given: object) -> None:
    with pytest.raises(UsageError, match="allowed: whole numbers of candles from 1 to 10,000"):
        read_horizons(given)  # type: ignore[arg-type]


def test_each_horizon_is_judged_as_if_it_were_alone(ahead: Result) -> None:
    rows = judge_horizons(ahead.forecasts, (1, 2))
    alone = deciding_rows(score_forecasts(ahead.forecasts.filter(pl.col("step") <= 1)))
    figures = ["model", "value", "naive", "skill", "low", "high", "p", "n"]
    assert rows.filter(horizon=1).select(figures).equals(alone.select(figures))
    assert rows.filter(horizon=2).select(figures).equals(deciding_rows(ahead.scores).select(figures))
    tested = rows.filter(pl.col("p_holm").is_not_null())
    assert tested.height == 4  # two models, two horizons; naive's own rows have no test
    assert tested["p_holm"].to_list() == adjust_holm(tested["p"].to_numpy()).tolist()
    assert rows.filter(model="naive")["verdict"].to_list() == [None, None]


def test_a_volatility_has_one_horizon() -> None:
    spec = Spec.from_keywords(quantity="volatility", models=["har"])
    refuse_horizons(spec, (7,))
    with pytest.raises(UsageError, match="horizons are 1, 7, and a volatility is one number for the whole horizon"):
        refuse_horizons(spec, (1, 7))
