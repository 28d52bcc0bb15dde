"""Stacks of recurrent layers against a plain NumPy loop, for every setting; states that are given and carried on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from coincast.errors import UnknownNameError, UsageError
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes
from coincast.models.gru import GRU
from coincast.models.lstm import LSTM
from coincast.models.recurrent import RecurrentLayer, RecurrentNetwork
from coincast.models.recurrent_settings import Recurrent
from coincast.models.rnn import RNN
from coincast.training.lanes import split_module

AXES = Axes(lookback=7, feature=3, horizon=2, output=2)

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.1 * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 5 + 0.5, 0, 1),
}
"""With the slope 0.1, which is not the default."""


# ---------------------------------------------------------------- the same in NumPy, in float64, gate by gate


def step_in_numpy(settings: Any, layer: RecurrentLayer, state: list[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    """The next state of a layer, from the equations in the papers."""
    a, s = FUNCTIONS[settings.activation], FUNCTIONS[getattr(settings, "recurrent_activation", "linear")]
    names, h = {"rnn": "g", "gru": "zrg", "lstm": "ifgo"}[settings.name], state[0]
    second = np.zeros(len(layer.bias)) if layer.recurrent_bias is None else layer.recurrent_bias
    kernels, recurrents, biases, seconds = (
        dict(zip(names, np.split(np.float64(weights), len(names), axis=-1), strict=True))
        for weights in (layer.kernel, layer.recurrent_kernel, layer.bias, second)
    )

    def gate(name: str, h: np.ndarray = h) -> np.ndarray:
        return x @ kernels[name] + biases[name] + h @ recurrents[name] + seconds[name]

    if settings.name == "rnn":
        return [a(gate("g"))]
    if settings.name == "lstm":
        c = s(gate("f")) * state[1] + s(gate("i")) * a(gate("g"))
        return [s(gate("o")) * a(c), c]
    z, r = s(gate("z")), s(gate("r"))
    if layer.recurrent_bias is None:
        g = a(gate("g", r * h))
    else:
        g = a(x @ kernels["g"] + biases["g"] + r * (h @ recurrents["g"] + seconds["g"]))
    return [z * h + (1 - z) * g]


def run_in_numpy(settings: Any, network: RecurrentNetwork, past: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The outputs at every row, or at the last; and h of the top layer at every row, and after all rows."""
    rows = list(np.float64(past))
    ways = 2 if settings.bidirectional else 1
    for first in range(0, len(network.layers), ways):
        told = []
        for number, layer in enumerate(network.layers[first : first + ways]):
            state = [np.zeros(len(layer.recurrent_kernel))] * 2
            states = []
            for x in rows[:: -1 if number else 1]:
                state = step_in_numpy(settings, layer, state, x)
                states.append(state[0])
            told.append(states[::-1] if number else states)
        rows = [np.concatenate(beside) for beside in zip(*told, strict=True)]
    last = np.concatenate([told[0][-1], *([told[1][0]] if ways == 2 else [])])
    hidden = np.stack(rows) if settings.every_step else last
    outputs = FUNCTIONS[settings.after](hidden) @ np.float64(network.head_kernel) + np.float64(network.head_bias)
    return FUNCTIONS[settings.output_activation](outputs), [np.stack(rows), last]


def build(settings: Recurrent, axes: Axes = AXES, dtype: Any = np.float32) -> RecurrentNetwork:
    """Weights of ordinary size, and biases of every gate: with the first ones two swapped gates could pass."""
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    network: RecurrentNetwork = jax.tree.map(
        lambda leaf: jnp.asarray(0.6 * rng.normal(size=leaf.shape), dtype=dtype), outline
    )
    return network


def draw_past(rows: int = AXES.lookback) -> jax.Array:
    return jnp.asarray(np.random.default_rng(1).normal(size=(rows, AXES.feature)), dtype=jnp.float32)


