"""The LSTM against a plain NumPy loop, its first values against Keras and PyTorch, and its numbers of parameters."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.errors import UnknownNameError
from coincast.models.forecaster import Axes
from coincast.models.lstm import LSTM
from coincast.models.recurrent import RecurrentNetwork

ARTICLE = Axes(lookback=10, feature=8, horizon=1)


def build(settings: LSTM, axes: Axes, seed: int = 0) -> RecurrentNetwork:
    return settings.build(axes, key=jax.random.key(seed))


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def run_in_numpy(network: RecurrentNetwork, past: np.ndarray) -> np.ndarray:
    """Keras's equations in float64, gate by gate, in Keras's order i f g o."""
    [layer] = network.layers
    kernel, recurrent, bias = (np.float64(w) for w in (layer.kernel, layer.recurrent_kernel, layer.bias))
    h = c = np.zeros(len(recurrent))
    for x in past:
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h @ np.float64(network.head_kernel) + np.float64(network.head_bias)


@pytest.mark.parametrize("axes", [ARTICLE, Axes(4, 2, 3, output=2)])
def test_a_numpy_loop_gives_the_same(axes: Axes) -> None:
    # Biases of every gate and weights of ordinary size: with the first ones, two swapped gates could pass.
    settings, rng = LSTM(units=6, dropout=0.5), np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    network = jax.tree.map(lambda leaf: np.float32(0.6 * rng.normal(size=leaf.shape)), outline)
    past = rng.normal(size=(axes.lookback, axes.feature)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    assert outputs.shape == (axes.horizon, axes.output)
    np.testing.assert_allclose(outputs.reshape(-1), run_in_numpy(network, past), rtol=1e-5, atol=2e-6)


def test_dropout_takes_units_of_the_last_state() -> None:
    """A head that hands every unit on shows which ones a key leaves, and that these are scaled up."""
    network = build(LSTM(units=40, dropout=0.25), Axes(10, 8, horizon=40))
    network = eqx.tree_at(lambda module: module.head_kernel, network, jnp.eye(40))
    past = jax.random.normal(jax.random.key(1), (10, 8))
    whole = np.asarray(eqx.filter_jit(network)(past))
    dropped = np.asarray(eqx.filter_jit(network)(past, key=jax.random.key(2)))
    kept = dropped != 0
    assert 20 <= kept.sum() < 40
    np.testing.assert_allclose(dropped[kept], whole[kept] / 0.75, rtol=1e-5)


def test_first_values_are_kerass() -> None:
    network = build(LSTM(units=20), ARTICLE)
    [layer] = network.layers
    limit = np.sqrt(6 / (8 + 80))
    kernel = np.asarray(layer.kernel)
    assert 0.98 * limit < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
    recurrent = np.asarray(layer.recurrent_kernel)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(20), atol=1e-5)
    assert np.asarray(layer.bias).tolist() == [0] * 20 + [1] * 20 + [0] * 40
    assert layer.recurrent_bias is None
    assert np.abs(network.head_kernel).max() <= np.sqrt(6 / 21)
    assert np.asarray(network.head_bias).tolist() == [0]


def test_first_values_are_pytorchs_where_asked() -> None:
    network = build(LSTM(units=25, depth=2, convention="torch"), Axes(10, 5, horizon=40))
    weights = [getattr(layer, name) for layer in network.layers for name in ("kernel", "recurrent_kernel", "bias")]
    weights += [layer.recurrent_bias for layer in network.layers] + [network.head_kernel, network.head_bias]
    for values in map(np.asarray, weights):
        assert 0.9 / np.sqrt(25) < np.abs(values).max() <= 1 / np.sqrt(25)
    assert len({float(values.flat[0]) for values in map(np.asarray, weights)}) == len(weights)


def test_both_directions_and_all_layers_begin_apart() -> None:
    layers = build(LSTM(units=4, depth=2, bidirectional=True), Axes(3, 8, 1)).layers
    assert len({float(layer.kernel[0, 0]) for layer in layers}) == 4


@pytest.mark.parametrize(
    ("settings", "axes", "parameters"),
    [
        (LSTM(20, dropout=0.25), ARTICLE, [1, 2341, 4 * 20 * 29, 0, 21]),
        (LSTM(20, dropout=0.25), Axes(10, 8, 5), [5, 2425, 4 * 20 * 29, 0, 105]),
        (LSTM(512, 3), Axes(7, 4, 1), [1, 5_257_729, 1_058_816, 0, 2_099_200, 0, 2_099_200, 0, 513]),
        (LSTM(1024, 3), Axes(3, 4, 1), [1, 21_001_217, 4_214_784, 0, 8_392_704, 0, 8_392_704, 0, 1025]),
        (LSTM(50), Axes(256, 1, 16), [16, 11_216, 10_400, 0, 816]),
        (LSTM(10, 2, convention="torch", every_step=True), Axes(10, 5, 1), [1, 1571, 680, 0, 880, 0, 11]),
    ],
    ids=["article 0", "article 0, 5 steps", "article 1", "article 1, 1024", "article 2", "article 3"],
)
def test_the_articles_have_so_many_parameters(settings: LSTM, axes: Axes, parameters: list[int]) -> None:
    horizon, total, *of_layers = parameters
    assert axes.horizon == horizon
    assert [layer.parameters for layer in settings.layers(axes)] == of_layers
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    weights = jax.tree.leaves((outline.layers, outline.head_kernel, outline.head_bias))
    assert sum(leaf.size for leaf in weights) == sum(of_layers) == total


def test_an_unknown_recurrent_activation_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown activation 'hardsigmoid'; did you mean 'hard_sigmoid'"):
        LSTM(recurrent_activation="hardsigmoid")
