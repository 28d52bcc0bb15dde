"""The decisive test: its size at an exact null, its edges, and second opinions from statsmodels and slow code."""

from __future__ import annotations

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from statsmodels.stats.multitest import multipletests
from statsmodels.tsa.stattools import diebold_mariano_test

from coincast.scores.significance import (
    adjust_holm,
    compare_losses,
    cosine_weights,
    count_cosines,
    count_overlapping,
    diebold_mariano,
    interval_of_mean,
)

PROOF = runpy.run_path(str(Path(__file__).resolve().parents[2] / "proofs" / "size_of_the_test.py"))
SETTINGS, null_losses, share_rejected = PROOF["SETTINGS"], PROOF["null_losses"], PROOF["share_rejected"]


def slow_statistic(differences: np.ndarray, cosines: int) -> float:
    """The statistic as its formula reads, one cosine after the other."""
    n = differences.size
    squares = []
    for j in range(1, cosines + 1):
        total = sum(d * math.cos(math.pi * j * (t - 0.5) / n) for t, d in enumerate(differences, start=1))
        squares.append((math.sqrt(2 / n) * total) ** 2)
    return differences.mean() / math.sqrt(np.mean(squares) / n)


@pytest.mark.parametrize(("horizon", "n", "persistence"), SETTINGS)
def test_a_true_null_is_rejected_in_five_of_a_hundred_cases(horizon: int, n: int, persistence: float) -> None:
    assert 0.035 <= share_rejected(horizon, n, persistence, samples=2000, seed=n) <= 0.065


def test_the_settings_cover_the_horizons_from_the_fewest_origins_upward() -> None:
    assert {horizon for horizon, _, _ in SETTINGS} == {1, 5, 24}
    for horizon in (1, 5, 24):
        assert min(n for h, n, _ in SETTINGS if h == horizon) == 20 * horizon


@pytest.mark.parametrize(
    ("n", "overlapping", "cosines"),
    [(20, 1, 2), (164, 1, 11), (1000, 1, 40), (480, 24, 10), (100, 5, 8), (20_000, 1, 294), (175, 5, 12)],
)
def test_cosines_are_the_integer_part_of_the_smaller_bound(n: int, overlapping: int, cosines: int) -> None:
    assert count_cosines(n, overlapping) == cosines


@pytest.mark.parametrize(("n", "overlapping"), [(25, 1), (164, 1), (120, 5), (480, 24)])
def test_statistic_equals_the_formula_read_slowly(n: int, overlapping: int) -> None:
    rng = np.random.default_rng(n)
    losses, naive = rng.random(n), rng.random(n)
    compared = compare_losses(losses, naive, overlapping=overlapping)
    assert compared.statistic == pytest.approx(slow_statistic(losses - naive, count_cosines(n, overlapping)), rel=1e-10)


@pytest.mark.parametrize("n", [40, 41, 164])
def test_independent_errors_give_unit_cosine_weights(n: int) -> None:
    weights = cosine_weights(np.eye(n), 10)
    assert np.allclose(weights.T @ weights, np.eye(10))


@pytest.mark.parametrize(("n", "horizon"), [(60, 1), (164, 1), (164, 24), (500, 5), (480, 24)])
@pytest.mark.parametrize("lags", [None, "usual"])
def test_diebold_mariano_equals_statsmodels(n: int, horizon: int, lags: str | None) -> None:
    rng = np.random.default_rng(horizon)
    truth, ours, other = rng.standard_normal((3, n)).cumsum(axis=1)
    count = horizon - 1 if lags else None
    known = diebold_mariano_test(truth, ours, other, criterion="mae", harvey_adj=True, horizon=horizon, lags=count)
    found = diebold_mariano(np.abs(truth - ours) - np.abs(truth - other), horizon=horizon, lags=count)
    assert found == pytest.approx((known.statistic, known.pvalue), rel=1e-9)


def test_holm_equals_statsmodels() -> None:
    p_values = np.random.default_rng(0).random(12) ** 3
    assert adjust_holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert adjust_holm(np.empty(0)).size == 0


@given(st.integers(0, 10_000), st.integers(1, 4), st.floats(-0.5, 0.5), st.floats(0.01, 3.0), st.integers(20, 90))
@settings(max_examples=300, deadline=None)
def test_zero_lies_inside_the_interval_exactly_when_p_is_at_least_five_percent(
    seed: int, overlapping: int, shift: float, spread: float, more: int
) -> None:
    rng = np.random.default_rng(seed)
    n = 20 * overlapping + more
    naive = rng.exponential(size=n)
    losses = np.abs(naive * (1 + shift) + spread * rng.standard_normal(n))
    compared = compare_losses(losses, naive, overlapping=overlapping)
    if compared.low is not None and compared.high is not None and compared.p is not None:
        assert (compared.low <= 0 <= compared.high) == (compared.p >= 0.05)
        assert compared.low <= compared.skill <= compared.high