KINDS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
CASES: list[dict[str, Any]] = [
    {"units": 5},
    {"units": 4, "depth": 3},
    {"units": 4, "bidirectional": True},
    {"units": (4, 3), "bidirectional": True, "every_step": True, "convention": "torch"},
    {"units": 5, "every_step": True, "output_activation": "sigmoid"},
    {"units": 5, "convention": "torch"},
    {"units": 5, "after": "tanh", "output_activation": "leaky_relu"},
    {"units": (5, 3), "activation": "leaky_relu", "bidirectional": True},
]
GATED: list[dict[str, Any]] = [
    {"units": 5, "recurrent_activation": "hard_sigmoid"},
    {"units": (5, 3), "activation": "relu", "recurrent_activation": "hard_sigmoid", "every_step": True},
]
RESETS: list[dict[str, Any]] = [
    {"units": 5, "reset_after": True},
    {"units": 5, "reset_after": True, "activation": "leaky_relu", "recurrent_activation": "hard_sigmoid"},
    {"units": (5, 3), "reset_after": True, "bidirectional": True},
]
EVERY = [
    *(("lstm", case) for case in CASES),
    *((name, CASES[number]) for name in ("rnn", "gru") for number in (0, 3, 5, 7)),
    *((name, case) for name in ("lstm", "gru") for case in GATED),
    *(("gru", case) for case in RESETS),
]


