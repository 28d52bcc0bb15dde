"""Intervals around forecasts: from the runs of an ensemble, from past errors, and calibrated ones.

Every method gives quantiles of the price for ensembles, baselines and lone runs. The calibrated methods learn from the
forecasts that the same models made for the validation part; `coincast.forecasts.conformal` says what they promise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import UnknownNameError, UsageError
from coincast.forecasts.combine import ENSEMBLE, GROUP_KEYS, MODEL_KEYS, RUN_KEYS, failed_runs
from coincast.forecasts.conformal import (
    Radii,
    adaptive_bound,
    adaptive_radii,
    calibrate_line,
    rows_needed,
    split_radii,
)
from coincast.forecasts.residuals import INTERVAL_KEYS, Line, judged_level, make_lines, quantile_names
from coincast.forecasts.table import check_intervals, quantile_level, quantile_name

Floats = NDArray[np.float64]

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""The central 90, 80 and 50 % intervals, and the median."""
FEWEST_ERRORS = 20
"""Past errors that quantiles of them need."""


@dataclass(frozen=True)
class Intervals:
    """Quantile forecasts.

    Attributes:
        table: the table of intervals; an infinite interval reaches from 0 to infinity, a null one could not be made.
        notes: what was left out, and how many intervals are infinite.
    """

    table: pl.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class IntervalMethod:
    """A way to make intervals.

    Attributes:
        description: one line.
        make: a line -> quantiles in logs (n, levels); None where the quantiles are taken as they are.
        start: where it starts from: "point" forecasts; the spread of the "runs", so that only ensembles get intervals;
            the quantiles of a model's "own"; or "both", the latter where there are any, else the spread.
        follows: whether it follows what happened (`adaptive_bound` holds).
    """

    description: str
    make: Callable[[Line], Floats] | None
    start: str = "point"
    follows: bool = False


def residual_quantiles(line: Line) -> Floats:
    """The point forecast, moved by quantiles of the past scaled errors: both tails, but no guarantee."""
    errors = line.errors()
    if errors.size < FEWEST_ERRORS:
        return np.full_like(line.base, np.nan)
    return np.asarray(line.base + np.quantile(errors, line.levels) * line.scale[:, None])


def _calibrated(radii: Radii) -> Callable[[Line], Floats]:
    return lambda line: calibrate_line(line, radii)


INTERVALS: dict[str, IntervalMethod] = {
    "ensemble": IntervalMethod(
        "spread of the runs; too narrow, since runs differ by their seeds only", None, start="runs"
    ),
    "network": IntervalMethod("quantiles that networks forecast themselves, mean over their runs", None, start="own"),
    "residual": IntervalMethod("quantiles of the errors on the validation part", residual_quantiles),
    "split": IntervalMethod(
        "split conformal: covers what it says if errors stay as they are", _calibrated(split_radii)
    ),
    "cqr": IntervalMethod(
        "a network's own quantiles, or the spread of its runs, calibrated (conformalised quantile regression)",
        _calibrated(split_radii),
        start="both",
    ),
    "adaptive": IntervalMethod(
        "split conformal that follows every known target; its long-run coverage holds whatever happens",
        _calibrated(adaptive_radii),
        follows=True,
    ),
}
"""Every way to make intervals, by name."""


def make_intervals(
    forecasts: pl.DataFrame,
    calibration: pl.DataFrame | None = None,
    *,
    method: str = "split",
    levels: Sequence[float] = LEVELS,
    scaled: bool = True,
    own: pl.DataFrame | None = None,
    past_own: pl.DataFrame | None = None,
) -> Intervals:
    """Make intervals for the price forecasts of ensembles, baselines and lone runs.

    Only what was known is used: past forecasts whose target came no later than the first origin, and, by `adaptive`,
    targets that came no later than the origin at hand.

    Args:
        forecasts: a table of forecasts with `last_close`, and `actual` where it is known.
        calibration: forecasts of the same models at the origins of the validation part.
        method: a key of `INTERVALS`.
        levels: between 0 and 1, each with its mirror image: 0.1 and 0.9; 0.5 alone.
        scaled: whether errors are measured in units of the volatility known at the origin (else in logs).
        own: quantiles that runs forecast themselves, as a table of intervals; they become their ensemble's.
        past_own: the same at the origins of the validation part.

    Returns:
        The intervals.

    Raises:
        UnknownNameError: no such method.
        UsageError: no validation part and the method needs one; levels without their mirror image; no price forecasts.
    """
    if method not in INTERVALS:
        raise UnknownNameError("interval method", method, INTERVALS)
    chosen, levels = INTERVALS[method], check_levels(levels)
    needs_past = chosen.make is not None
    if needs_past and (calibration is None or calibration.is_empty()):
        raise UsageError(
            f"intervals {method!r} need a validation part to learn from, and there is none; set split.validation or "
            "take 'ensemble'"
        )
    if forecasts.filter(pl.col("quantity") == "price").is_empty():
        raise UsageError("intervals are made around forecasts of prices, and there are none; set quantity to 'price'")
    base = _start(chosen, forecasts, levels, own)
    if chosen.start == "own" and base.is_empty():
        raise UsageError(
            f"intervals {method!r} are quantiles that a network forecasts itself, and none does; train one with the "
            "loss 'quantile', 'gaussian' or 'student', or take 'ensemble'"
        )
    notes = _without_notes(forecasts, base, chosen)
    if chosen.make is None or calibration is None:
        return Intervals(base, tuple(notes))
    past = _start(chosen, calibration, levels, past_own)
    keys, lines = make_lines(base, past, forecasts, calibration, scaled=scaled)
    table = _fill(keys, lines, chosen.make, quantile_names(base))
    return Intervals(table, (*notes, *_line_notes(lines), *_count_notes(lines, table, chosen)))


