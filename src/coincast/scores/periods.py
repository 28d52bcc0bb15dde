"""Skill by calendar year, and skill of every refit: did the model stay good, and does more training help?"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.forecasts.combine import MODEL_KEYS
from coincast.forecasts.table import TIME
from coincast.scores.finding import KEY_COLUMNS, Finding, Options, make_table
from coincast.scores.series import LossSeries, deciding_series, keep_ensembles
from coincast.scores.significance import count_needed

FIGURES = ("n", "loss", "naive", "skill", "low", "high", "p")
FIGURE_COLUMNS: dict[str, pl.DataType] = {"n": pl.Int64(), **{name: pl.Float64() for name in FIGURES[1:]}}
YEAR_COLUMNS: dict[str, pl.DataType] = {**KEY_COLUMNS, "subset": pl.String(), **FIGURE_COLUMNS}
REFIT_COLUMNS: dict[str, pl.DataType] = {**KEY_COLUMNS, "trained_until": TIME, **FIGURE_COLUMNS}


def judge_years(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """The skill of every model in every calendar year (UTC, of the origins).

    Descriptions with single 95 % intervals; no word, and no adjustment for the number of years.

    Args:
        forecasts: a table of forecasts.
        scores: not used; every further test takes the same arguments.
        options: not used.

    Returns:
        market, interval, quantity, model, subset (`year=2017`), n, loss, naive, skill, low, high, p; low, high and p
        are null where a year has too few forecasts for the decisive test.
    """
    rows = []
    too_few: set[int] = set()
    for one in deciding_series(forecasts):
        years = one.origins.astype("datetime64[ms]").astype("datetime64[Y]")
        for year in np.unique(years):
            row, needed = _describe(one, years == year)
            rows.append({**one.keys, "subset": f"year={year}", **row})
            if row["n"] < needed:
                too_few.add(needed)
    return Finding(make_table(rows, YEAR_COLUMNS), _tell_needs("skill by year", "year", too_few))


def judge_refits(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """The skill of every refit of a walk-forward run: skill against the rows it was trained on.

    With an expanding window a later `trained_until` means more training rows. Models that were fitted once, that learn
    nothing, or that were refitted at every origin have no row: there is nothing to compare.

    Args:
        forecasts: a table of forecasts.
        scores: not used; every further test takes the same arguments.
        options: not used.

    Returns:
        market, interval, quantity, model, trained_until, n, loss, naive, skill, low, high, p; low, high and p are null
        where a refit has too few forecasts for the decisive test.
    """
    table = keep_ensembles(forecasts)
    until = table.group_by([*MODEL_KEYS, "origin"]).agg(pl.col("trained_until").max()).sort("origin")
    fits = until.partition_by(MODEL_KEYS, as_dict=True)
    rows = []
    too_few: set[int] = set()
    for one in deciding_series(table):
        fit = fits[tuple(one.keys.values())]
        places = np.searchsorted(fit["origin"].to_physical().to_numpy(), one.origins)
        trained = fit["trained_until"].to_physical().to_numpy()[places]
        refits = np.unique(trained)
        if not 1 < refits.size < trained.size:
            continue
        for time in refits:
            row, needed = _describe(one, trained == time)
            rows.append({**one.keys, "trained_until": int(time), **row})
            if row["n"] < needed:
                too_few.add(needed)
    return Finding(make_table(rows, REFIT_COLUMNS), _tell_needs("skill by refit", "refit", too_few))


def _describe(one: LossSeries, mask: NDArray[np.bool_]) -> tuple[dict[str, Any], int]:
    """Figures of some origins, and how many the decisive test needs there."""
    part = one.keep(mask)
    compared = part.compare()
    return {name: getattr(compared, name) for name in FIGURES}, count_needed(part.overlapping)


def _tell_needs(test: str, noun: str, needed: set[int]) -> tuple[str, ...]:
    return tuple(
        f"{test}: p and the interval need at least {count:,} forecasts and are left out for every {noun} with fewer"
        for count in sorted(needed)
    )
