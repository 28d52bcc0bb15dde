"""Learning rates over a training, and clipping."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.training.optimisers import CLIPPING_RATES, SCHEDULES, clip, learning_rate
from coincast.training.recipe import Recipe

STEPS = 3

SCHEDULED: dict[str, Callable[[float, Recipe], float]] = {
    "constant": lambda passed, recipe: 1.0,
    "linear": lambda passed, recipe: 1 + (recipe.final_rate - 1) * passed / span(recipe),
    "cosine": lambda passed, recipe: (
        recipe.final_rate + (1 - recipe.final_rate) * (1 + math.cos(math.pi * passed / span(recipe))) / 2
    ),
    "exponential": lambda passed, recipe: recipe.decay**passed,
    "step": lambda passed, recipe: recipe.decay ** (math.floor(passed) // recipe.step_epochs),
}


def span(recipe: Recipe) -> int:
    return recipe.epochs - recipe.warmup_epochs


def rates_of(recipe: Recipe) -> dict[str, Any]:
    return {name: np.float32(rate) for name, rate in recipe.rates().items()}


def told(recipe: Recipe, steps_per_epoch: int = STEPS) -> np.ndarray:
    """The learning rate of every step of a training, as a program tells it."""
    return rates_at(recipe, list(range(recipe.epochs * steps_per_epoch)), steps_per_epoch)


def rates_at(recipe: Recipe, steps: list[int], steps_per_epoch: int = STEPS) -> np.ndarray:
    def one(step: jax.Array) -> jax.Array:
        return learning_rate(rates_of(recipe), recipe.static(), step, jnp.int32(steps_per_epoch))

    return np.asarray(jax.jit(jax.vmap(one))(np.array(steps, dtype=np.int32)))


@pytest.mark.parametrize("warmup", [0, 4])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_is_its_formula(schedule: str, warmup: int) -> None:
    recipe = Recipe(
        epochs=20, learning_rate=0.02, schedule=schedule, warmup_epochs=warmup, final_rate=0.1, decay=0.7, step_epochs=3
    )
    assert set(SCHEDULED) == set(SCHEDULES)
    rates = told(recipe)
    assert rates.dtype == np.float32
    for step, rate in enumerate(rates):
        passed = step / STEPS - warmup
        expected = (step + 1) / (warmup * STEPS) if passed < 0 else SCHEDULED[schedule](passed, recipe)
        assert rate == pytest.approx(0.02 * expected, rel=1e-5)


def test_a_constant_rate_is_the_given_one_to_the_bit() -> None:
    assert (told(Recipe(epochs=5, learning_rate=0.0123)) == np.float32(0.0123)).all()


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_end_is_the_final_share(schedule: str) -> None:
    """One step beyond the last of the training."""
    recipe = Recipe(epochs=10, learning_rate=0.5, schedule=schedule, final_rate=0.25)
    assert rates_at(recipe, [10 * STEPS, 10 * STEPS + 5]) == pytest.approx(0.125)


def test_the_rate_never_jumps_up_after_the_warm_up() -> None:
    rates = told(Recipe(epochs=12, learning_rate=0.1, schedule="cosine", warmup_epochs=3))
    top = 3 * STEPS
    assert (np.diff(rates[:top]) > 0).all()
    assert rates[top - 1] == rates[top] == np.float32(0.1)
    assert (np.diff(rates[top:]) < 0).all()
    assert rates[0] == pytest.approx(0.1 / top)


def test_steps_far_into_a_long_training_fall_at_the_epoch() -> None:
    """Where a float32 cannot tell the last step of an epoch from the next epoch."""
    recipe = Recipe(epochs=100_000, schedule="step", decay=0.5, step_epochs=99_000)
    steps = 20_000
    rates = rates_at(recipe, [99_000 * steps - 1, 99_000 * steps], steps)
    assert rates == pytest.approx([0.001, 0.0005])


def test_a_short_run_has_its_own_epochs() -> None:
    recipe = Recipe(epochs=6, schedule="exponential", decay=0.5)
    long, short = told(recipe, 4), told(recipe, 2)
    np.testing.assert_allclose(long[::2], short, rtol=1e-6)


# ---------------------------------------------------------------- clipping


def gradient() -> dict[str, jax.Array]:
    """Its norm is 13."""
    return {"a": jnp.array([[3.0, 0.0], [0.0, -4.0]]), "b": jnp.array([12.0])}


def clipped(gradient: Any, norm: float = 0.0, value: float = 0.0) -> np.ndarray:
    cut = clip(gradient, {"clip_norm": jnp.float32(norm), "clip_value": jnp.float32(value)})
    return np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(cut)])


def test_a_long_gradient_is_shortened_as_a_whole() -> None:
    assert clipped(gradient(), norm=1.3) == pytest.approx([0.3, 0, 0, -0.4, 1.2])
    assert np.linalg.norm(clipped(gradient(), norm=1.3)) == pytest.approx(1.3)


def test_values_are_cut_one_by_one_after_the_norm() -> None:
    assert clipped(gradient(), value=3.5) == pytest.approx([3, 0, 0, -3.5, 3.5])
    assert clipped(gradient(), norm=1.3, value=0.35) == pytest.approx([0.3, 0, 0, -0.35, 0.35])


@pytest.mark.parametrize(("norm", "value"), [(0.0, 0.0), (13.0, 12.0), (14.0, 0.0), (0.0, 13.0)])
def test_a_gradient_within_its_limits_keeps_every_bit(norm: float, value: float) -> None:
    assert clipped(gradient(), norm, value).tobytes() == clipped(gradient()).tobytes()
    assert clipped(gradient(), norm, value).tolist() == [3, 0, 0, -4, 12]


def test_a_gradient_of_zero_stays() -> None:
    zeros = jax.tree.map(jnp.zeros_like, gradient())
    assert (clipped(zeros, 1.0, 1.0) == 0).all()


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_clipping_hides_no_broken_run(broken: float) -> None:
    """A norm that is no number makes no number; without it an infinite value is cut like any other."""
    assert not np.isfinite(clipped({"a": jnp.array([1.0, broken])}, norm=1.0)).all()
    assert np.isnan(clipped({"a": jnp.array([1.0, math.nan])}, value=1.0)[1])


def test_every_run_has_limits_of_its_own() -> None:
    rates = {"clip_norm": jnp.array([0.0, 1.3, 0.0]), "clip_value": jnp.array([0.0, 0.0, 3.5])}
    cut = jax.vmap(clip, in_axes=(None, 0))(gradient(), rates)
    assert cut["b"].ravel() == pytest.approx([12, 1.2, 3.5])
    assert set(rates) == set(CLIPPING_RATES) <= set(Recipe().rates())
