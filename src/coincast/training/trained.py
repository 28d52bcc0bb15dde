"""Trained runs, and what they forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from coincast.models.forecaster import Axes
from coincast.samples.scaling import InputScale, scale_window
from coincast.training.lanes import Lanes, Static, fetch

WINDOWS_PER_DISPATCH = 256
PROGRAMS_KEPT = 8


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
        trained, fixed = jax.tree.map(jnp.asarray, self.arrays(run))
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

    def arrays(self, run: int) -> Any:
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
        return Predictor(self, scales).predict(inputs, starts)


class Predictor:
    """Asks the same runs again and again, compiled once.

    Args:
        runs: which.
        scales: how each of them scales its inputs.
        keep: whether their weights stay on the device between two calls.
    """

    def __init__(self, runs: TrainedRuns, scales: Sequence[InputScale], *, keep: bool = False) -> None:
        self.runs, self.scales, self.keep = runs, scales, keep
        self.lanes = Lanes.arrange(len(scales))
        self.program = _compile(Static(runs.static), self.lanes, runs.axes.lookback)
        self.kept: dict[int, Any] = {}

    def predict(
        self, inputs: Sequence[Float[np.ndarray, "_row feature"]], starts: Sequence[Int[np.ndarray, "_window"]]
    ) -> list[Float[np.ndarray, "_window horizon"]]:
        """See `TrainedRuns.predict`."""
        tables, numbers = stack_tables(inputs)
        shared = self.lanes.share(tables)
        outputs: list[np.ndarray] = []
        for block in self.lanes.blocks(len(inputs)):
            trained, fixed, scale = self._weights(block)
            table = self.lanes.stack([np.int32(number) for number in numbers[block]])
            longest = max(1, *(len(run_starts) for run_starts in starts[block]))
            size = 1 if longest == 1 else WINDOWS_PER_DISPATCH
            pieces = []
            for first in range(0, longest, size):
                chunk = self.lanes.stack([_chunk(run_starts, first, size) for run_starts in starts[block]])
                pieces.append(fetch(self.program(trained, fixed, scale, table, chunk, shared)))
            outputs.extend(np.concatenate(pieces, axis=1).astype(np.float64)[: block.stop - block.start])
        return [output[: len(run_starts)] for output, run_starts in zip(outputs, starts, strict=True)]

    def _weights(self, block: slice) -> Any:
        if block.start in self.kept:
            return self.kept[block.start]
        scales = [
            (scale.relative, scale.centre.astype(np.float32), scale.spread.astype(np.float32))
            for scale in self.scales[block]
        ]
        weights = (
            *self.lanes.stack([self.runs.arrays(run) for run in range(block.start, block.stop)]),
            self.lanes.stack(scales),
        )
        if self.keep:
            self.kept[block.start] = weights
        return weights


@lru_cache(maxsize=PROGRAMS_KEPT)
def _compile(static: Static, lanes: Lanes, lookback: int) -> Any:
    """The program of a prediction; equal arguments share it."""
    return lanes.program(partial(_predict, static=static.tree, lookback=lookback), shared=1)


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


def _chunk(starts: Int[np.ndarray, "window"], first: int, size: int) -> Int[np.ndarray, "chunk"]:
    """Starts of one dispatch, the first one repeated up to its fixed length."""
    chunk = starts[first : first + size].astype(np.int32)
    filler = starts[0] if len(starts) else 0
    return np.concatenate([chunk, np.full(size - len(chunk), filler, dtype=np.int32)])


def _predict(
    trained: Any,
    fixed: Any,
    scale: tuple[Any, Any, Any],
    table: Int[Array, ""],
    starts: Int[Array, "window"],
    tables: Float[Array, "table row feature"],
    *,
    static: Any,
    lookback: int,
) -> Float[Array, "window horizon"]:
    module = eqx.combine(trained, fixed, static)
    rows = starts[:, None] + jnp.arange(lookback)[None]
    pasts = scale_window(tables[table, rows], *scale, xp=jnp)
    outputs: Float[Array, "window horizon output"] = jax.vmap(module)(pasts)
    return outputs[..., 0]
