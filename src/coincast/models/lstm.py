"""Long short-term memory (Hochreiter and Schmidhuber 1997), in Keras's conventions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from coincast.errors import UsageError
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes, Layer


@dataclass(frozen=True)
class LSTM:
    """One LSTM layer, dropout on its last state, and a linear layer to the horizon: article 0's network.

    Attributes:
        units: size of the state.
        dropout: share of the last state's units that are dropped in training, in [0, 1).
    """

    units: int = 32
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.units < 1:
            raise UsageError(f"lstm: units is {self.units}; allowed: 1 or more")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"lstm: dropout is {self.dropout}; allowed: from 0 to below 1, for example 0.25")

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> LSTMNetwork:
        kernel_key, recurrent_key, head_key = jax.random.split(key, 3)
        units = self.units
        orthogonal = jax.nn.initializers.orthogonal()
        return LSTMNetwork(
            kernel=glorot_uniform(kernel_key, (axes.feature, 4 * units)),
            recurrent_kernel=orthogonal(recurrent_key, (units, 4 * units), jnp.float32),
            bias=jnp.concatenate([jnp.zeros(units), jnp.ones(units), jnp.zeros(2 * units)]),
            dropout=Dropout.at(self.dropout),
            head_kernel=glorot_uniform(head_key, (units, axes.horizon * axes.output)),
            head_bias=jnp.zeros(axes.horizon * axes.output),
            horizon=axes.horizon,
        )

    def layers(self, axes: Axes) -> list[Layer]:
        units, outputs = self.units, axes.horizon * axes.output
        return [
            Layer("lstm", f"LSTM, {units} units, last state", (units,), 4 * units * (axes.feature + units + 1)),
            Layer("dropout", f"dropout {self.dropout:g}", (units,), 0),
            Layer("head", "linear", (axes.horizon, axes.output), (units + 1) * outputs),
        ]


class LSTMNetwork(eqx.Module):
    """The network for one sample.

    Gates in Keras's order: input i, forget f, candidate g, output o.

        z = x W + h U + b,  c' = s(z_f) c + s(z_i) tanh(z_g),  h' = s(z_o) tanh(c')
    """

    kernel: Float[Array, "feature gates"]
    recurrent_kernel: Float[Array, "units gates"]
    bias: Float[Array, "gates"]
    dropout: Dropout
    head_kernel: Float[Array, "units outputs"]
    head_bias: Float[Array, "outputs"]
    horizon: int = eqx.field(static=True)

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "horizon output"]:
        units = self.recurrent_kernel.shape[0]
        # s(z) = (tanh(z / 2) + 1) / 2: one tanh over the whole slab of gates is nearly twice as fast as four functions.
        half = jnp.asarray(np.repeat([0.5, 0.5, 1.0, 0.5], units), dtype=jnp.float32)

        def step(
            state: tuple[Float[Array, "units"], Float[Array, "units"]], drive: Float[Array, "gates"]
        ) -> tuple[tuple[Float[Array, "units"], Float[Array, "units"]], None]:
            h, c = state
            gates = jnp.tanh((drive + h @ self.recurrent_kernel) * half) * half + (1 - half)
            i, f, g, o = jnp.split(gates, 4)
            c = f * c + i * g
            return (o * jnp.tanh(c), c), None

        zeros = jnp.zeros(units, dtype=jnp.float32)
        (h, _), _ = jax.lax.scan(step, (zeros, zeros), past @ self.kernel + self.bias[None])
        outputs = self.dropout(h, key=key) @ self.head_kernel + self.head_bias
        return outputs.reshape(self.horizon, -1)


def glorot_uniform(key: Key[Array, ""], shape: tuple[int, int]) -> Float[Array, "fan_in fan_out"]:
    """Uniform in +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010), over all gates at once as Keras does."""
    limit = math.sqrt(6 / sum(shape))
    return jax.random.uniform(key, shape, jnp.float32, -limit, limit)
