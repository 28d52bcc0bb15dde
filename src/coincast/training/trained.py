"""Trained runs, and what they forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from coincast.models.forecaster import Axes
from coincast.samples.scaling import InputScale, scale_window
from coincast.training.lanes import Lanes, fetch

WINDOWS_PER_DISPATCH = 256


@dataclass(frozen=True)
class TrainedRuns:
    """Runs of one set after training, in the order in which they were given.

    Attributes:
        axes: sizes of one sample.
        static: the part of the module that is no array, the same for all runs.
        trained, fixed: the module's trained and other arrays, stacked along a leading run axis.
        losses: mean training loss of each epoch, dropout on, as Keras reports it.
        validation_losses: after each epoch, dropout off; None without validation windows, NaN for a run without.
        parameters: trained numbers of one run.
        seconds: wall time of the whole set, compilation included.
    """

    axes: Axes
    static: Any
    trained: Any
    fixed: Any
    losses: Float[np.ndarray, "run epoch"]
    validation_losses: Float[np.ndarray, "run epoch"] | None
    parameters: int
    seconds: float

    def module(self, run: int) -> Any:
        """The network of one run, for one sample."""
        trained, fixed = jax.tree.map(jnp.asarray, self._arrays(run))
        return eqx.combine(trained, fixed, self.static)

    def weights(self, run: int) -> Any:
        """The trained arrays of one run, to go on from."""
        return jax.tree.map(lambda leaf: leaf[run], self.trained)

    def select(self, runs: Sequence[int]) -> TrainedRuns:
        """Some of the runs, in the order asked for."""
        rows = np.array(runs, dtype=np.int64)
        trained, fixed = jax.tree.map(lambda leaf: leaf[rows], (self.trained, self.fixed))
        validation = None if self.validation_losses is None else self.validation_losses[rows]
        return replace(self, trained=trained, fixed=fixed, losses=self.losses[rows], validation_losses=validation)

    def _arrays(self, run: int) -> Any:
        """Trained and other arrays of one run."""
        return jax.tree.map(lambda leaf: leaf[run], (self.trained, self.fixed))

    def predict(
        self,
        inputs: Sequence[Float[np.ndarray, "_row feature"]],
        scales: Sequence[InputScale],
        starts: Sequence[Int[np.ndarray, "_window"]],
    ) -> list[Float[np.ndarray, "_window horizon"]]:
        """Forecasts of all runs at once, in the unit of the scaled target.

        Args:
            inputs: the table of each run; runs that share a table hand over the same array.
            scales: how each run scales its inputs.
            starts: first row of each window to forecast, per run.
        """
        lanes = Lanes.arrange(len(inputs))
        tables, numbers = stack_tables(inputs)
        shared = lanes.share(tables)
        scaled = [
            (np.int32(n), s.relative, s.centre.astype(np.float32), s.spread.astype(np.float32))
            for n, s in zip(numbers, scales, strict=True)
        ]
        program = lanes.program(partial(_predict, static=self.static, lookback=self.axes.lookback), shared=1)
        outputs: list[np.ndarray] = []
        for block in lanes.blocks(len(inputs)):
            trained, fixed = lanes.stack([self._arrays(run) for run in range(block.start, block.stop)])
            scale = lanes.stack(scaled[block])
            longest = max(1, *(len(run_starts) for run_starts in starts[block]))
            pieces = []
            for first in range(0, longest, WINDOWS_PER_DISPATCH):
                chunk = lanes.stack([_chunk(run_starts, first) for run_starts in starts[block]])
                pieces.append(fetch(program(trained, fixed, scale, chunk, shared)))
            outputs.extend(np.concatenate(pieces, axis=1).astype(np.float64)[: block.stop - block.start])
        return [output[: len(run_starts)] for output, run_starts in zip(outputs, starts, strict=True)]


def stack_tables(
    inputs: Sequence[Float[np.ndarray, "_row feature"]],
) -> tuple[Float[np.ndarray, "table row feature"], list[int]]:
    """The distinct tables as one float32 array, and the number of each run's table in it.

    Rows of the same array are held once. NaN and padding are 0: no window reaches them.
    """
    distinct = {id(table): table for table in inputs}
    rows = max(len(table) for table in distinct.values())
    stacked = np.zeros((len(distinct), rows, inputs[0].shape[1]), dtype=np.float32)
    for number, table in enumerate(distinct.values()):
        stacked[number, : len(table)] = np.nan_to_num(table, posinf=0, neginf=0)
    order = list(distinct)
    return stacked, [order.index(id(table)) for table in inputs]


def _chunk(starts: Int[np.ndarray, "window"], first: int) -> Int[np.ndarray, "chunk"]:
    """Starts of one dispatch, the last one repeated up to its fixed length."""
    chunk = starts[first : first + WINDOWS_PER_DISPATCH].astype(np.int32)
    filler = starts[0] if len(starts) else 0
    return np.concatenate([chunk, np.full(WINDOWS_PER_DISPATCH - len(chunk), filler, dtype=np.int32)])


def _predict(
    trained: Any,
    fixed: Any,
    scale: tuple[Any, Any, Any, Any],
    starts: Int[Array, "window"],
    tables: Float[Array, "table row feature"],
    *,
    static: Any,
    lookback: int,
) -> Float[Array, "window horizon"]:
    module = eqx.combine(trained, fixed, static)
    table, relative, centre, spread = scale
    rows = starts[:, None] + jnp.arange(lookback)[None]
    pasts = scale_window(tables[table, rows], relative, centre, spread, xp=jnp)
    outputs: Float[Array, "window horizon output"] = jax.vmap(module)(pasts)
    return outputs[..., 0]
