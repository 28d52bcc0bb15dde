"""Optimisers, clipping and schedules against PyTorch's, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.training.optimisers import OPTIMISERS, clip, learning_rate
from coincast.training.recipe import Recipe

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `bench`)")

STEPS = 30
RATE = 0.05


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def loss(weights: Any, target: Any) -> Any:
    """A valley with curved walls, whose slope changes from step to step."""
    away = weights - target
    return (away**2).sum() + 0.1 * (away**4).sum()


def draw() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=6), rng.normal(size=(STEPS, 6))


def ours(recipe: Recipe) -> np.ndarray:
    """Weights after every step; every step is an epoch."""
    start, targets = draw()
    rates = {name: jnp.float64(rate) for name, rate in (recipe.rates() | {"learning_rate": RATE}).items()}
    optimiser = OPTIMISERS[recipe.optimiser](rates, recipe)

    def step(state: Any, numbered: Any) -> Any:
        weights, moments = state
        number, target = numbered
        gradient = clip(jax.grad(loss)(weights, target), rates)
        with jax.numpy_dtype_promotion("standard"):
            move, moments = optimiser.update(gradient, moments, weights)
        weights = weights - learning_rate(rates, recipe, number, jnp.int64(1)) * move
        return (weights, moments), weights

    state = (jnp.asarray(start), optimiser.init(jnp.asarray(start)))
    return np.asarray(jax.lax.scan(step, state, (jnp.arange(STEPS), jnp.asarray(targets)))[1])


def theirs(make: Callable[..., Any], scheduler: Any = None, limit: Any = None) -> np.ndarray:
    start, targets = draw()
    weights = torch.tensor(start, requires_grad=True)
    optimiser = make([weights])
    schedule = scheduler(optimiser) if scheduler else None
    seen = []
    for target in targets:
        optimiser.zero_grad()
        loss(weights, torch.tensor(target)).backward()
        if limit:
            limit([weights])
        optimiser.step()
        if schedule:
            schedule.step()
        seen.append(weights.detach().numpy().copy())
    return np.array(seen)


@pytest.mark.parametrize(
    ("recipe", "make"),
    [
        (Recipe(), lambda w: torch.optim.Adam(w, RATE, eps=1e-7)),
        (
            Recipe(beta_1=0.7, beta_2=0.9, epsilon=0.01),
            lambda w: torch.optim.Adam(w, RATE, betas=(0.7, 0.9), eps=0.01),
        ),
        (
            Recipe(optimiser="adamw", weight_decay=0.3),
            lambda w: torch.optim.AdamW(w, RATE, eps=1e-7, weight_decay=0.3),
        ),
        (Recipe(optimiser="sgd"), lambda w: torch.optim.SGD(w, RATE)),
        (Recipe(optimiser="sgd", momentum=0.8), lambda w: torch.optim.SGD(w, RATE, momentum=0.8)),
        (
            Recipe(optimiser="sgd", momentum=0.8, nesterov=True),
            lambda w: torch.optim.SGD(w, RATE, momentum=0.8, nesterov=True),
        ),
        # PyTorch adds epsilon to the root, Keras and we add it below: too small to tell.
        (
            Recipe(optimiser="rmsprop", rho=0.8, epsilon=1e-24),
            lambda w: torch.optim.RMSprop(w, RATE, alpha=0.8, eps=1e-24),
        ),
    ],
)
def test_the_same_steps_as_pytorch(recipe: Recipe, make: Callable[..., Any]) -> None:
    np.testing.assert_allclose(ours(recipe), theirs(make), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"clip_norm": 1.5}, lambda w: torch.nn.utils.clip_grad_norm_(w, 1.5)),
        ({"clip_value": 0.7}, lambda w: torch.nn.utils.clip_grad_value_(w, 0.7)),
    ],
)
def test_the_same_clipping(changes: dict[str, float], limit: Callable[..., Any]) -> None:
    """PyTorch adds 1e-6 to the norm that it divides by."""
    expected = theirs(lambda w: torch.optim.SGD(w, RATE), limit=limit)
    np.testing.assert_allclose(ours(Recipe(optimiser="sgd", **changes)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "scheduler"),
    [
        ({"schedule": "cosine"}, lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS)),
        (
            {"schedule": "cosine", "final_rate": 0.2},
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.2 * RATE),
        ),
        (
            {"schedule": "linear", "final_rate": 0.3},
            lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.3, total_iters=STEPS),
        ),
        ({"schedule": "exponential", "decay": 0.9}, lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9)),
        ({"schedule": "step", "decay": 0.4, "step_epochs": 7}, lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.4)),
    ],
)
def test_the_same_schedule(changes: dict[str, Any], scheduler: Callable[..., Any]) -> None:
    recipe = Recipe(epochs=STEPS, optimiser="sgd", momentum=0.5, **changes)
    expected = theirs(lambda w: torch.optim.SGD(w, RATE, momentum=0.5), scheduler=scheduler)
    np.testing.assert_allclose(ours(recipe), expected, rtol=1e-9, atol=1e-11)
