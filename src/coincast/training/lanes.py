"""Runs side by side: blocks of lanes, stacked along a leading axis, each block a call of one and the same program.

A run must give the same weights whichever runs train beside it, and however many. XLA chooses its kernels by shape, so
that a number can differ in its last bit between a narrow program and a wide one, and training amplifies such a bit to
a visible difference. On a CPU the lanes of a program are therefore decided by network, batch size and window alone; a
larger set is several blocks, and the spare lanes of the last block repeat its first run
(`docs/decisions/0004-lanes.md`, `tests/contracts/test_every_network.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np

from coincast.models.dropout import Constant

HEAVY_WORK = 80_000
"""Multiplications of a time step, from which on one lane keeps a core busy."""
LONG_WORK = 10_000_000
"""Of a window, from which on what one lane keeps for the way back fills a core's cache."""
FEW_LANES = 4
"""Of what is lighter; more lanes cost about as much per run, and more of them would be spare."""
TINY_WORK = 10_000
"""Below it every further lane makes each of them cheaper, up to about as many as these."""
MANY_LANES = 13
MOST_LANES = 1024
"""Of an accelerator, so that a set larger than its memory can be divided."""


@dataclass(frozen=True)
class Lanes:
    """How the runs of a set lie in programs.

    Attributes:
        width: runs of one program.
    """

    width: int

    @classmethod
    def arrange(cls, runs: int, parameters: int, batch_size: int, lookback: int) -> Lanes:
        """Lanes for a set.

        An accelerator is wide: it takes all runs of a set at once, or a thousand, shared among the devices there are.
        """
        devices = jax.devices()
        if devices[0].platform != "cpu":
            return cls(min(MOST_LANES, -(-runs // len(devices))))
        work = parameters * batch_size
        if work >= HEAVY_WORK or work * lookback >= LONG_WORK:
            return cls(1)
        return cls(MANY_LANES if work < TINY_WORK else FEW_LANES)

    def blocks(self, runs: int) -> list[slice]:
        """The runs of each block, in order."""
        return [slice(first, min(first + self.width, runs)) for first in range(0, runs, self.width)]

    def stack(self, per_run: Sequence[Any]) -> Any:
        """Stack one pytree of arrays per run of a block, and fill the spare lanes."""
        padded = [*per_run, *[per_run[0]] * (self.width - len(per_run))]
        return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *padded)


def every_lane(one_run: Callable[..., Any], *, shared: int) -> Callable[..., Any]:
    """A pure function of one run as one of all lanes; its last `shared` arguments are the same for every run."""

    def lanes(*arguments: Any) -> Any:
        per_run = len(arguments) - shared
        return jax.vmap(one_run, in_axes=(0,) * per_run + (None,) * shared)(*arguments)

    return lanes


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
