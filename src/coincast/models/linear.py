"""Linear networks: one map from the window to the horizon, and the parts of those that map feature by feature."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.models.dense import DenseLayer
from coincast.models.forecaster import Axes, Layer
from coincast.models.initialisers import glorot_uniform


@dataclass(frozen=True)
class Linear:
    """One linear map from all numbers of the window to the horizon.

    Its weights read the inputs, so that penalties on kernel and bias reach them.
    """

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> LinearNetwork:
        layer = DenseLayer.draw(key, axes.lookback * axes.feature, axes.horizon * axes.output)
        return LinearNetwork(layer, axes.horizon)

    def layers(self, axes: Axes) -> list[Layer]:
        parameters = (axes.lookback * axes.feature + 1) * axes.horizon * axes.output
        return [Layer("linear", "linear", (axes.horizon, axes.output), parameters)]


class LinearNetwork(eqx.Module):
    """The network for one sample."""

    layer: DenseLayer
    horizon: int = eqx.field(static=True)

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "horizon output"]:
        return self.layer(past.reshape(-1)).reshape(self.horizon, -1)


class OverTime(eqx.Module):
    """For every feature a linear map over time, from its past to a forecast of all outputs.

    The kernel has a leading axis of features, or none where all features share one map.
    """

    kernel: Float[Array, "*feature lookback outputs"]
    bias: Float[Array, "*feature outputs"]

    @classmethod
    def draw(cls, key: Key[Array, ""], axes: Axes, *, shared: bool) -> OverTime:
        """Uniform after Glorot, each feature by itself; biases 0."""
        features = () if shared else (axes.feature,)
        outputs = axes.horizon * axes.output
        kernel = glorot_uniform(key, (*features, axes.lookback, outputs), axes.lookback, outputs)
        return cls(kernel, jnp.zeros((*features, outputs), jnp.float32))

    def __call__(self, past: Float[Array, "lookback feature"]) -> Float[Array, "feature outputs"]:
        if self.kernel.ndim == 2:
            return past.T @ self.kernel + self.bias[None]
        return jnp.einsum("lf,flo->fo", past, self.kernel) + self.bias


class Mixing(eqx.Module):
    """From a forecast by every feature to one: a weighted sum over features, with weights for each step and output.

    The papers forecast every series from its own past alone; here several features speak of one target. The weights
    start at the mean of the features.
    """

    head_kernel: Float[Array, "feature outputs"]
    head_bias: Float[Array, "outputs"]

    @classmethod
    def even(cls, axes: Axes) -> Mixing:
        outputs = axes.horizon * axes.output
        return cls(jnp.full((axes.feature, outputs), 1 / axes.feature, jnp.float32), jnp.zeros(outputs, jnp.float32))

    def __call__(self, forecasts: Float[Array, "feature outputs"]) -> Float[Array, "outputs"]:
        return jnp.sum(forecasts * self.head_kernel, axis=0) + self.head_bias


def describe_over_time(axes: Axes, *, shared: bool, name: str, kind: str) -> Layer:
    """The line of `coincast describe` for `OverTime`."""
    outputs = axes.horizon * axes.output
    maps = 1 if shared else axes.feature
    weights = "shared weights" if shared else "own weights"
    words = f"{kind}, for each feature, {weights}"
    return Layer(name, words, (axes.feature, outputs), maps * (axes.lookback + 1) * outputs)


def describe_mixing(axes: Axes, activation: str = "linear") -> Layer:
    """The line of `coincast describe` for `Mixing`."""
    outputs = axes.horizon * axes.output
    words = f"weighted sum over {axes.feature} features, {activation}"
    return Layer("mixing", words, (axes.horizon, axes.output), (axes.feature + 1) * outputs)
