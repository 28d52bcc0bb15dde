"""What holds for every target: the way back to its quantity is exact, and scaling does not change what it says."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincast.samples.targets import TARGETS, Target, fit_target_scale

FACTOR = st.floats(0.01, 100)


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> Target:
    return TARGETS[request.param]


@st.composite
def prices(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Future closes, last close and first close of some windows, each within a factor of 100 of a common level."""
    windows, horizon = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    level = draw(st.floats(1e-6, 1e6))
    column = lambda size: np.array(draw(st.lists(FACTOR, min_size=size, max_size=size))) * level  # noqa: E731
    return column(windows * horizon).reshape(windows, horizon), column(windows), column(windows)


def _slow_volatility(future: np.ndarray, last: np.ndarray) -> np.ndarray:
    moves = [[math.log(b / a) for a, b in pairwise([start, *path])] for start, path in zip(last, future, strict=True)]
    return np.array([[max(math.sqrt(math.fsum(move**2 for move in path)), 1e-8)] for path in moves])


TRUTH = {
    "price": lambda future, last: future,
    "direction": lambda future, last: np.where(future > last[:, None], 1.0, np.where(future < last[:, None], 0.0, 0.5)),
    "volatility": _slow_volatility,
}
"""What a quantity is, from future closes and the last one; a tie has no direction, and one half says so."""


@pytest.mark.parametrize("name", TARGETS)
@given(prices())
def test_the_way_back_to_the_quantity_is_exact(name: str, prices: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    future, last, first = prices
    truth = TRUTH[TARGETS[name].quantity](future, last)
    learnt = TARGETS[name].from_price(future, last, first)
    assert learnt.shape == truth.shape
    np.testing.assert_allclose(TARGETS[name].to_value(learnt, last, first), truth, rtol=1e-9)
    scale = fit_target_scale(TARGETS[name], learnt)
    unscaled = scale.unscale(scale.scale(learnt))
    np.testing.assert_allclose(TARGETS[name].to_value(unscaled, last, first), truth, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.quantity == "price"])
def test_a_higher_price_is_a_higher_target(name: str) -> None:
    target = TARGETS[name]
    future = np.linspace(1, 200, 50)[:, None]
    learnt = target.from_price(future, np.full(50, 30.0), np.full(50, 20.0))
    assert (np.diff(learnt[:, 0]) > 0).all()


def test_scaled_targets_are_of_ordinary_size(target: Target) -> None:
    """Where a target is scaled at all, its spread or its mean over the training windows is that of a unit."""
    closes = 50_000 * np.exp(np.cumsum(0.03 * np.random.default_rng(0).standard_normal(500)))
    learnt = target.from_price(closes[1:, None], closes[:-1], closes[:-1])
    scaled = fit_target_scale(target, learnt).scale(learnt)
    if target.standardise in ("spread", "both"):
        assert np.sqrt(np.mean(scaled**2)) == pytest.approx(1)
    if target.standardise in ("centre", "both"):
        assert scaled.mean() == pytest.approx(0, abs=1e-12)


def test_the_target_describes_itself(target: Target) -> None:
    assert target.description
    assert target.standardise in ("none", "spread", "centre", "both")
