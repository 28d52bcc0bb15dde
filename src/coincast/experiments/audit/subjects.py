"""What an experiment computes from candles, as subjects of the audit: columns, samples, scales and forecasts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.candles.join import join_markets
from coincast.errors import UsageError
from coincast.experiments.audit.futures import SAME_LENGTH, World, milliseconds
from coincast.experiments.audit.probes import Key, Reading, Subject
from coincast.experiments.fit import fit_entry
from coincast.experiments.tasks import Task, make_tasks, plan_fits
from coincast.samples.features import FEATURES, compute_feature
from coincast.samples.windows import find_stretches

if TYPE_CHECKING:
    from coincast.experiments.entries import ModelEntry
    from coincast.experiments.spec import Spec

FeatureFunction = Callable[[pl.DataFrame], Any]
"""Candles of one market, in order of time -> one value per candle."""

SPLIT_KINDS = frozenset({"scale", "training", "parameters", "forecast"})
"""Items that depend on where the parts begin, and so, where a split is given by shares, on the number of rows."""
TRAINING_ORIGINS = 256
"""Training windows that a network forecasts once more, so that a changed weight is seen."""
AUDIT_EPOCHS = 2


# ---------------------------------------------------------------- columns


def single_markets(world: World, spec: Spec) -> dict[str, World]:
    """One world per market whose features are inputs, on the candles that the experiment would use."""
    markets = world.candles["market"].unique(maintain_order=True).to_list()
    if spec.samples.inputs == "all":
        tables = join_markets(world.candles, markets)
    else:
        markets = [market for market in markets if market in (spec.samples.targets or markets)]
        tables = [world.candles.filter(pl.col("market") == market) for market in markets]
    return {market: World(table, world.outside) for market, table in zip(markets, tables, strict=True)}


def column_subject(name: str, market: str) -> Subject:
    """A feature of the registry, or an extra column, as samples compute it."""

    def read(world: World) -> dict[Key, Reading]:
        candles = world.candles if name in FEATURES or name in world.candles.columns else world.join()
        opens, closes = milliseconds(candles["open_time"]), milliseconds(candles["close_time"])
        values = compute_feature(name, candles, find_stretches(opens, closes)).to_numpy()
        return {("column", name, market): Reading(closes, values[:, None])}

    return Subject(read)


def function_subject(name: str, market: str, function: FeatureFunction) -> Subject:
    """A user's own feature function, called with all candles of one market."""

    def read(world: World) -> dict[Key, Reading]:
        candles = world.join()
        closes = milliseconds(candles["close_time"])
        return {("column", name, market): Reading(closes, _as_column(name, function(candles), candles.height))}

    return Subject(read)


def _as_column(name: str, values: Any, rows: int) -> np.ndarray:
    """What a feature function gave, as a column of floats."""
    if isinstance(values, pl.DataFrame):
        values = values.to_series() if values.width == 1 else values.to_numpy()
    if isinstance(values, pl.Series):
        values = values.cast(pl.Float64).to_numpy()  # null becomes NaN
    array = np.asarray(values, dtype=np.float64)
    if array.shape[:1] != (rows,):
        raise UsageError(
            f"feature {name!r} gave an array of shape {array.shape} for {rows} candles; it must give one value per "
            "candle"
        )
    return array.reshape(rows, -1)


# ---------------------------------------------------------------- samples


