"""Conformal radii against their definitions, their theorems and slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from coincast.forecasts.conformal import (
    RATE,
    adaptive_bound,
    adaptive_radii,
    conformal_radius,
    conformal_rank,
    rows_needed,
    split_radii,
)


@pytest.mark.parametrize(("rows", "coverage", "rank"), [(9, 0.9, 9), (8, 0.9, 9), (99, 0.9, 90), (100, 0.8, 81)])
def test_the_rank_is_that_of_the_theorem(rows: int, coverage: float, rank: int) -> None:
    assert conformal_rank(rows, coverage) == rank


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95, 0.98, 0.99])
def test_a_row_fewer_than_needed_makes_the_radius_infinite(coverage: float) -> None:
    needed = rows_needed(coverage)
    scores = np.arange(float(needed))
    assert conformal_radius(scores, coverage) == needed - 1
    assert conformal_radius(scores[1:], coverage) == math.inf


@pytest.mark.parametrize("rows", [19, 50, 99])
def test_split_covers_k_of_n_plus_one_exactly(rows: int) -> None:
    """Exact for exchangeable scores: a new one is below the k-th of n with chance k / (n + 1) (Vovk et al. 2005)."""
    draws = np.random.default_rng(rows).standard_t(3, (20_000, rows + 1))
    past, new = np.abs(draws[:, :-1]), np.abs(draws[:, -1])
    rank = conformal_rank(rows, 0.9)
    assert conformal_radius(past[0], 0.9) == np.sort(past[0])[rank - 1]
    covered = (new <= np.sort(past, axis=1)[:, rank - 1]).mean()
    expected = rank / (rows + 1)
    assert covered == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 20_000))


def slow_adaptive(past: list[float], scores: list[float], delay: int, coverage: float, rate: float) -> list[float]:
    """The definition, forecast by forecast: every radius from scratch."""
    radii: list[float] = []
    for now in range(len(scores)):
        known = range(max(0, now - delay + 1))
        misses = sum(scores[i] > radii[i] for i in known)
        alpha = round(1 - coverage + rate * (len(known) * (1 - coverage) - misses), 9)
        latest = sorted([*past, *(scores[i] for i in known)][-len(past) :])
        rank = min(math.ceil(round((len(latest) + 1) * (1 - alpha), 9)), len(latest))
        radii.append(math.inf if alpha <= 0 else -math.inf if alpha >= 1 else latest[rank - 1])
    return radii


@pytest.mark.parametrize("delay", [1, 5])
def test_adaptive_radii_follow_their_definition(delay: int) -> None:
    rng = np.random.default_rng(delay)
    past, scores = np.abs(rng.standard_normal(30)), np.abs(rng.standard_normal(200)) * np.repeat([1, 4], 100)
    known = np.maximum(0, np.arange(200) - delay + 1)
    found = adaptive_radii(past, scores, known, 0.9, rate=0.05, kept=30)
    expected = slow_adaptive(past.tolist(), scores.tolist(), delay, 0.9, 0.05)
    assert np.isinf(expected).any()
    assert found == pytest.approx(expected)


def test_adaptive_radii_know_nothing_that_came_later() -> None:
    rng = np.random.default_rng(0)
    past, scores = np.abs(rng.standard_normal((2, 100)))
    changed = scores.copy()
    changed[61:] *= 9
    known = np.maximum(0, np.arange(100) - 2)
    before, after = (adaptive_radii(past, each, known, 0.9) for each in (scores, changed))
    assert np.array_equal(before[:64], after[:64])
    assert not np.array_equal(before[64:], after[64:])


@pytest.mark.parametrize("delay", [1, 5, 24])
@pytest.mark.parametrize("kind", ["rising", "falling", "alternating", "clustered"])
def test_adaptive_stays_inside_its_bound_whatever_happens(kind: str, delay: int) -> None:
    """Proposition 4.1 of Gibbs and Candes (2021), with delay as proved in the module, on sequences made to break it."""
    n, rng = 1500, np.random.default_rng(delay)
    steps = {
        "rising": np.exp(0.02 * np.arange(n)),
        "falling": np.exp(-0.02 * np.arange(n)),
        "alternating": np.where(np.arange(n) // delay % 2, 1e6, 1e-6),
        "clustered": np.exp(np.repeat(rng.standard_normal(n // 50), 50)),
    }
    scores = steps[kind] * rng.random(n)
    for rate in (0.01, RATE, 0.3):
        known = np.maximum(0, np.arange(n) - delay + 1)
        radii = adaptive_radii(rng.random(60), scores, known, 0.9, rate=rate)
        distance = abs((scores <= radii).mean() - 0.9)
        assert distance <= adaptive_bound(0.9, n, rate=rate, overlapping=delay)


def test_the_bound_is_that_of_the_paper() -> None:
    assert adaptive_bound(0.9, 1000, rate=0.005) == pytest.approx((0.9 + 0.005) / (1000 * 0.005))


def test_adaptive_without_any_known_score_says_nothing() -> None:
    radii = adaptive_radii(np.empty(0), np.ones(3), np.array([0, 0, 1]), 0.9)
    assert radii.tolist() == [math.inf, math.inf, 1.0]


def test_split_radii_are_one_radius() -> None:
    past = np.arange(1.0, 100.0)
    assert split_radii(past, np.zeros(3), np.zeros(3, dtype=np.int64), 0.9).tolist() == [90.0, 90.0, 90.0]
