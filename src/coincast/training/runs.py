"""What a run learns from, and the arrays of a whole set as they lie on a device: each table and each window once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from coincast.models.forecaster import Axes, Network
from coincast.models.randomness import make_key
from coincast.samples.scaling import InputScale
from coincast.training.recipe import Recipe

Data = dict[str, Any]
"""Arrays of one run, or of all runs."""


@dataclass(frozen=True)
class NoChange:
    """The forecast that the price stays where it is, for losses that look at it.

    Attributes:
        value: scaled target that says so.
        unit: relative change of the price that one unit of the scaled target is.
    """

    value: Float[np.ndarray, "window"]
    unit: Float[np.ndarray, "window"]


@dataclass(frozen=True)
class Lessons:
    """Windows to learn from, or to validate on; runs that share them hand over the same object.

    Attributes:
        starts: first row of each window.
        targets: scaled target of each.
        no_change: needed by some losses.
    """

    starts: Int[np.ndarray, "window"]
    targets: Float[np.ndarray, "window horizon"]
    no_change: NoChange | None = None

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class Span:
    """One market over one span of time.

    Attributes:
        inputs: unscaled inputs, one row per candle; spans that share a table hand over the same array.
        scale: fitted on the training rows.
        training, validation: windows of each part; the latter may be empty.
        step_targets: scaled target as seen from each row, for a loss on every step.
    """

    inputs: Float[np.ndarray, "row feature"]
    scale: InputScale
    training: Lessons
    validation: Lessons
    step_targets: Float[np.ndarray, "row horizon"] | None = None


@dataclass(frozen=True)
class TrainingRun:
    """One run of a set.

    Attributes:
        settings: the network; runs of a set may differ in its rates, not in its shapes.
        recipe: runs of a set may differ in its rates (see `Recipe.static`).
        seed: its key; the same seed draws the same numbers whatever runs beside it.
        spans: what it learns from; several where one network learns from several markets.
    """

    settings: Network
    recipe: Recipe
    seed: int
    spans: tuple[Span, ...]

    @property
    def windows(self) -> int:
        return sum(len(span.training) for span in self.spans)

    @property
    def validation_windows(self) -> int:
        return sum(len(span.validation) for span in self.spans)


def axes_of(run: TrainingRun, lookback: int) -> Axes:
    """Sizes of one sample of a run."""
    span = run.spans[0]
    return Axes(lookback, span.inputs.shape[1], span.training.targets.shape[1], run.recipe.outputs)


def lay_out(runs: Sequence[TrainingRun], *, with_no_change: bool) -> tuple[Data, list[Data]]:
    """The arrays of a set: those that all runs share, and those of each run.

    Tables lie one after the other, and so do windows; a run says where its windows begin and how many they are. So
    memory grows with the data, and not with data x window or data x runs. Lengths are rounded up, so that sets of about
    the same size share a program.

    Args:
        runs: of one set.
        with_no_change: whether the loss looks at the forecast that nothing changes.
    """
    tables, windows, step_targets = _Shelf(), _Shelf(), _Shelf()
    on_every_step = runs[0].recipe.loss_on == "every"
    per_run: list[Data] = []
    for run in runs:
        rows = [tables.place(span.inputs) for span in run.spans]
        places = {}
        for part in ("training", "validation"):
            lessons = tuple(getattr(span, part) for span in run.spans)
            # The same lessons on other tables are other windows.
            key = (*map(id, lessons), *rows)
            places[part] = windows.place((lessons, rows), key, size=sum(map(len, lessons)))
        per_run.append(_run_arrays(run, places["training"], places["validation"]))
        if on_every_step:
            firsts = [step_targets.place(span.step_targets) for span in run.spans]
            per_run[-1]["step_shift"] = np.subtract(firsts, rows).astype(np.int32)
    horizon = runs[0].spans[0].training.targets.shape[1]
    shared = {
        "rows": _join([_clean(inputs) for inputs in tables.held], (runs[0].spans[0].inputs.shape[1],)),
        "starts": _join([_starts(*held) for held in windows.held], (), np.int32),
        "spans": _join([_span_numbers(lessons) for lessons, _ in windows.held], (), np.int32),
        "targets": _join([one.targets for lessons, _ in windows.held for one in lessons], (horizon,)),
    }
    if on_every_step:
        shared["step_targets"] = _join([_clean(targets) for targets in step_targets.held], (horizon,))
    if with_no_change:
        every = [one.no_change for lessons, _ in windows.held for one in lessons]
        shared["naive"] = _join([one.value for one in every], ())
        shared["unit"] = _join([one.unit for one in every], ())
    return shared, per_run


def lay_tables_out(
    tables: Sequence[Float[np.ndarray, "_row feature"]],
) -> tuple[Float[np.ndarray, "row feature"], list[int]]:
    """Distinct tables one after the other as float32, and where each one of `tables` begins."""
    shelf = _Shelf()
    firsts = [shelf.place(table) for table in tables]
    return _join([_clean(table) for table in shelf.held], (tables[0].shape[1],)), firsts


class _Shelf:
    """Things laid one after the other, each object once."""

    def __init__(self) -> None:
        self.held: list[Any] = []
        self.size = 0
        self._places: dict[Any, int] = {}

    def place(self, thing: Any, key: Any = None, size: int | None = None) -> int:
        """Where a thing begins; its key is itself, and its size its length, unless they are given."""
        key = id(thing) if key is None else key
        if key not in self._places:
            self._places[key] = self.size
            self.held.append(thing)
            self.size += len(thing) if size is None else size
        return self._places[key]


def _run_arrays(run: TrainingRun, first: int, first_validation: int) -> Data:
    scales = [span.scale for span in run.spans]
    key = jax.random.key_data(make_key(run.seed))
    moves = [
        one.targets - one.no_change.value[:, None]
        for one in (span.training for span in run.spans)
        if one.no_change is not None
    ]
    return {
        "key": np.asarray(key),
        "first": np.int32(first),
        "count": np.int32(run.windows),
        "first_validation": np.int32(first_validation),
        "validation_count": np.int32(run.validation_windows),
        "relative": np.stack([scale.relative for scale in scales]),
        "centre": np.stack([scale.centre for scale in scales]).astype(np.float32),
        "spread": np.stack([scale.spread for scale in scales]).astype(np.float32),
        "typical": np.float32(np.sqrt(np.mean(np.square(np.concatenate(moves)))) or 1.0) if moves else np.float32(1.0),
        "rates": {name: np.float32(rate) for name, rate in run.recipe.rates().items()},
    }


def _starts(lessons: tuple[Lessons, ...], rows: Sequence[int]) -> Int[np.ndarray, "window"]:
    return np.concatenate([one.starts + first for one, first in zip(lessons, rows, strict=True)])


def _span_numbers(lessons: tuple[Lessons, ...]) -> Int[np.ndarray, "window"]:
    return np.repeat(np.arange(len(lessons)), [len(one) for one in lessons])


def _clean(table: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "row column"]:
    """Float32 without what is not finite: no window reaches those rows."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and so 0
        return np.nan_to_num(table.astype(np.float32), posinf=0, neginf=0)


def _join(arrays: Sequence[np.ndarray], inner: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """Arrays one after the other, with room at the end."""
    size = sum(len(array) for array in arrays)
    joined = np.zeros((room(size), *inner), dtype=dtype)
    if size:
        np.concatenate(arrays, out=joined[:size], casting="same_kind")
    return joined


def room(size: int) -> int:
    """A size rounded up to one of eight between two powers of two: an eighth more at most, and few different ones."""
    step = 1 << max(0, size.bit_length() - 4)
    return max(1, -(-size // step) * step)
