"""Optimisers, learning rates and clipping, built from optax's parts inside the training's program.

Their constants are arrays of a run, so that runs which differ in them share a program. An optimiser turns a gradient
into a move; the weights then go `learning_rate x move` downhill, for momentum, too, as in PyTorch and optax (Keras has
the learning rate inside the momentum, which is the same while it is constant). Its state begins with zeros, whatever
the rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from coincast.training.recipe import Recipe

Rates = Mapping[str, Any]
Scalar = Float[Array, ""]


def adam(rates: Rates, recipe: Recipe) -> optax.GradientTransformation:
    """`m / (sqrt(v) + epsilon)` of bias-corrected means m, v of the gradient and its square (Kingma and Ba 2015).

    Epsilon stands after the correction of the bias, as in the paper and PyTorch; in Keras it stands before it.
    """
    return optax.scale_by_adam(b1=rates["beta_1"], b2=rates["beta_2"], eps=rates["epsilon"])


def adamw(rates: Rates, recipe: Recipe) -> optax.GradientTransformation:
    """Adam's move plus `weight_decay x weight`, of every trained array (Loshchilov and Hutter 2019)."""
    return optax.chain(adam(rates, recipe), optax.add_decayed_weights(rates["weight_decay"]))


def sgd(rates: Rates, recipe: Recipe) -> optax.GradientTransformation:
    """`trace = gradient + momentum x trace`; with Nesterov's form `gradient + momentum x trace` once more."""
    return optax.trace(decay=rates["momentum"], nesterov=recipe.nesterov)


def rmsprop(rates: Rates, recipe: Recipe) -> optax.GradientTransformation:
    """`gradient / sqrt(v + epsilon)`, v the mean of its square (Tieleman and Hinton 2012); epsilon as in Keras."""
    return optax.scale_by_rms(decay=rates["rho"], eps=rates["epsilon"])


OPTIMISERS: dict[str, Callable[[Rates, Recipe], optax.GradientTransformation]] = {
    "adam": adam,
    "adamw": adamw,
    "sgd": sgd,
    "rmsprop": rmsprop,
}


CLIPPING_RATES = ("clip_norm", "clip_value")
"""Limits in a recipe; where all of them are 0 a program can do without `clip`."""


def clip(gradient: Any, rates: Rates) -> Any:
    """The gradient scaled down to the global norm `clip_norm`, then each of its numbers cut to +-`clip_value`.

    The norm is that of all arrays of the run together (Pascanu, Mikolov and Bengio 2013). A limit of 0 is none, and the
    gradient stays exactly as it is.
    """
    norm, most = rates["clip_norm"], rates["clip_value"]
    size = jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradient)))
    shrink = jnp.where((norm > 0) & (size > norm), norm / size, 1)
    bound = jnp.where(most > 0, most, jnp.inf)
    return jax.tree.map(lambda leaf: jnp.clip(leaf * shrink, -bound, bound), gradient)


Schedule = Callable[[Recipe, Rates, Int[Array, ""], Scalar], Scalar]


def _constant(recipe: Recipe, rates: Rates, whole: Int[Array, ""], passed: Scalar) -> Scalar:
    return jnp.ones_like(passed)


def _linear(recipe: Recipe, rates: Rates, whole: Int[Array, ""], passed: Scalar) -> Scalar:
    return jnp.asarray(1 - (1 - rates["final_rate"]) * _progress(recipe, passed))


def _cosine(recipe: Recipe, rates: Rates, whole: Int[Array, ""], passed: Scalar) -> Scalar:
    fallen = 0.5 * (1 - jnp.cos(math.pi * _progress(recipe, passed)))
    return jnp.asarray(1 - (1 - rates["final_rate"]) * fallen)


def _exponential(recipe: Recipe, rates: Rates, whole: Int[Array, ""], passed: Scalar) -> Scalar:
    return jnp.power(rates["decay"], passed)


def _step(recipe: Recipe, rates: Rates, whole: Int[Array, ""], passed: Scalar) -> Scalar:
    return jnp.power(rates["decay"], (whole // recipe.step_epochs).astype(passed.dtype))


def _progress(recipe: Recipe, passed: Scalar) -> Scalar:
    return jnp.minimum(passed / (recipe.epochs - recipe.warmup_epochs), 1)


SCHEDULES: dict[str, Schedule] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "exponential": _exponential,
    "step": _step,
}
"""(recipe, rates, whole epochs since the warm-up, the same with the part of the epoch that has passed) -> factor."""


def learning_rate(rates: Rates, recipe: Recipe, step: Int[Array, ""], steps_per_epoch: Int[Array, ""]) -> Scalar:
    """Learning rate of one step.

    During the warm-up it rises by equal amounts from step to step, and its last step has the full rate. From there on
    it follows `SCHEDULES`: `cosine` and `linear` (Loshchilov and Hutter 2017; Keras's `CosineDecay` and
    `PolynomialDecay`) reach `final_rate` at the end of the last epoch; `exponential` is `decay` to the power of the
    epochs passed, step by step; `step` is multiplied by `decay` every `step_epochs` epochs.

    Args:
        rates: `Recipe.rates()`, as arrays of the run.
        recipe: its static part is used.
        step: of the whole training, counted from 0.
        steps_per_epoch: of this run; the longest run of its set may have more.
    """
    full = jnp.asarray(rates["learning_rate"])
    epoch, within = step // steps_per_epoch, (step % steps_per_epoch).astype(full.dtype)
    part = within / steps_per_epoch.astype(full.dtype)
    passed = jnp.maximum(epoch.astype(full.dtype) - recipe.warmup_epochs + part, 0)
    whole = jnp.maximum(epoch - recipe.warmup_epochs, 0)
    rate = full * SCHEDULES[recipe.schedule](recipe, rates, whole, passed)
    if not recipe.warmup_epochs:
        return rate
    risen = (step + 1).astype(full.dtype) / (recipe.warmup_epochs * steps_per_epoch).astype(full.dtype)
    return rate * jnp.minimum(risen, 1)
