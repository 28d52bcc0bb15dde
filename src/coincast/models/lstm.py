"""Long short-term memory (Hochreiter and Schmidhuber 1997), in Keras's conventions or PyTorch's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.models.activations import find_activation
from coincast.models.kernels.lstm import run_lstm
from coincast.models.kernels.projection import project
from coincast.models.recurrent import RecurrentLayer, State, scan_states
from coincast.models.recurrent_settings import Recurrent, check_settings


@dataclass(frozen=True)
class LSTM(Recurrent):
    """LSTM layers, dropout after each, and a linear layer from the last state to the horizon.

    The defaults are the network of article 0: one layer, in one direction, as Keras has it.

    Attributes:
        units: size of the state; several, as (64, 32), are several layers, the first one reading the input.
        depth: how many layers of the same `units` there are.
        bidirectional: whether each layer also reads backwards, with weights of its own. What both give lies side by
            side, and at the end each has read the whole window.
        activation: of the state: "tanh", "relu" or another name of `ACTIVATIONS`.
        dropout: share of what each layer gives that is dropped in training, in [0, 1).
        every_step: whether to forecast from the state after every row of the window, not after the last alone.
        after: a further activation, between the last layer and its dropout.
        output_activation: of the forecast.
        slope: of a "leaky_relu" below zero, wherever it stands.
        convention: "keras", one bias vector, first weights uniform (Glorot), orthogonal and zero, a forget gate that
            starts at bias 1; or "torch", two bias vectors, all uniform in +-1 / sqrt(units).
        recurrent_activation: of the gates: "sigmoid", or "hard_sigmoid" as in old versions of Keras.
    """

    recurrent_activation: str = "sigmoid"
    name: ClassVar[str] = "lstm"
    gate_biases: ClassVar[tuple[float, ...]] = (0, 1, 0, 0)

    def __post_init__(self) -> None:
        check_settings(self)
        find_activation(self.recurrent_activation)

    @property
    def biases(self) -> int:
        return 2 if self.convention == "torch" else 1

    def build_layer(self, inputs: int, units: int, *, key: Key[Array, ""]) -> LSTMLayer:
        return LSTMLayer(
            **self.draw_layer(inputs, units, key=key),
            activation=self.activation,
            slope=self.slope,
            recurrent_activation=self.recurrent_activation,
        )


class LSTMLayer(RecurrentLayer):
    """Gates in Keras's order: input i, forget f, candidate g, output o.

        z = x W + h U + b,  c' = s(z_f) c + s(z_i) a(z_g),  h' = s(z_o) a(c')

    a is the activation, s that of the gates. tanh and sigmoid have a fast way of their own.
    """

    recurrent_activation: str = eqx.field(static=True)
    vectors: ClassVar[int] = 2

    def run(
        self, past: Float[Array, "time feature"], state: State, *, every: bool
    ) -> tuple[Float[Array, "..."], State]:
        bias = self.bias if self.recurrent_bias is None else self.bias + self.recurrent_bias
        drive = project(past, self.kernel, bias)
        if (self.activation, self.recurrent_activation) == ("tanh", "sigmoid"):
            return run_lstm(drive, self.recurrent_kernel, *state, every=every)
        a, s = map(self.find_activation, (self.activation, self.recurrent_activation))

        def step(state: State, row: Float[Array, "gates"]) -> State:
            h, c = state
            i, f, g, o = jnp.split(row + h @ self.recurrent_kernel, 4)
            c = s(f) * c + s(i) * a(g)
            return s(o) * a(c), c

        return scan_states(step, state, drive, every=every)
