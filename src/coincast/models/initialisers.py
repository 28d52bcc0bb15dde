"""Initial values of weights, as Keras and PyTorch draw them."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


def glorot_uniform(
    key: Key[Array, ""], shape: tuple[int, ...], fan_in: int | None = None, fan_out: int | None = None
) -> Float[Array, "..."]:
    """Uniform in +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010): Keras's kernels.

    Args:
        key: decides the values.
        shape: (..., inputs, outputs). The gates of a recurrent layer count together as its outputs, as in Keras.
        fan_in, fan_out: inputs of an output, and outputs of an input; where left out, those of a dense kernel, or of a
            convolution if axes precede the last two.
    """
    places = math.prod(shape[:-2])
    fan_in = places * shape[-2] if fan_in is None else fan_in
    fan_out = places * shape[-1] if fan_out is None else fan_out
    return uniform(key, shape, math.sqrt(6 / (fan_in + fan_out)))


def orthogonal(key: Key[Array, ""], shape: tuple[int, int]) -> Float[Array, "rows columns"]:
    """Orthonormal rows, or columns where there are fewer of them (Saxe et al. 2014): Keras's recurrent kernels."""
    return jax.nn.initializers.orthogonal()(key, shape, jnp.float32)


def uniform(key: Key[Array, ""], shape: tuple[int, ...], limit: float) -> Float[Array, "..."]:
    """Uniform in +-limit; with 1 / sqrt(units), or 1 / sqrt(inputs) of a linear layer, PyTorch's weights and biases."""
    return jax.random.uniform(key, shape, jnp.float32, -limit, limit)
