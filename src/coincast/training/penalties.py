"""Penalties on weights and on activity, in Keras's convention: `l1 sum |x| + l2 sum x^2`, added to the mean loss.

Which weights a penalty reaches follows from the names of a module's fields, so that it holds for any network. Fields
called `head...` are the output layer, which is never penalised; nor is a field of any other name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

PENALTIES: dict[str, tuple[str, ...]] = {
    "kernel": ("kernel",),
    "recurrent": ("recurrent_kernel",),
    "bias": ("bias", "recurrent_bias"),
}
"""Fields that `l1_NAME` and `l2_NAME` of a recipe reach. A GRU's two biases are one variable in Keras."""

WEIGHT_RATES = tuple(f"{kind}_{name}" for name in PENALTIES for kind in ("l1", "l2"))
ACTIVITY_RATES = ("l1_activity", "l2_activity")
"""Strengths in a recipe; where all of them are 0 a program can do without the penalty."""

OUTPUT_LAYER = "head"


def penalised_leaves(trained: Any) -> dict[str, list[Any]]:
    """The arrays that each of `PENALTIES` reaches, in the order of the module's fields, however deep they lie."""
    leaves: dict[str, list[Any]] = {name: [] for name in PENALTIES}
    for path, leaf in jax.tree_util.tree_leaves_with_path(trained):
        steps = [getattr(step, "name", getattr(step, "key", None)) for step in path]
        fields = [step for step in steps if isinstance(step, str)]
        if not fields or any(field.startswith(OUTPUT_LAYER) for field in fields):
            continue
        for name, reached in PENALTIES.items():
            if fields[-1] in reached:
                leaves[name].append(leaf)
    return leaves


def penalty(trained: Any, rates: Mapping[str, Any]) -> Float[Array, ""]:
    """What the weights of a module add to its mean loss; exactly 0 where all strengths are 0.

    The slope of |x| at 0 counts as 0: a weight that is 0 stays there unless the loss moves it.

    Args:
        trained: the trained leaves of any module (`None` for the others), or the module.
        rates: `Recipe.rates()`, as numbers or arrays.
    """
    total = jnp.zeros((), dtype=jnp.result_type(*jax.tree.leaves(trained) or [jnp.float32]))
    for name, leaves in penalised_leaves(trained).items():
        for leaf in leaves:
            total = total + _elastic(leaf, rates[f"l1_{name}"], rates[f"l2_{name}"])
    return total


def activity_penalty(activity: Any, rates: Mapping[str, Any]) -> Float[Array, ""]:
    """What the activity of one sample adds; Keras takes the mean over the batch.

    Args:
        activity: the outputs of the penalised layer for one sample, any shape.
        rates: `Recipe.rates()`, as numbers or arrays.
    """
    return _elastic(activity, rates["l1_activity"], rates["l2_activity"])


def _elastic(values: Float[Array, "..."], l1: Any, l2: Any) -> Float[Array, ""]:
    # jnp.abs has slope 1 at 0.
    added: Float[Array, ""] = l1 * jnp.sum(values * jnp.sign(values)) + l2 * jnp.sum(jnp.square(values))
    return added
