"""What holds for every optimiser, and each against its formula in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.training.optimisers import OPTIMISERS
from coincast.training.recipe import Recipe

STEPS = 12
RATE = 0.1
RECIPES = {
    "adam": Recipe(learning_rate=RATE, optimiser="adam", beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    "adamw": Recipe(learning_rate=RATE, optimiser="adamw", beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.2),
    "sgd": Recipe(learning_rate=RATE, optimiser="sgd", momentum=0.7),
    "sgd, nesterov": Recipe(learning_rate=RATE, optimiser="sgd", momentum=0.7, nesterov=True),
    "sgd, plain": Recipe(learning_rate=RATE, optimiser="sgd"),
    "rmsprop": Recipe(learning_rate=RATE, optimiser="rmsprop", rho=0.8, epsilon=1e-3),
}
Moves = Callable[[list[np.ndarray], np.ndarray, Recipe], np.ndarray]


def weighted(gradients: list[np.ndarray], kept: float, power: int) -> np.ndarray:
    """Exponentially weighted mean of the powers of all gradients so far, beginning with 0."""
    shares = (1 - kept) * kept ** np.arange(len(gradients))[::-1]
    return sum(share * gradient**power for share, gradient in zip(shares, gradients, strict=True))


def adam(gradients: list[np.ndarray], weights: np.ndarray, recipe: Recipe) -> np.ndarray:
    m = weighted(gradients, recipe.beta_1, 1) / (1 - recipe.beta_1 ** len(gradients))
    v = weighted(gradients, recipe.beta_2, 2) / (1 - recipe.beta_2 ** len(gradients))
    return m / (np.sqrt(v) + recipe.epsilon) + recipe.weight_decay * weights


def sgd(gradients: list[np.ndarray], weights: np.ndarray, recipe: Recipe) -> np.ndarray:
    ages = np.arange(len(gradients))[::-1]
    trace = sum(recipe.momentum**age * gradient for age, gradient in zip(ages, gradients, strict=True))
    return gradients[-1] + recipe.momentum * trace if recipe.nesterov else trace


def rmsprop(gradients: list[np.ndarray], weights: np.ndarray, recipe: Recipe) -> np.ndarray:
    return gradients[-1] / np.sqrt(weighted(gradients, recipe.rho, 2) + recipe.epsilon)


FORMULAS: dict[str, Moves] = {"adam": adam, "adamw": adam, "sgd": sgd, "rmsprop": rmsprop}


@pytest.fixture(params=RECIPES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def recipe(name: str) -> Recipe:
    return RECIPES[name]


@pytest.fixture
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def draw() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Weights of two arrays, and a gradient of each for every step."""
    rng = np.random.default_rng(0)
    shapes = {"a": (2, 3), "b": (4,)}
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return weights, {name: rng.normal(size=(STEPS, *shape)) for name, shape in shapes.items()}


def train(recipe: Recipe, rates: dict[str, Any], weights: Any, gradients: Any) -> Any:
    """Weights after every step, as the trainer makes them: rates as arrays, a state that does not know them."""

    def step(state: Any, gradient: Any) -> Any:
        weights, moments = state
        with jax.numpy_dtype_promotion("standard"):
            moves, moments = OPTIMISERS[recipe.optimiser](rates, recipe.static()).update(gradient, moments, weights)
        weights = jax.tree.map(lambda leaf, move: leaf - rates["learning_rate"] * move, weights, moves)
        return (weights, moments), weights

    moments = OPTIMISERS[recipe.optimiser](recipe.static().rates(), recipe.static()).init(weights)
    return jax.lax.scan(step, (weights, moments), gradients)[1]


@cache
def program(name: str) -> Callable[..., Any]:
    """Two runs side by side, with rates of their own."""
    return jax.jit(jax.vmap(partial(train, RECIPES[name]), in_axes=(0, None, None)))


def train_two(name: str, runs: list[Recipe], weights: Any, gradients: Any) -> dict[str, np.ndarray]:
    """Weights (run, step, ...) in float32."""
    rates = {key: np.array([run.rates()[key] for run in runs], dtype=np.float32) for key in runs[0].rates()}
    trained = program(name)(rates, *jax.tree.map(np.float32, (weights, gradients)))
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(trained))
    return jax.tree.map(np.asarray, trained)


def expect(recipe: Recipe, weights: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Weights after every step by the formula."""
    after = []
    for number in range(STEPS):
        moves = FORMULAS[recipe.optimiser](list(gradients[: number + 1]), weights, recipe)
        weights = weights - recipe.learning_rate * moves
        after.append(weights)
    return np.array(after)


def test_every_optimiser_has_a_formula_here() -> None:
    assert set(FORMULAS) == set(OPTIMISERS) == {recipe.optimiser for recipe in RECIPES.values()}


def test_the_formula_gives_the_same(recipe: Recipe, float64: None) -> None:
    weights, gradients = draw()
    rates = {key: np.float64(rate) for key, rate in recipe.rates().items()}
    trained = jax.jit(partial(train, recipe))(rates, weights, gradients)
    for key, array in weights.items():
        np.testing.assert_allclose(trained[key], expect(recipe, array, gradients[key]), rtol=1e-10, atol=1e-12)


def test_runs_side_by_side_have_constants_of_their_own(name: str, recipe: Recipe) -> None:
    """In float32 under strict promotion."""
    own = {"learning_rate", "beta_1", "momentum", "rho", "epsilon", "weight_decay"}
    other = replace(recipe, **{key: 0.9 * rate for key, rate in recipe.rates().items() if key in own})
    weights, gradients = draw()
    trained = train_two(name, [recipe, other], weights, gradients)
    for key, array in weights.items():
        for number, run in enumerate((recipe, other)):
            np.testing.assert_allclose(trained[key][number], expect(run, array, gradients[key]), rtol=1e-3, atol=1e-5)
    assert (trained["a"][0] != trained["a"][1]).any()


def test_it_begins_with_zeros_whatever_the_rates(recipe: Recipe) -> None:
    weights, _ = draw()
    state, other = (OPTIMISERS[recipe.optimiser](one.rates(), one).init(weights) for one in (recipe, recipe.static()))
    assert jax.tree.structure(state) == jax.tree.structure(other)
    assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(state))


def test_without_a_gradient_weights_stay_unless_they_decay(name: str, recipe: Recipe) -> None:
    weights, gradients = draw()
    trained = train_two(name, [recipe, recipe], weights, jax.tree.map(np.zeros_like, gradients))
    decayed = (1 - recipe.learning_rate * recipe.weight_decay) ** STEPS
    for key, array in weights.items():
        np.testing.assert_allclose(trained[key][0, -1], decayed * array, rtol=1e-5)


def test_what_is_not_a_number_is_seen(name: str, recipe: Recipe) -> None:
    weights, gradients = draw()
    gradients["a"][3] = np.nan
    trained = train_two(name, [recipe, recipe], weights, gradients)
    assert np.isfinite(trained["a"][:, :3]).all()
    assert np.isnan(trained["a"][:, 3]).all()
