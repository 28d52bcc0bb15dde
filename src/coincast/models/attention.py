"""A layer of a Transformer's encoder (Vaswani et al. 2017), on several series at once."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.models.dense import DenseLayer
from coincast.models.dropout import Dropout
from coincast.models.keys import split_key

STILL = 1e-5
"""Added to a variance before it divides, as in PyTorch."""


class LayerNorm(eqx.Module):
    """The numbers of a place, with mean 0 and variance 1, times `scale` and plus `offset` (Ba et al. 2016)."""

    scale: Float[Array, "width"]
    offset: Float[Array, "width"]

    @classmethod
    def plain(cls, width: int) -> LayerNorm:
        return cls(jnp.ones(width, jnp.float32), jnp.zeros(width, jnp.float32))

    def __call__(self, x: Float[Array, "series place width"]) -> Float[Array, "series place width"]:
        away = x - jnp.mean(x, axis=-1, keepdims=True)
        variance = jnp.mean(jnp.square(away), axis=-1, keepdims=True)
        return away * jax.lax.rsqrt(variance + STILL) * self.scale[None, None] + self.offset[None, None]


class Attention(eqx.Module):
    """Every place of a series asks all its places, in several heads.

    For each head `softmax(q k^T / sqrt(width / heads)) v`; query, key and value come out of one product, in this order.
    """

    inward: DenseLayer
    outward: DenseLayer
    heads: int = eqx.field(static=True)

    @classmethod
    def draw(cls, key: Key[Array, ""], width: int, heads: int) -> Attention:
        inward_key, outward_key = jax.random.split(key)
        return cls(DenseLayer.draw(inward_key, width, 3 * width), DenseLayer.draw(outward_key, width, width), heads)

    def __call__(self, x: Float[Array, "series place width"]) -> Float[Array, "series place width"]:
        series, places, width = x.shape
        split = (series, places, self.heads, width // self.heads)
        query, key, value = (part.reshape(split) for part in jnp.split(self.inward(x), 3, axis=-1))
        scores = jnp.einsum("sqhd,skhd->shqk", query, key) / math.sqrt(split[-1])
        return self.outward(jnp.einsum("shqk,skhd->sqhd", jax.nn.softmax(scores), value).reshape(x.shape))


class EncoderLayer(eqx.Module):
    """Attention, then two dense layers with GELU between them at every place, each around a shortcut with a norm.

    Attributes:
        pre_norm: whether the norm comes before each of the two, `x + f(norm(x))`, or after the sum, `norm(x + f(x))`.
    """

    attention: Attention
    first_norm: LayerNorm
    widen: DenseLayer
    narrow: DenseLayer
    second_norm: LayerNorm
    pre_norm: bool = eqx.field(static=True)

    @classmethod
    def draw(cls, key: Key[Array, ""], *, width: int, heads: int, feed: int, pre_norm: bool) -> EncoderLayer:
        attention_key, widen_key, narrow_key = jax.random.split(key, 3)
        return cls(
            attention=Attention.draw(attention_key, width, heads),
            first_norm=LayerNorm.plain(width),
            widen=DenseLayer.draw(widen_key, width, feed),
            narrow=DenseLayer.draw(narrow_key, feed, width),
            second_norm=LayerNorm.plain(width),
            pre_norm=pre_norm,
        )

    def __call__(
        self, x: Float[Array, "series place width"], dropout: Dropout, *, key: Key[Array, ""] | None
    ) -> Float[Array, "series place width"]:
        keys = split_key(key, 3)
        if self.pre_norm:
            x = x + dropout(self.attention(self.first_norm(x)), key=keys[0])
            return x + self._feed(self.second_norm(x), dropout, keys[1:])
        x = self.first_norm(x + dropout(self.attention(x), key=keys[0]))
        return self.second_norm(x + self._feed(x, dropout, keys[1:]))

    def _feed(
        self, x: Float[Array, "series place width"], dropout: Dropout, keys: list[Key[Array, ""] | None]
    ) -> Float[Array, "series place width"]:
        hidden = dropout(jax.nn.gelu(self.widen(x), approximate=False), key=keys[0])
        return dropout(self.narrow(hidden), key=keys[1])


def count_parameters(width: int, feed: int) -> int:
    """Of an encoder layer."""
    attention = (width + 1) * 4 * width
    return attention + (width + 1) * feed + (feed + 1) * width + 4 * width
