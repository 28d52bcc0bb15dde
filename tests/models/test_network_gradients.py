"""Gradients of the networks without recurrence against central differences, in float64."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from coincast.models.cnn import CNN
from coincast.models.dense import Dense
from coincast.models.dlinear import DLinear
from coincast.models.forecaster import Axes
from coincast.models.linear import Linear
from coincast.models.nlinear import NLinear
from coincast.models.patchtst import PatchTST
from coincast.models.tcn import TCN

pytestmark = pytest.mark.long

AXES = Axes(lookback=7, feature=2, horizon=2, output=2)
STEP = 1e-6
SMALL_PATCHES = PatchTST(patch=4, stride=2, width=4, heads=2, depth=1, feed=3, normalise="both")


@pytest.mark.parametrize(
    "settings",
    [
        CNN((3, 2), kernels=3, activation="leaky_relu", padding="causal", strides=(2, 1)),
        CNN((2, 2), kernels=(3, 2), strides=(2, 2), activation="tanh", padding="same", head="convolution"),
        Dense((4, 3), activation="leaky_relu", output_activation="sigmoid"),
        Linear(),
        NLinear(),
        DLinear(kernel=3),
        TCN(filters=2, depth=2, kernel=2, activation="tanh"),
        TCN(filters=3, depth=1, every_step=True),
        SMALL_PATCHES,
        PatchTST(**{**vars(SMALL_PATCHES), "pre_norm": False, "normalise": "spread"}),
    ],
    ids=lambda settings: type(settings).__name__,
)
def test_a_gradient_is_a_central_difference(settings: Any) -> None:
    network = eqx.filter_eval_shape(lambda key: settings.build(AXES, key=key), jax.random.key(0))
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        network = jax.tree.map(lambda leaf: jnp.asarray(0.5 * rng.normal(size=leaf.shape)), network)
        arrays, static = eqx.partition(network, eqx.is_array)
        weights, restore = ravel_pytree(arrays)
        past = jnp.asarray(rng.normal(size=(AXES.lookback, AXES.feature)))
        outputs = jax.eval_shape(eqx.combine(arrays, static), past)
        weight = jnp.asarray(rng.normal(size=outputs.shape))

        def loss(weights: jax.Array) -> jax.Array:
            return jnp.sum(weight * jnp.square(eqx.combine(restore(weights), static)(past)))

        @jax.jit
        def both(weights: jax.Array) -> tuple[jax.Array, jax.Array]:
            moves = STEP * jnp.eye(weights.size)
            differences = jax.vmap(lambda move: (loss(weights + move) - loss(weights - move)) / (2 * STEP))(moves)
            return jax.grad(loss)(weights), differences

        gradient, differences = both(weights)
        assert outputs.dtype == gradient.dtype == np.float64
        np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)
        assert (gradient != 0).mean() > 0.5
