"""Convolutions over time as slices of the input and one matrix product.

`jax.lax.conv` with kernels that differ between runs becomes a grouped convolution, which is slow on every device; a
product of matrices does not care. Slices and not a gather, whose gradient adds up row after row: the CNN of article 2
takes two thirds of the time so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from coincast.models.initialisers import glorot_uniform

PADDINGS = ("valid", "causal", "same")


@dataclass(frozen=True)
class Slide:
    """How a kernel slides over the rows of its input.

    Attributes:
        width: rows that one position reads.
        stride: rows from one position to the next.
        dilation: rows from one row that a position reads to the next.
        padding: "valid" reads rows that are there only. "causal" puts zeros before them, so that the last row that a
            position reads is row `position * stride`. "same" puts zeros on both sides, the odd one after. The latter
            two give as many positions as rows where the stride is 1. All as in Keras.
    """

    width: int
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"

    @property
    def span(self) -> int:
        """Rows from the first that a position reads to the last, both counted."""
        return (self.width - 1) * self.dilation + 1

    def positions(self, rows: int) -> int:
        """How often the kernel fits; 0 or less where the input is too short for it."""
        if self.padding == "valid":
            return (rows - self.span) // self.stride + 1
        return -(-rows // self.stride)

    def margins(self, rows: int) -> tuple[int, int]:
        """Rows of zeros that stand before and after the input."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "causal":
            return self.span - 1, 0
        missing = max((self.positions(rows) - 1) * self.stride + self.span - rows, 0)
        return missing // 2, missing - missing // 2

    def reads(self, rows: int) -> Int[np.ndarray, "position width"]:
        """The input's row that each position reads with each part of the kernel; zeros stand at rows that are none."""
        first = np.arange(self.positions(rows)) * self.stride - self.margins(rows)[0]
        return first[:, None] + np.arange(self.width)[None] * self.dilation

    def behind(self, rows: int, positions: Int[np.ndarray, "position"]) -> Int[np.ndarray, "row"]:
        """The input's rows that some positions read, in order."""
        reads = self.reads(rows)[positions]
        return np.unique(reads[(reads >= 0) & (reads < rows)])


class Convolution(eqx.Module):
    """A layer: `y[position] = sum over width and channel of x[row that is read] kernel + bias`."""

    kernel: Float[Array, "width channel filter"]
    bias: Float[Array, "filter"]
    slide: Slide = eqx.field(static=True)

    def __call__(self, x: Float[Array, "row channel"]) -> Float[Array, "position filter"]:
        return convolve(x, self.slide.reads(len(x)), self.kernel, self.bias)


def convolve(
    x: Float[Array, "row channel"],
    reads: Int[np.ndarray, "position width"],
    kernel: Float[Array, "width channel filter"],
    bias: Float[Array, "filter"],
) -> Float[Array, "position filter"]:
    """The convolution of one sample at positions that read these rows; a row that is not there is zeros."""
    before, after = max(0, -int(reads.min())), max(0, int(reads.max()) + 1 - len(x))
    if before or after:
        x = jnp.pad(x, ((before, after), (0, 0)))
    patches = jnp.concatenate([_take(x, rows + before) for rows in reads.T], axis=1)
    return patches @ kernel.reshape(-1, kernel.shape[-1]) + bias[None]


def _take(x: Float[Array, "row channel"], rows: Int[np.ndarray, "position"]) -> Float[Array, "position channel"]:
    """Rows of the input, as a slice where they stand evenly."""
    first, last = int(rows[0]), int(rows[-1])
    stride = int(rows[1]) - first if len(rows) > 1 else 1
    if stride < 1 or (np.diff(rows) != stride).any():
        return x[rows]
    return jax.lax.slice_in_dim(x, first, last + 1, stride)


@dataclass(frozen=True)
class Stage:
    """One convolution of a stack: what it reads, and how many filters it has."""

    slide: Slide
    rows: int
    channels: int
    filters: int

    @property
    def shape(self) -> tuple[int, int]:
        """Of what it gives: positions and filters."""
        return self.slide.positions(self.rows), self.filters

    @property
    def parameters(self) -> int:
        return (self.slide.width * self.channels + 1) * self.filters

    def draw(self, key: Key[Array, ""]) -> Convolution:
        """A layer with Keras's initial values."""
        kernel = glorot_uniform(key, (self.slide.width, self.channels, self.filters))
        return Convolution(kernel, jnp.zeros(self.filters, jnp.float32), self.slide)


def see_through(stages: Sequence[Stage], positions: Sequence[int]) -> range:
    """The rows of the window, from the first to the last, that some positions of a stack's output depend on.

    Strides wider than the kernels leave rows in between that are read by none.

    Args:
        stages: from the window on.
        positions: of the last convolution.
    """
    seen = np.asarray(positions)
    for stage in reversed(stages):
        seen = stage.slide.behind(stage.rows, seen)
    return range(int(seen[0]), int(seen[-1]) + 1)
