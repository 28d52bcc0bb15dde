"""Many runs in one program: the whole training is one pure function of a run, mapped over runs.

The unit of work is a set of runs: seeds x settings x (market, training span). They share the shapes of their network,
their windows and their recipe; everything else (windows, targets, scales, rates, keys) is an array of its own per run.
The data lie on the device once, and windows are gathered by row inside a step, so that memory grows with the data and
not with data x window. A program trains a stretch of an epoch; between two stretches Python is awake, which is where
progress is told, losses are kept, and Ctrl-C is heard.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import Float, Int

from coincast.errors import UsageError
from coincast.models.forecaster import Axes, Network
from coincast.samples.scaling import InputScale
from coincast.training.devices import advise_more_devices, use_compile_cache
from coincast.training.lanes import Lanes, Static, fetch, split_module
from coincast.training.recipe import Recipe
from coincast.training.steps import Data, advance, shuffle, validation_loss
from coincast.training.trained import TrainedRuns, stack_tables

# One dispatch should end well within a second, so that Ctrl-C is heard and progress moves.
SECONDS_PER_DISPATCH = 0.25
PROGRAMS_KEPT = 8
ANY_RATE = 0.001
"""A program does not know its runs' learning rates; recipes that differ in nothing else share it."""


@dataclass(frozen=True)
class TrainingRun:
    """One run of a set.

    Attributes:
        settings: the network; runs of a set may differ in its rates, not in its shapes.
        recipe: runs of a set may differ in the learning rate only.
        seed: its key; the same seed draws the same numbers whatever runs beside it.
        inputs: unscaled inputs of its market, one row per candle; runs that share a table hand over the same array.
        scale: fitted on its training rows.
        starts, targets: first row and scaled target of each training window.
        validation_starts, validation_targets: the same for the validation windows; empty where there are none.
    """

    settings: Network
    recipe: Recipe
    seed: int
    inputs: Float[np.ndarray, "row feature"]
    scale: InputScale
    starts: Int[np.ndarray, "window"]
    targets: Float[np.ndarray, "window horizon"]
    validation_starts: Int[np.ndarray, "validation"]
    validation_targets: Float[np.ndarray, "validation horizon"]


@dataclass(frozen=True)
class Progress:
    """What a progress bar wants to know after each dispatch."""

    runs: int
    epoch: float
    epochs: int
    loss: float
    steps_per_second: float


