"""Convolutional networks over time (LeCun et al. 1998), among them article 2's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.errors import UsageError
from coincast.models.activations import find_activation
from coincast.models.checks import Sizes, check_name, check_share, read_sizes
from coincast.models.convolution import PADDINGS, Convolution, Slide, Stage, convolve, see_through
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes, Layer
from coincast.models.initialisers import glorot_uniform
from coincast.models.keys import split_key

HEADS = ("dense", "convolution")
USUAL_WIDTH = 3


@dataclass(frozen=True)
class CNN:
    """A stack of convolutions, with an activation and dropout after each but an output.

    Article 2's networks (256 candles of one input, horizon 16) have `head="convolution"`, `dropout=0.5` and

    * 2 layers: filters (8, 1), kernels (20, 16), strides (3, 4): 297 parameters
    * 3 layers: filters (8, 8, 1), kernels (8, 8, 8), strides (3, 2, 2): 657
    * 4 layers: filters (8, 8, 8, 1), kernels (2, 2, 2, 2), strides (2, 2, 2, 2): 313

    Attributes:
        filters: of each convolution; a single number is one convolution.
        kernels: rows that each kernel reads, one number for all or one for each. Left out: 3, or as many as there are.
        strides: rows from one position to the next, one number for all or one for each. Left out: 1.
        activation: after each convolution but an output; a name of `ACTIVATIONS`.
        slope: of `leaky_relu`.
        dropout: share of the numbers after each convolution but an output that are dropped in training, in [0, 1).
        padding: "valid", "causal" or "same" (see `Slide`).
        head: "dense": a linear layer reads all positions. "convolution": the last convolution is the output, one
            position for each step of the horizon; without padding a step then sees a slice of the window (`visible`),
            as a rule not the newest candles.
        output_activation: of the forecast.
    """

    filters: Sizes = (8, 8)
    kernels: Sizes = ()
    strides: Sizes = ()
    activation: str = "relu"
    slope: float = 0.3
    dropout: float = 0.0
    padding: str = "valid"
    head: str = "dense"
    output_activation: str = "linear"

    def __post_init__(self) -> None:
        filters = read_sizes("cnn: filters", self.filters)
        object.__setattr__(self, "filters", filters)
        for name in ("kernels", "strides"):
            given = getattr(self, name)
            is_left_out = isinstance(given, list | tuple) and not given
            sizes = () if is_left_out else read_sizes(f"cnn: {name}", given, number=len(filters))
            object.__setattr__(self, name, sizes)
        check_share("cnn: dropout", self.dropout)
        check_name("padding", self.padding, PADDINGS)
        check_name("head of cnn", self.head, HEADS)
        find_activation(self.activation)
        find_activation(self.output_activation)

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> CNNNetwork:
        *hidden, last = stages = self._plan(axes)
        *keys, head_key = jax.random.split(key, len(stages) + 1)
        if self.head == "convolution":
            head = last.draw(head_key)
            head_kernel, head_bias, head_slide = head.kernel, head.bias, head.slide
        else:
            hidden, head_slide = stages, None
            inputs, outputs = math.prod(last.shape), axes.horizon * axes.output
            head_kernel, head_bias = glorot_uniform(head_key, (inputs, outputs)), jnp.zeros(outputs, jnp.float32)
        return CNNNetwork(
            hidden=tuple(stage.draw(key) for stage, key in zip(hidden, keys, strict=False)),
            dropout=Dropout.at(self.dropout),
            head_kernel=head_kernel,
            head_bias=head_bias,
            head_slide=head_slide,
            horizon=axes.horizon,
            activation=self.activation,
            output_activation=self.output_activation,
            slope=self.slope,
        )

    def layers(self, axes: Axes) -> list[Layer]:
        stages = self._plan(axes)
        layers = []
        for number, stage in enumerate(stages, 1):
            is_output = number == len(stages) and self.head == "convolution"
            words = f"{stage.filters} filters, kernel {stage.slide.width}, stride {stage.slide.stride}"
            kind = f"convolution, {words}, {self.output_activation if is_output else self.activation}"
            layers.append(Layer(f"convolution {number}", kind, stage.shape, stage.parameters))
            if not is_output:
                layers.append(Layer(f"dropout {number}", f"dropout {self.dropout:g}", stage.shape, 0))
        if self.head == "dense":
            parameters = (math.prod(stages[-1].shape) + 1) * axes.horizon * axes.output
            layers.append(Layer("head", self.output_activation, (axes.horizon, axes.output), parameters))
        return layers

    def visible(self, axes: Axes) -> list[range]:
        """For each step of the horizon the rows of the window that it can see; 0 is the oldest candle."""
        stages = self._plan(axes)
        if self.head == "convolution":
            return [see_through(stages, [step]) for step in range(axes.horizon)]
        return [see_through(stages, range(stages[-1].shape[0]))] * axes.horizon

    def _plan(self, axes: Axes) -> list[Stage]:
        """The convolutions from the window on.

        Raises:
            UsageError: the window is too short for them, or the last one does not give the shape of the forecast.
        """
        filters, kernels, strides = (cast(tuple[int, ...], each) for each in (self.filters, self.kernels, self.strides))
        rows, channels = axes.lookback, axes.feature
        stages: list[Stage] = []
        for number, count in enumerate(filters):
            width = kernels[number] if kernels else min(USUAL_WIDTH, rows)
            stage = Stage(Slide(width, strides[number] if strides else 1, 1, self.padding), rows, channels, count)
            if stage.shape[0] < 1:
                raise UsageError(
                    f"cnn: convolution {number + 1} reads {width} rows, and a window of {axes.lookback} candles leaves "
                    f'it {rows}; use a longer samples.lookback, smaller kernels or strides, or padding = "causal"'
                )
            stages.append(stage)
            rows, channels = stage.shape
        if self.head == "convolution":
            _check_output(stages[-1], axes)
        return stages


def _check_output(stage: Stage, axes: Axes) -> None:
    positions, filters = stage.shape
    if positions != axes.horizon:
        raise UsageError(
            f"cnn: the last convolution gives {positions} positions, and the forecast has {axes.horizon} steps; change "
            f'kernels, strides or samples.lookback until it gives {axes.horizon}, or use head = "dense"'
        )
    if filters != axes.output:
        raise UsageError(
            f"cnn: the last convolution has {filters} filters, and the loss needs {axes.output} outputs per step; "
            f'set the last of filters to {axes.output}, or use head = "dense"'
        )


class CNNNetwork(eqx.Module):
    """The network for one sample.

    Attributes:
        head_slide: how the last convolution slides where it is the output; None where the head is dense.
    """

    hidden: tuple[Convolution, ...]
    dropout: Dropout
    head_kernel: Float[Array, "... outputs"]
    head_bias: Float[Array, "outputs"]
    head_slide: Slide | None = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    output_activation: str = eqx.field(static=True)
    slope: float = eqx.field(static=True)

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "horizon output"]:
        return self.with_activity(past, key=key)[0]

    def with_activity(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> tuple[Float[Array, "horizon output"], Float[Array, "position filter"]]:
        """The outputs, and what the last convolution before them gives: what Keras's activity regulariser sees."""
        x, active = past, past[:0]
        for layer, layer_key in zip(self.hidden, split_key(key, len(self.hidden)), strict=True):
            active = find_activation(self.activation)(layer(x), self.slope)
            x = self.dropout(active, key=layer_key)
        if self.head_slide is None:
            outputs = x.reshape(-1) @ self.head_kernel + self.head_bias
        else:
            outputs = convolve(x, self.head_slide.reads(len(x)), self.head_kernel, self.head_bias)
        return find_activation(self.output_activation)(outputs, self.slope).reshape(self.horizon, -1), active
