"""The compiled programs of a set of runs; equal sets share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from coincast.training.lanes import Static, every_lane
from coincast.training.losses import LOSSES, TERMS
from coincast.training.optimisers import CLIPPING_RATES
from coincast.training.penalties import PENALTIES
from coincast.training.recipe import Recipe
from coincast.training.runs import TrainingRun
from coincast.training.steps import Program, advance, validation_loss

SECONDS_PER_DISPATCH = 0.25
"""One dispatch should end well within a second, so that Ctrl-C is heard and progress moves."""
PROGRAMS_KEPT = 32


@dataclass(frozen=True)
class Programs:
    """What a block is trained with; see `coincast.training.steps`.

    Attributes:
        advance: (state, fixed, data, is learning, shared, epoch, first step, steps) -> (state, sums of losses).
        validate: (trained, fixed, data, shared, chunks) -> validation losses.
        keep: (best weights, weights, improved) -> best weights.
        steps: the most of one call of `advance`.
        temporary_bytes: memory that `advance` takes beside its arguments.
    """

    advance: Any
    validate: Any
    keep: Any
    steps: int
    temporary_bytes: int


def describe_program(runs: Sequence[TrainingRun], static: Any, lookback: int, width: int, parameters: int) -> Program:
    """What the programs of a set must know when they are compiled."""
    recipe = runs[0].recipe
    terms = _any_rate(runs, tuple(TERMS))
    longest = -(-max(run.windows for run in runs) // recipe.batch_size)
    return Program(
        static=Static(static),
        recipe=_of_steps(recipe),
        lookback=lookback,
        steps=_steps_per_dispatch(longest, parameters * lookback * recipe.batch_size * width),
        penalised=_any_rate(runs, tuple(f"{norm}_{name}" for norm in ("l1", "l2") for name in PENALTIES)),
        activity_penalised=_any_rate(runs, ("l1_activity", "l2_activity")),
        noisy=_any_rate(runs, ("noise",)),
        clipped=_any_rate(runs, CLIPPING_RATES),
        terms=terms,
        with_no_change=terms or LOSSES[recipe.loss].needs_price,
    )


def compile_programs(program: Program, arguments: Any, shared: Any, device: Any) -> Programs:
    """Programs for arrays of these shapes on a device.

    Args:
        program: what they have in common.
        arguments: (state, fixed, data) of a block.
        shared: the arrays of all runs.
        device: where they run.
    """
    return _compile(program, _shapes(arguments), _shapes(shared), device)


@lru_cache(maxsize=PROGRAMS_KEPT)
def _compile(program: Program, arguments: Any, shared: Any, device: Any) -> Programs:
    place = jax.sharding.SingleDeviceSharding(device)

    def shaped(shape: tuple[int, ...], dtype: Any) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype, sharding=place)  # type: ignore[no-untyped-call]

    def like(shapes: Any) -> Any:
        structure, leaves = shapes
        return jax.tree.unflatten(structure, [shaped(*leaf) for leaf in leaves])

    (state, fixed, data), shared_like = like(arguments), like(shared)
    width = data["count"].shape
    learning = shaped(width, np.bool_)
    number = shaped((), np.int32)
    training = every_lane(partial(advance, program=program), shared=4)
    checking = every_lane(partial(validation_loss, program=program), shared=2)
    compiled = (
        jax.jit(training, donate_argnums=(0,))
        .lower(state, fixed, data, learning, shared_like, number, number, number)
        .compile()
    )
    memory = compiled.memory_analysis()
    return Programs(
        advance=compiled,
        validate=jax.jit(checking).lower(state[0], fixed, data, shared_like, number).compile(),
        keep=jax.jit(every_lane(_choose, shared=0)),
        steps=program.steps,
        temporary_bytes=0 if memory is None else int(memory.temp_size_in_bytes),
    )


def _choose(best: Any, weights: Any, improved: Any) -> Any:
    return jax.tree.map(lambda old, new: jnp.where(improved, new, old), best, weights)


def _shapes(tree: Any) -> tuple[Any, ...]:
    """Structure, shapes and types of a pytree of arrays, as a key."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((leaf.shape, np.dtype(leaf.dtype)) for leaf in leaves)


def _of_steps(recipe: Recipe) -> Recipe:
    """A recipe without what only the loop around the programs reads."""
    bare = replace(recipe.static(), patience=0, restore_best=True)
    return replace(bare, epochs=bare.warmup_epochs + 1) if bare.schedule == "constant" else bare


def _any_rate(runs: Sequence[TrainingRun], names: tuple[str, ...]) -> bool:
    return any(getattr(run.recipe, name) > 0 for run in runs for name in names)


def _steps_per_dispatch(steps: int, work: int) -> int:
    """Steps of one dispatch, a power of two, from a rough count of multiplications."""
    seconds_per_step = 50e-6 + 6 * work / 20e9
    longest = max(1, min(steps, int(SECONDS_PER_DISPATCH / seconds_per_step)))
    return 1 << (longest - 1).bit_length()