@pytest.mark.parametrize("overlapping", [1, 5])
def test_the_ends_of_the_interval_are_just_significant(overlapping: int) -> None:
    """At s = low and s = high the test of loss - (1 - s) naive loss has p = 5 %."""
    rng = np.random.default_rng(3)
    naive = rng.exponential(size=200)
    losses = 0.8 * naive + 0.3 * rng.exponential(size=200)
    compared = compare_losses(losses, naive, overlapping=overlapping)
    cosines = count_cosines(200, overlapping)
    for s in (compared.low, compared.high):
        statistic = slow_statistic(losses - (1 - s) * naive, cosines)
        assert abs(statistic) == pytest.approx(stdtrit(cosines, 0.975), rel=1e-8)


def test_an_interval_without_two_ends_is_null() -> None:
    """A naive loss that is not shown to differ from zero bounds nothing."""
    naive = np.zeros(40)
    naive[:3] = 1.0
    compared = compare_losses(np.full(40, 0.05), naive, overlapping=1)
    assert (compared.low, compared.high) == (None, None)
    assert compared.p is not None


def test_detectable_is_the_skill_shown_with_eighty_percent_power() -> None:
    """Of samples whose true skill is the detectable one, four in five pass."""
    rng = np.random.default_rng(5)
    n, spread = 400, 0.5
    naive = np.ones((1000, n))
    noise = spread * rng.standard_normal((1000, n))
    pairs = list(zip(naive, noise, strict=True))
    detectable = np.mean([compare_losses(base + error, base, overlapping=1).detectable for base, error in pairs])
    passed = [compare_losses(base - detectable + error, base, overlapping=1).p < 0.05 for base, error in pairs]
    assert np.mean(passed) == pytest.approx(0.8, abs=0.04)


def test_a_copy_of_the_naive_forecast_is_named_as_such() -> None:
    naive = np.random.default_rng(0).random(60)
    compared = compare_losses(naive * (1 + 0.9e-4), naive, overlapping=1)
    assert compared.is_copy
    assert (compared.statistic, compared.p, compared.skill, compared.low, compared.high) == (0, 1, 0, 0, 0)
    assert compared.detectable is None
    assert not compare_losses(naive * (1 + 1.1e-4), naive, overlapping=1).is_copy


def test_without_spread_the_difference_is_certain() -> None:
    """A constant difference has no long-run error: p 0, no statistic; the word follows its sign."""
    naive = np.random.default_rng(0).random(60) + 1
    compared = compare_losses(naive - 0.25, naive, overlapping=1)
    assert (compared.statistic, compared.p, compared.dm, compared.p_dm) == (None, 0.0, None, 0.0)
    assert compared.high > compared.low > 0


def test_a_naive_forecast_that_never_errs_leaves_only_the_word() -> None:
    losses = np.random.default_rng(0).random(60)
    compared = compare_losses(losses, np.zeros(60), overlapping=1)
    assert compared.p < 0.05
    assert compared.statistic > 0
    assert (compared.skill, compared.low, compared.high, compared.detectable) == (None, None, None, None)


def test_a_perfect_copy_of_a_perfect_naive_forecast_has_no_skill_and_no_nan() -> None:
    compared = compare_losses(np.zeros(60), np.zeros(60), overlapping=1)
    assert (compared.skill, compared.statistic, compared.p) == (None, 0.0, 1.0)


def test_a_naive_loss_of_zero_in_some_rows_is_nothing_special() -> None:
    rng = np.random.default_rng(0)
    naive = rng.random(60) * (rng.random(60) < 0.5)
    compared = compare_losses(naive + 0.01 * rng.random(60), naive, overlapping=1)
    assert compared.skill == pytest.approx(1 - compared.loss / compared.naive)
    assert compared.low is not None


@pytest.mark.parametrize(
    ("n", "overlapping", "is_too_few"), [(19, 1, True), (20, 1, False), (479, 24, True), (480, 24, False)]
)
def test_twenty_origins_for_each_that_overlaps_are_enough(n: int, overlapping: int, is_too_few: bool) -> None:
    rng = np.random.default_rng(n)
    compared = compare_losses(rng.random(n), rng.random(n), overlapping=overlapping)
    assert compared.is_too_few == is_too_few
    assert compared.skill is not None
    for figure in (compared.statistic, compared.p, compared.low, compared.high, compared.detectable):
        assert (figure is None) == is_too_few


