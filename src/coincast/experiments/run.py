"""The main path of an experiment: load, sample, split, fit, forecast, score."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from coincast.candles.quality import find_gaps
from coincast.errors import TooFewRowsError
from coincast.experiments.entries import ModelEntry, is_network
from coincast.experiments.fit import check_network, fit_entry
from coincast.experiments.grid import read_grid
from coincast.experiments.result import Result
from coincast.experiments.rows import Fitted, gather_runs
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, choose_candles, make_tasks
from coincast.forecasts.combine import ENSEMBLE, add_ensembles, failed_runs
from coincast.forecasts.table import TIME
from coincast.samples.shift import measure_shift
from coincast.scores.verdict import score_forecasts

if TYPE_CHECKING:
    from coincast.training.trainer import Progress


class Shelf(Protocol):
    """Where finished models are kept, so that an interrupted experiment goes on with the rest."""

    def take(self, label: str) -> Fitted | None: ...

    def put(self, label: str, fitted: Fitted) -> None: ...


@dataclass
class Stopwatch:
    """Wall time of named stages, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """End a stage; a stage that comes again adds up."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.began
        self.began = now


def run_experiment(
    spec: Spec,
    candles: pl.DataFrame,
    *,
    files: Sequence[Mapping[str, Any]] = (),
    beyond: bool = False,
    fingerprint: str = "",
    shelf: Shelf | None = None,
    on_progress: Callable[[str, Progress], None] | None = None,
) -> Result:
    """Run an experiment in memory.

    Args:
        spec: what to do.
        candles: candle table of all markets that the spec needs.
        files: what is known of the files that the candles came from.
        beyond: also train on everything and forecast beyond the last candle, in the same program.
        fingerprint: of spec, candles and code, where the caller keeps runs apart by it.
        shelf: where finished models are kept and taken from.
        on_progress: told the label and the progress of every training.

    Raises:
        UsageError: the spec asks for what is not there.
        DataError: the candles do not suffice.
    """
    watch = Stopwatch()
    chosen = choose_candles(candles, spec.data)
    every_task = make_tasks(spec, chosen, beyond=beyond)
    tasks = [task for task in every_task if not task.is_live]
    watch.lap("samples")

    fitted = _fit_all(spec, every_task, shelf, on_progress, watch)
    forecasts = add_ensembles(pl.concat([one.forecasts for one in fitted]))
    outlook = add_ensembles(pl.concat([one.outlook for one in fitted]))
    watch.lap("forecast")
    scores = score_forecasts(forecasts)
    watch.lap("score")
    return Result(
        spec=spec,
        candles=chosen,
        parts=pl.concat([_part_rows(task) for task in tasks]),
        inputs=pl.concat([_input_rows(task) for task in tasks]),
        forecasts=forecasts,
        scores=scores,
        runs=gather_runs([one.runs for one in fitted]),
        history=pl.concat([one.history for one in fitted]),
        shift=pl.concat([measure_shift(t.samples, t.input_scale, t.training, t.test) for t in tasks]),
        outlook=outlook,
        seconds=watch.seconds,
        files=tuple(files),
        notes=(*_join_notes(tasks, chosen), *_gap_notes(tasks), *_failure_notes(pl.concat([forecasts, outlook]))),
        fingerprint=fingerprint,
    )


def _fit_all(
    spec: Spec,
    tasks: Sequence[Task],
    shelf: Shelf | None,
    on_progress: Callable[[str, Progress], None] | None,
    watch: Stopwatch,
) -> list[Fitted]:
    """Every model in the order of the spec; what fails early comes first, and networks are trained last."""
    read_grid(spec)
    networks = [entry for entry in spec.models if is_network(entry)]
    for entry in networks:
        check_network(entry, spec, tasks)
    opponents = [entry for entry in spec.models if not is_network(entry)]
    fitted = {}
    for stage, entries in (("opponents", opponents), ("train", networks)):
        for entry in entries:
            fitted[entry.label] = _fit_or_take(entry, spec, tasks, shelf, on_progress)
            watch.lap(stage)
    return [fitted[entry.label] for entry in spec.models]


def _fit_or_take(
    entry: ModelEntry,
    spec: Spec,
    tasks: Sequence[Task],
    shelf: Shelf | None,
    on_progress: Callable[[str, Progress], None] | None,
) -> Fitted:
    finished = shelf.take(entry.label) if shelf is not None else None
    if finished is not None:
        return finished
    fitted = fit_entry(entry, spec, tasks, on_progress=on_progress)
    for forecasts in (fitted.forecasts, fitted.outlook):
        _refuse_unsound(entry, spec, forecasts)
    if shelf is not None:
        shelf.put(entry.label, fitted)
    return fitted


def _refuse_unsound(entry: ModelEntry, spec: Spec, forecasts: pl.DataFrame) -> None:
    """A model that says nothing but what is not finite about a market has no forecast to judge."""
    sound = forecasts.group_by("market", "model", maintain_order=True).agg(pl.col("value").is_not_null().any())
    for market, model in sound.filter(~pl.col("value")).select("market", "model").iter_rows():
        advice = (
            f"try a smaller training.learning_rate than {spec.training.learning_rate:g}, or samples.scaling = "
            '"training"'
            if is_network(entry)
            else "correct its method forecast, or leave it out of the models"
        )
        raise TooFewRowsError(f"every run of {model} on {market} ended in numbers that are not finite; {advice}")


def _part_rows(task: Task) -> pl.DataFrame:
    """Rows and windows of each part of one market."""
    samples = task.samples
    rows = []
    for name, windows in (("train", task.training), ("validation", task.validation), ("test", task.test)):
        part = getattr(task.parts, name)
        if len(part) > 0:
            rows.append(
                {
                    "market": task.market,
                    "interval": samples.interval,
                    "part": name,
                    "first": samples.candles["open_time"][part.first],
                    "last": samples.candles["close_time"][part.end - 1],
                    "rows": len(part),
                    "windows": len(windows),
                }
            )
    return pl.DataFrame(rows).with_columns(pl.col("first", "last").cast(TIME))


def _input_rows(task: Task) -> pl.DataFrame:
    """What every input adds up to over the training rows: the check that no column is dead or read wrongly."""
    training = task.samples.inputs[task.parts.train.first : task.parts.train.end]
    return pl.DataFrame(
        {
            "market": [task.market] * len(task.samples.names),
            "input": list(task.samples.names),
            "train_sum": np.nansum(training, axis=0),
            "train_mean": np.nanmean(training, axis=0),
            "train_deviation": np.nanstd(training, axis=0),
        }
    )


def _join_notes(tasks: Sequence[Task], candles: pl.DataFrame) -> list[str]:
    """What joining the inputs of several markets cost each of them."""
    times = {str(market): set(table["close_time"]) for (market,), table in candles.group_by("market")}
    notes = []
    for task in tasks:
        left_out = times[task.market] - set(task.samples.candles["close_time"])
        lacking = [other for other in candles["market"].unique(maintain_order=True) if left_out - times[other]]
        if left_out:
            notes.append(
                f"{_count(len(left_out), 'candle')} of {task.market} left out, since {' and '.join(lacking)} "
                "have none of that time, and all markets are inputs."
            )
    return notes


def _gap_notes(tasks: Sequence[Task]) -> list[str]:
    gaps = find_gaps(pl.concat([task.samples.candles for task in tasks]))
    return [
        f"{row['market']} has {_count(row['gaps'], 'gap')}, {_count(row['missing'], 'candle')} missing; "
        "no window reaches across a gap."
        for row in gaps.group_by("market", maintain_order=True)
        .agg(pl.len().alias("gaps"), pl.col("missing").sum())
        .iter_rows(named=True)
    ]


def _failure_notes(forecasts: pl.DataFrame) -> list[str]:
    runs = [
        f"Run {row['run']} of {row['model']} on {row['market']} failed: its numbers are not finite. "
        "It is left out of the ensemble."
        for row in failed_runs(forecasts).iter_rows(named=True)
    ]
    alone = forecasts.filter(pl.col("run") == 0, ~pl.col("model").str.ends_with(ENSEMBLE))
    holes = alone.group_by("model", "market", maintain_order=True).agg(pl.len(), bad=pl.col("value").null_count())
    return runs + [
        f"{row['bad']} of {_count(row['len'], 'forecast')} of {row['model']} on {row['market']} are not finite. "
        "They are left out of its scores."
        for row in holes.filter(pl.col("bad") > 0).iter_rows(named=True)
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
