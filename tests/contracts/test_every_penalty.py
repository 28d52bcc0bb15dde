"""What holds for every penalty: on weights by their names, and on activity."""

from __future__ import annotations

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.training.penalties import ACTIVITY_RATES, WEIGHT_RATES, activity_penalty, penalised_leaves, penalty
from coincast.training.recipe import Recipe

NONE = Recipe().rates()


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=WEIGHT_RATES)
def strength(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Weights(eqx.Module):
    kernel: jax.Array
    recurrent_kernel: jax.Array
    bias: jax.Array
    positions: jax.Array
    head_kernel: jax.Array
    head_bias: jax.Array


@pytest.fixture
def trained() -> Weights:
    rng = np.random.default_rng(0)
    return Weights(*(jnp.asarray(rng.normal(size=shape)) for shape in ((2, 4), (3, 4), 4, 2, (3, 2), 2)))


added = jax.jit(penalty)
slopes_of = jax.jit(jax.grad(penalty))


def test_only_its_own_weights_feel_it_as_finite_differences_do(trained: Weights, strength: str) -> None:
    rates = NONE | {strength: 0.3}
    flat, unravel = jax.flatten_util.ravel_pytree(trained)
    value = jax.jit(lambda weights: penalty(unravel(weights), rates))
    slopes = np.asarray(jax.grad(value)(flat))
    steps = 1e-6 * np.eye(len(flat))
    differences = np.array([(float(value(flat + step)) - float(value(flat - step))) / 2e-6 for step in steps])
    np.testing.assert_allclose(slopes, differences, rtol=1e-6, atol=1e-8)
    kind, name = strength.split("_")
    own = np.concatenate([np.asarray(leaf).ravel() for leaf in penalised_leaves(trained)[name]])
    expected = 0.3 * np.sign(own) if kind == "l1" else 0.6 * own
    np.testing.assert_allclose(slopes[slopes != 0], expected, rtol=1e-12)


def test_twice_the_strength_is_twice_the_penalty(trained: Weights, strength: str) -> None:
    once, twice = (float(added(trained, NONE | {strength: size})) for size in (0.25, 0.5))
    assert twice == pytest.approx(2 * once, rel=1e-14)
    assert once > 0


def test_weights_of_zero_are_left_there(trained: Weights, strength: str) -> None:
    zeros, rates = jax.tree.map(jnp.zeros_like, trained), NONE | {strength: 0.3}
    assert float(added(zeros, rates)) == 0
    assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(slopes_of(zeros, rates)))


def test_without_strength_nothing_changes(trained: Weights) -> None:
    assert float(added(trained, NONE)) == 0
    assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(slopes_of(trained, NONE)))


def test_weights_that_are_not_finite_are_seen(trained: Weights, strength: str) -> None:
    broken = jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.nan), trained)
    assert np.isnan(added(broken, NONE | {strength: 0.3}))


def test_every_run_has_strengths_of_its_own(trained: Weights, strength: str) -> None:
    """As the trainer asks: mapped over runs, in float32."""
    sizes = [0.0, 0.1, 0.4]
    rates = {name: np.full(3, rate, dtype=np.float32) for name, rate in NONE.items()}
    rates[strength] = np.array(sizes, dtype=np.float32)
    weights = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), trained)
    values = jax.jit(jax.vmap(penalty, in_axes=(None, 0)))(weights, rates)
    assert values.dtype == jnp.float32
    for size, value in zip(sizes, values, strict=True):
        assert float(value) == pytest.approx(float(added(trained, NONE | {strength: size})), rel=1e-5)


@pytest.mark.parametrize("strength", ACTIVITY_RATES)
def test_activity_has_the_slopes_of_finite_differences(strength: str) -> None:
    activity, rates = np.random.default_rng(0).normal(size=6), NONE | {strength: 0.3}
    values = jax.jit(jax.vmap(activity_penalty, in_axes=(0, None)))
    steps = 1e-6 * np.eye(6)
    differences = (values(activity + steps, rates) - values(activity - steps, rates)) / 2e-6
    slopes = jax.jit(jax.grad(activity_penalty))
    np.testing.assert_allclose(slopes(activity, rates), differences, rtol=1e-6)
    assert (np.asarray(slopes(np.zeros(6), rates)) == 0).all()