def make_fits(spec: Spec, world: World) -> list[Task]:
    """What models learn and forecast in a world; of many refits of a market the first, the middle and the last."""
    plans = [plan_fits(spec, task) for task in make_tasks(spec, world.join())]
    return [plan[place] for plan in plans for place in sorted({0, len(plan) // 2, len(plan) - 1})]


def sample_subject(spec: Spec) -> Subject:
    """Inputs, windows, targets, training samples and the statistics of scaling, as the experiment makes them."""

    def read(world: World) -> dict[Key, Reading]:
        readings: dict[Key, Reading] = {}
        by_market: dict[str, list[Task]] = {}
        for task in make_fits(spec, world):
            by_market.setdefault(task.market, []).append(task)
        for market, tasks in by_market.items():
            readings |= _read_samples(tasks[0])
            learnt = [_read_learnt(task) for task in tasks]
            readings |= {
                (*key, market): _stack([each[key] for each in learnt])
                for key in (("scale", "inputs"), ("scale", "target"), ("training", "samples"))
            }
        return readings

    return Subject(read, needs_length=SPLIT_KINDS)


def _read_samples(task: Task) -> dict[Key, Reading]:
    """The table of inputs, the windows, and the targets of all windows whose future is known."""
    samples, closes = task.samples, task.samples.close_time
    known = samples.windows.select(samples.known)
    starts = samples.open_time[samples.windows.starts].astype(np.float64)
    return {
        ("inputs", "all columns", samples.market): Reading(closes, samples.inputs),
        ("windows", "past", samples.market): Reading(closes[samples.windows.origin_rows], starts[:, None]),
        ("target", task_target(samples), samples.market): Reading(
            closes[known.starts + known.lookback + known.horizon - 1], samples.targets(known)
        ),
    }


def task_target(samples: Any) -> str:
    """Name of what is learnt."""
    from coincast.samples.targets import TARGETS

    return next((name for name, target in TARGETS.items() if target is samples.target), "target")


def _read_learnt(task: Task) -> dict[tuple[str, str], Reading]:
    """What is fitted on the training rows; none of it may know more than its last."""
    scale = task.input_scale
    inputs = np.column_stack([scale.relative.astype(np.float64), scale.centre, scale.spread])
    target = np.array([[task.target_scale.centre, task.target_scale.spread]])
    starts = task.samples.open_time[task.training.starts].astype(np.float64)
    training = np.column_stack([starts, task.target_scale.scale(task.samples.targets(task.training))])
    named = {("scale", "inputs"): inputs, ("scale", "target"): target, ("training", "samples"): training}
    return {key: Reading(np.full(len(each), task.trained_until), each) for key, each in named.items()}


def _stack(readings: Sequence[Reading]) -> Reading:
    return Reading(
        np.concatenate([each.moments for each in readings]), np.concatenate([each.values for each in readings])
    )


# ---------------------------------------------------------------- forecasts


def audit_spec(spec: Spec) -> Spec:
    """The spec with as little training as shows a leak: whether a weight knows its future does not depend on epochs."""
    training = spec.training.model_copy(update={"epochs": AUDIT_EPOCHS, "warmup_epochs": 0, "seeds": 1})
    return spec.model_copy(update={"training": training, "grid": {}})


def forecaster_subject(entry: ModelEntry, spec: Spec) -> Subject:
    """What a model that is not trained by gradient forecasts, at the last training row and at every test origin."""

    def read(world: World) -> dict[Key, Reading]:
        tasks = [_with_last_training_origin(task) for task in make_fits(spec, world)]
        return split_forecasts(entry.label, fit_entry(entry, spec, tasks, beside=False).forecasts)

    return Subject(read, futures=SAME_LENGTH, needs_length=SPLIT_KINDS)


def _with_last_training_origin(task: Task) -> Task:
    """The origins of a task, and the row where training ends: what is forecast there hangs on the parameters alone."""
    rows = np.union1d(task.test.origin_rows, [task.parts.train.end - 1])
    return _at_origins(task, rows)


def with_training_origins(task: Task) -> Task:
    """The origins of a task, and those of its last training windows."""
    return _at_origins(task, np.union1d(task.test.origin_rows, task.training.origin_rows[-TRAINING_ORIGINS:]))


def _at_origins(task: Task, rows: np.ndarray) -> Task:
    windows = task.samples.windows
    return dataclasses.replace(task, test=windows.select(task.samples.known & np.isin(windows.origin_rows, rows)))


def split_forecasts(label: str, forecasts: pl.DataFrame) -> dict[Key, Reading]:
    """Forecasts of one model: those at training origins tell its parameters, the others may know their origin.

    A forecast at a training origin depends on the future by way of the parameters alone, so that every bit of it must
    stay where a changed future begins after the training part.
    """
    readings: dict[Key, Reading] = {}
    trained = forecasts["trained_until"].dt.epoch("ms").to_numpy()
    origins = forecasts["origin"].dt.epoch("ms").to_numpy()
    values = forecasts["value"].fill_null(np.nan).to_numpy()[:, None]
    markets = forecasts["market"].to_numpy()
    learns = not np.array_equal(trained, origins)
    for market in dict.fromkeys(markets.tolist()):
        own = markets == market
        early = own & (origins <= trained) if learns else np.zeros_like(own)
        for kind, rows in (("parameters", early), ("forecast", own & ~early)):
            if rows.any():
                readings[kind, label, market] = Reading(np.maximum(trained, origins)[rows], values[rows])
    return readings


def part_moments(tasks: Sequence[Task]) -> list[int]:
    """Moments where parts end and begin, and the first origin: where leaks between parts show."""
    moments: list[int] = []
    for task in tasks:
        closes, parts = task.samples.close_time, task.parts
        rows = [parts.train.end - 1, parts.validation.end - 1, parts.test.first, task.training.origin_rows[0]]
        moments += [int(closes[row]) for row in (*rows, task.test.origin_rows[0]) if 0 <= row < len(closes)]
    return sorted(set(moments))
