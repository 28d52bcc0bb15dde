"""Cheap random bits for training: a counter hash behind JAX's own keys.

JAX's default generator (threefry, 20 rounds) is a loop of its own in a program on a CPU: for a small network with
dropout it costs a sixth of a training step, for a hash that fuses with what uses the bits nothing that can be measured.
Keys made here work with all of `jax.random`. The hash is Wellons' `lowbias32`, a bijection of 32-bit words of nearly
ideal avalanche, twice: word n of key (a, b) is mix(mix((n + a) ^ salt) ^ b). It is good statistics, not cryptography.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl
from jaxtyping import Array, Key, UInt32

# Each use of a key draws from a stream of its own.
_SEED, _SPLIT, _FOLD, _BITS, _HIGH_BITS = 0x1B873593, 0x51ED270B, 0x2545F491, 0x9E3779B9, 0xC2B2AE35


def make_key(seed: int) -> Key[Array, ""]:
    """A key for `jax.random` with the cheap generator, from any whole number in [0, 2^64)."""
    low, high = seed & 0xFFFFFFFF, seed >> 32
    key = jax.random.key(jnp.asarray(low, jnp.uint32), impl=_GENERATOR)
    return jax.random.fold_in(key, high) if high else key


def wrap_key(data: UInt32[Array, "*key 2"]) -> Key[Array, "*key"]:
    """Keys from their data (`jax.random.key_data`), for programs that take arrays."""
    return jax.random.wrap_key_data(data, impl=_GENERATOR)  # type: ignore[no-any-return]


@jax.jit
def mix(x: Any) -> Any:
    """The hash of 32-bit words: every bit of the word moves every bit of the result, and no two words share one."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def _words(key: Any, number: Any, salt: int) -> Any:
    return mix(mix((number + key[0]) ^ jnp.uint32(salt)) ^ key[1])


def _keys(key: Any, number: Any, salt: int) -> Any:
    """The key of each number: two words of unlike streams, the first of which no two numbers share."""
    swapped = (key[1], key[0])
    return jnp.stack([_words(key, number, salt), _words(swapped, number, ~salt & 0xFFFFFFFF)], axis=-1)


def _count(shape: tuple[int, ...]) -> Any:
    return jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)


def _seed(seed: Any) -> Any:
    return _keys((jnp.uint32(0), jnp.uint32(0)), seed.astype(jnp.uint32), _SEED)


def _split(key: Any, shape: tuple[int, ...]) -> Any:
    return _keys(key, _count(shape), _SPLIT)


def _fold_in(key: Any, number: Any) -> Any:
    return _keys(key, jnp.asarray(number).astype(jnp.uint32), _FOLD)


def _random_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    words = _words(key, _count(shape), _BITS)
    if width == 32:
        return words
    if width < 32:
        return (words >> (32 - width)).astype(f"uint{width}")
    high = _words(key, _count(shape), _HIGH_BITS)
    return (high.astype(jnp.uint64) << 32) | words.astype(jnp.uint64)


_GENERATOR = define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="coincast_hash",
    tag="cch",
)
