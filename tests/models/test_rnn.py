"""The plain recurrent network against a NumPy loop, its first values, and its number of parameters."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.forecaster import Axes
from coincast.models.rnn import RNN

AXES = Axes(lookback=9, feature=3, horizon=2)


@pytest.mark.parametrize(("activation", "function"), [("tanh", np.tanh), ("relu", lambda z: np.maximum(z, 0))])
def test_a_numpy_loop_gives_the_same(activation: str, function: np.ufunc) -> None:
    settings, rng = RNN(units=6, activation=activation), np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(AXES, key=key), jax.random.key(0))
    network = jax.tree.map(lambda leaf: np.float32(0.5 * rng.normal(size=leaf.shape)), outline)
    past = rng.normal(size=(9, 3)).astype(np.float32)
    [layer] = network.layers
    h = np.zeros(6)
    for x in past:
        h = function(x @ np.float64(layer.kernel) + h @ np.float64(layer.recurrent_kernel) + np.float64(layer.bias))
    expected = h @ np.float64(network.head_kernel) + np.float64(network.head_bias)
    np.testing.assert_allclose(eqx.filter_jit(network)(jnp.asarray(past)).reshape(-1), expected, rtol=1e-5, atol=2e-6)


def test_first_values_are_kerass() -> None:
    [layer] = RNN(units=20).build(Axes(10, 8, 1), key=jax.random.key(0)).layers
    assert np.abs(layer.kernel).max() <= np.sqrt(6 / 28)
    recurrent = np.asarray(layer.recurrent_kernel)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(20), atol=1e-5)
    assert not layer.bias.any()
    assert layer.recurrent_bias is None


def test_parameters_are_those_of_the_formula() -> None:
    """8 inputs, 20 states and one or two biases for each of 20 units; a linear layer of 20 weights and a bias."""
    axes = Axes(10, 8, 1)
    assert [layer.parameters for layer in RNN(20).layers(axes)] == [20 * 29, 0, 21]
    assert [layer.parameters for layer in RNN(20, convention="torch").layers(axes)] == [20 * 30, 0, 21]