def _start(
    method: IntervalMethod, forecasts: pl.DataFrame, levels: Sequence[float], own: pl.DataFrame | None
) -> pl.DataFrame:
    """The quantiles that a method starts from."""
    if method.start == "point":
        return point_quantiles(forecasts, levels)
    spread = ensemble_quantiles(forecasts, levels)
    if method.start == "runs":
        return spread
    told = spread.clear() if own is None else own_quantiles(own, forecasts, levels)
    if method.start == "own":
        return told
    return check_intervals(pl.concat([told, spread.join(told, on=MODEL_KEYS, how="anti")]))


def calibrate_quantiles(
    intervals: pl.DataFrame,
    forecasts: pl.DataFrame,
    past_intervals: pl.DataFrame,
    calibration: pl.DataFrame,
    *,
    follow: bool = False,
    scaled: bool = True,
) -> Intervals:
    """Calibrate any quantiles (Romano, Patterson and Candes 2019): a network's own, or somebody else's.

    Args:
        intervals: a table of intervals whose levels have their mirror images.
        forecasts: a table that tells `actual` and `last_close` of the same origins and steps.
        past_intervals: quantiles of the same models at the origins of the validation part.
        calibration: a table that tells `actual` and `last_close` of these.
        follow: whether the intervals follow what happened (adaptive), else one radius holds for all (split).
        scaled: whether misses are measured in units of the volatility known at the origin (else in logs).

    Raises:
        UsageError: the levels have no mirror images, or those of the past are others.
    """
    intervals, past_intervals = check_intervals(intervals), check_intervals(past_intervals)
    levels, past_levels = (
        check_levels([quantile_level(name) for name in quantile_names(table)]) for table in (intervals, past_intervals)
    )
    if levels != past_levels:
        raise UsageError(f"the levels are {levels} and those of the validation part {past_levels}; give the same")
    method = INTERVALS["adaptive" if follow else "cqr"]
    keys, lines = make_lines(intervals, past_intervals, forecasts, calibration, scaled=scaled)
    assert method.make is not None
    table = _fill(keys, lines, method.make, quantile_names(intervals))
    return Intervals(table, (*_line_notes(lines), *_count_notes(lines, table, method)))


