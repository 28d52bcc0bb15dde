"""The compiled programs of a set of runs; equal sets share them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from coincast.training.lanes import FEW_LANES, Static, every_lane
from coincast.training.losses import LOSSES, TERMS
from coincast.training.optimisers import CLIPPING_RATES
from coincast.training.penalties import PENALTIES
from coincast.training.recipe import Recipe
from coincast.training.steps import Program, advance, validation_loss

SECONDS_PER_DISPATCH = 0.25
"""One dispatch should end well within a second, so that Ctrl-C is heard and progress moves."""
PROGRAMS_KEPT = 32


@dataclass(frozen=True)
class Programs:
    """What a block is trained with; see `coincast.training.steps`.

    Attributes:
        advance: (state, fixed, data, is learning, shared, epoch, first step, steps) -> (state, sums of losses).
        validate: None where no run does; else (trained, fixed, data, shared, chunks) -> validation losses.
        keep: (best weights, weights, improved) -> best weights.
        steps: the most of one call of `advance`.
        temporary_bytes: memory that `advance` takes beside its arguments.
    """

    advance: Any
    validate: Any
    keep: Any
    steps: int
    temporary_bytes: int


def parts_needed(recipe: Recipe) -> dict[str, bool]:
    """Which parts of a program a run needs, by their name in `Program`.

    A part whose rates are 0 adds nothing, but a program with it is other arithmetic in the last bit. So runs that need
    other parts are trained by other programs.
    """
    penalties = tuple(f"{norm}_{name}" for norm in ("l1", "l2") for name in (*PENALTIES, "activity"))
    return {
        "penalised": _any_rate(recipe, penalties),
        "noisy": _any_rate(recipe, ("noise",)),
        "clipped": _any_rate(recipe, CLIPPING_RATES),
        "terms": _any_rate(recipe, tuple(TERMS)),
    }


def describe_program(recipe: Recipe, static: Any, lookback: int, parameters: int) -> Program:
    """What a program must know when it is compiled, from the recipe of any run that it trains."""
    parts = parts_needed(recipe)
    return Program(
        static=Static(static),
        recipe=_of_steps(recipe),
        lookback=lookback,
        steps=_steps_per_dispatch(parameters * lookback * recipe.batch_size),
        with_no_change=parts["terms"] or LOSSES[recipe.loss].needs_price,
        **parts,
    )


def compile_programs(program: Program, arguments: Any, shared: Any, device: Any, *, validates: bool) -> Programs:
    """Programs for arrays of these shapes on a device.

    Args:
        program: what they have in common.
        arguments: (state, fixed, data) of a block.
        shared: the arrays of all runs.
        device: where they run.
        validates: whether any run of the set does.
    """
    return _compile(program, _shapes(arguments), _shapes(shared), device, validates)


@lru_cache(maxsize=PROGRAMS_KEPT)
def _compile(program: Program, arguments: Any, shared: Any, device: Any, validates: bool) -> Programs:
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
    training, checking = partial(advance, program=program), partial(validation_loss, program=program)
    compiled = (
        jax.jit(training, donate_argnums=(0,))
        .lower(state, fixed, data, learning, shared_like, number, number, number)
        .compile()
    )
    check = jax.jit(checking).lower(state[0], fixed, data, shared_like, number).compile() if validates else None
    memory = compiled.memory_analysis()
    return Programs(
        advance=compiled,
        validate=check,
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


def _any_rate(recipe: Recipe, names: tuple[str, ...]) -> bool:
    return any(getattr(recipe, name) > 0 for name in names)


def _steps_per_dispatch(work: int) -> int:
    """Most steps of one dispatch, a power of two, from a rough count of a lane's multiplications.

    It does not hang on the windows of the runs, nor on how many there are: another shape may be other arithmetic in the
    last bit.
    """
    seconds_per_step = 100e-6 + 6 * work * FEW_LANES / 20e9
    longest = max(1, int(SECONDS_PER_DISPATCH / seconds_per_step))
    return 1 << (longest - 1).bit_length()
