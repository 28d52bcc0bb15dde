"""The TCN against plain loops over all rows, and how far back its last candle sees."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.errors import UnknownNameError, UsageError
from coincast.models.convolution import Convolution
from coincast.models.forecaster import Axes
from coincast.models.tcn import TCN, TCNNetwork

pytestmark = pytest.mark.long

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.3 * x),
    "tanh": np.tanh,
}


def build(settings: TCN, axes: Axes) -> TCNNetwork:
    """With random weights of ordinary size, also where they start at 0."""
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.4 * rng.normal(size=leaf.shape), leaf.dtype), outline)


def convolve(x: np.ndarray, layer: Convolution, dilation: int) -> np.ndarray:
    """Row by row; what lies before the first row is zero."""
    kernel, bias = np.float64(layer.kernel), np.float64(layer.bias)
    rows = []
    for row in range(len(x)):
        total = bias.copy()
        for place in range(len(kernel)):
            behind = row - (len(kernel) - 1 - place) * dilation
            total += x[behind] @ kernel[place] if behind >= 0 else 0
        rows.append(total)
    return np.array(rows)


def run_in_numpy(settings: TCN, network: TCNNetwork, past: np.ndarray) -> np.ndarray:
    """Every block at every row, in float64."""
    a, x = ACTIVATIONS[settings.activation], np.float64(past)
    for number, block in enumerate(network.blocks):
        hidden = a(convolve(a(convolve(x, block.first, 2**number)), block.second, 2**number))
        shortcut = x if block.shortcut is None else convolve(x, block.shortcut, 1)
        x = a(hidden + shortcut)
    outputs = x @ np.float64(network.head_kernel) + np.float64(network.head_bias)
    outputs = ACTIVATIONS.get(settings.output_activation, lambda z: z)(outputs)
    return outputs if settings.every_step else outputs[-1]


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize(
    ("settings", "axes"),
    [
        ({"filters": 3, "depth": 3}, Axes(23, 2, 2)),
        ({"filters": 2, "depth": 2, "activation": "tanh"}, Axes(5, 2, 1, output=3)),
        ({"filters": 4, "depth": 2, "kernel": 4, "activation": "leaky_relu"}, Axes(30, 1, 2, output=2)),
        ({"filters": 3, "depth": 1, "kernel": 1, "output_activation": "tanh"}, Axes(1, 3, 1)),
    ],
)
def test_a_numpy_loop_gives_the_same(settings: dict[str, Any], axes: Axes, every_step: bool) -> None:
    tcn = TCN(**settings, every_step=every_step)
    network = build(tcn, axes)
    past = np.random.default_rng(1).normal(size=(axes.lookback, axes.feature)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    assert outputs.shape == (*([axes.lookback] if every_step else []), axes.horizon, axes.output)
    expected = run_in_numpy(tcn, network, past).reshape(outputs.shape)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


def test_it_reads_windows_of_any_length() -> None:
    settings = TCN(filters=2, depth=2)
    network = build(settings, Axes(8, 1, 1))
    past = np.random.default_rng(1).normal(size=(40, 1)).astype(np.float32)
    for length in (3, 40):
        outputs = eqx.filter_jit(network)(jnp.asarray(past[:length]))
        np.testing.assert_allclose(
            outputs.reshape(-1), run_in_numpy(settings, network, past[:length]), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        (TCN(filters=2, depth=1, kernel=2), 3),
        (TCN(filters=2, depth=2, kernel=3), 13),
        (TCN(filters=2, depth=3, kernel=2), 15),
        (TCN(filters=2, depth=2, kernel=1), 1),
        (TCN(filters=2), 40),
    ],
)
def test_it_sees_so_much(settings: TCN, seen: int) -> None:
    """1 + 2 (kernel - 1) (2^depth - 1) rows, the newest among them, or the whole window."""
    axes = Axes(40, 2, 3)
    assert settings.visible(axes) == [range(40 - seen, 40)] * 3
    leaky = TCN(settings.filters, settings.depth, settings.kernel, "leaky_relu")
    network = build(leaky, axes)
    slopes = jax.jit(jax.grad(lambda past: network(past).sum()))(jnp.ones((40, 2)))
    rows = np.flatnonzero(np.abs(slopes).sum(axis=1))
    assert range(rows[0], rows[-1] + 1) == settings.visible(axes)[0]


def test_layers_tell_the_parameters() -> None:
    """Two convolutions a block; a shortcut of its own only where the number of channels changes."""
    layers = TCN(filters=4, depth=2, kernel=3).layers(Axes(9, 2, 3))
    assert [layer.parameters for layer in layers] == [28 + 52 + 12, 0, 52 + 52, 0, 15]
    assert TCN(filters=2, depth=1, kernel=3).layers(Axes(9, 2, 3))[0].parameters == 14 + 14
    assert TCN(every_step=True).layers(Axes(9, 2, 3))[-1].shape == (9, 3, 1)


def test_dropout_follows_both_convolutions_of_a_block() -> None:
    """With kernels that hand every number on, a block without dropout doubles its input."""
    network = TCN(filters=40, depth=1, kernel=1, activation="linear", dropout=0.5).build(
        Axes(1, 40, 40), key=jax.random.key(0)
    )
    network = eqx.tree_at(
        lambda n: (n.blocks[0].first.kernel, n.blocks[0].second.kernel, n.head_kernel),
        network,
        (jnp.eye(40)[None], jnp.eye(40)[None], jnp.eye(40)),
    )
    ones, run = jnp.ones((1, 40)), eqx.filter_jit(network)
    assert (np.asarray(run(ones)) == 2).all()
    dropped = np.asarray(run(ones, key=jax.random.key(1)))
    assert set(np.unique(dropped)) == {1, 5}  # the shortcut, and 1 / 0.5 / 0.5 beside it
    assert 3 <= (dropped == 5).sum() <= 18  # a quarter of 40 is expected


def test_activity_is_what_the_head_reads() -> None:
    for every_step, shape in ((True, (6, 3)), (False, (3,))):
        network = build(TCN(filters=3, depth=1, every_step=every_step), Axes(6, 2, 2))
        outputs, activity = eqx.filter_jit(lambda net, x: net.with_activity(x))(network, jnp.ones((6, 2)))
        assert activity.shape == shape
        expected = np.asarray(activity) @ np.asarray(network.head_kernel) + np.asarray(network.head_bias)
        np.testing.assert_allclose(np.asarray(outputs).reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": 0}, "filters is 0; allowed: 1 or more"),
        ({"depth": 0}, "depth is 0"),
        ({"kernel": -2}, "kernel is -2"),
        ({"dropout": 1.0}, "dropout is 1.0; allowed: from 0 to below 1"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^tcn: {message}"):
        TCN(**settings)


@pytest.mark.parametrize("name", ["activation", "output_activation"])
def test_a_misspelt_name_is_told(name: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'sigmoid'"):
        TCN(**{name: "sigmoit"})
