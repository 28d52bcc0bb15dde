"""Gated recurrent units (Cho et al. 2014), in Keras's conventions or PyTorch's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.errors import UsageError
from coincast.models.activations import find_activation
from coincast.models.kernels.gru import run_gru
from coincast.models.kernels.projection import project
from coincast.models.recurrent import RecurrentLayer, State, scan_states
from coincast.models.recurrent_settings import Recurrent, check_settings


@dataclass(frozen=True)
class GRU(Recurrent):
    """GRU layers, dropout after each, and a linear layer from the last state to the horizon.

    Attributes:
        units, depth, bidirectional, activation, dropout, every_step, after, output_activation, slope, convention,
            recurrent_activation: as those of `LSTM`.
        reset_after: whether the reset gate acts on the recurrent product, which then has a bias vector of its own
            (Keras 3, PyTorch), or on the state before it (Cho et al., Keras 1). Left out, it does in the convention
            "torch" and does not in "keras".
    """

    recurrent_activation: str = "sigmoid"
    reset_after: bool | None = None
    name: ClassVar[str] = "gru"
    gate_biases: ClassVar[tuple[float, ...]] = (0, 0, 0)

    def __post_init__(self) -> None:
        check_settings(self)
        find_activation(self.recurrent_activation)
        if not isinstance(self.reset_after, bool | None):
            raise UsageError(f"gru: reset_after is {self.reset_after!r}; allowed: true or false, or left out")
        if self.convention == "torch" and self.reset_after is False:
            raise UsageError('gru: PyTorch has no reset_after = false; leave it out, or choose convention = "keras"')

    @property
    def biases(self) -> int:
        return 2 if self.reset_after or self.convention == "torch" else 1

    def build_layer(self, inputs: int, units: int, *, key: Key[Array, ""]) -> GRULayer:
        return GRULayer(
            **self.draw_layer(inputs, units, key=key),
            activation=self.activation,
            slope=self.slope,
            recurrent_activation=self.recurrent_activation,
        )


class GRULayer(RecurrentLayer):
    """Gates in Keras's order: update z, reset r, candidate g.

        y = x W + b,  z = s(y_z + h U_z),  r = s(y_r + h U_r),  g = a(y_g + (r h) U_g),  h' = z h + (1 - z) g

    and with the recurrent bias d of a reset after the product z = s(y_z + h U_z + d_z), r likewise, and
    g = a(y_g + r (h U_g + d_g)). a is the activation, s that of the gates. tanh and sigmoid have a fast way of their
    own.
    """

    recurrent_activation: str = eqx.field(static=True)

    def run(
        self, past: Float[Array, "time feature"], state: State, *, every: bool
    ) -> tuple[Float[Array, "..."], State]:
        drive, kernel, bias = project(past, self.kernel, self.bias), self.recurrent_kernel, self.recurrent_bias
        if (self.activation, self.recurrent_activation) == ("tanh", "sigmoid"):
            states, h = run_gru(drive, kernel, bias, *state, every=every, reset_after=bias is not None)
            return states, (h,)
        a, s = map(self.find_activation, (self.activation, self.recurrent_activation))
        gates = 2 * len(kernel)

        def step(state: State, row: Float[Array, "gates"]) -> State:
            (h,) = state
            if bias is None:
                z, r = jnp.split(s(row[:gates] + h @ kernel[:, :gates]), 2)
                g = a(row[gates:] + (r * h) @ kernel[:, gates:])
            else:
                product = h @ kernel + bias
                z, r = jnp.split(s(row[:gates] + product[:gates]), 2)
                g = a(row[gates:] + r * product[gates:])
            return (z * h + (1 - z) * g,)

        return scan_states(step, state, drive, every=every)
