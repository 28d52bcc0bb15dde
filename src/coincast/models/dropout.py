"""Dropout whose rate is an array, so that runs of one program may differ in it."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


class Constant(eqx.Module):
    """An array that belongs to the settings of a run: it is stacked over runs like a parameter, but never trained."""

    value: Float[Array, "..."]


class Dropout(eqx.Module):
    """Inverted dropout (Srivastava et al. 2014): units are kept with probability 1 - rate and then divided by it."""

    rate: Constant

    @classmethod
    def at(cls, rate: float) -> Dropout:
        return cls(Constant(jnp.asarray(rate, dtype=jnp.float32)))

    def __call__(self, x: Float[Array, "*shape"], *, key: Key[Array, ""] | None) -> Float[Array, "*shape"]:
        if key is None:
            return x
        keep = 1 - self.rate.value
        return jnp.where(uniform_16_bit(key, x.size).reshape(x.shape) < keep, x / keep, 0.0)


def uniform_16_bit(key: Key[Array, ""], size: int) -> Float[Array, "size"]:
    """Uniform numbers in [0, 1) on a grid of 2^-16: two per 32-bit word, since drawing bits is the cost of dropout."""
    words = jax.random.bits(key, ((size + 1) // 2,), jnp.uint32)
    halves = jax.lax.bitcast_convert_type(words, jnp.uint16).reshape(-1)[:size]
    return halves.astype(jnp.float32) * 2**-16
