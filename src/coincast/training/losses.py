"""Losses of one sample, in the unit of the scaled target."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

Loss = Callable[[Float[Array, "horizon"], Float[Array, "horizon"]], Float[Array, ""]]


def mean_absolute_error(forecast: Float[Array, "horizon"], truth: Float[Array, "horizon"]) -> Float[Array, ""]:
    """`mean |forecast - truth|` over the horizon; least at the conditional median."""
    return jnp.mean(jnp.abs(forecast - truth))


def mean_squared_error(forecast: Float[Array, "horizon"], truth: Float[Array, "horizon"]) -> Float[Array, ""]:
    """`mean (forecast - truth)^2` over the horizon; least at the conditional mean."""
    return jnp.mean(jnp.square(forecast - truth))


LOSSES: dict[str, Loss] = {"mae": mean_absolute_error, "mse": mean_squared_error}
