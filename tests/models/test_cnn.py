"""The CNN against plain loops, article 2's three networks, and what each of their steps can see."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.errors import UnknownNameError, UsageError
from coincast.models.cnn import CNN, CNNNetwork
from coincast.models.forecaster import Axes

ARTICLE = Axes(lookback=256, feature=1, horizon=16)
COMMON = {"activation": "leaky_relu", "dropout": 0.5, "head": "convolution"}
CNN_2 = CNN(filters=(8, 1), kernels=(20, 16), strides=(3, 4), **COMMON)
CNN_3 = CNN(filters=(8, 8, 1), kernels=(8, 8, 8), strides=(3, 2, 2), **COMMON)
CNN_4 = CNN(filters=(8, 8, 8, 1), kernels=2, strides=2, **COMMON)
ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.3 * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def build(settings: CNN, axes: Axes) -> CNNNetwork:
    """With random weights of ordinary size, also where they start at 0."""
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.4 * rng.normal(size=leaf.shape), leaf.dtype), outline)


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    width = len(kernel)
    firsts = range(0, len(x) - width + 1, stride)
    return np.array([np.tensordot(x[first : first + width], kernel, axes=2) + bias for first in firsts])


def run_in_numpy(settings: CNN, network: CNNNetwork, past: np.ndarray) -> np.ndarray:
    """Keras's equations in float64, position by position; causal padding is zeros put before."""
    layers = [(layer.kernel, layer.bias) for layer in network.hidden]
    layers += [(network.head_kernel, network.head_bias)] if settings.head == "convolution" else []
    x = past
    for number, weights in enumerate(layers):
        kernel, bias = (np.float64(w) for w in weights)
        if settings.padding == "causal":
            x = np.concatenate([np.zeros((len(kernel) - 1, x.shape[1])), x])
        stride = settings.strides[number] if settings.strides else 1
        is_output = number == len(layers) - 1 and settings.head == "convolution"
        x = convolve(x, kernel, bias, stride)
        x = ACTIVATIONS[settings.output_activation if is_output else settings.activation](x)
    if settings.head == "dense":
        head, bias = np.float64(network.head_kernel), np.float64(network.head_bias)
        x = ACTIVATIONS[settings.output_activation](x.reshape(-1) @ head + bias)
    return x.reshape(-1)


