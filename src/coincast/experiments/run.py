"""The main path of an experiment: load, sample, split, fit, forecast, score."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from coincast.errors import TooFewRowsError, UsageError
from coincast.experiments.account import failure_notes, gap_notes, input_rows, join_notes, part_rows, refit_notes
from coincast.experiments.entries import ModelEntry, is_network
from coincast.experiments.fit import OnProgress, fit_entry
from coincast.experiments.grid import expand_grid, read_grid
from coincast.experiments.outline import check_network
from coincast.experiments.reach import reach_notes
from coincast.experiments.result import Result
from coincast.experiments.rows import Fitted, gather_runs
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, choose_candles, make_tasks
from coincast.forecasts.combine import add_ensembles
from coincast.forecasts.intervals import make_intervals
from coincast.samples.shift import measure_shift
from coincast.scores.interval import score_intervals
from coincast.scores.verdict import score_forecasts, score_full_interval

if TYPE_CHECKING:
    from coincast.experiments.desk import Desk
    from coincast.experiments.sections import TrainingSection


class Shelf(Protocol):
    """Where finished models are kept, so that an interrupted experiment goes on with the rest."""

    def take(self, label: str) -> Fitted | None: ...

    def put(self, label: str, fitted: Fitted) -> None: ...

    def desk(self, label: str, training: TrainingSection) -> Desk: ...


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
    beside: bool = True,
    fingerprint: str = "",
    shelf: Shelf | None = None,
    on_progress: OnProgress | None = None,
) -> Result:
    """Run an experiment in memory.

    Args:
        spec: what to do.
        candles: candle table of all markets that the spec needs.
        files: what is known of the files that the candles came from.
        beyond: also train on everything and forecast beyond the last candle, in the same program.
        beside: also forecast the validation part, which intervals learn from, and the whole test span from its first
            origin.
        fingerprint: of spec, candles and code, where the caller keeps runs apart by it.
        shelf: where finished models are kept and taken from.
        on_progress: told the label, and the progress of every training and of fits that take a while.

    Raises:
        UsageError: the spec asks for what is not there.
        DataError: the candles do not suffice.
    """
    watch = Stopwatch()
    chosen = choose_candles(candles, spec.data)
    every_task = make_tasks(spec, chosen, beyond=beyond)
    tasks = [task for task in every_task if not task.is_live]
    watch.lap("samples")

    reach = _check_networks(spec, every_task)
    resumed: list[str] = []
    fit = partial(_fit_or_take, spec=spec, tasks=every_task, beside=beside, on_progress=on_progress)
    fitted = _fit_all(spec, partial(fit, shelf=shelf, resumed=resumed), watch)
    undirected = _find_undirected(fitted)
    forecasts = add_ensembles(_leave_out(pl.concat([one.forecasts for one in fitted]), undirected))
    outlook = add_ensembles(_leave_out(pl.concat([one.outlook for one in fitted]), undirected))
    calibration = add_ensembles(_leave_out(pl.concat([one.calibration for one in fitted]), undirected))
    full_interval = add_ensembles(_leave_out(pl.concat([one.full_interval for one in fitted]), undirected))
    watch.lap("forecast")
    scores = score_forecasts(forecasts)
    if full_interval.height:
        scores = pl.concat([scores, score_full_interval(full_interval)])
    intervals = None
    if spec.judge.intervals != "none":
        own, past_own = (pl.concat([getattr(one, name) for one in fitted]) for name in ("quantiles", "past_quantiles"))
        method = spec.judge.intervals
        intervals = make_intervals(forecasts, calibration, method=method, own=own, past_own=past_own)
        scores = pl.concat([scores, score_intervals(forecasts, intervals.table, calibration=calibration)])
    watch.lap("score")
    return Result(
        spec=spec,
        candles=chosen,
        parts=pl.concat([part_rows(task) for task in tasks]),
        inputs=pl.concat([input_rows(task) for task in tasks]),
        forecasts=forecasts,
        scores=scores,
        runs=gather_runs([one.runs for one in fitted]),
        history=pl.concat([one.history for one in fitted]),
        shift=pl.concat([measure_shift(t.samples, t.input_scale, t.training, t.test) for t in tasks]),
        outlook=outlook,
        calibration=calibration,
        full_interval=full_interval,
        intervals=None if intervals is None else intervals.table,
        seconds=watch.seconds,
        files=tuple(files),
        notes=(
            *join_notes(tasks, chosen),
            *gap_notes(tasks),
            *refit_notes(spec),
            *reach,
            *resumed,
            *(
                f"{model} on {market} never names a direction (it repeats the last known price, or gives even odds); "
                "it is left out."
                for market, model in undirected.iter_rows()
            ),
            *failure_notes(pl.concat([forecasts, outlook])),
            *(() if intervals is None else intervals.notes),
        ),
        fingerprint=fingerprint,
    )


def _check_networks(spec: Spec, tasks: Sequence[Task]) -> list[str]:
    """Refuse what no network can be trained with, before anything is fitted; notes on targets out of their reach."""
    read_grid(spec)
    networks = [check_network(entry, spec, tasks) for entry in spec.models if is_network(entry)]
    settings = [setting for own in networks for setting in own]
    if spec.judge.intervals == "network" and not any(one.spec.recipe().head.quantiles for one in settings):
        raise UsageError(
            "judge.intervals is 'network', and no network forecasts quantiles; set training.loss to 'quantile', "
            "'gaussian' or 'student', or judge.intervals = \"ensemble\""
        )
    return [note for own in networks for note in reach_notes(own, spec, tasks)]


def _fit_all(spec: Spec, fit: Callable[[ModelEntry], Fitted], watch: Stopwatch) -> list[Fitted]:
    """Every model in the order of the spec; what fails early comes first, and networks are trained last."""
    networks = [entry for entry in spec.models if is_network(entry)]
    opponents = [entry for entry in spec.models if not is_network(entry)]
    fitted = {}
    for stage, entries in (("opponents", opponents), ("train", networks)):
        for entry in entries:
            fitted[entry.label] = fit(entry)
            watch.lap(stage)
    return [fitted[entry.label] for entry in spec.models]


def _fit_or_take(
    entry: ModelEntry,
    *,
    spec: Spec,
    tasks: Sequence[Task],
    shelf: Shelf | None,
    beside: bool,
    on_progress: OnProgress | None,
    resumed: list[str],
) -> Fitted:
    finished = shelf.take(entry.label) if shelf is not None else None
    if finished is not None:
        return finished
    desk = shelf.desk(entry.label, spec.training) if shelf is not None and is_network(entry) else None
    fitted = fit_entry(entry, spec, tasks, beside=beside, on_progress=on_progress, desk=desk)
    resumed += [] if desk is None else desk.notes
    if spec.samples.quantity != "direction" or is_network(entry):
        for forecasts in (fitted.forecasts, fitted.outlook):
            _refuse_unsound(entry, spec, forecasts)
    if shelf is not None:
        shelf.put(entry.label, fitted)
    return fitted


def _find_undirected(fitted: Sequence[Fitted]) -> pl.DataFrame:
    """Market and model of what never names a direction: a copy of the last price has none, nor has even odds."""
    has_failed = (pl.col("run") > 0) & pl.col("value").is_null().all().over("market", "model")
    rows = pl.concat([one.forecasts for one in fitted]).filter(pl.col("quantity") == "direction", ~has_failed)
    named = rows.group_by("market", "model", maintain_order=True).agg((pl.col("value") != 0.5).any())
    return named.filter(~pl.col("value").fill_null(False)).select("market", "model")


def _leave_out(forecasts: pl.DataFrame, undirected: pl.DataFrame) -> pl.DataFrame:
    return forecasts.join(undirected, on=["market", "model"], how="anti", maintain_order="left")


def _refuse_unsound(entry: ModelEntry, spec: Spec, forecasts: pl.DataFrame) -> None:
    """A model that says nothing but what is not finite about a market has no forecast to judge.

    One setting of a grid that fails beside others that do not is left to the notes.
    """
    sound = forecasts.group_by("market", maintain_order=True).agg(
        pl.col("model").first(), pl.col("value").is_not_null().any()
    )
    for market, model in sound.filter(~pl.col("value")).select("market", "model").iter_rows():
        advice = "correct its method forecast, or leave it out of the models"
        if is_network(entry):
            rates = [one.spec.training.learning_rate for one in expand_grid(entry, spec) if one.label == model]
            advice = f'try a smaller training.learning_rate than {rates[0]:g}, or samples.scaling = "training"'
        raise TooFewRowsError(f"every run of {model} on {market} ended in numbers that are not finite; {advice}")