def train(
    runs: Sequence[TrainingRun],
    *,
    lookback: int,
    starts: Sequence[Any] | None = None,
    windows: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainedRuns:
    """Train a set of runs in one program.

    Args:
        runs: at least one; see `TrainingRun` for what they must share.
        lookback: past candles of a window.
        starts: the weights that each run begins from (`TrainedRuns.weights`); else those that its settings draw.
        windows: room for at least so many training windows, so that later trainings share the program.
        on_progress: called after each dispatch.

    Returns:
        The trained runs, in the same order.

    Raises:
        UsageError: recipes that differ in more than the learning rate.
    """
    use_compile_cache()
    advice = advise_more_devices()
    if advice is not None:
        warnings.warn(advice, stacklevel=2)
    _refuse_mixed_recipes(runs)
    began = time.perf_counter()
    recipe, horizon = runs[0].recipe, runs[0].targets.shape[1]
    axes = Axes(lookback=lookback, feature=runs[0].inputs.shape[1], horizon=horizon)
    keys = [jax.random.split(jax.random.key(run.seed)) for run in runs]
    # Built outside the sharded program: a QR product inside it dead-locks on CPU.
    parts = [split_module(run.settings.build(axes, key=key[0])) for run, key in zip(runs, keys, strict=True)]
    if starts is not None:
        parts = [(start, fixed, static) for start, (_, fixed, static) in zip(starts, parts, strict=True)]
    static = parts[0][2]
    parameters = sum(leaf.size for leaf in jax.tree.leaves(parts[0][0]))

    lanes = Lanes.arrange(len(runs))
    tables, table_numbers = stack_tables([run.inputs for run in runs])
    shared = lanes.share(tables)
    optimiser = _optimiser()
    data = [
        _run_data(run, number, runs, jax.random.key_data(key[1]), windows)
        for run, number, key in zip(runs, table_numbers, keys, strict=True)
    ]
    blocks = [
        _Block(
            runs=chosen,
            trained=lanes.stack([part[0] for part in parts[chosen]]),
            moments=lanes.stack([optimiser.init(part[0]) for part in parts[chosen]]),
            fixed=lanes.stack([part[1] for part in parts[chosen]]),
            data=lanes.stack(data[chosen]),
        )
        for chosen in lanes.blocks(len(runs))
    ]

    counts = np.array([len(run.starts) for run in runs])
    steps = -(-max(windows, int(counts.max())) // recipe.batch_size)
    stretch = _steps_per_dispatch(steps, parameters * lookback * recipe.batch_size * lanes.width)
    slots = stretch * -(-steps // stretch) * recipe.batch_size
    order_epoch, train_stretch, validate = _compile(
        Static(static), replace(recipe, learning_rate=ANY_RATE), lanes, lookback, slots
    )

    losses = np.zeros((len(runs), recipe.epochs))
    validation_losses = np.zeros_like(losses) if any(len(run.validation_starts) for run in runs) else None
    for epoch in range(recipe.epochs):
        for number, block in enumerate(blocks):
            order = order_epoch(block.data, epoch)
            own = block.runs
            for first in range(0, steps, stretch):
                batches = order[:, first : first + stretch]
                (block.trained, block.moments), sums = train_stretch(
                    (block.trained, block.moments), block.fixed, block.data, batches, shared, epoch, first
                )
                losses[own, epoch] += fetch(sums).astype(np.float64)[: own.stop - own.start]
                if on_progress is not None:
                    last = min(first + stretch, steps)
                    done = epoch + (number + last / steps) / len(blocks)
                    seen = np.minimum(last * recipe.batch_size, counts[own])
                    rate = done * steps * len(runs) / (time.perf_counter() - began)
                    loss = float(np.mean(losses[own, epoch] / seen))
                    on_progress(Progress(len(runs), done, recipe.epochs, loss, rate))
            losses[own, epoch] /= counts[own]
            if validation_losses is not None:
                after = validate(block.trained, block.fixed, block.data, shared)
                validation_losses[own, epoch] = fetch(after).astype(np.float64)[: own.stop - own.start]
    return TrainedRuns(
        axes=axes,
        static=static,
        trained=_gather_runs([(block.runs, block.trained) for block in blocks]),
        fixed=_gather_runs([(block.runs, block.fixed) for block in blocks]),
        losses=losses,
        validation_losses=validation_losses,
        parameters=parameters,
        seconds=time.perf_counter() - began,
    )


def _optimiser() -> optax.GradientTransformation:
    """Adam with Keras's epsilon; it stands after the correction of the bias (Kingma and Ba), in Keras before it."""
    return optax.scale_by_adam(eps=1e-7)


@lru_cache(maxsize=PROGRAMS_KEPT)
def _compile(static: Static, recipe: Recipe, lanes: Lanes, lookback: int, slots: int) -> tuple[Any, Any, Any]:
    """The programs of a training: order of an epoch, a stretch of steps, validation. Equal arguments share them."""
    settings: dict[str, Any] = {"static": static.tree, "recipe": recipe, "lookback": lookback}
    return (
        lanes.program(partial(shuffle, recipe=recipe, slots=slots), shared=1),
        lanes.program(partial(advance, optimiser=_optimiser(), **settings), shared=3, donate=(0,)),
        lanes.program(partial(validation_loss, **settings), shared=1),
    )


def _refuse_mixed_recipes(runs: Sequence[TrainingRun]) -> None:
    recipes = {replace(run.recipe, learning_rate=runs[0].recipe.learning_rate) for run in runs}
    if len(recipes) > 1:
        raise UsageError(
            "runs of one set share their recipe but for the learning rate; train other recipes on their own"
        )


@dataclass
class _Block:
    """Runs that train side by side, and how far they are; see `Lanes`."""

    runs: slice
    trained: Any
    moments: Any
    fixed: Any
    data: Data


def _gather_runs(stacked: Sequence[tuple[slice, Any]]) -> Any:
    """Arrays of all blocks as one stack on the host, spare lanes left out."""
    kept = [jax.tree.map(lambda leaf, n=runs.stop - runs.start: np.asarray(leaf)[:n], tree) for runs, tree in stacked]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *kept)


def _run_data(run: TrainingRun, table: int, runs: Sequence[TrainingRun], key: Any, fewest: int) -> Data:
    """The arrays of one run, padded to the longest of the set, and to `fewest` windows."""
    windows = max(fewest, *(len(other.starts) for other in runs))
    validation = max(len(other.validation_starts) for other in runs)
    return {
        "key": key,
        "table": np.int32(table),
        "relative": run.scale.relative,
        "centre": run.scale.centre.astype(np.float32),
        "spread": run.scale.spread.astype(np.float32),
        "learning_rate": np.float32(run.recipe.learning_rate),
        "count": np.int32(len(run.starts)),
        "starts": _pad(run.starts.astype(np.int32), windows),
        "targets": _pad(run.targets.astype(np.float32), windows),
        "validation_count": np.int32(len(run.validation_starts)),
        "validation_starts": _pad(run.validation_starts.astype(np.int32), validation),
        "validation_targets": _pad(run.validation_targets.astype(np.float32), validation),
    }


def _pad(array: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((length - len(array), *array.shape[1:]), dtype=array.dtype)])


def _steps_per_dispatch(steps: int, work: int) -> int:
    """Steps of one dispatch, from a rough count of multiplications; equal stretches, so that one program serves all."""
    seconds_per_step = 50e-6 + 6 * work / 20e9
    longest = max(1, int(SECONDS_PER_DISPATCH / seconds_per_step))
    return -(-steps // -(-steps // longest))
