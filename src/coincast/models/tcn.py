"""Temporal convolutional network (Bai, Kolter and Koltun 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from coincast.models.activations import find_activation
from coincast.models.checks import check_share, check_size
from coincast.models.convolution import Convolution, Slide, Stage, convolve, see_through
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes, Layer
from coincast.models.initialisers import glorot_uniform
from coincast.models.keys import split_key

Rows = Int[np.ndarray, "_row"]


@dataclass(frozen=True)
class TCN:
    """Blocks of two dilated causal convolutions around a shortcut, the dilation doubling from block to block.

    A candle's output depends on itself and on the `2 (kernel - 1) (2^depth - 1)` candles before it. Left out of the
    paper's network: weight normalisation, which re-parametrises the kernels. Initial values are Glorot's. Where only
    the last candle's output is wanted, only what stands behind it is computed.

    Attributes:
        filters: of every convolution.
        depth: number of blocks; block i has the dilation 2^(i - 1).
        kernel: rows that each kernel reads.
        activation: after each convolution, and after the sum with the shortcut; a name of `ACTIVATIONS`.
        slope: of `leaky_relu`.
        dropout: share of the numbers after each convolution that are dropped in training, in [0, 1).
        every_step: whether a forecast is made at every candle of the window instead of the last alone.
        output_activation: of the forecast.
    """

    filters: int = 16
    depth: int = 4
    kernel: int = 3
    activation: str = "relu"
    slope: float = 0.3
    dropout: float = 0.0
    every_step: bool = False
    output_activation: str = "linear"

    def __post_init__(self) -> None:
        for name in ("filters", "depth", "kernel"):
            check_size(f"tcn: {name}", getattr(self, name))
        check_share("tcn: dropout", self.dropout)
        find_activation(self.activation)
        find_activation(self.output_activation)

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> TCNNetwork:
        *keys, head_key = jax.random.split(key, self.depth + 1)
        outputs = axes.horizon * axes.output
        return TCNNetwork(
            blocks=tuple(
                Block.draw(key, stages, self.activation, self.slope)
                for key, stages in zip(keys, self._plan(axes), strict=True)
            ),
            dropout=Dropout.at(self.dropout),
            head_kernel=glorot_uniform(head_key, (self.filters, outputs)),
            head_bias=jnp.zeros(outputs, jnp.float32),
            every_step=self.every_step,
            horizon=axes.horizon,
            output_activation=self.output_activation,
            slope=self.slope,
        )

    def layers(self, axes: Axes) -> list[Layer]:
        layers = []
        shape = (axes.lookback, self.filters)
        for number, stages in enumerate(self._plan(axes), 1):
            shortcut = _shortcut(stages)
            words = f"2 convolutions, {self.filters} filters, kernel {self.kernel}, dilation {stages[0].slide.dilation}"
            parameters = sum(stage.parameters for stage in (*stages, *([shortcut] if shortcut else [])))
            layers.append(Layer(f"block {number}", f"{words}, {self.activation}", shape, parameters))
            layers.append(Layer(f"dropout {number}", f"dropout {self.dropout:g} after each convolution", shape, 0))
        outputs = axes.horizon * axes.output
        steps = (axes.lookback,) if self.every_step else ()
        head = Layer("head", self.output_activation, (*steps, axes.horizon, axes.output), (self.filters + 1) * outputs)
        return [*layers, head]

    def visible(self, axes: Axes) -> list[range]:
        """The rows of the window that the forecast of the last candle can see, the same for all steps."""
        stages = [stage for block in self._plan(axes) for stage in block]
        return [see_through(stages, [axes.lookback - 1])] * axes.horizon

    def _plan(self, axes: Axes) -> list[tuple[Stage, Stage]]:
        """The two convolutions of each block."""
        blocks, channels = [], axes.feature
        for number in range(self.depth):
            slide = Slide(self.kernel, dilation=2**number, padding="causal")
            first = Stage(slide, axes.lookback, channels, self.filters)
            blocks.append((first, Stage(slide, axes.lookback, self.filters, self.filters)))
            channels = self.filters
        return blocks


def _shortcut(stages: tuple[Stage, Stage]) -> Stage | None:
    """A convolution of one row where a block changes the number of channels; else what it reads is added as it is."""
    first, last = stages
    if first.channels == last.filters:
        return None
    return Stage(Slide(1), first.rows, first.channels, last.filters)


class Block(eqx.Module):
    """`a(a(conv(a(conv(x)))) + shortcut(x))` with the activation a, and dropout after both convolutions."""

    first: Convolution
    second: Convolution
    shortcut: Convolution | None
    activation: str = eqx.field(static=True)
    slope: float = eqx.field(static=True)

    @classmethod
    def draw(cls, key: Key[Array, ""], stages: tuple[Stage, Stage], activation: str, slope: float) -> Block:
        first_key, second_key, shortcut_key = jax.random.split(key, 3)
        shortcut = _shortcut(stages)
        return cls(
            first=stages[0].draw(first_key),
            second=stages[1].draw(second_key),
            shortcut=None if shortcut is None else shortcut.draw(shortcut_key),
            activation=activation,
            slope=slope,
        )

    def behind(self, wanted: Rows) -> tuple[Rows, Rows]:
        """Rows that the first and the second convolution read, where only some rows of the output are wanted."""
        rows = int(wanted[-1]) + 1
        between = self.second.slide.behind(rows, wanted)
        return self.first.slide.behind(rows, between), between

    def __call__(
        self, x: Float[Array, "given channel"], wanted: Rows, dropout: Dropout, *, key: Key[Array, ""] | None
    ) -> Float[Array, "wanted filter"]:
        """The wanted rows of the output, from those of the input that stand behind them."""
        a = find_activation(self.activation)
        first_key, second_key = split_key(key, 2)
        given, between = self.behind(wanted)
        hidden = dropout(a(_convolve_rows(self.first, x, given, between), self.slope), key=first_key)
        hidden = dropout(a(_convolve_rows(self.second, hidden, between, wanted), self.slope), key=second_key)
        x = x[np.searchsorted(given, wanted)]
        return a(hidden + (x if self.shortcut is None else self.shortcut(x)), self.slope)


def _convolve_rows(
    layer: Convolution, x: Float[Array, "given channel"], given: Rows, wanted: Rows
) -> Float[Array, "wanted filter"]:
    """Some rows of a causal convolution, from some rows of its input."""
    reads = layer.slide.reads(int(wanted[-1]) + 1)[wanted]
    places = np.where(reads < 0, -1, np.searchsorted(given, reads))
    return convolve(x, places, layer.kernel, layer.bias)


class TCNNetwork(eqx.Module):
    """The network for one sample."""

    blocks: tuple[Block, ...]
    dropout: Dropout
    head_kernel: Float[Array, "filters outputs"]
    head_bias: Float[Array, "outputs"]
    every_step: bool = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    output_activation: str = eqx.field(static=True)
    slope: float = eqx.field(static=True)

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "*step horizon output"]:
        return self.with_activity(past, key=key)[0]

    def with_activity(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> tuple[Float[Array, "*step horizon output"], Float[Array, "*step filter"]]:
        """The outputs, and what the last block gives where they are made: what an activity regulariser sees."""
        wanted = [np.arange(0 if self.every_step else len(past) - 1, len(past))]
        for block in reversed(self.blocks):
            wanted.insert(0, block.behind(wanted[0])[0])
        x = past[wanted[0]]
        for block, rows, block_key in zip(self.blocks, wanted[1:], split_key(key, len(self.blocks)), strict=True):
            x = block(x, rows, self.dropout, key=block_key)
        active = x if self.every_step else x[-1]
        outputs = active @ self.head_kernel + jnp.expand_dims(self.head_bias, range(active.ndim - 1))
        outputs = find_activation(self.output_activation)(outputs, self.slope)
        return outputs.reshape(*active.shape[:-1], self.horizon, -1), active
