"""Where runs lie, and how a module is taken apart."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.dropout import Dropout
from coincast.training.lanes import LANES_PER_DEVICE, Lanes, split_module


def test_tests_run_on_two_devices() -> None:
    assert jax.device_count() == 2


@pytest.mark.parametrize(("runs", "sizes"), [(1, [1]), (16, [16]), (17, [16, 1]), (25, [16, 9]), (33, [16, 16, 1])])
def test_every_block_has_eight_lanes_on_each_device(runs: int, sizes: list[int]) -> None:
    lanes = Lanes.arrange(runs)
    assert lanes.width == LANES_PER_DEVICE * jax.device_count() == 16
    blocks = lanes.blocks(runs)
    assert [block.stop - block.start for block in blocks] == sizes
    assert [run for block in blocks for run in range(runs)[block]] == list(range(runs))


def test_spare_lanes_repeat_the_first_run() -> None:
    stacked = Lanes.arrange(3).stack([{"x": np.full(2, run)} for run in range(3)])
    assert stacked["x"].shape == (16, 2)
    assert np.asarray(stacked["x"])[:, 0].tolist() == [0, 1, 2] + [0] * 13
    assert len(stacked["x"].sharding.device_set) == 2


def test_a_program_maps_over_runs_and_shares_the_rest() -> None:
    lanes = Lanes.arrange(3)
    program = lanes.program(lambda x, y, shared: x * shared[0] + y, shared=1)
    x, y = (lanes.stack([np.float32(run + offset) for run in range(3)]) for offset in (0, 10))
    outputs = np.asarray(program(x, y, lanes.share(np.array([2.0], dtype=np.float32))))
    assert outputs[:3].tolist() == [10, 13, 16]


class Mixed(eqx.Module):
    weight: jax.Array
    rate: Dropout
    places: jax.Array
    name: str = eqx.field(static=True)
    function: object = jnp.tanh


def test_what_is_trained_what_is_fixed_and_what_is_neither() -> None:
    module = Mixed(jnp.ones(3), Dropout.at(0.5), jnp.arange(2), "mixed")
    trained, fixed, static = split_module(module)
    assert [leaf.shape for leaf in jax.tree.leaves(trained)] == [(3,)]
    assert [leaf.dtype for leaf in jax.tree.leaves(fixed)] == [jnp.float32, jnp.int32]
    assert jax.tree.leaves(static) == [jnp.tanh]
    assert eqx.tree_equal(eqx.combine(trained, fixed, static), module)
