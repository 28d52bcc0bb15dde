"""How much history a value needs: shorten the past, and see from which length on nothing changes any more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from coincast.errors import DataError
from coincast.experiments.audit.futures import World
from coincast.experiments.audit.probes import Key, Subject, try_reading
from coincast.experiments.fit import fit_entry
from coincast.experiments.tasks import Task, make_tasks

if TYPE_CHECKING:
    from coincast.experiments.entries import ModelEntry
    from coincast.experiments.spec import Spec

TOLERANCE = 1e-6
"""Relative change of a value below which more history makes no difference."""
ROWS = 5
FORECAST_LENGTHS = 12
Curve = list[tuple[int, float]]


def lengths_up_to(longest: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, 16, 24, ...: two lengths per doubling."""
    ladder = sorted({1, *(base * 2**power for base in (2, 3) for power in range(40))})
    return [length for length in ladder if length <= longest]


def column_warm_up(subject: Subject, key: Key, world: World) -> tuple[int | None, Curve]:
    """History that a column needs, the row itself included; None where it has not settled within the candles.

    Measured at a few rows of the later half, with the longest gap-free history before each; the largest difference
    counts. A row whose value is unknown with all its history tells nothing.
    """
    candles = world.candles
    rows = np.unique(np.linspace(candles.height // 2, candles.height - 1, ROWS).astype(int)).tolist()

    def value(first: int, row: int) -> np.ndarray | None:
        reading = try_reading(subject, World(candles[first : row + 1], world.outside))
        return None if reading is None or key not in reading else reading[key].values[-1]

    whole = {row: value(0, row) for row in rows}
    known = {row: values for row, values in whole.items() if values is not None and np.isfinite(values).all()}
    if not known:
        return None, []

    def difference(length: int) -> float:
        return max(_difference(value(row - length + 1, row), values) for row, values in known.items())

    # With half of the history there is as much again that could still matter.
    curve = [(length, difference(length)) for length in lengths_up_to(max(1, (min(known) + 1) // 2))]
    settled = _settled(curve)
    if settled is None:
        return None, curve
    shorter = max((length for length, _ in curve if length < settled), default=0)
    while settled - shorter > 1:
        middle = (settled + shorter) // 2
        shorter, settled = (shorter, middle) if difference(middle) <= TOLERANCE else (middle, settled)
    return settled, curve


def forecast_warm_up(entry: ModelEntry, spec: Spec, world: World) -> tuple[int | None, Curve]:
    """History that a forecast needs, the candle of its origin included, given the same parameters.

    Candles between the training part and the history are left out, so that training is as it was and the forecast at
    the last origin sees that much and no more. None where the test part is too short to tell.
    """
    market = make_tasks(spec, world.join())[0].market
    samples = spec.samples.model_copy(update={"targets": [market]})
    narrow = spec.model_copy(update={"samples": samples})
    task = make_tasks(narrow, world.join())[0]
    pinned = _pin_split(narrow, task)
    origin = int(task.test.origin_rows[-1])
    first = task.parts.test.first
    lookback = spec.samples.lookback
    ladder = {*lengths_up_to(origin - first), lookback, lookback + 1, lookback + 2}
    lengths = sorted(length for length in ladder if lookback <= length <= origin - first)[:FORECAST_LENGTHS]
    made: list[tuple[int, Task]] = []
    for length in lengths:
        try:
            shortened = make_tasks(pinned, _without(world, task, first, origin - length + 1).join())[0]
        except DataError:
            continue
        if shortened.samples.close_time[shortened.test.origin_rows[-1]] == task.samples.close_time[origin]:
            made.append((length, shortened))
    if not made or _has_gap(task, origin, first):
        return None, []
    tasks = [_at_last(each) for each in (task, *(shortened for _, shortened in made))]
    forecasts = fit_entry(entry, pinned, tasks, beside=False).forecasts["value"].fill_null(np.nan).to_numpy()
    each = forecasts.reshape(len(tasks), -1)
    curve = [(length, float("inf")) for length in lengths if length < made[0][0]]
    curve += [(length, _difference(each[place], each[0])) for place, (length, _) in enumerate(made, start=1)]
    return _settled(curve), curve


def _difference(value: np.ndarray | None, whole: np.ndarray) -> float:
    """Largest relative difference; infinite where there is no value."""
    if value is None or not np.isfinite(value).all():
        return float("inf")
    scale = np.where(whole == 0, 1.0, np.abs(whole))
    return float((np.abs(value - whole) / scale).max())


def _settled(curve: Sequence[tuple[int, float]]) -> int | None:
    """The shortest length from which on no difference is above the tolerance."""
    late = [place for place, (_, difference) in enumerate(curve) if difference > TOLERANCE]
    place = late[-1] + 1 if late else 0
    return curve[place][0] if place < len(curve) else None


def _pin_split(spec: Spec, task: Task) -> Spec:
    """The same parts, said by dates: they stay where they are when candles are left out after them."""

    def opens(row: int) -> datetime:
        return datetime.fromtimestamp(int(task.samples.open_time[row]) / 1000, UTC)

    dates: dict[str, object] = {"test": opens(task.parts.test.first)}
    if len(task.parts.validation):
        dates["validation"] = opens(task.parts.validation.first)
    return spec.model_copy(update={"split": spec.split.model_copy(update={**dates, "refit": "never"})})


def _without(world: World, task: Task, first: int, end: int) -> World:
    """The world without the candles of some rows of a task."""
    opens = task.samples.candles["open_time"]
    is_out = pl.col("open_time").is_between(opens[first], opens[end - 1]) if end > first else pl.lit(False)
    return World(world.candles.filter(~is_out), world.outside)


def _has_gap(task: Task, origin: int, first: int) -> bool:
    """Whether the test part has a gap before its last origin, which would shorten the history by itself."""
    opens, closes = task.samples.open_time, task.samples.close_time
    return bool((opens[first + 1 : origin + 1] != closes[first:origin]).any())


def _at_last(task: Task) -> Task:
    windows = task.samples.windows
    return dataclasses.replace(task, test=windows.select(windows.origin_rows == task.test.origin_rows[-1]))
