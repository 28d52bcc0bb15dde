"""How runs lie in blocks, and how a module is taken apart."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.dropout import Dropout
from coincast.training.lanes import Lanes, Static, every_lane, split_module

needs_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="an accelerator takes all runs at once")


@needs_cpu
@pytest.mark.parametrize("runs", [1, 7, 8, 9, 1000])
def test_lanes_hang_on_network_batch_and_window_and_not_on_the_number_of_runs(runs: int) -> None:
    assert Lanes.arrange(runs, parameters=2_341, batch_size=1, lookback=10).width == 13
    assert Lanes.arrange(runs, parameters=2_341, batch_size=8, lookback=10).width == 4
    assert Lanes.arrange(runs, parameters=11_216, batch_size=8, lookback=10).width == 1
    assert Lanes.arrange(runs, parameters=8_616, batch_size=8, lookback=256).width == 1


@pytest.mark.parametrize(("runs", "sizes"), [(1, [1]), (8, [8]), (9, [8, 1]), (25, [8, 8, 8, 1])])
def test_every_run_lies_in_one_block(runs: int, sizes: list[int]) -> None:
    blocks = Lanes(8).blocks(runs)
    assert [block.stop - block.start for block in blocks] == sizes
    assert [run for block in blocks for run in range(runs)[block]] == list(range(runs))


def test_spare_lanes_repeat_the_first_run() -> None:
    stacked = Lanes(8).stack([{"x": np.full(2, run)} for run in range(3)])
    assert stacked["x"].shape == (8, 2)
    assert stacked["x"][:, 0].tolist() == [0, 1, 2] + [0] * 5


def test_a_program_maps_over_runs_and_shares_the_rest() -> None:
    program = jax.jit(every_lane(lambda x, y, shared: x * shared[0] + y, shared=1))
    x, y = (Lanes(4).stack([np.float32(run + offset) for run in range(3)]) for offset in (0, 10))
    assert program(x, y, np.array([2.0], dtype=np.float32)).tolist() == [10, 13, 16, 10]


class Mixed(eqx.Module):
    weight: jax.Array
    rate: Dropout
    places: jax.Array
    name: str = eqx.field(static=True)
    function: object = jnp.tanh


def mixed(name: str = "mixed", rate: float = 0.5, function: object = jnp.tanh) -> Mixed:
    return Mixed(jnp.ones(3), Dropout.at(rate), jnp.arange(2), name, function)


def test_what_is_trained_what_is_fixed_and_what_is_neither() -> None:
    trained, fixed, static = split_module(mixed())
    assert [leaf.shape for leaf in jax.tree.leaves(trained)] == [(3,)]
    assert [leaf.dtype for leaf in jax.tree.leaves(fixed)] == [jnp.float32, jnp.int32]
    assert jax.tree.leaves(static) == [jnp.tanh]
    assert eqx.tree_equal(eqx.combine(trained, fixed, static), mixed())


def static_of(*arguments: object) -> Static:
    return Static(split_module(mixed(*arguments))[2])  # type: ignore[arg-type]


def test_what_is_no_array_is_a_key() -> None:
    assert static_of() == static_of()
    assert hash(static_of()) == hash(static_of())
    assert static_of("mixed", 0.1) == static_of()
    assert static_of("other") != static_of()
    assert static_of("mixed", 0.5, jnp.sin) != static_of()
    assert static_of() != "mixed"


def test_what_cannot_be_compared_is_like_itself_alone() -> None:
    first, second = (static_of("mixed", 0.5, {"a": []}.keys()) for _ in range(2))
    unhashable = Static({"a": [{1, 2}]})
    assert hash(unhashable) == id(unhashable)
    assert isinstance(hash(first), int)
    assert hash(second) != hash(first)
