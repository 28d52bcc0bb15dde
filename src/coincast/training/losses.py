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


def qlike(forecast: Float[Array, "horizon"], truth: Float[Array, "horizon"]) -> Float[Array, ""]:
    """`mean of r - ln r - 1` with r = true / forecast variance, for logs of volatilities (Patton 2011).

    Least where the forecast variance is the conditional mean of the true one. Beyond r = exp(8) it goes on linearly, so
    that one still stretch does not throw the weights away.
    """
    log_ratio = 2 * (truth - forecast)
    near = jnp.minimum(log_ratio, STEEPEST)
    return jnp.mean(jnp.exp(near) * (1 + log_ratio - near) - log_ratio - 1)


STEEPEST = 8.0

LOSSES: dict[str, Loss] = {"mae": mean_absolute_error, "mse": mean_squared_error, "qlike": qlike}
