"""Functions of one sample that do the work of a whole batch at once when they are mapped over samples.

`jax.vmap` of a hand-written backward pass forms a gradient of the weights per sample and sums them afterwards: for a
large layer half a gigabyte. A function made here sees the batch instead, and sums inside its products.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap


def for_batches(batched: Callable[..., tuple[Any, Any]]) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Make a function of one sample from one of a batch.

    Args:
        batched: takes a pytree of arrays with a leading sample axis, and a pytree of arrays that all samples share;
            returns a pytree of arrays with a leading sample axis, and a pytree of sums over all samples.

    Returns:
        The same for one sample, without the sample axis. Mapped over samples it calls `batched` once, and gives each
        sample an equal share of the sums: added up, as the chain rule does for shared arrays, they are the sums again,
        and XLA sees that nothing needs to be added. Mapped over the shared arrays, too (runs with weights of their
        own), it is mapped as any other function.
    """

    def one(samples: Any, shared: Any) -> tuple[Any, Any]:
        outputs, sums = batched(jax.tree.map(lambda x: x[None], samples), shared)
        return jax.tree.map(lambda x: x[0], outputs), sums

    mapped = custom_vmap(one)

    @mapped.def_vmap
    def rule(size: int, is_mapped: Any, samples: Any, shared: Any) -> tuple[Any, Any]:
        of_samples, of_shared = is_mapped
        if any(jax.tree.leaves(of_shared)):
            axes = jax.tree.map(lambda flag: 0 if flag else None, (of_samples, of_shared))
            result = jax.vmap(one, in_axes=axes, axis_size=size)(samples, shared)
        else:
            every = jax.tree.map(
                lambda flag, x: x if flag else jnp.broadcast_to(x, (size, *x.shape)), of_samples, samples
            )
            outputs, sums = batched(every, shared)
            result = outputs, jax.tree.map(lambda x: jnp.broadcast_to(x / size, (size, *x.shape)), sums)
        return result, jax.tree.map(lambda _: True, result)

    return mapped


def _repeat(x: Any, size: int) -> Any:
    return jnp.broadcast_to(x, (size, *x.shape))
