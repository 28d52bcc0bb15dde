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
from coincast.experiments.entries import ModelEntry
from coincast.experiments.fit import Fitted, fit_entry, gather_runs
from coincast.experiments.result import Result
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, choose_candles, make_live_tasks, make_tasks
from coincast.forecasts.combine import add_ensembles, failed_runs
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
    tasks = make_tasks(spec, chosen)
    every_task = [*tasks, *make_live_tasks(spec, chosen)] if beyond else tasks
    watch.lap("samples")

    fitted = []
    for entry in spec.models:
        fitted.append(_fit_or_take(entry, spec, every_task, shelf, on_progress))
        watch.lap("train" if hasattr(entry.settings, "build") else "opponents")

    forecasts = add_ensembles(pl.concat([one.forecasts for one in fitted]))
    outlook = add_ensembles(pl.concat([one.outlook for one in fitted]))
    watch.lap("forecast")
    _refuse_without_runs(spec, forecasts)
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
        notes=(*_gap_notes(chosen), *_failure_notes(pl.concat([forecasts, outlook]))),
        fingerprint=fingerprint,
    )


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
    if shelf is not None:
        shelf.put(entry.label, fitted)
    return fitted


def _refuse_without_runs(spec: Spec, forecasts: pl.DataFrame) -> None:
    """A network none of whose runs ended in finite numbers has no forecast to judge."""
    sound = forecasts.group_by("model").agg(pl.col("value").is_not_null().any().alias("any")).filter(~pl.col("any"))
    if sound.height:
        raise TooFewRowsError(
            f"every run of {sound['model'][0]} ended in numbers that are not finite; try a smaller "
            f'training.learning_rate than {spec.training.learning_rate:g}, or samples.scaling = "training"'
        )


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


def _gap_notes(candles: pl.DataFrame) -> list[str]:
    gaps = (
        find_gaps(candles).group_by("market", maintain_order=True).agg(pl.len().alias("gaps"), pl.col("missing").sum())
    )
    return [
        f"{row['market']} has {_count(row['gaps'], 'gap')}, {_count(row['missing'], 'candle')} missing; "
        "no window reaches across a gap."
        for row in gaps.iter_rows(named=True)
    ]


def _failure_notes(forecasts: pl.DataFrame) -> list[str]:
    return [
        f"Run {row['run']} of {row['model']} on {row['market']} failed: its numbers are not finite. "
        "It is left out of the ensemble."
        for row in failed_runs(forecasts).iter_rows(named=True)
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
