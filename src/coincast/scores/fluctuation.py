"""Was a model better than naive all the time, for a while, or never? The fluctuation test of Giacomini and Rossi."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.forecasts.table import TIME
from coincast.scores.finding import KEY_COLUMNS, WINDOW_SHARES, Finding, Options, Shortage, make_table, tell_shortages
from coincast.scores.series import LossSeries, deciding_series
from coincast.scores.significance import ZERO_SHARE, cosine_weights, count_cosines, to_safe_units

Floats = NDArray[np.float64]

FEWEST = 150
PER_OVERLAP = 50
"""Forecasts that the test needs for every origin that overlaps."""

TWO_SIDED: dict[float, tuple[float, float]] = dict(
    zip(
        WINDOW_SHARES,
        (
            (3.393, 3.170),
            (3.179, 2.948),
            (3.012, 2.766),
            (2.890, 2.626),
            (2.779, 2.500),
            (2.634, 2.356),
            (2.560, 2.252),
            (2.433, 2.130),
            (2.248, 1.950),
        ),
        strict=True,
    )
)
"""Critical values of the largest |statistic| at 5 % and 10 %, by share of a window (their Table I)."""

ONE_SIDED: dict[float, tuple[float, float]] = dict(
    zip(
        WINDOW_SHARES,
        (
            (3.176, 2.928),
            (2.938, 2.676),
            (2.770, 2.482),
            (2.624, 2.334),
            (2.475, 2.168),
            (2.352, 2.030),
            (2.248, 1.904),
            (2.080, 1.740),
            (1.975, 1.600),
        ),
        strict=True,
    )
)
"""The same for the largest statistic on one side."""

SUMMARY_COLUMNS: dict[str, pl.DataType] = {
    **KEY_COLUMNS,
    "n": pl.Int64(),
    "share": pl.Float64(),
    "window": pl.Int64(),
    "error": pl.Float64(),
    "statistic": pl.Float64(),
    "time": TIME,
    "critical": pl.Float64(),
    "rejects": pl.Boolean(),
    "best": pl.Float64(),
    "critical_better": pl.Float64(),
    "was_better": pl.Boolean(),
}
PATH_COLUMNS: dict[str, pl.DataType] = {
    **KEY_COLUMNS,
    "time": TIME,
    **{name: pl.Float64() for name in ("difference", "skill", "statistic", "critical")},
    "rejects": pl.Boolean(),
}


@dataclass(frozen=True)
class Fluctuation:
    """The rolling mean of loss differences, window by window.

    Attributes:
        window: origins in a window.
        centres: position of the origin in the middle of every window.
        differences: mean loss difference of every window, below zero where the model is better.
        error: root of the long-run variance of one difference.
        statistics: differences x sqrt(window) / error; None where the error is zero.
    """

    window: int
    centres: NDArray[np.int64]
    differences: Floats
    error: float
    statistics: Floats | None


def needed_forecasts(overlapping: int) -> int:
    """Fewest forecasts for the test: 150, and 50 for every origin that overlaps.

    From there on, with windows of 0.3 or more, it rejects a true null in 5 to 8 % of cases, and in more below. Part of
    that is the published values, which were simulated on a coarse grid: at n = 2,000 they reject 5 to 6.4 %.
    """
    return max(FEWEST, PER_OVERLAP * overlapping)


def roll_differences(differences: Floats, *, overlapping: int, share: float) -> Fluctuation:
    """The statistic of every window (Giacomini and Rossi 2010).

        F_t = sum of the m differences around t / (sigma sqrt(m)),   m = share x n

    They ask for a consistent estimate of the long-run variance sigma^2. Here it is the mean of the squared cosine
    weights of the decisive test, taken in both halves, each about its own mean. Taken over all n, a difference that
    comes and goes passes for long memory and hides itself: with windows of 0.3 and n = 250 a break in the middle is
    found ever more seldom as it grows. Bartlett weights over h - 1 lags reject a true null of overlapping targets in up
    to 14 %.

    Args:
        differences: model minus naive, one per origin, in order of time.
        overlapping: successive origins with overlapping targets.
        share: of the origins in a window.
    """
    n = differences.size
    window = round(share * n)
    means = roll_means(differences, window)
    scaled, power = to_safe_units(differences)
    halves = np.array_split(scaled, 2)
    weights = np.concatenate([cosine_weights(half, count_cosines(half.size, overlapping)) for half in halves])
    error = math.ldexp(math.sqrt(float(weights @ weights) / weights.size), power)
    is_constant = error <= ZERO_SHARE * abs(float(differences.mean()))
    statistics = None if is_constant else means / error * math.sqrt(window)
    return Fluctuation(window, np.arange(means.size) + window // 2, means, error, statistics)


def find_fluctuations(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """Is a model ever better or worse than naive? One row per model; not adjusted for the number of rows.

    The null is that both are equally good at every time; `rejects` says at 5 %, two-sided, that they are not, and
    `time` where the statistic is farthest from 0. `was_better` is the one-sided test: in some window the model was
    better. See `roll_differences` for the statistic, `TWO_SIDED` and `ONE_SIDED` for the published critical values.

    Args:
        forecasts: a table of forecasts.
        scores: not used; every further test takes the same arguments.
        options: `window_share`.

    Returns:
        market, interval, quantity, model, n, share, window (origins), error (long-run, of one difference), statistic
        (the one farthest from 0, below 0 where the model is better), time (middle of its window), critical, rejects,
        best (the lowest statistic), critical_better, was_better. Copies of the naive forecast are not among them.
    """
    critical, better = TWO_SIDED[options.window_share][0], -ONE_SIDED[options.window_share][0]
    rows = []
    shortages: list[Shortage] = []
    for one, found in _roll_all(forecasts, options, shortages):
        shared = {"n": one.origins.size, "share": options.window_share, "window": found.window, "error": found.error}
        row: dict[str, Any] = {**one.keys, **shared, "critical": critical, "critical_better": better}
        if found.statistics is None:
            row |= {"rejects": True, "was_better": bool((found.differences < 0).any())}
        else:
            place, lowest = int(np.abs(found.statistics).argmax()), float(found.statistics.min())
            statistic = float(found.statistics[place])
            row |= {"statistic": statistic, "rejects": abs(statistic) > critical}
            row |= {"time": int(one.origins[found.centres[place]]), "best": lowest, "was_better": lowest < better}
        rows.append(row)
    table = make_table(rows, SUMMARY_COLUMNS)
    notes = tell_shortages("the fluctuation test", shortages)
    if table.is_empty():
        return Finding(table, notes)
    method = (
        f"fluctuation test: windows of {options.window_share:.0%} of the forecasts, critical value {critical} (5 %, "
        "two-sided), long-run variance by equal-weighted cosines in both halves; single tests, not adjusted for "
        "their number"
    )
    return Finding(table, (*notes, method))


def follow_fluctuations(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """The path behind `find_fluctuations`: skill and statistic of every window, for a picture.

    Args:
        forecasts: a table of forecasts.
        scores: not used; every further test takes the same arguments.
        options: `window_share`.

    Returns:
        market, interval, quantity, model, time (origin in the middle of a window), difference (mean loss difference),
        skill (of the window), statistic, critical, rejects (whether this window passes it).
    """
    critical = TWO_SIDED[options.window_share][0]
    parts = [_path(one, found, critical) for one, found in _roll_all(forecasts, options, [])]
    return Finding(pl.concat([make_table([], PATH_COLUMNS), *parts]))


def _path(one: LossSeries, found: Fluctuation, critical: float) -> pl.DataFrame:
    naive = roll_means(one.naive, found.window)
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = np.where(naive > 0, -found.differences / naive, np.nan)
    statistics = np.full(skill.size, np.nan) if found.statistics is None else found.statistics
    columns = {
        "time": one.origins[found.centres],
        "difference": found.differences,
        "skill": skill,
        "statistic": statistics,
    }
    frame = pl.DataFrame(columns).with_columns(pl.col("skill", "statistic").fill_nan(None))
    constants = [pl.lit(value).alias(name) for name, value in {**one.keys, "critical": critical}.items()]
    rejects = pl.col("statistic").abs() > critical
    return frame.with_columns(pl.col("time").cast(TIME), *constants, rejects=rejects).select(
        pl.col(name).cast(dtype) for name, dtype in PATH_COLUMNS.items()
    )


def roll_means(values: Floats, window: int) -> Floats:
    """Mean of every `window` neighbours."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return np.asarray((sums[window:] - sums[:-window]) / window)


def _roll_all(
    forecasts: pl.DataFrame, options: Options, shortages: list[Shortage]
) -> Iterator[tuple[LossSeries, Fluctuation]]:
    """Every model that is no copy and has enough forecasts; the others that are no copy go to `shortages`."""
    for one in deciding_series(forecasts):
        if one.is_copy:
            continue
        overlapping = one.overlapping
        needed = needed_forecasts(overlapping)
        if one.origins.size < needed:
            shortages.append(Shortage(one.name, one.origins.size, needed))
            continue
        yield one, roll_differences(one.losses - one.naive, overlapping=overlapping, share=options.window_share)
