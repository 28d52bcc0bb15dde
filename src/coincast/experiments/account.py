"""The account of an experiment: what it used, and what a reader should know before believing a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from coincast.candles.quality import find_gaps
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task
from coincast.forecasts.combine import ENSEMBLE, failed_runs
from coincast.forecasts.table import TIME


def part_rows(task: Task) -> pl.DataFrame:
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


def input_rows(task: Task) -> pl.DataFrame:
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


def join_notes(tasks: Sequence[Task], candles: pl.DataFrame) -> list[str]:
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


def gap_notes(tasks: Sequence[Task]) -> list[str]:
    """Gaps of each market, over which no window reaches."""
    gaps = find_gaps(pl.concat([task.samples.candles for task in tasks]))
    return [
        f"{row['market']} has {_count(row['gaps'], 'gap')}, {_count(row['missing'], 'candle')} missing; "
        "no window reaches across a gap."
        for row in gaps.group_by("market", maintain_order=True)
        .agg(pl.len().alias("gaps"), pl.col("missing").sum())
        .iter_rows(named=True)
    ]


def refit_notes(spec: Spec) -> list[str]:
    """How models were refitted on the way through the test span."""
    split = spec.split
    learnt = f"the newest {split.window:,} rows" if split.window else "all rows before"
    when = f"every {_count(split.every, 'row')} of the test span, from {learnt}"
    ways = {
        "every": f"Every model was fitted anew {when}.",
        "warm": f"Every model was refitted {when}; networks went on from their weights (warm start).",
        "drift": f"A model was fitted anew, {when}, where its loss beside the naive one had grown beyond chance.",
    }
    return [ways[split.refit]] if split.refit in ways else []


def failure_notes(forecasts: pl.DataFrame) -> list[str]:
    """Runs and forecasts that are not finite."""
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