@pytest.mark.parametrize(
    ("steps", "stride", "overlapping"), [(1, 1, 1), (24, 1, 24), (24, 5, 5), (5, 5, 1), (5, 2, 3), (1, 7, 1), (5, 9, 1)]
)
def test_overlap_is_steps_over_stride_rounded_up(steps: int, stride: int, overlapping: int) -> None:
    origins = np.arange(0, 1000, stride) * 3_600_000
    assert count_overlapping(origins, origins + steps * 3_600_000) == overlapping


@pytest.mark.parametrize(("n", "stride", "expected"), [(1, 1, 90), (2, 1, 90), (11, 1, 90), (11, 5, 18), (11, 45, 2)])
def test_few_origins_overlap_as_many_would(n: int, stride: int, expected: int) -> None:
    """Horizon 90: what more origins at the same distance will show, not how many there are so far."""
    origins = np.arange(n) * stride * 3_600_000
    assert count_overlapping(origins, origins + 90 * 3_600_000, steps=90) == expected


@pytest.mark.parametrize("n", [1, 2, 12, 40])
@pytest.mark.parametrize(("steps", "expected"), [(1, 1), (3, 3)])
def test_months_of_unequal_length_overlap_like_days(n: int, steps: int, expected: int) -> None:
    months = np.arange("2019-01", "2023-01", dtype="datetime64[M]").astype("datetime64[ms]").astype(np.int64)
    assert count_overlapping(months[:n], months[steps : n + steps], steps=steps) == expected


def test_no_figure_is_ever_nan() -> None:
    with np.errstate(over="ignore"):
        compared = compare_losses(np.array([1e200, *[1.0] * 30]), np.ones(31), overlapping=1)
    for figure in vars(compared).values():
        assert figure is None or math.isfinite(figure)


def test_the_interval_of_a_mean_ends_where_the_test_is_just_significant() -> None:
    values = np.random.default_rng(1).standard_normal(100) + 0.3
    low, high = interval_of_mean(values, overlapping=1)
    cosines = count_cosines(100, 1)
    assert abs(slow_statistic(values - low, cosines)) == pytest.approx(stdtrit(cosines, 0.975))
    assert abs(slow_statistic(values - high, cosines)) == pytest.approx(stdtrit(cosines, 0.975))


def test_both_forecasts_of_the_null_miss_by_the_same_on_average() -> None:
    ours, other = null_losses(5, 400, 0.9, samples=500, rng=np.random.default_rng(0))
    error = (ours - other).mean(axis=1).std() / math.sqrt(500)
    assert abs((ours - other).mean()) < 4 * error


@pytest.mark.parametrize("power", [-1000, -700, 700, 990])
@pytest.mark.parametrize("which", ["both", "losses"])
def test_the_size_of_the_losses_does_not_matter(power: int, which: str) -> None:
    """The test of losses times a power of two is the same test, at both ends of the range of numbers."""
    rng = np.random.default_rng(5)
    naive, losses = rng.exponential(size=(2, 300))
    losses = 0.8 * losses + 0.1 * naive
    usual = compare_losses(losses, naive, overlapping=1)
    if which == "both":
        found = compare_losses(np.ldexp(losses, power), np.ldexp(naive, power), overlapping=1)
        names = ("skill", "low", "high", "statistic", "p", "dm", "p_dm", "detectable")
        assert [getattr(found, n) for n in names] == pytest.approx([getattr(usual, n) for n in names], rel=1e-9)
    else:
        found = compare_losses(np.ldexp(losses, power), naive, overlapping=1)
        figures = [figure for figure in vars(found).values() if isinstance(figure, float)]
        assert np.isfinite(figures).all()
        assert found.p is not None
        assert found.p < 0.05
        assert (found.statistic < 0) == (power < 0)


def test_an_exact_tie_is_no_copy() -> None:
    """|0.5 - 1| and |-0.5 - 1| by turns against 1: the mean difference is zero, the differences are not."""
    losses, naive = np.tile([0.5, 1.5], 150), np.ones(300)
    found = compare_losses(losses, naive, overlapping=1)
    assert (found.statistic, found.p, found.is_copy) == (0.0, 1.0, False)
    assert found.detectable > 0
    assert compare_losses(naive, naive, overlapping=1).detectable is None
