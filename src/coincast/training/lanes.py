"""Runs side by side: stacked along a leading axis and split over the devices.

A run must give the same weights whichever runs train beside it. XLA compiles very narrow programs differently, and
training amplifies a last bit to a visible difference; so every device gets at least eight lanes, the spare ones
repeating run 1. All sets that fit into eight lanes a device are then one and the same program. In a wider one XLA may
choose another matrix kernel, and a number can differ in its last bit (`tests/contracts/test_every_network.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from coincast.models.dropout import Constant

FEWEST_LANES = 8
RUN_AXIS = "run"
PER_RUN = PartitionSpec(RUN_AXIS)  # type: ignore[no-untyped-call]
SHARED = PartitionSpec()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Lanes:
    """Where the runs of one program lie.

    Attributes:
        mesh: the devices.
        runs: runs that are wanted.
        width: lanes of all devices together; `width - runs` of them are spare.
    """

    mesh: Mesh
    runs: int
    width: int

    @classmethod
    def arrange(cls, runs: int) -> Lanes:
        """Lanes for a number of runs: equally many on every device, and nowhere fewer than `FEWEST_LANES`."""
        devices = jax.devices()
        width = len(devices) * max(FEWEST_LANES, -(-runs // len(devices)))
        return cls(Mesh(np.array(devices), (RUN_AXIS,)), runs, width)

    def stack(self, per_run: Sequence[Any]) -> Any:
        """Stack one pytree of arrays per run, fill the spare lanes, and place them on the devices."""
        padded = [*per_run, *[per_run[0]] * (self.width - self.runs)]
        stacked = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *padded)
        return jax.device_put(stacked, NamedSharding(self.mesh, PER_RUN))

    def share(self, arrays: Any) -> Any:
        """Place arrays that all runs read on every device, once."""
        return jax.device_put(arrays, NamedSharding(self.mesh, SHARED))

    def program(self, one_run: Callable[..., Any], *, shared: int, donate: tuple[int, ...] = ()) -> Callable[..., Any]:
        """Compile a pure function of one run into a program over all lanes.

        Args:
            one_run: takes per-run arguments first, then `shared` arguments that are the same for every run.
            shared: how many of the last arguments are shared.
            donate: per-run arguments whose memory may be reused.
        """

        def every_lane(*arguments: Any) -> Any:
            per_run = len(arguments) - shared
            return jax.vmap(one_run, in_axes=(0,) * per_run + (None,) * shared)(*arguments)

        def on_devices(*arguments: Any) -> Any:
            per_run = len(arguments) - shared
            specs = (PER_RUN,) * per_run + (SHARED,) * shared
            mapped = jax.shard_map(every_lane, mesh=self.mesh, in_specs=specs, out_specs=PER_RUN, check_vma=False)
            return mapped(*arguments)

        return jax.jit(on_devices, donate_argnums=donate)


def split_module(module: Any) -> tuple[Any, Any, Any]:
    """A module as three pytrees that `eqx.combine` puts together again: trained arrays, other arrays, and the rest."""

    def is_constant(node: Any) -> bool:
        return isinstance(node, Constant)

    def is_trained(node: Any) -> bool:
        return not is_constant(node) and eqx.is_inexact_array(node)

    trained_filter = jax.tree.map(is_trained, module, is_leaf=is_constant)
    trained, rest = eqx.partition(module, trained_filter)
    fixed, static = eqx.partition(rest, eqx.is_array)
    return trained, fixed, static