def check_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Levels in ascending order.

    Raises:
        UsageError: one is not between 0 and 1, or lacks its mirror image.
    """
    ordered = tuple(sorted({round(float(level), 6) for level in levels}))
    mirrored = all(abs(low + high - 1) < 1e-6 for low, high in zip(ordered, reversed(ordered), strict=True))
    if not ordered or not mirrored or not all(0 < level < 1 for level in ordered):
        raise UsageError(
            f"levels {list(ordered)} do not make central intervals; give levels between 0 and 1 in pairs, "
            "such as 0.1 and 0.9, and 0.5 for the median"
        )
    return ordered


def point_quantiles(forecasts: pl.DataFrame, levels: Sequence[float]) -> pl.DataFrame:
    """The point forecasts at every level: intervals of no width, which calibration widens."""
    names = [quantile_name(level) for level in levels]
    return judged_level(forecasts).select(*INTERVAL_KEYS, *(pl.col("value").alias(name) for name in names))


def ensemble_quantiles(forecasts: pl.DataFrame, levels: Sequence[float]) -> pl.DataFrame:
    """Quantiles of the runs of every model that has more than one, as intervals of its ensemble.

    They are too narrow by nature: runs differ by what chance does to a training, and what the price itself does is in
    none of them. Quantiles are interpolated linearly; failed runs are left out.
    """
    table = forecasts.filter((pl.col("quantity") == "price") & (pl.col("run") > 0))
    sound = table.join(failed_runs(table), on=RUN_KEYS, how="anti")
    several = sound.filter(pl.col("run").n_unique().over(MODEL_KEYS) > 1)
    found = several.group_by(GROUP_KEYS).agg(
        pl.col("trained_until").max(),
        pl.col("target_time").first(),
        *(pl.col("value").quantile(level, interpolation="linear").alias(quantile_name(level)) for level in levels),
    )
    return check_intervals(found.with_columns(pl.col("model") + ENSEMBLE, run=pl.lit(0)))


def own_quantiles(own: pl.DataFrame, forecasts: pl.DataFrame, levels: Sequence[float] = LEVELS) -> pl.DataFrame:
    """The mean over the runs of the quantiles that they forecast, level by level: the intervals of their ensemble.

    A run that failed is left out wholly; that of a model with a single run is the interval of that run. The mean of
    quantiles has the mean location and the mean width of the runs (Vincent averaging; Lichtendahl et al. 2013).

    Args:
        own: a table of intervals with a row for each run, origin and step.
        forecasts: of the same runs; they tell which have failed.
        levels: which quantiles.
    """
    names = [quantile_name(level) for level in levels]
    several = pl.col("run").n_unique().over(MODEL_KEYS) > 1
    table = own.select(*INTERVAL_KEYS, *names).with_columns(several=several)
    sound = table.join(failed_runs(forecasts), on=RUN_KEYS, how="anti").sort(*GROUP_KEYS, "run")
    means = (
        sound.filter("several")
        .group_by(GROUP_KEYS, maintain_order=True)
        .agg(
            pl.col("trained_until").max(),
            pl.col("target_time").first(),
            *(pl.col(name).sort_by("run").mean() for name in names),
        )
        .with_columns(pl.col("model") + ENSEMBLE, run=pl.lit(0, dtype=pl.Int64))
    )
    columns = [*INTERVAL_KEYS, *names]
    return check_intervals(pl.concat([means.select(columns), sound.filter(~pl.col("several")).select(columns)]))


def _fill(
    keys: pl.DataFrame, lines: Sequence[Line], make: Callable[[Line], Floats], names: Sequence[str]
) -> pl.DataFrame:
    """The table of intervals of all lines, as prices."""
    logs = [np.empty((0, len(names))), *(make(line) for line in lines)]
    with np.errstate(over="ignore"):
        prices = np.exp(np.concatenate(logs))
    quantiles = pl.DataFrame(prices, schema=dict.fromkeys(names, pl.Float64)).fill_nan(None)
    return check_intervals(keys.hstack(quantiles))


def _without_notes(forecasts: pl.DataFrame, base: pl.DataFrame, method: IntervalMethod) -> list[str]:
    """Models that a method has nothing to start from for."""
    if method.start == "point":
        return []
    judged = judged_level(forecasts).select(MODEL_KEYS).unique()
    without = judged.join(base.select(MODEL_KEYS).unique(), on=MODEL_KEYS, how="anti")["model"].unique().sort()
    lacking = "forecast no quantiles themselves" if method.start == "own" else "have no several runs"
    return [f"no intervals for {', '.join(without)}: they {lacking}"] if len(without) else []


def _line_notes(lines: Sequence[Line]) -> list[str]:
    late = sum(line.late for line in lines)
    what = f"{late:,} forecasts of the validation part are left out of the calibration"
    return [f"{what}: their targets came after the first test origin"] if late else []


def _count_notes(lines: Sequence[Line], table: pl.DataFrame, method: IntervalMethod) -> list[str]:
    """How many intervals are infinite or missing, how many rows would mend it, and what adaptive ones promise."""
    notes = []
    names = quantile_names(table)
    fewest = min((line.past_truth.size for line in lines), default=0)
    for low, high in zip(names[: len(names) // 2], reversed(names), strict=False):
        coverage = 1 - 2 * quantile_level(low)
        infinite = table.filter(pl.col(high).is_infinite()).height
        if infinite:
            need = rows_needed(coverage)
            few = f"; it needs {need} calibration forecasts, and the fewest are {fewest}" if fewest < need else ""
            notes.append(f"the {coverage:.0%} interval is infinite in {infinite:,} of {table.height:,} forecasts{few}")
    missing = table[names[0]].null_count() if names else 0
    if missing:
        notes.append(
            f"{missing:,} of {table.height:,} intervals could not be made: the forecast, the volatility at its origin "
            f"or {FEWEST_ERRORS} past errors are missing"
        )
    if method.follows and lines and names:
        line, coverage = min(lines, key=lambda line: line.origins.size), 1 - 2 * quantile_level(names[0])
        bound = adaptive_bound(coverage, line.origins.size, overlapping=_count_open(line))
        notes.append(
            f"the adaptive {coverage:.0%} intervals cover within {100 * min(bound, coverage):.0f} points of that over "
            f"{line.origins.size:,} forecasts, whatever happens"
        )
    return notes


def _count_open(line: Line) -> int:
    """Largest number of successive forecasts of a line whose targets overlap, at least 1."""
    begun = np.searchsorted(line.origins, line.targets, side="left")
    return int(max(1, (begun - np.arange(line.origins.size)).max(initial=1)))
