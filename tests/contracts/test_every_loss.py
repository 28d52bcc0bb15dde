"""What holds for every loss, and each against its formula in a loop."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.training.losses import LOSSES, Loss

FORMULAS: dict[str, Callable[[float, float], float]] = {
    "mae": lambda forecast, truth: abs(forecast - truth),
    "mse": lambda forecast, truth: (forecast - truth) ** 2,
    "qlike": lambda forecast, truth: math.exp(2 * (truth - forecast)) - 2 * (truth - forecast) - 1,
}


@pytest.fixture(params=LOSSES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def loss(name: str) -> Loss:
    return LOSSES[name]


@pytest.fixture(scope="module")
def pair() -> tuple[jax.Array, jax.Array]:
    forecast, truth = jax.random.normal(jax.random.key(0), (2, 5))
    return forecast, truth


def test_a_loop_gives_the_same(name: str, loss: Loss, pair: tuple[jax.Array, jax.Array]) -> None:
    forecast, truth = (np.float64(values) for values in pair)
    expected = sum(FORMULAS[name](f, t) for f, t in zip(forecast, truth, strict=True)) / 5
    assert loss(*pair).shape == ()
    assert float(loss(*pair)) == pytest.approx(expected, rel=1e-5)


def test_the_truth_has_the_least_loss(loss: Loss, pair: tuple[jax.Array, jax.Array]) -> None:
    _, truth = pair
    assert float(loss(truth, truth)) == 0
    for step in jnp.eye(5):
        assert float(loss(truth + 0.1 * step, truth)) > 0


def test_the_gradient_leads_to_the_truth_and_is_finite_there(loss: Loss, pair: tuple[jax.Array, jax.Array]) -> None:
    forecast, truth = pair
    slope = jax.grad(loss)(forecast, truth)
    assert (jnp.sign(slope) == jnp.sign(forecast - truth)).all()
    assert jnp.isfinite(jax.grad(loss)(truth, truth)).all()


def test_a_still_stretch_does_not_throw_the_weights_away() -> None:
    """QLIKE grows exponentially in the log ratio; from exp(8) on it goes on linearly, and both pieces meet."""
    forecast = jnp.array([-4.0 - 1e-4, -4.0 + 1e-4, -40.0])
    slopes = jax.vmap(jax.grad(lambda value: LOSSES["qlike"](value[None], jnp.zeros(1))))(forecast)
    assert float(slopes[0]) == pytest.approx(float(slopes[1]), rel=1e-3)
    assert float(slopes[2]) == pytest.approx(float(slopes[0]), rel=1e-3)
