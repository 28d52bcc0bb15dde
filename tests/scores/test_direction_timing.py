"""The test of Pesaran and Timmermann (2009) beside statsmodels, plain matrices, and moves that nobody can foretell."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.stats import norm, t
from statsmodels.stats.diagnostic import pesaran_timmermann as pesaran_timmermann_1992

from coincast.scores.direction import pesaran_timmermann

Signs = NDArray[np.bool_]


def draw_chain(rng: np.random.Generator, n: int, *, stay: float) -> Signs:
    """Signs that stay what they are with a given probability."""
    return np.cumsum(rng.random(n) > stay) % 2 == 1


def draw_overlapping(rng: np.random.Generator, n: int, *, steps: int, memory: int) -> tuple[Signs, Signs]:
    """Moves over several candles of a walk, and the sign of the move over the last candles, which foretells nothing."""
    path = np.cumsum(rng.standard_normal(n + steps + memory + 1))
    now = np.arange(memory, memory + n)
    return path[now] > path[now - memory], path[now + steps] > path[now]


def old_statistic(said: Signs, went: Signs) -> float:
    """The 1992 statistic by statsmodels."""
    return float(pesaran_timmermann_1992(went - 0.5, said - 0.5).statistic)


@pytest.mark.parametrize("stay", [0.5, 0.8])
@pytest.mark.parametrize("n", [150, 500])
def test_it_is_the_trace_of_the_canonical_correlations_after_the_past(n: int, stay: float) -> None:
    """The paper's matrices, written out: both categories of each series would be one too many, so one is left out."""
    rng = np.random.default_rng(n)
    went = draw_chain(rng, n, stay=stay)
    said = np.where(rng.random(n) < 0.3, went, draw_chain(rng, n, stay=stay))
    w = np.column_stack([np.ones(n - 1), said[:-1], went[:-1]]).astype(float)
    outside = np.eye(n - 1) - w @ np.linalg.inv(w.T @ w) @ w.T
    x, y = said[1:, None].astype(float), went[1:, None].astype(float)
    s_yy, s_yx, s_xx = y.T @ outside @ y, y.T @ outside @ x, x.T @ outside @ x
    trace = np.trace(np.linalg.inv(s_yy) @ s_yx @ np.linalg.inv(s_xx) @ s_yx.T)
    found = pesaran_timmermann(said, went)
    assert found.statistic is not None
    assert found.statistic**2 == pytest.approx((n - 1 - 3) * trace, rel=1e-9)
    assert np.sign(found.statistic) == np.sign(s_yx[0, 0])
    assert found.p == pytest.approx(2 * norm.sf(abs(found.statistic)), rel=1e-9)


def test_it_is_a_regression_on_the_forecast_and_the_past() -> None:
    """statsmodels' t value of `said` gives the same partial correlation: r^2 = t^2 / (t^2 + T - 4)."""
    rng = np.random.default_rng(3)
    went, said = draw_chain(rng, 300, stay=0.7), draw_chain(rng, 300, stay=0.7)
    past = np.column_stack([said[1:], np.ones(299), said[:-1], went[:-1]]).astype(float)
    square = float(sm.OLS(went[1:].astype(float), past).fit().tvalues[0]) ** 2
    found = pesaran_timmermann(said, went)
    assert found.statistic is not None
    assert found.statistic**2 == pytest.approx(296 * square / (square + 295), rel=1e-9)


def test_without_serial_correlation_it_is_the_test_of_1992() -> None:
    rng = np.random.default_rng(4)
    went = rng.random(20_000) < 0.53
    said = np.where(rng.random(20_000) < 0.02, went, rng.random(20_000) < 0.4)
    found = pesaran_timmermann(said, went)
    assert found.statistic == pytest.approx(old_statistic(said, went), abs=0.1)


