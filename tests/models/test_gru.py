"""The GRU against plain NumPy loops of both its forms, its first values, and its numbers of parameters."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.errors import UnknownNameError, UsageError
from coincast.models.forecaster import Axes
from coincast.models.gru import GRU
from coincast.models.recurrent import RecurrentNetwork

ARTICLE = Axes(lookback=256, feature=1, horizon=16)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def run_in_numpy(network: RecurrentNetwork, past: np.ndarray) -> np.ndarray:
    """Keras's equations in float64, in Keras's order z r h."""
    [layer] = network.layers
    w_z, w_r, w_h = np.split(np.float64(layer.kernel), 3, axis=1)
    u_z, u_r, u_h = np.split(np.float64(layer.recurrent_kernel), 3, axis=1)
    b_z, b_r, b_h = np.split(np.float64(layer.bias), 3)
    after = layer.recurrent_bias is not None
    d_z, d_r, d_h = np.split(np.float64(layer.recurrent_bias), 3) if after else np.zeros((3, len(b_z)))
    h = np.zeros(len(u_z))
    for x in np.float64(past):
        z = sigmoid(x @ w_z + b_z + h @ u_z + d_z)
        r = sigmoid(x @ w_r + b_r + h @ u_r + d_r)
        product = r * (h @ u_h + d_h) if after else (r * h) @ u_h
        h = z * h + (1 - z) * np.tanh(x @ w_h + b_h + product)
    return h @ np.float64(network.head_kernel) + np.float64(network.head_bias)


@pytest.mark.parametrize("reset_after", [False, True])
def test_a_numpy_loop_gives_the_same(reset_after: bool) -> None:
    settings, axes, rng = GRU(units=6, reset_after=reset_after), Axes(9, 3, 2), np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    network = jax.tree.map(lambda leaf: np.float32(0.6 * rng.normal(size=leaf.shape)), outline)
    past = rng.normal(size=(9, 3)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    np.testing.assert_allclose(outputs.reshape(-1), run_in_numpy(network, past), rtol=1e-5, atol=2e-6)


def test_first_values_are_kerass() -> None:
    [layer] = GRU(units=20, reset_after=True).build(Axes(10, 8, 1), key=jax.random.key(0)).layers
    limit = np.sqrt(6 / (8 + 60))
    assert 0.98 * limit < np.abs(layer.kernel).max() <= limit
    recurrent = np.asarray(layer.recurrent_kernel)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(20), atol=1e-5)
    assert not layer.bias.any()
    assert not layer.recurrent_bias.any()


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        (GRU(50), 8616),
        (GRU(50, reset_after=False), 8616),
        (GRU(50, reset_after=True), 8766),
        (GRU(50, convention="torch"), 8766),
        (GRU(50, convention="torch", reset_after=True), 8766),
    ],
)
def test_article_2_has_so_many_parameters(settings: GRU, parameters: int) -> None:
    assert sum(layer.parameters for layer in settings.layers(ARTICLE)) == parameters
    outline = eqx.filter_eval_shape(lambda key: settings.build(ARTICLE, key=key), jax.random.key(0))
    weights = jax.tree.leaves((outline.layers, outline.head_kernel, outline.head_bias))
    assert sum(leaf.size for leaf in weights) == parameters


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="gru: PyTorch has no reset_after = false; leave it out, or choose"):
        GRU(convention="torch", reset_after=False)
    with pytest.raises(UnknownNameError, match="unknown activation 'sigmoidal'; did you mean 'sigmoid'"):
        GRU(recurrent_activation="sigmoidal")
