"""The training of a block of runs, in pure functions over the lanes of a program: learn, validate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from coincast.models.randomness import wrap_key
from coincast.samples.scaling import scale_window
from coincast.training.lanes import Static
from coincast.training.losses import Context, sample_loss
from coincast.training.optimisers import OPTIMISERS, clip, learning_rate
from coincast.training.order import shuffled
from coincast.training.penalties import activity_penalty, penalty
from coincast.training.recipe import Recipe
from coincast.training.runs import Data

VALIDATION_BATCH = 256
STEPS_TOLD_AT_ONCE = 64
"""So many steps learn their windows together; fewer are told in vain at the end of a short epoch."""
NOISE = 0x6E6F6973
"""Makes the key of the noise; a network that splits its key never comes so far."""


@dataclass(frozen=True)
class Program:
    """What the programs of a set have in common, known when they are compiled.

    Attributes:
        static: the part of the module that is no array.
        recipe: without its rates.
        lookback: past candles of a window.
        steps: the most steps of one call.
        penalised: whether its runs have penalties on their weights or on their activity.
        noisy: whether they add noise to their inputs.
        clipped: whether they limit their gradient.
        terms: whether they have a strength of `TERMS`.
        with_no_change: whether the loss, or a term, looks at the forecast that nothing changes.
    """

    static: Static
    recipe: Recipe
    lookback: int
    steps: int
    penalised: bool
    noisy: bool
    clipped: bool
    terms: bool
    with_no_change: bool


def advance(
    state: tuple[Any, Any],
    fixed: Any,
    runs: Data,
    is_learning: Bool[Array, "lane"],
    shared: Data,
    epoch: Int[Array, ""],
    first_step: Int[Array, ""],
    steps: Int[Array, ""],
    *,
    program: Program,
) -> tuple[tuple[Any, Any], Float[Array, "lane"]]:
    """Train a block for a stretch of an epoch, each run in a lane: a leading axis of whatever a run has of its own.

    Lanes are mapped inside the loop over the steps. To map a loop would make JAX trace it twice more, which took half
    of the time of tracing a program.

    Args:
        state: trained arrays and the optimiser's moments.
        fixed: arrays of the module that are not trained.
        runs: each run's own arrays.
        is_learning: else it stands still.
        shared: the arrays of all runs.
        epoch: from 0.
        first_step: of the epoch.
        steps: how many, at most `program.steps`.
        program: what was known when it was compiled.

    Returns:
        The new state, and for each run the sum over the stretch's samples of their losses before each step's update.
    """
    keys = jax.vmap(lambda key: jax.random.fold_in(wrap_key(key), epoch))(runs["key"])
    batches = _batches(runs, epoch, first_step, steps, program)

    def step(number: Any, carried: tuple[Any, Any]) -> tuple[Any, Any]:
        def learn(carried: Any, fixed: Any, run: Data, is_learning: Any, key: Any, batches: Any) -> Any:
            at = (epoch, first_step + number)
            return _learn(carried, fixed, run, is_learning, shared, key, batches[number], at, program)

        return jax.vmap(learn)(carried, fixed, runs, is_learning, keys, batches)  # type: ignore[no-any-return]

    return jax.lax.fori_loop(0, steps, step, (state, jnp.zeros(is_learning.shape)))  # type: ignore[no-any-return]


def _learn(
    carried: tuple[tuple[Any, Any], Float[Array, ""]],
    fixed: Any,
    run: Data,
    is_learning: Bool[Array, ""],
    shared: Data,
    epoch_key: Any,
    batch: Int[Array, "batch"],
    at: tuple[Int[Array, ""], Int[Array, ""]],
    program: Program,
) -> tuple[tuple[Any, Any], Float[Array, ""]]:
    """One step of one run, `at` an epoch and a step of it: its new state, and the sum of the losses so far."""
    recipe = program.recipe
    (trained, moments), total = carried
    epoch, number = at
    valid: Bool[Array, "batch"] = batch >= 0
    count = jnp.sum(valid).astype(jnp.float32)
    windows = run["first"] + jnp.maximum(batch, 0)
    keys = jax.random.split(jax.random.fold_in(epoch_key, number), recipe.batch_size)

    def mean_loss(trained: Any) -> Float[Array, ""]:
        module = eqx.combine(trained, fixed, program.static.tree)
        losses = jax.vmap(lambda window, key: _loss(module, run, shared, window, key, program))(windows, keys)
        mean = jnp.sum(jnp.where(valid, losses, 0)) / jnp.maximum(count, 1)
        return mean + penalty(trained, run["rates"]) if program.penalised else mean

    loss, gradient = jax.value_and_grad(mean_loss)(trained)
    if program.clipped:
        gradient = clip(gradient, run["rates"])
    steps_per_epoch = -(-run["count"] // recipe.batch_size)
    now = epoch * steps_per_epoch + number
    optimiser = OPTIMISERS[recipe.optimiser](run["rates"], recipe)
    with jax.numpy_dtype_promotion("standard"):  # optax raises a float to the power of an integer count
        direction, new_moments = optimiser.update(gradient, moments, trained)
        rate = learning_rate(run["rates"], recipe, now, steps_per_epoch)
    new_trained = jax.tree.map(lambda leaf, move: leaf - rate * move, trained, direction)
    # A run with fewer windows than the longest of its block stands still in the steps that it lacks.
    moves = (count > 0) & is_learning
    kept = jax.tree.map(lambda new, old: jnp.where(moves, new, old), (new_trained, new_moments), (trained, moments))
    return kept, total + loss * count


def _batches(
    runs: Data, epoch: Int[Array, ""], first_step: Int[Array, ""], steps: Int[Array, ""], program: Program
) -> Int[Array, "lane step batch"]:
    """Windows of each step of a stretch, -1 where a batch has no more; chunk by chunk, as far as they are wanted."""
    size = program.recipe.batch_size
    chunk = min(program.steps, STEPS_TOLD_AT_ONCE)
    lanes = len(runs["count"])

    def fill(number: Any, batches: Int[Array, "lane step batch"]) -> Int[Array, "lane step batch"]:
        slots = (first_step + number * chunk) * size + jnp.arange(chunk * size)

        def order(count: Int[Array, ""], key: Any) -> Int[Array, "slot"]:
            if program.recipe.shuffle:
                return shuffled(slots, count, key, epoch)
            return jnp.where(slots < count, slots, -1)

        told = jax.vmap(order)(runs["count"], runs["key"])
        return jax.lax.dynamic_update_slice_in_dim(batches, told.reshape(lanes, chunk, size), number * chunk, 1)

    return jax.lax.fori_loop(  # type: ignore[no-any-return]
        0, (steps + chunk - 1) // chunk, fill, jnp.full((lanes, program.steps, size), -1, dtype=jnp.int32)
    )


def validation_loss(
    trained: Any,
    fixed: Any,
    runs: Data,
    shared: Data,
    chunks: Int[Array, ""],
    *,
    program: Program,
) -> Float[Array, "lane"]:
    """Mean loss of each run over its validation windows, without dropout, noise or penalties; NaN where it has none.

    Args:
        trained, fixed, runs, shared, program: as of `advance`.
        chunks: of `VALIDATION_BATCH` windows, enough for every run of the block.
    """

    def add(number: Any, totals: Any) -> Any:
        slots = number * VALIDATION_BATCH + jnp.arange(VALIDATION_BATCH)

        def add_one(total: Any, trained: Any, fixed: Any, run: Data) -> Any:
            module = eqx.combine(trained, fixed, program.static.tree)
            valid = slots < run["validation_count"]
            windows = run["first_validation"] + jnp.where(valid, slots, 0)
            losses = jax.vmap(lambda window: _loss(module, run, shared, window, None, program))(windows)
            return total + jnp.sum(jnp.where(valid, losses, 0))

        return jax.vmap(add_one)(totals, trained, fixed, runs)

    counts = runs["validation_count"].astype(jnp.float32)
    means: Float[Array, "lane"] = jax.lax.fori_loop(0, chunks, add, jnp.zeros(counts.shape)) / counts
    return means


def start_moments(trained: Any, recipe: Recipe, lanes: int) -> optax.OptState:
    """State of the optimiser before the first step, for as many lanes: all of it is zero.

    Args:
        trained: trained arrays of one run.
        recipe: of the run.
        lanes: how many.
    """
    shapes = jax.eval_shape(OPTIMISERS[recipe.optimiser](recipe.rates(), recipe).init, trained)
    return jax.tree.map(lambda leaf: np.zeros((lanes, *leaf.shape), leaf.dtype), shapes)


def _loss(module: Any, run: Data, shared: Data, window: Int[Array, ""], key: Any, program: Program) -> Float[Array, ""]:
    """Loss of one window; with a key as in training, with dropout, noise and a penalty on activity."""
    recipe, rates = program.recipe, run["rates"]
    start = shared["starts"][window]
    past = gather(shared["rows"], start, run, shared["spans"][window], program.lookback)
    if key is not None and program.noisy:
        # The key itself stays as it is without noise, so that a faint one leaves the dropout alone.
        noise = jax.random.normal(jax.random.fold_in(key, NOISE), past.shape, past.dtype)
        past = past + rates["noise"] * noise
    activity = None
    if program.penalised and key is not None and hasattr(module, "with_activity"):
        outputs, activity = module.with_activity(past, key=key)
    else:
        outputs = module(past, key=key)
    naive, unit = (shared["naive"][window], shared["unit"][window]) if program.with_no_change else (0.0, 1.0)
    context = Context(naive, unit, run["typical"], rates, recipe.quantiles)

    def one(output: Any, truth: Any) -> Float[Array, ""]:
        return sample_loss(recipe.loss, output, truth, context, terms=program.terms)

    if recipe.loss_on == "every":
        first = start + run["step_shift"][shared["spans"][window]]
        truths = jax.lax.dynamic_slice_in_dim(shared["step_targets"], first, program.lookback)
        loss = jnp.mean(jax.vmap(one)(outputs, truths))
    else:
        loss = one(at_last_step(outputs), shared["targets"][window])
    return loss if activity is None else loss + activity_penalty(activity, rates)


def gather(
    rows: Float[Array, "row feature"], start: Int[Array, ""], run: Data, span: Int[Array, ""], lookback: int
) -> Float[Array, "lookback feature"]:
    """One scaled window of a run."""
    past = jax.lax.dynamic_slice_in_dim(rows, start, lookback)
    return scale_window(past, run["relative"][span], run["centre"][span], run["spread"][span], xp=jnp)  # type: ignore[no-any-return]


def at_last_step(outputs: Float[Array, "*step horizon output"]) -> Float[Array, "horizon output"]:
    """The forecast as seen from the last candle, of a network that says one at every step, too."""
    return outputs[-1] if outputs.ndim == 3 else outputs
