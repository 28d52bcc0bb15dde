"""Clark and West's test: against statsmodels and slow code, its size, and that it only ever hints."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr, stdtr
from statsmodels.regression.linear_model import OLS

from coincast.scores.clark_west import adjust_errors, find_hints, measure_signal, measure_usual_signal
from coincast.scores.further import Options
from coincast.scores.significance import count_cosines, interval_of_mean
from coincast.scores.verdict import deciding_rows, score_forecasts


def find(table: pl.DataFrame):
    return find_hints(table, score_forecasts(table), Options())


def weak(share: float, noise: float, seed: int = 1):
    """A forecast that knows a share of the move and pays for it with noise."""

    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        return last * (actual / last) ** share * np.exp(noise * np.random.default_rng(seed).standard_normal(last.size))

    return forecast


def test_adjusted_errors_equal_the_formula_read_slowly() -> None:
    rng = np.random.default_rng(0)
    truth, forecast, naive = rng.standard_normal((3, 50))
    slow = [(y - f0) ** 2 - ((y - f1) ** 2 - (f0 - f1) ** 2) for y, f1, f0 in zip(truth, forecast, naive, strict=True)]
    found = adjust_errors(truth, forecast, naive)
    assert found == pytest.approx(slow)
    assert found == pytest.approx(2 * (truth - naive) * (forecast - naive))  # what it comes to


@pytest.mark.parametrize("overlapping", [1, 2, 5, 24])
def test_the_usual_statistic_equals_the_regression_on_a_constant_of_statsmodels(overlapping: int) -> None:
    adjusted = np.random.default_rng(overlapping).standard_normal(480).cumsum() * 0.05 + 0.1
    options = {"maxlags": overlapping - 1, "kernel": "bartlett", "use_correction": False}
    known = OLS(adjusted, np.ones(480)).fit(cov_type="HAC", cov_kwds=options)
    statistic, p = measure_usual_signal(adjusted, overlapping=overlapping)
    assert statistic == pytest.approx(known.tvalues[0])
    assert p == pytest.approx(ndtr(-known.tvalues[0]))
    assert 2 * min(p, 1 - p) == pytest.approx(known.pvalues[0])


@pytest.mark.parametrize(("n", "overlapping"), [(60, 1), (250, 5), (480, 24)])
def test_the_statistic_is_one_sided_with_the_error_of_the_decisive_test(n: int, overlapping: int) -> None:
    """Slow cosines; and half of the decisive test's interval of a mean is t_0.975 errors."""
    adjusted = np.random.default_rng(n).standard_normal(n) + 0.1
    cosines = count_cosines(n, overlapping)
    times = np.arange(1, n + 1) - 0.5
    lambdas = [np.sqrt(2 / n) * np.sum(adjusted * np.cos(np.pi * j * times / n)) for j in range(1, cosines + 1)]
    statistic, p = measure_signal(adjusted, overlapping=overlapping)
    assert statistic == pytest.approx(adjusted.mean() / np.sqrt(np.mean(np.square(lambdas)) / n))
    assert p == pytest.approx(1 - stdtr(cosines, statistic))
    low, _ = interval_of_mean(adjusted, overlapping=overlapping)
    assert (p < 0.025) == (low > 0)


@pytest.mark.parametrize(("n", "horizon"), [(60, 1), (250, 1), (250, 5)])
def test_moves_without_signal_give_five_hints_in_a_hundred(n: int, horizon: int) -> None:
    """Forecasts drawn apart from a symmetric, fat-tailed walk whose h-step returns overlap."""
    rng = np.random.default_rng(n + horizon)
    hints = []
    for _ in range(1000):
        shocks = rng.standard_t(5, n + horizon - 1)
        moves = np.convolve(shocks, np.ones(horizon), mode="valid")
        guess = np.convolve(rng.standard_normal(n + 9), np.ones(10) / 10, mode="valid")
        _, p = measure_signal(adjust_errors(moves, guess, np.zeros(n)), overlapping=horizon)
        hints.append(p < 0.05)
    assert 0.035 <= np.mean(hints) <= 0.065


def test_a_signal_drowned_in_its_own_noise_is_a_hint_and_no_verdict(make_forecasts) -> None:
    table = make_forecasts(weak(0.25, 0.03), n=500)
    scores = score_forecasts(table)
    before = deciding_rows(scores)["verdict"].to_list()
    row = find_hints(table, scores, Options()).table.row(0, named=True)
    assert before == [row["verdict"]] == ["worse"]
    assert row["hint"]
    assert row["text"] == "hint of signal: its moves agree with what happened, too weakly for the word better"
    assert deciding_rows(scores)["verdict"].to_list() == before


def test_a_forecast_that_is_better_or_naive_needs_no_hint(make_forecasts) -> None:
    tables = [
        make_forecasts(weak(0.5, 0.001), n=200, model="better"),
        make_forecasts(lambda last, actual: last, n=200, model="naive"),
        make_forecasts(lambda last, actual: last * (1 + 1e-9), n=200, model="copy"),
        make_forecasts(weak(0.0, 0.01), n=200, model="noise"),
    ]
    found = find(pl.concat(tables)).table
    assert found["model"].to_list() == ["noise"]
    assert found["hint"].to_list() == [False]
    assert found["text"].to_list() == ["no hint of signal"]


def test_steps_are_averaged_and_log_returns_are_their_own_change(make_forecasts) -> None:
    table = make_forecasts(weak(0.0, 0.01), n=120, steps=3)
    change = (pl.col("actual") / pl.col("last_close")).log()
    returns = table.with_columns(
        quantity=pl.lit("log_return"), actual=change, value=(pl.col("value") / pl.col("last_close")).log()
    )
    price, other = find(table).table.row(0, named=True), find(returns).table.row(0, named=True)
    slow = np.mean(2 * returns["actual"].to_numpy() * returns["value"].to_numpy())
    assert price["adjusted"] == pytest.approx(slow)
    for name in ("statistic", "p", "usual", "p_usual"):
        assert price[name] == pytest.approx(other[name])


def test_holm_runs_over_the_rows(make_forecasts) -> None:
    table = pl.concat(make_forecasts(weak(0.05, 0.02, seed), n=150, model=f"m{seed}", seed=seed) for seed in range(6))
    found = find(table).table
    assert found["p_holm"].min() == pytest.approx(min(1.0, found.height * found["p"].min()))
    assert found["hint"].to_list() == [p < 0.05 for p in found["p_holm"]]


def test_fewer_forecasts_than_it_needs_are_told(make_forecasts) -> None:
    found = find(make_forecasts(weak(0.0, 0.01), n=59, steps=3))
    assert found.table.is_empty()
    told = "the test of Clark and West needs at least 60 forecasts and is left out for model on made:UP/USD (59)"
    assert found.notes == (told,)


def test_an_error_of_zero_has_no_statistic() -> None:
    for measure in (measure_signal, measure_usual_signal):
        assert measure(np.full(40, 0.5), overlapping=1) == (None, 0.0)
        assert measure(np.full(40, -0.5), overlapping=1) == (None, 1.0)