def test_series_that_keep_their_sign_do_not_pass_for_one_another() -> None:
    """5 % of 2,000 independent pairs are to be rejected (standard error 0.5 points); that of 1992 rejects a third."""
    rng = np.random.default_rng(5)
    pairs = [(draw_chain(rng, 250, stay=0.9), draw_chain(rng, 250, stay=0.9)) for _ in range(2_000)]
    rejected = np.mean([found.p < 0.05 for pair in pairs if (found := pesaran_timmermann(*pair)).p is not None])
    assert 0.035 <= rejected <= 0.065
    assert np.mean([abs(old_statistic(*pair)) > 1.96 for pair in pairs[:200]]) > 0.25


@pytest.mark.parametrize(("steps", "n"), [(5, 100), (5, 1000), (24, 480)])
def test_overlapping_moves_are_not_foretold_by_the_last_move(steps: int, n: int) -> None:
    """The last move is part of the move before, not of the next: with that one as the past, it would "foretell"."""
    rng = np.random.default_rng(6)
    found = [
        pesaran_timmermann(*draw_overlapping(rng, n, steps=steps, memory=steps // 2 + 1), overlapping=steps)
        for _ in range(1_000)
    ]
    p_values = np.array([each.p for each in found if each.p is not None])
    assert p_values.size > 900
    assert 0.03 <= (p_values < 0.05).mean() <= 0.085


def test_overlapping_moves_by_hand() -> None:
    """Regression on the pair of h before, then cosines of the products, one sum at a time."""
    said, went = draw_overlapping(np.random.default_rng(7), 200, steps=5, memory=3)
    past = np.column_stack([np.ones(195), said[:-5], went[:-5]]).astype(float)
    x = sm.OLS(said[5:].astype(float), past).fit().resid
    y = sm.OLS(went[5:].astype(float), past).fit().resid
    products, count = x * y, int(min(0.4 * 195 ** (2 / 3), 195 / 10))
    waves = [
        np.sqrt(2 / 195) * sum(product * np.cos(np.pi * j * (i + 0.5) / 195) for i, product in enumerate(products))
        for j in range(1, count + 1)
    ]
    error = np.sqrt(np.mean(np.square(waves)) / 195)
    found = pesaran_timmermann(said, went, overlapping=5)
    assert found.statistic == pytest.approx(products.mean() / error, rel=1e-9)
    assert found.p == pytest.approx(2 * t.sf(abs(products.mean() / error), count), rel=1e-9)


def test_what_is_foretold_is_found() -> None:
    rng = np.random.default_rng(8)
    went = rng.random(1_000) < 0.5
    said = np.where(rng.random(1_000) < 0.2, went, rng.random(1_000) < 0.5)
    up, down = pesaran_timmermann(said, went), pesaran_timmermann(~said, went)
    assert up.p is not None
    assert up.p < 1e-6
    assert down.statistic == pytest.approx(-up.statistic)  # type: ignore[operator]


def test_too_few_forecasts_are_told_how_many_are_needed() -> None:
    rng = np.random.default_rng(9)
    said, went = rng.random(19) < 0.5, rng.random(19) < 0.5
    found = pesaran_timmermann(said, went)
    assert (found.statistic, found.p, found.left_out) == (None, None, "too few")
    assert found.needs is not None
    assert found.needs >= 20
    assert pesaran_timmermann(np.resize(said, 119), np.resize(went, 119), overlapping=6).needs == 120


def test_rare_directions_need_more() -> None:
    """One rise said in 20, and half of all moves rises: 5 / (0.05 x 0.5) = 200 rows, and one more for the past."""
    went = np.arange(100) % 2 == 0
    said = np.arange(100) % 20 == 3
    found = pesaran_timmermann(said, went)
    assert (found.statistic, found.needs) == (None, 201)


def test_what_can_never_be_tested_says_why() -> None:
    went = np.random.default_rng(10).random(300) < 0.5
    always = np.ones(300, dtype=bool)
    assert pesaran_timmermann(always, went).left_out == "only one direction is said"
    assert pesaran_timmermann(went, always).left_out == "the price went one way only"
    again = np.append(False, went[:-1])
    assert pesaran_timmermann(again, went).left_out == "the last known directions already tell what is said"
    assert pesaran_timmermann(~again, went).needs is None
