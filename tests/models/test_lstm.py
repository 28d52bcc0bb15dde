"""The LSTM against a plain NumPy loop, and its initial values against Keras's conventions."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.models.forecaster import Axes
from coincast.models.lstm import LSTM, LSTMNetwork

ARTICLE = Axes(lookback=10, feature=8, horizon=1)


def build(settings: LSTM, axes: Axes, seed: int = 0) -> LSTMNetwork:
    return settings.build(axes, key=jax.random.key(seed))


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def run_in_numpy(network: LSTMNetwork, past: np.ndarray) -> np.ndarray:
    """Keras's equations in float64, gate by gate, in Keras's order i f g o."""
    kernel, recurrent, bias = (np.float64(w) for w in (network.kernel, network.recurrent_kernel, network.bias))
    h = c = np.zeros(len(recurrent))
    for x in past:
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h @ np.float64(network.head_kernel) + np.float64(network.head_bias)


@pytest.mark.parametrize("axes", [ARTICLE, Axes(4, 2, 3, output=2)])
def test_a_numpy_loop_gives_the_same(axes: Axes) -> None:
    network = build(LSTM(units=6, dropout=0.5), axes)
    # Biases of every gate and weights of ordinary size: with the initial ones, two swapped gates could pass.
    rng = np.random.default_rng(0)
    network = jax.tree.map(lambda leaf: leaf + np.float32(0.5 * rng.normal(size=leaf.shape)), network)
    past = rng.normal(size=(axes.lookback, axes.feature)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    assert outputs.shape == (axes.horizon, axes.output)
    np.testing.assert_allclose(outputs.reshape(-1), run_in_numpy(network, past), rtol=2e-5, atol=2e-6)


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


def test_initial_values_are_kerass() -> None:
    network = build(LSTM(units=20), ARTICLE)
    limit = np.sqrt(6 / (8 + 80))
    kernel = np.asarray(network.kernel)
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.98 * limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
    recurrent = np.asarray(network.recurrent_kernel)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(20), atol=1e-5)
    assert np.asarray(network.bias).tolist() == [0] * 20 + [1] * 20 + [0] * 40
    assert np.abs(network.head_kernel).max() <= np.sqrt(6 / 21)
    assert np.asarray(network.head_bias).tolist() == [0]


@pytest.mark.parametrize(("horizon", "parameters"), [(1, 2341), (5, 2425)])
def test_article_0_has_so_many_parameters(horizon: int, parameters: int) -> None:
    settings, axes = LSTM(units=20, dropout=0.25), Axes(10, 8, horizon)
    assert sum(layer.parameters for layer in settings.layers(axes)) == parameters
    network = build(settings, axes)
    weights = (network.kernel, network.recurrent_kernel, network.bias, network.head_kernel, network.head_bias)
    assert sum(weight.size for weight in weights) == parameters


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"units": 0}, "units is 0"), ({"dropout": 2.5}, "dropout is 2.5"), ({"dropout": 1.0}, "below 1")],
)
def test_what_cannot_be_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=f"lstm: .*{message}"):
        LSTM(**settings)
