"""Runs side by side: blocks of lanes, stacked along a leading axis and split over the devices.

A run must give the same weights whichever runs train beside it, and however many. XLA chooses its kernels by shape, so
that a number can differ in its last bit between a narrow program and a wide one, and training amplifies such a bit to
a visible difference. On a CPU every program therefore has eight lanes a device, no more and no fewer: a larger set is
several blocks of one and the same program, and the spare lanes of the last block repeat its first run
(`docs/decisions/0004-lanes.md`, `tests/contracts/test_every_network.py`). Eight are nearly as fast per run as more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from coincast.models.dropout import Constant

LANES_PER_DEVICE = 8
FEWEST_DEVICES = 2
RUN_AXIS = "run"
PER_RUN = PartitionSpec(RUN_AXIS)  # type: ignore[no-untyped-call]
SHARED = PartitionSpec()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Lanes:
    """Where the runs of one program lie.

    Attributes:
        mesh: the devices.
        width: lanes of all devices together, the most runs that a block can hold.
    """

    mesh: Mesh
    width: int

    @classmethod
    def arrange(cls, runs: int) -> Lanes:
        """Lanes for a number of runs: equally many on every device that is used.

        On a CPU two devices at least, where there are two: a program over one compiles to other arithmetic than over
        several. An accelerator is wide, and takes all runs at once.
        """
        devices = jax.devices()
        wanted = -(-runs // LANES_PER_DEVICE)
        if devices[0].platform == "cpu":
            devices = devices[: max(FEWEST_DEVICES, wanted)]
            per_device = LANES_PER_DEVICE
        else:
            per_device = max(LANES_PER_DEVICE, -(-runs // len(devices)))
        return cls(Mesh(np.array(devices), (RUN_AXIS,)), len(devices) * per_device)

    def blocks(self, runs: int) -> list[slice]:
        """The runs of each block, in order."""
        return [slice(first, min(first + self.width, runs)) for first in range(0, runs, self.width)]

    def stack(self, per_run: Sequence[Any]) -> Any:
        """Stack one pytree of arrays per run of a block, fill the spare lanes, and place them on the devices."""
        padded = [*per_run, *[per_run[0]] * (self.width - len(per_run))]
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


class Static:
    """The part of a module that is no array, as a key: equal parts make the same program."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        leaves, self._structure = jax.tree.flatten(tree)
        self._leaves = tuple(leaves)

    def __hash__(self) -> int:
        try:
            return hash((self._structure, self._leaves))
        except TypeError:  # something in it cannot be compared: it is like itself alone
            return id(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Static):
            return False
        try:
            return bool((self._structure, self._leaves) == (other._structure, other._leaves))
        except (TypeError, ValueError):
            return self is other


def fetch(array: Any) -> np.ndarray:
    """An array of a device on the host, waited for awake: a plain copy would not hear Ctrl-C until it is there."""
    while not array.is_ready():
        time.sleep(0.0005)
    return np.asarray(array)


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
