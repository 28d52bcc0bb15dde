"""Which weights are penalised, and by how much."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.forecaster import Axes
from coincast.models.lstm import LSTM
from coincast.training.penalties import (
    ACTIVITY_RATES,
    PENALTIES,
    WEIGHT_RATES,
    activity_penalty,
    penalised_leaves,
    penalty,
)
from coincast.training.recipe import Recipe

NONE = Recipe().rates()


class Cell(eqx.Module):
    kernel: jax.Array
    recurrent_kernel: jax.Array
    bias: jax.Array
    recurrent_bias: jax.Array
    positions: jax.Array


class Output(eqx.Module):
    kernel: jax.Array
    bias: jax.Array


class Net(eqx.Module):
    layers: tuple[Cell, ...]
    kernel: list[jax.Array]
    head_kernel: jax.Array
    head_bias: jax.Array
    head: Output


@pytest.fixture(scope="module")
def net() -> Net:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(rng.normal(size=shape), dtype=jnp.float32)

    cells = tuple(Cell(draw(2, 3), draw(3, 3), draw(3), draw(3), draw(4)) for _ in range(2))
    return Net(cells, [draw(5), draw(1, 2)], draw(3, 2), draw(2), Output(draw(3, 1), draw(1)))


def test_weights_are_found_by_name_however_deep_and_the_head_never(net: Net) -> None:
    found = {name: [leaf.shape for leaf in leaves] for name, leaves in penalised_leaves(net).items()}
    assert found == {
        "kernel": [(2, 3), (2, 3), (5,), (1, 2)],
        "recurrent": [(3, 3), (3, 3)],
        "bias": [(3,), (3,), (3,), (3,)],
    }


def test_the_weights_of_an_lstm_are_keras_s() -> None:
    """Kernel, recurrent kernel and bias of all gates; of the dense layer nothing."""
    axes = Axes(lookback=10, feature=8, horizon=5)
    network = eqx.filter_eval_shape(lambda key: LSTM(units=20).build(axes, key=key), jax.random.key(0))
    found = {name: [leaf.shape for leaf in leaves] for name, leaves in penalised_leaves(network).items()}
    assert found == {"kernel": [(8, 80)], "recurrent": [(20, 80)], "bias": [(80,)]}


def test_the_penalty_is_a_sum_over_every_weight(net: Net) -> None:
    rates = NONE | {name: 0.1 * (number + 1) for number, name in enumerate(WEIGHT_RATES)}
    expected = 0.0
    for name, leaves in penalised_leaves(net).items():
        for leaf in leaves:
            for weight in np.asarray(leaf).ravel():
                expected += rates[f"l1_{name}"] * abs(weight) + rates[f"l2_{name}"] * weight**2
    assert float(penalty(net, rates)) == pytest.approx(expected, rel=1e-5)
    trained, _ = eqx.partition(net, eqx.is_inexact_array)
    assert float(penalty(trained, rates)) == float(penalty(net, rates))


def test_a_network_without_such_weights_adds_nothing() -> None:
    for bare in ({"head": Output(jnp.ones(2), jnp.ones(1))}, {"other": jnp.ones(2)}, [jnp.ones(2)], {}):
        assert float(penalty(bare, dict.fromkeys(NONE, 1.0))) == 0


def test_activity_is_penalised_sample_by_sample() -> None:
    activity = jnp.array([[1.0, -2.0], [0.5, 0.0]])
    assert float(activity_penalty(activity, NONE | {"l1_activity": 0.1, "l2_activity": 0.01})) == pytest.approx(
        0.1 * 3.5 + 0.01 * 5.25
    )
    assert float(activity_penalty(activity, NONE)) == 0


def test_every_strength_is_named() -> None:
    assert sorted(WEIGHT_RATES) == sorted(f"{kind}_{name}" for kind in ("l1", "l2") for name in PENALTIES)
    assert {name for name in NONE if name.startswith(("l1_", "l2_"))} == {*WEIGHT_RATES, *ACTIVITY_RATES}
