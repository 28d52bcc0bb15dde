"""Dropout: what is kept, how it is scaled, and when it does nothing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.dropout import Dropout, uniform_16_bit

UNITS = 200_001
ONES = jnp.ones(UNITS)


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.9])
def test_a_share_is_dropped_and_the_rest_is_scaled_up(rate: float) -> None:
    outputs = np.asarray(Dropout.at(rate)(ONES, key=jax.random.key(1)))
    assert np.unique(outputs) == pytest.approx([0, 1 / (1 - rate)], rel=1e-6)
    # Four standard errors of a share; numbers on a grid of 2^-16 add at most as much as that grid.
    keep, slack = 1 - rate, 4 * np.sqrt(rate * (1 - rate) / UNITS) + 2**-16
    assert (outputs > 0).mean() == pytest.approx(keep, abs=slack)
    assert outputs.mean() == pytest.approx(1, abs=slack / keep)


def test_rate_zero_is_the_identity() -> None:
    x = jax.random.normal(jax.random.key(0), (7, 5))
    assert (Dropout.at(0.0)(x, key=jax.random.key(1)) == x).all()


def test_without_a_key_nothing_is_dropped() -> None:
    x = jax.random.normal(jax.random.key(0), (7, 5))
    assert Dropout.at(0.9)(x, key=None) is x


def test_keys_decide() -> None:
    drop = Dropout.at(0.5)
    first, again, other = (drop(ONES, key=jax.random.key(seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first == other).mean() == pytest.approx(0.5, abs=0.01)


def test_neighbours_that_share_a_word_are_independent() -> None:
    draws = np.asarray(uniform_16_bit(jax.random.key(3), UNITS))
    assert draws.shape == (UNITS,)
    assert (draws.min(), draws.max()) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=1e-3))
    assert draws.max() < 1
    assert draws.mean() == pytest.approx(0.5, abs=4 / np.sqrt(12 * UNITS))
    even, odd = draws[:-1:2], draws[1::2]
    assert abs(np.corrcoef(even, odd)[0, 1]) < 4 / np.sqrt(len(even))


def test_runs_may_differ_in_their_rate() -> None:
    """The rate is an array, so that a set of runs is the stacked modules."""
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), Dropout.at(0.0), Dropout.at(0.5))
    outputs = jax.vmap(lambda drop: drop(ONES, key=jax.random.key(1)))(stacked)
    assert (outputs[0] == 1).all()
    assert (outputs[1] == Dropout.at(0.5)(ONES, key=jax.random.key(1))).all()
