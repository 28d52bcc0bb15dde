"""The plain recurrent network (Elman 1990), in Keras's conventions or PyTorch's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Array, Float, Key

from coincast.models.recurrent import RecurrentLayer, State, scan_states
from coincast.models.recurrent_settings import Recurrent, check_settings


@dataclass(frozen=True)
class RNN(Recurrent):
    """Plain recurrent layers, dropout after each, and a linear layer from the last state to the horizon.

    Attributes:
        units, depth, bidirectional, activation, dropout, every_step, after, output_activation, slope, convention: as
            those of `LSTM`.
    """

    name: ClassVar[str] = "rnn"
    gate_biases: ClassVar[tuple[float, ...]] = (0,)

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def biases(self) -> int:
        return 2 if self.convention == "torch" else 1

    def build_layer(self, inputs: int, units: int, *, key: Key[Array, ""]) -> RNNLayer:
        return RNNLayer(**self.draw_layer(inputs, units, key=key), activation=self.activation, slope=self.slope)


class RNNLayer(RecurrentLayer):
    """h' = a(x W + h U + b), a being the activation."""

    def run(
        self, past: Float[Array, "time feature"], state: State, *, every: bool
    ) -> tuple[Float[Array, "..."], State]:
        bias = self.bias if self.recurrent_bias is None else self.bias + self.recurrent_bias
        a = self.find_activation(self.activation)

        def step(state: State, row: Float[Array, "gates"]) -> State:
            return (a(row + state[0] @ self.recurrent_kernel),)

        return scan_states(step, state, past @ self.kernel + bias[None], every=every)
