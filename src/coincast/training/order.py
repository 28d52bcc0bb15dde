"""The order in which a run takes its windows: a keyed permutation that is computed where it is needed.

An epoch's order as an array would cost memory for every window of every run. A Feistel network (Luby and Rackoff 1988)
permutes the numbers of `b` bits; values outside the wanted range walk on until they are inside (Black and
Rogaway 2002).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt32

from coincast.models.randomness import mix

ROUNDS = 4
"""Of two half-rounds each; three half-rounds make a network a pseudorandom permutation."""


def shuffled(
    slots: Int[Array, "slot"], count: Int[Array, ""], key: UInt32[Array, "2"], epoch: Int[Array, ""]
) -> Int[Array, "slot"]:
    """Where each of `slots` (0 <= slot < count) lies in a random order of `count` things; -1 for other slots.

    The order depends on key, epoch and count alone: whoever asks for a part of it gets that part.
    """
    valid = slots < count
    last = jnp.maximum(count - 1, 0).astype(jnp.uint32)
    bits = 32 - jax.lax.clz(last)
    low = bits // 2
    low_mask, high_mask = _mask(low), _mask(bits - low)
    salt = mix(key[0] ^ mix(key[1] ^ mix(epoch.astype(jnp.uint32))))

    def hop(number: Any) -> Any:
        high, rest = number >> low, number & low_mask
        for turn in range(ROUNDS):
            high ^= mix(rest ^ mix(salt + jnp.uint32(2 * turn))) & high_mask
            rest ^= mix(high ^ mix(salt + jnp.uint32(2 * turn + 1))) & low_mask
        return high << low | rest

    start = hop(jnp.where(valid, slots, 0).astype(jnp.uint32))
    place = jax.lax.while_loop(lambda at: jnp.any(at > last), lambda at: jnp.where(at > last, hop(at), at), start)
    return jnp.where(valid, place.astype(jnp.int32), -1)


def _mask(bits: Any) -> Any:
    return (jnp.uint32(1) << bits) - jnp.uint32(1)
