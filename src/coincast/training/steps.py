"""The training of one run, in pure functions that `Lanes` maps over runs: order, gather, learn, validate."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from coincast.samples.scaling import scale_window
from coincast.training.losses import LOSSES
from coincast.training.recipe import Recipe

Data = dict[str, Any]
"""The arrays of one run: its key, table, scale, learning rate, and padded windows with their counts."""


def shuffle(data: Data, epoch: Int[Array, ""], *, recipe: Recipe, slots: int) -> Int[Array, "step batch"]:
    """Window numbers of one epoch in batches; -1 in the slots that are left over.

    The bits of slot i depend on the key and on i alone, so that a run's order is the same in a longer set.
    """
    slot = jnp.arange(slots)
    valid = slot < data["count"]
    if recipe.shuffle:
        key = jax.random.fold_in(jax.random.wrap_key_data(data["key"]), epoch)
        draws = jax.random.bits(jax.random.fold_in(key, 0), (slots,), jnp.uint32) >> 1
        order = jnp.argsort(jnp.where(valid, draws, jnp.uint32(0xFFFFFFFF)), stable=True)
    else:
        order = slot
    return jnp.where(valid, order, -1).reshape(-1, recipe.batch_size)


def _gather(
    data: Data, tables: Float[Array, "table row feature"], starts: Int[Array, "batch"], lookback: int
) -> Float[Array, "batch lookback feature"]:
    """Scaled windows of one run, gathered from its table."""
    rows = starts[:, None] + jnp.arange(lookback)[None]
    return scale_window(tables[data["table"], rows], data["relative"], data["centre"], data["spread"], xp=jnp)  # type: ignore[no-any-return]


def _sample_losses(
    module: Any,
    recipe: Recipe,
    pasts: Float[Array, "batch lookback feature"],
    targets: Float[Array, "batch horizon"],
    keys: Key[Array, "batch"] | None,
) -> Float[Array, "batch"]:
    outputs = (
        jax.vmap(module)(pasts) if keys is None else jax.vmap(lambda past, key: module(past, key=key))(pasts, keys)
    )
    return jax.vmap(LOSSES[recipe.loss])(outputs[..., 0], targets)


def advance(
    state: tuple[Any, Any],
    fixed: Any,
    data: Data,
    batches: Int[Array, "step batch"],
    tables: Float[Array, "table row feature"],
    epoch: Int[Array, ""],
    first_step: Int[Array, ""],
    *,
    static: Any,
    recipe: Recipe,
    optimiser: optax.GradientTransformation,
    lookback: int,
) -> tuple[tuple[Any, Any], Float[Array, ""]]:
    """Train one run for a stretch of steps.

    Returns:
        The new state, and the sum over the stretch's samples of their losses before each step's update.
    """
    epoch_key = jax.random.fold_in(jax.random.wrap_key_data(data["key"]), epoch)

    def step(state: tuple[Any, Any], numbered: tuple[Any, Any]) -> tuple[tuple[Any, Any], Any]:
        number, batch = numbered
        trained, moments = state
        valid: Bool[Array, "batch"] = batch >= 0
        count = jnp.sum(valid).astype(jnp.float32)
        windows = jnp.maximum(batch, 0)
        pasts = _gather(data, tables, data["starts"][windows], lookback)
        keys = jax.random.split(jax.random.fold_in(epoch_key, 1 + number), recipe.batch_size)

        def mean_loss(trained: Any) -> Float[Array, ""]:
            module = eqx.combine(trained, fixed, static)
            losses = _sample_losses(module, recipe, pasts, data["targets"][windows], keys)
            return jnp.sum(jnp.where(valid, losses, 0)) / jnp.maximum(count, 1)

        loss, gradient = jax.value_and_grad(mean_loss)(trained)
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to the power of an integer count
            direction, new_moments = optimiser.update(gradient, moments)
        new_trained = jax.tree.map(lambda leaf, move: leaf - data["learning_rate"] * move, trained, direction)
        # A run with fewer windows than the longest of its set stands still in the steps that it lacks.
        kept = jax.tree.map(
            lambda new, old: jnp.where(count > 0, new, old), (new_trained, new_moments), (trained, moments)
        )
        return kept, loss * count

    steps = batches.shape[0]
    state, losses = jax.lax.scan(step, state, (first_step + jnp.arange(steps), batches))
    return state, jnp.sum(losses)


def validation_loss(
    trained: Any,
    fixed: Any,
    data: Data,
    tables: Float[Array, "table row feature"],
    *,
    static: Any,
    recipe: Recipe,
    lookback: int,
) -> Float[Array, ""]:
    """Mean loss of one run over its validation windows, without dropout; NaN where it has none."""
    module = eqx.combine(trained, fixed, static)

    def one(start: Int[Array, ""], target: Float[Array, "horizon"]) -> Float[Array, ""]:
        pasts = _gather(data, tables, start[None], lookback)
        return _sample_losses(module, recipe, pasts, target[None], None)[0]

    starts, targets = data["validation_starts"], data["validation_targets"]
    losses = jax.lax.map(lambda pair: one(*pair), (starts, targets), batch_size=256)
    count: Int[Array, ""] = data["validation_count"]
    return jnp.sum(jnp.where(jnp.arange(len(starts)) < count, losses, 0)) / count.astype(jnp.float32)