@pytest.mark.parametrize(
    ("settings", "axes"),
    [
        (CNN(), Axes(7, 2, 3, output=2)),
        (CNN(5, kernels=4, strides=2, activation="tanh", padding="causal"), Axes(9, 3, 2)),
        (CNN((4, 2), kernels=(5, 3), activation="leaky_relu", output_activation="sigmoid"), Axes(12, 1, 2)),
        (CNN((4, 2), kernels=(5, 3), strides=(2, 2), **COMMON), Axes(17, 2, 3, output=2)),
        (CNN(2, kernels=3, head="convolution", output_activation="tanh"), Axes(4, 2, 2, output=2)),
        (CNN_2, ARTICLE),
    ],
    ids=str,
)
def test_a_numpy_loop_gives_the_same(settings: CNN, axes: Axes) -> None:
    network = build(settings, axes)
    past = np.random.default_rng(1).normal(size=(axes.lookback, axes.feature)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    assert outputs.shape == (axes.horizon, axes.output)
    np.testing.assert_allclose(outputs.reshape(-1), run_in_numpy(settings, network, past), rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------- article 2


@pytest.mark.parametrize(
    ("settings", "lengths", "parameters"),
    [(CNN_2, [79, 16], 297), (CNN_3, [83, 38, 16], 657), (CNN_4, [128, 64, 32, 16], 313)],
)
def test_article_2_has_so_many_positions_and_parameters(settings: CNN, lengths: list[int], parameters: int) -> None:
    layers = settings.layers(ARTICLE)
    assert [layer.shape[0] for layer in layers if layer.name.startswith("convolution")] == lengths
    assert [layer.shape[0] for layer in layers if layer.name.startswith("dropout")] == lengths[:-1]
    assert sum(layer.parameters for layer in layers) == parameters
    network = build(settings, ARTICLE)
    weights = [
        network.head_kernel,
        network.head_bias,
        *(w for layer in network.hidden for w in (layer.kernel, layer.bias)),
    ]
    assert sum(weight.size for weight in weights) == parameters


@pytest.mark.parametrize(("settings", "step", "last"), [(CNN_2, 12, 64), (CNN_3, 12, 70), (CNN_4, 16, 15)])
def test_article_2_sees_so_much(settings: CNN, step: int, last: int) -> None:
    """Step k of the output reads a slice of the inputs; the last 11, 5 and 0 of 256 are never read."""
    assert settings.visible(ARTICLE) == [range(step * k, step * k + last + 1) for k in range(16)]
    assert 256 - settings.visible(ARTICLE)[-1].stop == {64: 11, 70: 5, 15: 0}[last]


@pytest.mark.parametrize(
    ("settings", "axes"),
    [
        (CNN_2, ARTICLE),
        (CNN_3, ARTICLE),
        (CNN_4, ARTICLE),
        (CNN((3, 1), kernels=(4, 3), strides=(3, 2), padding="same", **COMMON), Axes(31, 2, 6)),
        (CNN((3, 2), kernels=(3, 2), strides=(4, 2), activation="tanh"), Axes(20, 1, 2)),
        (CNN((3,), kernels=2, strides=5, activation="tanh", padding="causal"), Axes(13, 2, 1)),
    ],
    ids=str,
)
def test_what_a_step_sees_is_what_its_derivative_shows(settings: CNN, axes: Axes) -> None:
    network = build(settings, axes)
    past = jax.random.normal(jax.random.key(1), (axes.lookback, axes.feature))
    slopes = eqx.filter_jit(lambda x: jax.jacrev(network)(x))(past)
    seen = [np.flatnonzero(row) for row in np.abs(slopes).sum(axis=(1, 3))]
    assert settings.visible(axes) == [range(rows[0], rows[-1] + 1) for rows in seen]


# ---------------------------------------------------------------- dropout, activity, defaults


def test_dropout_takes_numbers_of_hidden_convolutions_only() -> None:
    """Kernels of one row hand every number on; what is left is scaled up, and the output is whole."""
    axes = Axes(40, 5, 40, output=5)
    settings = CNN(filters=(5, 5), kernels=1, activation="linear", dropout=0.25, head="convolution")
    network = settings.build(axes, key=jax.random.key(0))
    network = eqx.tree_at(lambda n: (n.hidden[0].kernel, n.head_kernel), network, (jnp.eye(5)[None],) * 2)
    past = jax.random.normal(jax.random.key(1), (40, 5))
    dropped = np.asarray(eqx.filter_jit(network)(past, key=jax.random.key(2)))
    kept = dropped != 0
    assert 130 <= kept.sum() <= 170
    np.testing.assert_allclose(dropped[kept], np.asarray(past)[kept] / 0.75, rtol=1e-5)


def test_activity_is_what_the_last_hidden_convolution_gives() -> None:
    axes = Axes(9, 2, 2)
    network = build(CNN((4, 3), kernels=3), axes)
    past = jax.random.normal(jax.random.key(1), (9, 2))
    outputs, activity = eqx.filter_jit(lambda net, x: net.with_activity(x))(network, past)
    assert activity.shape == (5, 3)
    expected = np.asarray(activity).reshape(-1) @ np.asarray(network.head_kernel) + np.asarray(network.head_bias)
    np.testing.assert_allclose(outputs.reshape(-1), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lookback", [1, 2, 3, 4, 7])
def test_defaults_fit_every_window(lookback: int) -> None:
    layers = CNN().layers(Axes(lookback, 2, 3))
    assert [layer.shape[0] for layer in layers[::2]][:2] == [max(lookback - 2, 1), max(lookback - 4, 1)]


def test_lists_are_taken_as_toml_gives_them() -> None:
    assert CNN(filters=[8, 1], kernels=[20, 16], strides=[3, 4], **COMMON) == CNN_2
    assert CNN(filters=[8, 8, 8, 1], kernels=[2, 2, 2, 2], strides=[2, 2, 2, 2], **COMMON) == CNN_4
    assert hash(CNN(filters=[8, 1])) == hash(CNN(filters=(8, 1)))


# ---------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": 0}, "filters is 0; allowed: 1 or more"),
        ({"filters": ()}, r"filters is \(\); allowed"),
        ({"kernels": (3, 0)}, r"kernels is \(3, 0\)"),
        ({"kernels": (3, 3, 3)}, "kernels has 3 numbers for 2 layers; give one for all, or 2"),
        ({"strides": -1}, "strides is -1"),
        ({"dropout": 2.5}, "dropout is 2.5; allowed: from 0 to below 1"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^cnn: {message}"):
        CNN(**settings)


@pytest.mark.parametrize(
    ("settings", "near"),
    [
        ({"activation": "rellu"}, "'relu'"),
        ({"output_activation": "tan"}, "'tanh'"),
        ({"padding": "casual"}, "'causal'"),
        ({"head": "convolve"}, "'convolution'"),
    ],
)
def test_a_misspelt_name_is_told(settings: dict[str, str], near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean {near}"):
        CNN(**settings)


@pytest.mark.parametrize(
    ("settings", "axes", "message"),
    [
        (CNN_2, Axes(64, 1, 16), "convolution 2 reads 16 rows, and a window of 64 candles leaves it 15; use a longer"),
        (CNN_2, Axes(256, 1, 12), "gives 16 positions, and the forecast has 12 steps; change kernels"),
        (CNN_2, Axes(256, 1, 16, output=7), "has 1 filters, and the loss needs 7 outputs per step; set the last"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(settings: CNN, axes: Axes, message: str) -> None:
    for method in (lambda: settings.build(axes, key=jax.random.key(0)), lambda: settings.visible(axes)):
        with pytest.raises(UsageError, match=f"^cnn: .*{message}"):
            method()
