"""The dense network against a plain loop."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.errors import UnknownNameError, UsageError
from coincast.models.dense import Dense, DenseLayer, DenseNetwork
from coincast.models.forecaster import Axes

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.1 * x),
    "tanh": np.tanh,
}


def build(settings: Dense, axes: Axes) -> DenseNetwork:
    """With random weights of ordinary size, also where they start at 0."""
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.5 * rng.normal(size=leaf.shape), leaf.dtype), outline)


def run_in_numpy(settings: Dense, network: DenseNetwork, past: np.ndarray) -> np.ndarray:
    """Unit by unit in float64, on the rows of the window one after the other."""
    x = [float(number) for row in past for number in row]
    weights = [(layer.kernel, layer.bias, settings.activation) for layer in network.hidden]
    for kernel, bias, activation in [*weights, (network.head_kernel, network.head_bias, settings.output_activation)]:
        kernel, bias = np.float64(kernel), np.float64(bias)
        sums = [bias[unit] + sum(x[i] * kernel[i, unit] for i in range(len(x))) for unit in range(len(bias))]
        x = [float(ACTIVATIONS[activation](each)) for each in sums]
    return np.array(x)


@pytest.mark.parametrize(
    ("settings", "axes"),
    [
        (Dense(units=5), Axes(4, 2, 3, output=2)),
        (Dense(units=(4, 3), activation="tanh"), Axes(1, 1, 1)),
        (Dense(units=(4, 3, 2), activation="leaky_relu", slope=0.1, output_activation="tanh"), Axes(3, 3, 2)),
    ],
)
def test_a_numpy_loop_gives_the_same(settings: Dense, axes: Axes) -> None:
    network = build(settings, axes)
    past = np.random.default_rng(1).normal(size=(axes.lookback, axes.feature)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    assert outputs.shape == (axes.horizon, axes.output)
    np.testing.assert_allclose(outputs.reshape(-1), run_in_numpy(settings, network, past), rtol=1e-5, atol=1e-5)


def test_layers_tell_the_parameters() -> None:
    layers = Dense(units=(8, 4)).layers(Axes(10, 2, 3, output=2))
    assert [layer.parameters for layer in layers] == [21 * 8, 0, 9 * 4, 0, 5 * 6]
    assert [layer.shape for layer in layers] == [(8,), (8,), (4,), (4,), (3, 2)]


def test_a_layer_takes_any_number_of_leading_axes() -> None:
    rng = np.random.default_rng(0)
    kernel, bias, x = (rng.normal(size=shape).astype(np.float32) for shape in [(3, 2), (2,), (4, 5, 3)])
    layer = DenseLayer(jnp.asarray(kernel), jnp.asarray(bias))
    np.testing.assert_allclose(eqx.filter_jit(layer)(jnp.asarray(x))[2, 1], x[2, 1] @ kernel + bias, rtol=1e-5)


def test_dropout_takes_units_of_hidden_layers() -> None:
    network = Dense(units=40, activation="linear", dropout=0.25).build(Axes(40, 1, 40), key=jax.random.key(0))
    network = eqx.tree_at(lambda n: (n.hidden[0].kernel, n.head_kernel), network, (jnp.eye(40), jnp.eye(40)))
    dropped = np.asarray(eqx.filter_jit(network)(jnp.ones((40, 1)), key=jax.random.key(2)))
    assert np.unique(dropped) == pytest.approx([0, 1 / 0.75])
    assert 20 <= (dropped != 0).sum() < 40


def test_activity_is_what_the_last_hidden_layer_gives() -> None:
    network = build(Dense(units=(4, 3)), Axes(2, 2, 2))
    outputs, activity = eqx.filter_jit(lambda net, x: net.with_activity(x))(network, jnp.ones((2, 2)))
    assert activity.shape == (3,)
    expected = np.asarray(activity) @ np.asarray(network.head_kernel) + np.asarray(network.head_bias)
    np.testing.assert_allclose(np.asarray(outputs).reshape(-1), expected, rtol=1e-5, atol=1e-6)


def test_a_list_is_taken_as_toml_gives_it() -> None:
    assert Dense(units=[8, 4]) == Dense(units=(8, 4))
    assert Dense(units=8) == Dense(units=(8,))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"units": 0}, "units is 0; allowed: 1 or more"),
        ({"units": []}, r"units is \[\]; allowed: 1 or more"),
        ({"units": (8, -1)}, r"units is \(8, -1\)"),
        ({"dropout": -0.1}, "dropout is -0.1; allowed: from 0 to below 1"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^dense: {message}"):
        Dense(**settings)


@pytest.mark.parametrize("name", ["activation", "output_activation"])
def test_a_misspelt_name_is_told(name: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'leaky_relu'"):
        Dense(**{name: "leakyrelu"})
