"""Settings that the recurrent networks share, and how these become a network with its first weights."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.errors import UsageError
from coincast.models.activations import find_activation
from coincast.models.checks import Sizes, check_name, check_share, check_size, read_sizes
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes, Layer
from coincast.models.initialisers import glorot_uniform, orthogonal, uniform
from coincast.models.recurrent import RecurrentLayer, RecurrentNetwork

CONVENTIONS = ("keras", "torch")


@dataclass(frozen=True)
class Recurrent(ABC):
    """Settings of any recurrent network; `LSTM` says what they mean."""

    units: Sizes = 32
    depth: int = 1
    bidirectional: bool = False
    activation: str = "tanh"
    dropout: float = 0.0
    every_step: bool = False
    after: str = "linear"
    output_activation: str = "linear"
    slope: float = 0.3
    convention: str = "keras"
    name: ClassVar[str]
    gate_biases: ClassVar[tuple[float, ...]]
    """Keras's first value of the bias, gate by gate."""

    @property
    @abstractmethod
    def biases(self) -> int:
        """Bias vectors of a layer in one direction."""

    @abstractmethod
    def build_layer(self, inputs: int, units: int, *, key: Key[Array, ""]) -> RecurrentLayer:
        """A layer in one direction."""

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> RecurrentNetwork:
        widths = self._widths(axes)
        plan = [pair for pair in zip(widths, self._sizes(), strict=False) for _ in range(self._directions())]
        *keys, head_key = jax.random.split(key, len(plan) + 1)
        layers = [self.build_layer(*pair, key=layer_key) for pair, layer_key in zip(plan, keys, strict=True)]
        head_kernel, head_bias = self._draw_head(widths[-1], axes.horizon * axes.output, key=head_key)
        return RecurrentNetwork(
            layers=tuple(layers),
            dropout=Dropout.at(self.dropout),
            head_kernel=head_kernel,
            head_bias=head_bias,
            directions=self._directions(),
            every_step=self.every_step,
            after=self.after,
            output_activation=self.output_activation,
            slope=self.slope,
            horizon=axes.horizon,
        )

    def layers(self, axes: Axes) -> list[Layer]:
        widths, depth = self._widths(axes), len(self._sizes())
        lines: list[Layer] = []
        for number in range(1, depth + 1):
            every = self.every_step or number < depth
            shape = (axes.lookback, widths[number]) if every else (widths[number],)
            lines += self._describe_layer(number, widths[number - 1], shape)
        steps = (axes.lookback,) if self.every_step else ()
        weights = (widths[-1] + 1) * axes.horizon * axes.output
        return [*lines, Layer("head", self.output_activation, (*steps, axes.horizon, axes.output), weights)]

    def _describe_layer(self, number: int, inputs: int, shape: tuple[int, ...]) -> list[Layer]:
        """A layer, its further activation where it is the top one, and its dropout."""
        depth, units = len(self._sizes()), self._sizes()[number - 1]
        place = f" {number}" if depth > 1 else ""
        words = [type(self).__name__, f"{units} units", "every step" if len(shape) == 2 else "last state"]
        if self.activation != "tanh":
            words.insert(2, self.activation)
        if self.bidirectional:
            words.insert(2, "both directions")
        weights = len(self.gate_biases) * units * (inputs + units + self.biases) * self._directions()
        lines = [Layer(f"{self.name}{place}", ", ".join(words), shape, weights)]
        if number == depth and self.after != "linear":
            lines.append(Layer("after", self.after, shape, 0))
        return [*lines, Layer(f"dropout{place}", f"dropout {self.dropout:g}", shape, 0)]

    def draw_layer(self, inputs: int, units: int, *, key: Key[Array, ""]) -> dict[str, Any]:
        """First weights of a layer in one direction, by their field."""
        width = len(self.gate_biases) * units
        keys = jax.random.split(key, 4)
        if self.convention == "torch":
            shapes = {"kernel": (inputs, width), "recurrent_kernel": (units, width), "bias": (width,)}
            shapes["recurrent_bias"] = (width,)
            limit = 1 / math.sqrt(units)
            return {name: uniform(key, shape, limit) for key, (name, shape) in zip(keys, shapes.items(), strict=True)}
        return {
            "kernel": glorot_uniform(keys[0], (inputs, width)),
            "recurrent_kernel": orthogonal(keys[1], (units, width)),
            "bias": jnp.repeat(jnp.asarray(self.gate_biases, dtype=jnp.float32), units),
            "recurrent_bias": jnp.zeros(width, dtype=jnp.float32) if self.biases == 2 else None,
        }

    def _draw_head(
        self, inputs: int, outputs: int, *, key: Key[Array, ""]
    ) -> tuple[Float[Array, "width outputs"], Float[Array, "outputs"]]:
        if self.convention == "torch":
            kernel_key, bias_key = jax.random.split(key)
            limit = 1 / math.sqrt(inputs)
            return uniform(kernel_key, (inputs, outputs), limit), uniform(bias_key, (outputs,), limit)
        return glorot_uniform(key, (inputs, outputs)), jnp.zeros(outputs, dtype=jnp.float32)

    def _sizes(self) -> tuple[int, ...]:
        """Units of each layer in one direction."""
        return (self.units,) * self.depth if isinstance(self.units, int) else tuple(self.units)

    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _widths(self, axes: Axes) -> tuple[int, ...]:
        """Numbers in a row of the input, and of what each layer gives."""
        return (axes.feature, *(self._directions() * units for units in self._sizes()))


def check_settings(settings: Recurrent) -> None:
    """Refuse what no recurrent network can be; a list of sizes becomes a tuple.

    Raises:
        UsageError: a number out of its range, or a depth beside several sizes.
        UnknownNameError: an activation or a convention that is none.
    """
    name, units = settings.name, settings.units
    sizes = read_sizes(f"{name}: units", units)
    check_size(f"{name}: depth", settings.depth)
    if settings.depth > 1 and not isinstance(units, int):
        raise UsageError(f"{name}: units is {units!r} and depth is {settings.depth}; give only one of the two")
    check_share(f"{name}: dropout", settings.dropout)
    for activation in (settings.activation, settings.after, settings.output_activation):
        find_activation(activation)
    check_name("convention", settings.convention, CONVENTIONS)
    if isinstance(units, list):
        object.__setattr__(settings, "units", sizes)
