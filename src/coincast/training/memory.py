"""How much of a set of runs may be on the devices at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import jax

from coincast.errors import UsageError

SHARE = 0.5
"""Of the machine's memory that a training takes unless it is told otherwise."""
UNKNOWN = 4 * 2**30
"""Bytes that are assumed where the system does not say how many it has."""


def physical_memory() -> int | None:
    """Bytes of memory; None where the system does not say."""
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _device_memory() -> int | None:
    """Bytes of the first accelerator; None where there is none, or it does not say."""
    told = jax.devices()[0].memory_stats()
    return None if told is None else told.get("bytes_limit")


def size_of(tree: Any) -> int:
    """Bytes of the arrays of a pytree."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


@dataclass(frozen=True)
class Budget:
    """What a training may take.

    Attributes:
        bytes: of all its arrays.
        shared: of what all runs read.
        block: of one block of runs.
        temporary: that a program takes while it runs.
    """

    bytes: int
    shared: int
    block: int
    temporary: int

    @classmethod
    def of(cls, memory: int | None, shared: Any, block: Any, temporary: int, *, restores: bool, keeps: bool) -> Budget:
        """Budget of a set.

        Args:
            memory: bytes; None for a share of the machine's.
            shared: arrays that all runs read.
            block: (state, fixed, data) of one block.
            temporary: bytes of a running program.
            restores: whether the best weights are kept beside the newest ones.
            keeps: whether the state of the last epoch is kept beside the newest one.
        """
        beside = (size_of(block[0][0]) if restores else 0) + (size_of(block[0]) if keeps else 0)
        allowed = int(SHARE * (_device_memory() or physical_memory() or UNKNOWN)) if memory is None else memory
        return cls(allowed, size_of(shared), size_of(block) + beside, temporary)

    def blocks_at_once(self, workers: int) -> tuple[int, int]:
        """How many blocks may be open, and how many programs run.

        Args:
            workers: that there are.

        Raises:
            UsageError: not even one.
        """
        rest = self.bytes - self.shared
        running = max(1, min(workers, rest // (self.block + self.temporary)))
        open_blocks = (rest - running * self.temporary) // self.block
        if open_blocks < 1:
            needed = self.shared + self.block + self.temporary
            raise UsageError(
                f"training needs {needed / 1e9:,.2g} GB of memory, and {self.bytes / 1e9:,.2g} GB are allowed; allow "
                "more (--memory), or make batches, windows or the network smaller"
            )
        return open_blocks, running
