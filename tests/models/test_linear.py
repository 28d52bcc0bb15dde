"""The linear network, and the parts that map feature by feature, against plain loops."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.forecaster import Axes
from coincast.models.linear import Linear, Mixing, OverTime

AXES = Axes(lookback=4, feature=3, horizon=2, output=2)


def past_of(axes: Axes) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(axes.lookback, axes.feature)).astype(np.float32)


@pytest.mark.parametrize("axes", [AXES, Axes(1, 1, 1)])
def test_a_numpy_loop_gives_the_same(axes: Axes) -> None:
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: Linear().build(axes, key=key), jax.random.key(0))
    network = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), outline)
    kernel, bias, past = np.float64(network.layer.kernel), np.float64(network.layer.bias), past_of(axes)
    expected = bias.copy()
    for row in range(axes.lookback):
        for feature in range(axes.feature):
            expected += past[row, feature] * kernel[row * axes.feature + feature]
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    np.testing.assert_allclose(outputs, expected.reshape(axes.horizon, axes.output), rtol=1e-5, atol=1e-5)


def test_initial_values_are_kerass() -> None:
    axes = Axes(lookback=40, feature=3, horizon=5)
    network = Linear().build(axes, key=jax.random.key(0))
    limit = np.sqrt(6 / (120 + 5))
    assert 0.98 * limit < np.abs(network.layer.kernel).max() <= limit
    assert (network.layer.bias == 0).all()
    assert Linear().layers(axes)[0].parameters == 121 * 5


@pytest.mark.parametrize("shared", [False, True])
def test_each_feature_makes_its_own_forecast(shared: bool) -> None:
    over_time = OverTime.draw(jax.random.key(0), AXES, shared=shared)
    over_time = eqx.tree_at(lambda part: part.bias, over_time, jnp.full(over_time.bias.shape, 0.5))
    assert over_time.kernel.shape == ((4, 4) if shared else (3, 4, 4))
    past, kernel = past_of(AXES), np.float64(over_time.kernel)
    expected = np.full((3, 4), 0.5)
    for feature in range(3):
        for row in range(4):
            expected[feature] += past[row, feature] * (kernel if shared else kernel[feature])[row]
    np.testing.assert_allclose(eqx.filter_jit(over_time)(jnp.asarray(past)), expected, rtol=1e-5, atol=1e-6)


def test_mixing_starts_at_the_mean_and_weighs_each_output_by_itself() -> None:
    mixing = Mixing.even(AXES)
    forecasts = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(mixing(jnp.asarray(forecasts)), forecasts.mean(axis=0), rtol=1e-5)
    weights = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    mixing = Mixing(jnp.asarray(weights), jnp.arange(4, dtype=jnp.float32))
    expected = [sum(forecasts[f, o] * weights[f, o] for f in range(3)) + o for o in range(4)]
    np.testing.assert_allclose(mixing(jnp.asarray(forecasts)), expected, rtol=1e-5, atol=1e-6)
