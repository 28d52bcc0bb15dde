"""Activations by name, with the values that each can reach: a target beyond them cannot be forecast."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from coincast.errors import UnknownNameError

Function = Callable[[Float[Array, "..."], float], Float[Array, "..."]]


@dataclass(frozen=True)
class Activation:
    """A function of each number alone.

    Attributes:
        function: takes the numbers, and the slope of `leaky_relu`, which the others do not look at.
        low, high: least and largest value that it can give.
    """

    function: Function
    low: float = -math.inf
    high: float = math.inf

    def __call__(self, x: Float[Array, "*shape"], slope: float = 0.3) -> Float[Array, "*shape"]:
        return self.function(x, slope)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(lambda x, slope: x),
    "relu": Activation(lambda x, slope: jax.nn.relu(x), low=0),
    "leaky_relu": Activation(lambda x, slope: jax.nn.leaky_relu(x, slope)),
    "tanh": Activation(lambda x, slope: jnp.tanh(x), low=-1, high=1),
    "sigmoid": Activation(lambda x, slope: jax.nn.sigmoid(x), low=0, high=1),
    # Keras's until version 2: max(0, min(1, x / 5 + 1 / 2)). Version 3 and PyTorch divide by 6.
    "hard_sigmoid": Activation(lambda x, slope: jnp.clip(0.2 * x + 0.5, 0, 1), low=0, high=1),
}


def find_activation(name: str) -> Activation:
    """The activation of a name.

    Raises:
        UnknownNameError: no activation has this name.
    """
    if name not in ACTIVATIONS:
        raise UnknownNameError("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]
