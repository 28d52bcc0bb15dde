"""What the recurrent networks share: layers on one another, in one direction or in both, and a head on their states.

`lstm`, `gru` and `rnn` add the equations of a layer; `recurrent_settings` puts the parts together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.errors import UsageError
from coincast.models.activations import find_activation
from coincast.models.dropout import Dropout

State = tuple[Float[Array, "_units"], ...]
"""The state of a layer in one direction: (h,), or (h, c) of an LSTM."""


class RecurrentLayer(eqx.Module):
    """One layer in one direction, for one sample. Its gates lie beside one another in the kernels.

    Attributes:
        recurrent_bias: the second bias vector, of the recurrent product; PyTorch always has it, Keras only in a GRU
            whose reset comes after the product.
    """

    kernel: Float[Array, "feature gates"]
    recurrent_kernel: Float[Array, "units gates"]
    bias: Float[Array, "gates"]
    recurrent_bias: Float[Array, "gates"] | None
    activation: str = eqx.field(static=True)
    slope: float = eqx.field(static=True)
    vectors: ClassVar[int] = 1
    """Vectors of a state: h, and c of an LSTM."""

    @abstractmethod
    def run(
        self, past: Float[Array, "time feature"], state: State, *, every: bool
    ) -> tuple[Float[Array, "..."], State]:
        """Read the rows from a state on: h after `every` one (time, units), or after the last; and the final state."""

    def rest(self) -> State:
        """The state before the first row, unless one is given: zeros."""
        return (jnp.zeros_like(self.recurrent_kernel[:, 0]),) * self.vectors

    def find_activation(self, name: str) -> Callable[[Float[Array, "_units"]], Float[Array, "_units"]]:
        """The activation of a name, with the slope of this layer."""
        return partial(find_activation(name), slope=self.slope)


def scan_states(
    step: Callable[[State, Float[Array, "gates"]], State],
    state: State,
    drive: Float[Array, "time gates"],
    *,
    every: bool,
) -> tuple[Float[Array, "..."], State]:
    """Take `step` over the rows of `drive`; returns what `RecurrentLayer.run` does."""

    def advance(state: State, row: Float[Array, "gates"]) -> tuple[State, Float[Array, "units"] | None]:
        state = step(state, row)
        return state, state[0] if every else None

    state, states = jax.lax.scan(advance, state, drive)
    return (state[0] if states is None else states), state


class RecurrentNetwork(eqx.Module):
    """The network for one sample, which may be longer or shorter than those of its training.

    Attributes:
        layers: from the input on; of two directions first the one forwards.
        dropout: after each layer.
    """

    layers: tuple[RecurrentLayer, ...]
    dropout: Dropout
    head_kernel: Float[Array, "width outputs"]
    head_bias: Float[Array, "outputs"]
    directions: int = eqx.field(static=True)
    every_step: bool = eqx.field(static=True)
    after: str = eqx.field(static=True)
    output_activation: str = eqx.field(static=True)
    slope: float = eqx.field(static=True)
    horizon: int = eqx.field(static=True)

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "*step horizon output"]:
        return self.with_activity(past, key=key)[0]

    def with_activity(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> tuple[Float[Array, "*step horizon output"], Float[Array, "*step width"]]:
        """The outputs, and the states of the top layer behind them: what Keras's activity regulariser sees."""
        keys = self._split(key)
        states, _ = self._read(past, None, keys, every=self.every_step)
        return self.head(states, key=keys[-1]), states

    def run(
        self,
        past: Float[Array, "time feature"],
        states: tuple[State, ...] | None = None,
        *,
        key: Key[Array, ""] | None = None,
    ) -> tuple[Float[Array, "time width"], tuple[State, ...]]:
        """Read a sample from given states on; `head` makes forecasts of what it gives.

        Args:
            past: rows, oldest first, as many as you like.
            states: one per layer and direction, such as an earlier call returned; zeros where left out.
            key: for the dropout between layers; without it there is none.

        Returns:
            h of the top layer after every row, the directions beside one another, and the final states in the order of
            `layers`. With equal sizes `h_n, c_n = map(jnp.stack, zip(*states))` are those of PyTorch.

        Raises:
            UsageError: not one state per layer and direction.
        """
        if states is not None and len(states) != len(self.layers):
            raise UsageError(
                f"{len(states)} states were given; allowed: {len(self.layers)}, one per layer and direction"
            )
        return self._read(past, states, self._split(key), every=True)

    def head(
        self, states: Float[Array, "*step width"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "*step horizon output"]:
        """Forecasts from one state of the top layer, or from several, as `run` gives them."""
        hidden = self.dropout(find_activation(self.after)(states, self.slope), key=key)
        products = hidden @ self.head_kernel
        outputs = products + jnp.broadcast_to(self.head_bias, products.shape)
        return find_activation(self.output_activation)(outputs, self.slope).reshape(
            *states.shape[:-1], self.horizon, -1
        )

    def _read(
        self, past: Float[Array, "time feature"], states: tuple[State, ...] | None, keys: list[Any], *, every: bool
    ) -> tuple[Float[Array, "..."], tuple[State, ...]]:
        states = tuple(layer.rest() for layer in self.layers) if states is None else states
        hidden, final = past, []
        for number in range(len(keys)):
            is_top = number == len(keys) - 1
            both = slice(number * self.directions, (number + 1) * self.directions)
            hidden, ends = _run_directions(self.layers[both], hidden, states[both], every=every or not is_top)
            hidden = hidden if is_top else self.dropout(hidden, key=keys[number])
            final += ends
        return hidden, tuple(final)

    def _split(self, key: Key[Array, ""] | None) -> list[Any]:
        """A key for the dropout of each layer; a single layer takes it as it is, since splitting has its cost."""
        depth = len(self.layers) // self.directions
        if key is None or depth == 1:
            return [key] * depth
        return list(jax.random.split(key, depth))


def _run_directions(
    layers: tuple[RecurrentLayer, ...], past: Float[Array, "time feature"], states: tuple[State, ...], *, every: bool
) -> tuple[Float[Array, "..."], list[State]]:
    """Run a layer forwards, and backwards if there are two: what they give for a row lies side by side."""
    outputs, ends = [], []
    for layer, state, way in zip(layers, states, (1, -1)[: len(layers)], strict=True):
        hidden, end = layer.run(past[::way], state, every=every)
        outputs.append(hidden[::way] if every else hidden)
        ends.append(end)
    return jnp.concatenate(outputs, axis=-1), ends
