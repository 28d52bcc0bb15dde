"""Keys for what is random in a network."""

from __future__ import annotations

import jax
from jaxtyping import Array, Key


def split_key(key: Key[Array, ""] | None, number: int) -> list[Key[Array, ""] | None]:
    """A key for each of several layers; none for a prediction, in which nothing is random.

    A single layer takes the key as it is: splitting has its cost, for every sample and step.
    """
    if key is None or number == 1:
        return [key] * number
    return list(jax.random.split(key, number))
