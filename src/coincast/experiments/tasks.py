"""What is to be learnt and forecast: one task per market and training span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from coincast.candles.table import check_candles
from coincast.errors import TooFewRowsError, UnknownNameError, UsageError
from coincast.experiments.sections import DataSection
from coincast.experiments.spec import Spec
from coincast.samples.quantities import QUANTITIES
from coincast.samples.samples import Samples, make_sample_sets, make_samples
from coincast.samples.scaling import InputScale, fit_input_scale
from coincast.samples.splits import Part, Parts, split_rows
from coincast.samples.targets import TARGETS, TargetScale, fit_target_scale
from coincast.samples.windows import Windows
from coincast.tabular import read_span


@dataclass(frozen=True)
class Task:
    """One market, learnt from one span and forecast at some origins.

    Attributes:
        samples: inputs, windows and targets of the market.
        parts: rows of training, validation and test; for a forecast beyond the last candle all rows are training rows.
        training, validation, test: windows of each part; `test` holds the origins to forecast.
        input_scale, target_scale: fitted on the training part.
        is_live: whether the forecasts lie beyond the last candle.
        fit: number of the fit while walking forward, from 1.
        is_planned: whether it is one of the fits of `plan_fits`.
        candles: those of all markets that its samples were made from, where others may be made (`vary_tasks`).
    """

    samples: Samples
    parts: Parts
    training: Windows
    validation: Windows
    test: Windows
    input_scale: InputScale
    target_scale: TargetScale
    is_live: bool = False
    fit: int = 1
    is_planned: bool = False
    candles: pl.DataFrame | None = field(default=None, repr=False)

    @property
    def market(self) -> str:
        return self.samples.market

    @property
    def trained_until(self) -> int:
        """Close of the last training row, milliseconds since 1970."""
        return int(self.samples.close_time[self.parts.train.end - 1])

    def learnt_until(self, *, stops_early: bool) -> int:
        """Close of the last row that a network knows: where it stops early, of the last one that chooses its epoch."""
        part = self.parts.validation if stops_early else self.parts.train
        return int(self.samples.close_time[part.end - 1])


def choose_candles(candles: pl.DataFrame, data: DataSection) -> pl.DataFrame:
    """Candles of the wanted markets, interval and span, in the order of `data.markets`.

    Raises:
        UnknownNameError: a market that is not there.
        UsageError: several intervals and none chosen, or a time that cannot be read.
        TooFewRowsError: no candles in the span.
    """
    candles = check_candles(candles)
    markets = data.markets or candles["market"].unique(maintain_order=True).to_list()
    known = set(candles["market"].unique())
    for market in markets:
        if market not in known:
            raise UnknownNameError("market", market, known)
    chosen = pl.concat([candles.filter(pl.col("market") == market) for market in markets])
    intervals = chosen["interval"].unique().sort().to_list()
    if data.interval is not None and data.interval not in intervals:
        raise UnknownNameError("interval in these candles", data.interval, intervals)
    if data.interval is None and len(intervals) > 1:
        raise UsageError(
            f"the candles come in several intervals: {', '.join(intervals)}; choose one with data.interval"
        )
    return _choose_span(chosen.filter(pl.col("interval") == (data.interval or intervals[0])), markets, data)


def _choose_span(chosen: pl.DataFrame, markets: Sequence[str], data: DataSection) -> pl.DataFrame:
    first, end = read_span(data.since, data.until, prefix="data.")
    after = pl.lit(True) if first is None else pl.col("open_time") >= first
    before = pl.lit(True) if end is None else pl.col("open_time") < end
    spanned = chosen.filter(after & before)
    missing = sorted(set(markets) - set(spanned["market"].unique()))
    if missing:
        oldest, newest = chosen["open_time"].min(), chosen["open_time"].max()
        span = " ".join(f"{name} {value!s}" for name, value in (("from", data.since), ("to", data.until)) if value)
        raise TooFewRowsError(
            f"{missing[0]} has no candles {span}, as data.since and data.until ask; "
            f"the candles that were given open from {oldest!s} to {newest!s}"
        )
    return spanned


def make_tasks(spec: Spec, candles: pl.DataFrame, *, beyond: bool = False) -> list[Task]:
    """One task per target market: learn from the training part, forecast the test part.

    Args:
        spec: the experiment.
        candles: what `choose_candles` gave.
        beyond: a second task for each market, on the same samples: learn from everything, forecast beyond the last
            candle.

    Raises:
        UnknownNameError: a target that is not among the candles.
        DataError: the candles do not suffice.
    """
    samples = samples_of_targets(spec, candles)
    tasks = [_test_task(spec, one, candles) for one in samples]
    if beyond:
        tasks += [_live_task(spec, task, candles) for task in tasks]
    return tasks


def vary_tasks(tasks: Sequence[Task], spec: Spec, *, of: Spec) -> list[Task]:
    """The same tasks for a model that sees other samples, or stops early where the others do not.

    Only what is forecast in the given tasks is forecast, so that all models are judged on the same test span.

    Args:
        tasks: what `make_tasks` gave.
        spec: the experiment as that model has it.
        of: the experiment that the tasks were made for.

    Raises:
        DataError: the candles do not suffice for its samples.
    """
    if sees_the_same(spec, of):
        return list(tasks)
    candles = tasks[0].candles
    assert candles is not None  # tasks whose candles are not known are of an experiment without a grid
    tests = {task.market: task for task in tasks if not task.is_live}
    if spec.samples != of.samples:
        varied = _vary_samples([task.samples for task in tests.values()], spec, of, candles)
        tests = {one.market: _at_origins_of(tests[one.market], _test_task(spec, one, candles)) for one in varied}
    return [_live_task(spec, tests[task.market], candles) if task.is_live else tests[task.market] for task in tasks]


def sees_the_same(spec: Spec, other: Spec) -> bool:
    """Whether two settings of one experiment learn from the same samples and hold back the same ones."""
    stops = [one.training.patience > 0 for one in (spec, other)]
    return spec.samples == other.samples and stops[0] == stops[1]


def _vary_samples(samples: Sequence[Samples], spec: Spec, of: Spec, candles: pl.DataFrame) -> list[Samples]:
    """Samples of another target share their table with the given ones; with other inputs or windows they are new."""
    made_from = ("features", "inputs", "lookback")
    if all(getattr(spec.samples, key) == getattr(of.samples, key) for key in made_from):
        return [replace(one, target=TARGETS[spec.target]) for one in samples]
    return samples_of_targets(spec, candles)


def _at_origins_of(task: Task, other: Task) -> Task:
    """The other task, at origins of the first one only."""
    origins = task.samples.close_time[task.test.origin_rows]
    own = other.samples.close_time[other.test.origin_rows]
    test = other.test.select(np.isin(own, origins))
    if len(test) == 0:
        raise _too_short("test", other.samples, other.parts.test, True)
    return replace(other, test=test)


def samples_of_targets(spec: Spec, candles: pl.DataFrame) -> list[Samples]:
    """The samples of every market that is forecast.

    Raises:
        UnknownNameError: a target that is not among the candles.
    """
    markets = candles["market"].unique(maintain_order=True).to_list()
    targets = spec.samples.targets or markets
    for market in targets:
        if market not in markets:
            raise UnknownNameError("market in samples.targets", market, markets)
    settings: dict[str, Any] = spec.samples.model_dump(include={"features", "lookback", "horizon", "quantity"})
    settings["target"] = spec.target
    if spec.samples.inputs == "all":
        return make_sample_sets(candles, markets=targets, inputs=markets, **settings)
    return [make_samples(candles, market=market, inputs=[market], **settings) for market in targets]


def _test_task(spec: Spec, samples: Samples, candles: pl.DataFrame) -> Task:
    parts = _slide(split_rows(samples.open_time, spec.split.as_split()), spec.split.window)
    reach_back = spec.split.reach_back
    task = _task(
        spec,
        samples,
        parts,
        validation=samples.windows_in(parts.validation, reach_back=reach_back),
        test=samples.windows_in(parts.test, reach_back=reach_back),
    )
    if len(task.test) == 0:
        raise _too_short("test", samples, parts.test, reach_back)
    return replace(task, candles=candles)


def _slide(parts: Parts, window: int) -> Parts:
    """Only the newest training rows, where a window slides."""
    train = parts.train
    return replace(parts, train=Part(max(train.first, train.end - window), train.end)) if window else parts


def _live_task(spec: Spec, tested: Task, candles: pl.DataFrame) -> Task:
    """What learns from everything; only where runs stop early, as large a share as before is held back at the end."""
    samples = tested.samples
    _refuse_old_end(samples, candles)
    rows = len(samples.close)
    parts = Parts(train=Part(0, rows), validation=Part(rows, rows), test=Part(rows, rows))
    if spec.training.patience:
        before = tested.parts.validation
        first = rows - max(1, round(rows * len(before) / before.end))
        parts = replace(parts, train=Part(0, max(0, first - spec.split.gap)), validation=Part(first, rows))
    parts = _slide(parts, spec.split.window)
    test = samples.windows_at(np.array([rows - 1]))
    if len(test) == 0:
        raise TooFewRowsError(
            f"{samples.market} has no complete window of {spec.samples.lookback} candles at its end, where the "
            "forecast starts; its last candles have a gap or an unknown input: bring the data up to date, or ask for a "
            "shorter lookback"
        )
    validation = samples.windows_in(parts.validation, reach_back=spec.split.reach_back)
    return replace(_task(spec, samples, parts, validation=validation, test=test), is_live=True, candles=candles)


def plan_fits(spec: Spec, task: Task) -> list[Task]:
    """The fits of a task in order of time: one, or one for every `split.every` rows of its test span.

    Each learns what the first one learns, so many rows later: its training and validation parts end where its own
    stretch of the test span begins, with the same gaps. A training window has all its targets in the training part, so
    that nothing of a stretch is learnt before it is forecast.
    """
    if task.is_live or task.is_planned or spec.split.refit == "never":
        return [task]
    fits: list[Task] = []
    train, test, every = task.parts.train, task.parts.test, spec.split.every
    firsts = task.test.starts + task.test.lookback
    for border in range(test.first, test.end, every):
        own = Part(border, min(border + every, test.end))
        origins = task.test.select((firsts >= own.first) & (firsts < own.end))
        if len(origins):
            shift = border - test.first
            validation = _shift(task.parts.validation, shift)
            parts = _slide(Parts(Part(0, train.end + shift), validation, own), spec.split.window)
            windows = task.samples.windows_in(validation, reach_back=spec.split.reach_back)
            fit = _task(spec, task.samples, parts, validation=windows, test=origins)
            fits.append(replace(fit, fit=len(fits) + 1, is_planned=True))
    return fits


def _shift(part: Part, rows: int) -> Part:
    return Part(part.first + rows, part.end + rows)


def _refuse_old_end(samples: Samples, candles: pl.DataFrame) -> None:
    """A market joined with others may end before its own last candle; a forecast from there would be an old one."""
    last = candles.filter(pl.col("market") == samples.market)["close_time"].sort()[-1]
    if samples.candles["close_time"][-1] == last:
        return
    current = candles.filter(pl.col("close_time") == last)["market"]
    missing = [name for name in candles["market"].unique(maintain_order=True) if name not in set(current)]
    raise TooFewRowsError(
        f"{samples.market} has a candle that closes at {last:%Y-%m-%d %H:%M} UTC, and {', '.join(missing)} none, but "
        f'samples.inputs = "all" needs it; bring the data up to date, leave these markets out of data.markets, leave '
        f'{samples.market} out of samples.targets, or set samples.inputs = "own"'
    )


def _task(spec: Spec, samples: Samples, parts: Parts, *, validation: Windows, test: Windows) -> Task:
    training = samples.windows_in(parts.train, reach_back=False)
    if len(training) == 0:
        raise _too_short("training", samples, parts.train, False)
    if spec.training.patience and len(validation) == 0:
        raise _too_short("validation", samples, parts.validation, spec.split.reach_back)
    _refuse_still(samples, training)
    rows = slice(parts.train.first, parts.train.end)
    scale = fit_input_scale(spec.samples.scaling, samples.inputs[rows], samples.names, samples.is_level)
    return Task(
        samples=samples,
        parts=parts,
        training=training,
        validation=validation,
        test=test,
        input_scale=scale,
        target_scale=fit_target_scale(samples.target, samples.targets(training)),
    )


def _refuse_still(samples: Samples, training: Windows) -> None:
    """A market that never moves has neither a direction nor a volatility to learn."""
    if samples.quantity not in ("direction", "volatility"):
        return
    truth = QUANTITIES[samples.quantity].truth(samples, training)
    moves = np.isfinite(truth) if samples.quantity == "direction" else truth > 0
    if not moves.any():
        raise TooFewRowsError(
            f"{samples.market} never moves in its {len(training)} training windows, so that there is no "
            f'{samples.quantity} to learn; take other candles, or samples.quantity = "price"'
        )


def _too_short(name: str, samples: Samples, part: Part, reach_back: bool) -> TooFewRowsError:
    """No window fits; an input that is often unknown is the usual reason in a part that is long enough."""
    windows = samples.windows
    needed = windows.horizon + (0 if reach_back else windows.lookback)
    known = np.isfinite(samples.inputs[part.first : part.end]).sum(axis=0)
    scarcest = int(known.argmin())
    return TooFewRowsError(
        f"no window fits into the {name} part of {samples.market}: it has {len(part)} rows, input "
        f"{samples.names[scarcest]!r} is known in {known[scarcest]} of them, and a window needs {needed} in a row "
        f"without a gap (lookback {windows.lookback}, horizon {windows.horizon}); ask for a shorter window or a longer "
        "part, or leave that input out of samples.features"
    )
