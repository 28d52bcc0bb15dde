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
from coincast.samples.scaling import InputScale
from coincast.training.lanes import Static, every_lane
from coincast.training.recipe import Recipe
from coincast.training.runs import Data, lay_tables_out
from coincast.training.steps import at_last_step, gather

CANDLES_PER_DISPATCH = 8192
FEWEST_WINDOWS, MOST_WINDOWS = 32, 256
RUNS_PER_DISPATCH = 32
PROGRAMS_KEPT = 32


@dataclass(frozen=True)
class TrainedRuns:
    """Runs of one set after training, in the order in which they were given.

    Attributes:
        axes: sizes of one sample.
        static: the part of the module that is no array, the same for all runs.
        recipe: of the first run; the others have rates and a loss of their own, which the same head reads.
        trained, fixed: the module's trained and other arrays, stacked along a leading run axis.
        losses: mean training loss of each epoch, dropout on, as Keras reports it; NaN after the last one.
        validation_losses: after each epoch, dropout off; None without validation windows, NaN for a run without.
        epochs: that each run learnt in.
        best_epochs: of the least validation loss (loss, where nothing is validated), from 1; 0 for a run that failed
            at once. Where training stops early, its weights are the ones that were kept.
        parameters: trained numbers of one run.
        seconds: wall time of the whole set, compilation included.
    """

    axes: Axes
    static: Any
    recipe: Recipe
    trained: Any
    fixed: Any
    losses: Float[np.ndarray, "run epoch"]
    validation_losses: Float[np.ndarray, "run epoch"] | None
    epochs: Int[np.ndarray, "run"]
    best_epochs: Int[np.ndarray, "run"]
    parameters: int
    seconds: float

    def __len__(self) -> int:
        return len(self.losses)

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
        return replace(
            self,
            trained=jax.tree.map(lambda leaf: leaf[rows], self.trained),
            fixed=jax.tree.map(lambda leaf: leaf[rows], self.fixed),
            losses=self.losses[rows],
            validation_losses=None if self.validation_losses is None else self.validation_losses[rows],
            epochs=self.epochs[rows],
            best_epochs=self.best_epochs[rows],
        )

    def arrays(self, run: int) -> Any:
        """Trained and other arrays of one run."""
        return jax.tree.map(lambda leaf: leaf[run], (self.trained, self.fixed))

    def predict(
        self,
        inputs: Sequence[Float[np.ndarray, "_row feature"]],
        scales: Sequence[InputScale],
        starts: Sequence[Int[np.ndarray, "_window"]],
    ) -> list[Float[np.ndarray, "_window horizon output"]]:
        """Outputs of all runs at once, in the unit of the scaled target.

        Args:
            inputs: the table of each run; runs that share a table hand over the same array.
            scales: how each run scales its inputs.
            starts: first row of each window to forecast, per run.
        """
        return Predictor(self, scales).predict(inputs, starts)

    def point(self, outputs: Float[np.ndarray, "window horizon output"]) -> Float[np.ndarray, "window horizon"]:
        """The point forecast that outputs tell."""
        point: Float[np.ndarray, "window horizon"] = self.recipe.head.point(outputs, self.recipe.quantiles, np)
        return point


class Predictor:
    """Asks the same runs again and again; their weights stay on the device.

    Args:
        runs: which.
        scales: how each of them scales its inputs.
    """

    def __init__(self, runs: TrainedRuns, scales: Sequence[InputScale]) -> None:
        self.runs = runs
        self.program = _compile(Static(runs.static), runs.axes.lookback)
        self.parts = []
        for first in range(0, len(runs), RUNS_PER_DISPATCH):
            own = slice(first, min(first + RUNS_PER_DISPATCH, len(runs)))
            weights = jax.tree.map(lambda leaf, own=own: leaf[own], (runs.trained, runs.fixed))
            self.parts.append((own, jax.device_put((*weights, _stack_scales(scales[own])))))

    def predict(
        self, inputs: Sequence[Float[np.ndarray, "_row feature"]], starts: Sequence[Int[np.ndarray, "_window"]]
    ) -> list[Float[np.ndarray, "_window horizon output"]]:
        """See `TrainedRuns.predict`."""
        rows, firsts = lay_tables_out(inputs)
        shared = jax.device_put(rows)
        outputs: list[np.ndarray] = []
        for own, (trained, fixed, scale) in self.parts:
            longest = max(1, *(len(run_starts) for run_starts in starts[own]))
            size = 1 if longest == 1 else _windows_per_dispatch(self.runs.axes.lookback)
            asked = [run_starts + first for run_starts, first in zip(starts[own], firsts[own], strict=True)]
            pieces = [
                self.program(trained, fixed, scale, np.stack([_chunk(one, first, size) for one in asked]), shared)
                for first in range(0, longest, size)
            ]
            outputs.extend(np.concatenate([np.asarray(piece) for piece in pieces], axis=1).astype(np.float64))
        return [output[: len(run_starts)] for output, run_starts in zip(outputs, starts, strict=True)]


@lru_cache(maxsize=PROGRAMS_KEPT)
def _compile(static: Static, lookback: int) -> Any:
    """The program of a prediction; equal arguments share it."""
    return jax.jit(every_lane(partial(_predict, static=static.tree, lookback=lookback), shared=1))


def _stack_scales(scales: Sequence[InputScale]) -> Data:
    return {
        "relative": np.stack([scale.relative for scale in scales])[:, None],
        "centre": np.stack([scale.centre for scale in scales]).astype(np.float32)[:, None],
        "spread": np.stack([scale.spread for scale in scales]).astype(np.float32)[:, None],
    }


def _windows_per_dispatch(lookback: int) -> int:
    """How many windows of a run are forecast at once: a power of two, fewer of longer ones, which take memory.

    It does not hang on how many there are: another width may be other arithmetic in the last bit.
    """
    windows = CANDLES_PER_DISPATCH // lookback
    return min(MOST_WINDOWS, max(FEWEST_WINDOWS, 1 << max(0, windows.bit_length() - 1)))


def _chunk(starts: Int[np.ndarray, "window"], first: int, size: int) -> Int[np.ndarray, "chunk"]:
    """Starts of one dispatch, the first one repeated up to its fixed length."""
    chunk = starts[first : first + size].astype(np.int32)
    filler = starts[0] if len(starts) else 0
    return np.concatenate([chunk, np.full(size - len(chunk), filler, dtype=np.int32)])


def _predict(
    trained: Any,
    fixed: Any,
    scale: Data,
    starts: Int[Array, "window"],
    rows: Float[Array, "row feature"],
    *,
    static: Any,
    lookback: int,
) -> Float[Array, "window horizon output"]:
    module = eqx.combine(trained, fixed, static)

    def one(start: Int[Array, ""]) -> Float[Array, "horizon output"]:
        return at_last_step(module(gather(rows, start, scale, jnp.int32(0), lookback)))

    return jax.vmap(one)(starts)
