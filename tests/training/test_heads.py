"""How outputs are read: point forecasts and quantiles, from NumPy and JAX arrays alike."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from coincast.errors import UsageError
from coincast.training.heads import FLOOR, HEADS, location_and_scale
from coincast.training.recipe import Recipe

LEVELS = (0.1, 0.5, 0.7, 0.9)
WINDOWS, STEPS = 6, 3


def draw(head: str, dtype: type = np.float64) -> np.ndarray:
    shape = (WINDOWS, STEPS, HEADS[head].size(LEVELS))
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


@pytest.mark.parametrize(("head", "size"), [("point", 1), ("quantiles", 4), ("scale", 2)])
def test_outputs_per_step(head: str, size: int) -> None:
    assert HEADS[head].size(LEVELS) == size
    assert HEADS[head].description


@pytest.mark.parametrize(
    ("loss", "outputs"), [("mae", 1), ("trading", 1), ("quantile", 3), ("gaussian", 2), ("student", 2)]
)
def test_a_recipe_says_how_many(loss: str, outputs: int) -> None:
    assert Recipe(loss=loss, quantiles=(0.1, 0.5, 0.9)).outputs == outputs


@pytest.mark.parametrize("head", HEADS)
def test_a_point_is_the_only_output_the_median_or_the_location(head: str) -> None:
    outputs = draw(head)
    point = HEADS[head].point(outputs, LEVELS)
    assert point.shape == (WINDOWS, STEPS)
    for window in range(WINDOWS):
        for step in range(STEPS):
            said = outputs[window, step]
            assert point[window, step] == (sorted(said)[1] if head == "quantiles" else said[0])


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_jax_reads_as_numpy_does(head: str, dtype: type) -> None:
    outputs = draw(head, dtype)
    given: list[tuple[Any, ModuleType]] = [(outputs, np), (jnp.asarray(outputs), jnp)]
    points = [HEADS[head].point(array, LEVELS, xp) for array, xp in given]
    assert points[0].dtype == dtype
    np.testing.assert_allclose(points[1], points[0], rtol=1e-6)
    quantiles = HEADS[head].quantiles
    if quantiles is not None:
        spread = [quantiles(array, LEVELS, LEVELS, 4.0, xp) for array, xp in given]
        assert spread[0].shape == (WINDOWS, STEPS, 4)
        assert spread[0].dtype == dtype
        np.testing.assert_allclose(spread[1], spread[0], rtol=1e-5)


def test_a_point_tells_no_quantiles() -> None:
    assert HEADS["point"].quantiles is None


def test_trained_quantiles_never_cross() -> None:
    quantiles = HEADS["quantiles"].quantiles
    assert quantiles is not None
    outputs = draw("quantiles")
    assert (np.diff(outputs, axis=-1) < 0).any()
    said = quantiles(outputs, LEVELS, LEVELS)
    assert (np.diff(said, axis=-1) >= 0).all()
    assert (said == np.sort(outputs, axis=-1)).all()
    assert (quantiles(outputs, (0.9, 0.5), LEVELS) == said[..., [3, 1]]).all()


def test_a_quantile_that_was_not_trained_is_refused() -> None:
    quantiles = HEADS["quantiles"].quantiles
    assert quantiles is not None
    with pytest.raises(UsageError, match=r"quantile 0\.05 was not trained; allowed: 0\.1, 0\.5, 0\.7, 0\.9"):
        quantiles(draw("quantiles"), (0.05, 0.5), LEVELS)


@pytest.mark.parametrize(
    ("recipe", "distribution"),
    [(Recipe(loss="gaussian"), stats.norm()), (Recipe(loss="student", degrees=3.0), stats.t(3.0))],
)
def test_quantiles_of_a_distribution(recipe: Recipe, distribution: Any) -> None:
    outputs, wanted = draw("scale"), (0.01, 0.25, 0.5, 0.975)
    quantiles = recipe.head.quantiles
    assert quantiles is not None
    said = quantiles(outputs, wanted, recipe.quantiles, recipe.tails)
    for place, level in enumerate(wanted):
        scale = np.log(1 + np.exp(outputs[..., 1])) + FLOOR
        np.testing.assert_allclose(said[..., place], outputs[..., 0] + scale * distribution.ppf(level), rtol=1e-9)
    assert (np.diff(said, axis=-1) > 0).all()
    np.testing.assert_allclose(said[..., 2], recipe.head.point(outputs, recipe.quantiles))


@pytest.mark.parametrize("raw", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_a_scale_is_never_below_its_floor_and_never_overflows(raw: float) -> None:
    _, scale = location_and_scale(np.array([0.0, raw], dtype=np.float32))
    assert scale == pytest.approx(FLOOR + max(raw, 0.0) + np.log1p(np.exp(-abs(raw))))