@pytest.mark.parametrize(("name", "case"), EVERY, ids=str)
def test_a_numpy_loop_gives_the_same(name: str, case: dict[str, Any]) -> None:
    settings = KINDS[name](**case, slope=0.1)
    network, past = build(settings), draw_past()
    outputs, states = eqx.filter_jit(RecurrentNetwork.with_activity)(network, past)
    expected, (every, last) = run_in_numpy(settings, network, np.asarray(past))
    steps = (AXES.lookback,) if settings.every_step else ()
    assert outputs.shape == (*steps, AXES.horizon, AXES.output)
    np.testing.assert_allclose(outputs.reshape(*steps, -1), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(states, every if settings.every_step else last, rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------- states


@pytest.mark.parametrize(
    "settings",
    [RNN(4, depth=2), LSTM((4, 3)), GRU(4), GRU(4, 2, activation="relu")],
    ids=lambda settings: settings.name,
)
def test_states_are_carried_on(settings: Recurrent) -> None:
    """Two stretches, the second from the states of the first, are one long sample, longer than those of training."""
    network, past = build(settings), draw_past(20)
    run = eqx.filter_jit(lambda past, states: network.run(past, states))
    whole, final = run(past, None)
    first, middle = run(past[:8], None)
    second, end = run(past[8:], middle)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=1e-6, atol=1e-6)
    for given, expected in zip(jax.tree.leaves(end), jax.tree.leaves(final), strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "settings", [LSTM((4, 3), after="tanh"), GRU(4, 2, output_activation="relu")], ids=lambda settings: settings.name
)
def test_a_forecast_is_carried_on_candle_by_candle(settings: Recurrent) -> None:
    network, past = build(settings), draw_past(6)
    whole, every = eqx.filter_jit(lambda past: (network(past), network.head(network.run(past)[0])))(past)
    one_more = eqx.filter_jit(network.run)
    states = None
    for candle in np.asarray(past):
        hidden, states = one_more(jnp.asarray(candle[None]), states)
    forecast = eqx.filter_jit(network.head)(hidden[0])
    np.testing.assert_allclose(forecast, whole, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(every[-1], whole, rtol=1e-6, atol=1e-6)


def test_both_directions_take_and_give_states() -> None:
    """The backward layer begins at the last row, and ends at the first."""
    network, past = build(LSTM(4, bidirectional=True)), draw_past()
    rng = np.random.default_rng(3)
    states = tuple(tuple(jnp.asarray(rng.normal(size=4), dtype=jnp.float32) for _ in range(2)) for _ in range(2))
    hidden, final = jax.tree.map(np.asarray, eqx.filter_jit(RecurrentNetwork.run)(network, past, states))
    for number, (layer, way) in enumerate(zip(network.layers, (1, -1), strict=True)):
        state = [np.float64(part) for part in states[number]]
        for x in np.float64(past)[::way]:
            state = step_in_numpy(LSTM(4), layer, state, x)
        np.testing.assert_allclose(np.stack(final[number]), np.stack(state), rtol=1e-5, atol=1e-6)
        told = hidden[-1 if way == 1 else 0, 4 * number : 4 * number + 4]
        assert (told == final[number][0]).all()


def test_the_tutorial_of_article_3() -> None:
    """5 inputs, 2 layers of 10 units, a batch of 3 windows of 4 rows, states that are given: PyTorch's shapes."""
    network = build(LSTM(units=10, depth=2, convention="torch"), Axes(lookback=4, feature=5, horizon=1))
    rng = np.random.default_rng(0)
    x, h_0, c_0 = (np.float32(rng.normal(size=shape)) for shape in [(3, 4, 5), (2, 3, 10), (2, 3, 10)])

    def run(x: jax.Array, h: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        output, states = network.run(x, tuple(zip(h, c, strict=True)))
        h_n, c_n = map(jnp.stack, zip(*states, strict=True))
        return output, h_n, c_n

    batch_first = jax.jit(jax.vmap(run, in_axes=(0, 1, 1), out_axes=(0, 1, 1)))
    output, h_n, c_n = map(np.asarray, batch_first(x, h_0, c_0))
    assert (output.shape, h_n.shape, c_n.shape) == ((3, 4, 10), (2, 3, 10), (2, 3, 10))
    for b in range(3):
        np.testing.assert_array_equal(h_n[-1][b], output[b][-1])
        assert (h_n[0][b] != output[b][-1]).all()

    # What if batch_first is false? The first two axes change places, of the input and of the output.
    rows_first = jax.jit(jax.vmap(run, in_axes=(1, 1, 1), out_axes=(1, 1, 1)))
    again, h_n_again, _ = rows_first(x.transpose(1, 0, 2), h_0, c_0)
    np.testing.assert_allclose(np.transpose(again, (1, 0, 2)), output, atol=1e-6)
    np.testing.assert_allclose(h_n_again, h_n, atol=1e-6)


def test_too_few_states_are_refused() -> None:
    network = build(GRU(3, depth=2))
    with pytest.raises(UsageError, match="1 states were given; allowed: 2, one per layer and direction"):
        network.run(draw_past(), (network.layers[0].rest(),))


# ---------------------------------------------------------------- every step, any length


@pytest.mark.parametrize("name", KINDS)
def test_the_last_of_every_step_is_the_last_step(name: str) -> None:
    settings = {"units": (4, 3), "dropout": 0.3}
    every, last = (build(KINDS[name](**settings, every_step=asked)) for asked in (True, False))
    past = draw_past(11)
    forecasts, at_end, at_five = eqx.filter_jit(lambda past: (every(past), last(past), last(past[:5])))(past)
    assert forecasts.shape == (11, AXES.horizon, AXES.output)
    np.testing.assert_allclose(np.asarray(forecasts)[[4, -1]], [at_five, at_end], rtol=1e-6, atol=1e-6)


# ---------------------------------------------------------------- dropout


def hand_on(dropout: float, depth: int) -> RecurrentNetwork:
    """Layers of 30 units that give what they get, and a head that does so, too."""
    settings = RNN(units=30, depth=depth, activation="linear", every_step=depth > 1)
    network = jax.tree.map(jnp.zeros_like, build(settings, Axes(8, 30, horizon=30)))
    kernels = lambda network: [*(layer.kernel for layer in network.layers), network.head_kernel]  # noqa: E731
    network = eqx.tree_at(kernels, network, [jnp.eye(30)] * (depth + 1))
    return eqx.tree_at(lambda network: network.dropout, network, Dropout.at(dropout))


def test_dropout_stands_after_each_layer() -> None:
    """Units that a layer drops are zero, those that it keeps are scaled up, anew for every row."""
    network, past, key = hand_on(0.25, depth=2), jnp.ones((8, 30)), jax.random.key(5)
    run = eqx.filter_jit(lambda key: (network.run(past, key=key)[0], network(past, key=key), network(past)))
    between, outputs, still = (np.asarray(told).reshape(8, 30) for told in run(key))
    assert (still == 1).all()
    assert set(np.unique(between).round(5)) == {0, np.float32(1.33333)}
    assert 0.65 < (between != 0).mean() < 0.85
    assert set(np.unique(outputs).round(4)) == {0, np.float32(1.7778)}
    assert 0.45 < (outputs != 0).mean() < 0.67
    assert not ((between == 0) & (outputs != 0)).any()
    assert (between[0] != between[1]).any()


def test_dropout_of_one_layer_takes_from_its_last_state() -> None:
    outputs = eqx.filter_jit(hand_on(0.25, depth=1))(jnp.ones((8, 30)), key=jax.random.key(5))
    assert set(np.unique(outputs).round(5)) == {0, np.float32(1.33333)}


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize(
    "settings",
    [
        RNN((3, 2), bidirectional=True, after="sigmoid"),
        LSTM((3, 2), bidirectional=True, every_step=True),
        GRU((3, 2), bidirectional=True, convention="torch"),
    ],
    ids=["rnn", "lstm", "gru"],
)
def test_gradients_are_finite_differences(settings: Recurrent) -> None:
    with jax.enable_x64(True):
        network = build(settings, Axes(5, 2, 2), np.float64)
        trained, fixed, static = split_module(network)
        point, restore = ravel_pytree(trained)
        past = jnp.asarray(np.random.default_rng(4).normal(size=(5, 2)))

        def loss(point: jax.Array) -> jax.Array:
            outputs, activity = eqx.combine(restore(point), fixed, static).with_activity(past)
            assert outputs.dtype == activity.dtype == jnp.float64
            return jnp.sum(jnp.sin(outputs)) + jnp.sum(activity**2)

        moves = 1e-5 * np.eye(len(point))
        moved = np.asarray(point) + np.concatenate([moves, -moves])
        gradient, losses = jax.jit(lambda: (jax.grad(loss)(point), jax.lax.map(loss, jnp.asarray(moved))))()
        differences = (losses[: len(point)] - losses[len(point) :]) / 2e-5
        np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-8)


# ---------------------------------------------------------------- what is told, and what is refused


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_described_layers_hold_all_that_is_trained(name: str, case: dict[str, Any]) -> None:
    settings = KINDS[name](**case)
    outline = eqx.filter_eval_shape(lambda key: settings.build(AXES, key=key), jax.random.key(0))
    weights = jax.tree.leaves((outline.layers, outline.head_kernel, outline.head_bias))
    assert sum(layer.parameters for layer in settings.layers(AXES)) == sum(leaf.size for leaf in weights)


def test_layers_are_told() -> None:
    settings = LSTM((8, 4), bidirectional=True, activation="relu", dropout=0.25, after="tanh", every_step=True)
    told = [(layer.name, layer.kind, layer.shape) for layer in settings.layers(AXES)]
    assert told == [
        ("lstm 1", "LSTM, 8 units, both directions, relu, every step", (7, 16)),
        ("dropout 1", "dropout 0.25", (7, 16)),
        ("lstm 2", "LSTM, 4 units, both directions, relu, every step", (7, 8)),
        ("after", "tanh", (7, 8)),
        ("dropout 2", "dropout 0.25", (7, 8)),
        ("head", "linear", (7, 2, 2)),
    ]
    assert GRU(5).layers(AXES)[0].kind == "GRU, 5 units, last state"


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("convention", ["keras", "torch"])
def test_first_values_are_float32_whatever_jax_holds(name: str, convention: str) -> None:
    settings = KINDS[name](units=3, bidirectional=True, convention=convention)
    with jax.enable_x64(True):
        outline = eqx.filter_eval_shape(lambda key: settings.build(AXES, key=key), jax.random.key(0))
        assert {leaf.dtype for leaf in jax.tree.leaves(outline)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"units": 0}, "units is 0; allowed: 1 or more"),
        ({"units": ()}, "units is (); allowed"),
        ({"units": (8, -1)}, "units is (8, -1); allowed"),
        ({"depth": 0}, "depth is 0; allowed: 1 or more"),
        ({"units": (8, 4), "depth": 2}, "units is (8, 4) and depth is 2; give only one of the two"),
        ({"dropout": 2.5}, "dropout is 2.5"),
        ({"dropout": 1.0}, "below 1"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{name}: .*{re.escape(message)}"):
        KINDS[name](**settings)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "tahn"}, "unknown activation 'tahn'; did you mean 'tanh'"),
        ({"after": "Relu"}, "unknown activation 'Relu'; did you mean 'relu'"),
        ({"output_activation": "lineal"}, "unknown activation 'lineal'; did you mean 'linear'"),
        ({"convention": "pytorch"}, "unknown convention 'pytorch'; did you mean 'torch'"),
    ],
    ids=str,
)
def test_an_unknown_name_is_refused(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        KINDS[name](**settings)


def test_a_list_of_sizes_becomes_a_tuple() -> None:
    """TOML has lists, and settings must be hashable."""
    assert RNN(units=[8, 4]) == RNN(units=(8, 4))
    assert len({LSTM([8, 4]), LSTM((8, 4))}) == 1
