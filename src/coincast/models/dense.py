"""A dense network on the flattened window: the multilayer perceptron."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.models.activations import find_activation
from coincast.models.checks import Sizes, check_share, read_sizes
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes, Layer
from coincast.models.initialisers import glorot_uniform
from coincast.models.keys import split_key


@dataclass(frozen=True)
class Dense:
    """Dense layers on all numbers of the window at once, and a linear layer to the horizon.

    Attributes:
        units: of each hidden layer.
        activation: after each hidden layer; a name of `ACTIVATIONS`.
        slope: of `leaky_relu`.
        dropout: share of the units of each hidden layer that are dropped in training, in [0, 1).
        output_activation: of the forecast.
    """

    units: Sizes = (32,)
    activation: str = "relu"
    slope: float = 0.3
    dropout: float = 0.0
    output_activation: str = "linear"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", read_sizes("dense: units", self.units))
        check_share("dense: dropout", self.dropout)
        find_activation(self.activation)
        find_activation(self.output_activation)

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> DenseNetwork:
        *sizes, (inputs, outputs) = self._sizes(axes)
        *keys, head_key = jax.random.split(key, len(sizes) + 1)
        return DenseNetwork(
            hidden=tuple(DenseLayer.draw(key, *size) for key, size in zip(keys, sizes, strict=True)),
            dropout=Dropout.at(self.dropout),
            head_kernel=glorot_uniform(head_key, (inputs, outputs)),
            head_bias=jnp.zeros(outputs, jnp.float32),
            horizon=axes.horizon,
            activation=self.activation,
            output_activation=self.output_activation,
            slope=self.slope,
        )

    def layers(self, axes: Axes) -> list[Layer]:
        *sizes, (width, outputs) = self._sizes(axes)
        layers = []
        for number, (inputs, units) in enumerate(sizes, 1):
            words = f"dense, {units} units, {self.activation}"
            layers.append(Layer(f"dense {number}", words, (units,), (inputs + 1) * units))
            layers.append(Layer(f"dropout {number}", f"dropout {self.dropout:g}", (units,), 0))
        head = Layer("head", self.output_activation, (axes.horizon, axes.output), (width + 1) * outputs)
        return [*layers, head]

    def _sizes(self, axes: Axes) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer."""
        units = cast(tuple[int, ...], self.units)
        sizes = (axes.lookback * axes.feature, *units, axes.horizon * axes.output)
        return list(pairwise(sizes))


class DenseLayer(eqx.Module):
    """A linear map of the last axis: `y = x kernel + bias`."""

    kernel: Float[Array, "inputs outputs"]
    bias: Float[Array, "outputs"]

    @classmethod
    def draw(cls, key: Key[Array, ""], inputs: int, outputs: int) -> DenseLayer:
        """Keras's initial values."""
        return cls(glorot_uniform(key, (inputs, outputs)), jnp.zeros(outputs, jnp.float32))

    def __call__(self, x: Float[Array, "*shape inputs"]) -> Float[Array, "*shape outputs"]:
        return x @ self.kernel + jnp.expand_dims(self.bias, range(x.ndim - 1))


class DenseNetwork(eqx.Module):
    """The network for one sample."""

    hidden: tuple[DenseLayer, ...]
    dropout: Dropout
    head_kernel: Float[Array, "units outputs"]
    head_bias: Float[Array, "outputs"]
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
    ) -> tuple[Float[Array, "horizon output"], Float[Array, "units"]]:
        """The outputs, and what the last hidden layer gives: what Keras's activity regulariser sees."""
        x = active = past.reshape(-1)
        for layer, layer_key in zip(self.hidden, split_key(key, len(self.hidden)), strict=True):
            active = find_activation(self.activation)(layer(x), self.slope)
            x = self.dropout(active, key=layer_key)
        outputs = x @ self.head_kernel + self.head_bias
        return find_activation(self.output_activation)(outputs, self.slope).reshape(self.horizon, -1), active
