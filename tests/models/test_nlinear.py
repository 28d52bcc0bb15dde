"""NLinear against a plain loop, and what adding the last value back means."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.forecaster import Axes
from coincast.models.nlinear import NLinear, NLinearNetwork


def build(settings: NLinear, axes: Axes) -> NLinearNetwork:
    """With random weights of ordinary size, also where they start at 0."""
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.5 * rng.normal(size=leaf.shape), leaf.dtype), outline)


def run_in_numpy(settings: NLinear, network: NLinearNetwork, past: np.ndarray) -> np.ndarray:
    """Feature by feature in float64."""
    total = np.float64(network.mixing.head_bias)
    for feature in range(past.shape[1]):
        series, last = np.float64(past[:, feature]), float(past[-1, feature])
        kernel, bias = np.float64(network.over_time.kernel), np.float64(network.over_time.bias)
        if not settings.shared:
            kernel, bias = kernel[feature], bias[feature]
        forecast = sum((series[row] - last) * kernel[row] for row in range(len(series))) + bias
        if settings.add_back:
            forecast = forecast + last
        total = total + forecast * np.float64(network.mixing.head_kernel)[feature]
    return total


@pytest.mark.parametrize("add_back", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("axes", [Axes(7, 3, 2, output=2), Axes(1, 1, 1)])
def test_a_numpy_loop_gives_the_same(axes: Axes, shared: bool, add_back: bool) -> None:
    settings = NLinear(add_back=add_back, shared=shared)
    network = build(settings, axes)
    past = np.random.default_rng(1).normal(size=(axes.lookback, axes.feature)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    assert outputs.shape == (axes.horizon, axes.output)
    np.testing.assert_allclose(outputs.reshape(-1), run_in_numpy(settings, network, past), rtol=1e-5, atol=1e-5)


def test_a_level_goes_through_or_is_not_seen() -> None:
    """With one feature and its weight at 1: a window that lies 5 higher has a forecast 5 higher, or the same one."""
    past = np.random.default_rng(0).normal(size=(7, 1)).astype(np.float32)
    for add_back, rise in ((True, 5.0), (False, 0.0)):
        network = NLinear(add_back=add_back).build(Axes(7, 1, 3), key=jax.random.key(0))
        low, high = (np.asarray(eqx.filter_jit(network)(jnp.asarray(past + level))) for level in (0, 5))
        np.testing.assert_allclose(high - low, np.full((3, 1), rise), atol=1e-5)


def test_with_add_back_any_linear_map_can_be_learnt() -> None:
    """Coefficients c of the window: the map over time takes c but for the last, and the mixing weight is their sum."""
    wanted = np.array([0.5, -1.5, 0.25, 2.0])
    network = NLinear().build(Axes(4, 1, 1), key=jax.random.key(0))
    mix = wanted.sum()
    kernel = jnp.asarray(np.append(wanted[:-1], 0) / mix, jnp.float32)[:, None]
    network = eqx.tree_at(
        lambda n: (n.over_time.kernel, n.mixing.head_kernel),
        network,
        (kernel[None], jnp.full((1, 1), mix, jnp.float32)),
    )
    past = np.random.default_rng(0).normal(size=(4, 1)).astype(np.float32)
    np.testing.assert_allclose(network(jnp.asarray(past)), past.T @ wanted[:, None], rtol=1e-5)


@pytest.mark.parametrize(("shared", "parameters"), [(False, 3 * 8 * 4), (True, 8 * 4)])
def test_layers_tell_the_parameters(shared: bool, parameters: int) -> None:
    layers = NLinear(shared=shared).layers(Axes(7, 3, 2, output=2))
    assert [layer.parameters for layer in layers] == [parameters, 3 * 4 + 4]
    assert [layer.shape for layer in layers] == [(3, 4), (2, 2)]
