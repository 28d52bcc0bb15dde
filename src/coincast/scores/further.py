"""The further tests on a table of forecasts, by name: beside the decisive test, which alone gives the verdict."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from coincast.errors import MissingPackageError
from coincast.scores.clark_west import find_hints
from coincast.scores.confidence_set import find_confidence_set
from coincast.scores.direction import direction_table
from coincast.scores.finding import Finding, Options
from coincast.scores.fluctuation import find_fluctuations, follow_fluctuations
from coincast.scores.lag import lag_table
from coincast.scores.periods import judge_refits, judge_years
from coincast.scores.pooled import pool_markets
from coincast.scores.resampled import check_skill
from coincast.scores.series import keep_ensembles
from coincast.scores.steps import judge_steps

__all__ = ["FURTHER", "Finding", "FurtherTest", "Options", "examine_further"]

FurtherTest = Callable[[pl.DataFrame, pl.DataFrame, Options], Finding]
"""(forecasts, scores, options) -> what was found."""

FURTHER: dict[str, FurtherTest] = {
    "steps": judge_steps,
    "pooled": pool_markets,
    "confidence_set": find_confidence_set,
    "bootstrap": check_skill,
    "fluctuation": find_fluctuations,
    "fluctuation_path": follow_fluctuations,
    "years": judge_years,
    "refits": judge_refits,
    "clark_west": find_hints,
    "direction": direction_table,
    "lag": lag_table,
}
"""Every further test, by name."""


def examine_further(
    forecasts: pl.DataFrame, scores: pl.DataFrame, *, options: Options | None = None
) -> dict[str, Finding]:
    """Make every further test.

    Only rows of level `ensemble` are tested, never single runs. A test with fewer forecasts than its theory needs is
    left out, and a note says how many it needs; so is one whose package is not installed.

    Args:
        forecasts: a table of forecasts.
        scores: its score table.
        options: how the tests are made.

    Returns:
        What each found, by name, in the order of `FURTHER`.
    """
    options = options or Options()
    ensembles = keep_ensembles(forecasts)
    return {name: _make_test(test, ensembles, scores, options) for name, test in FURTHER.items()}


def _make_test(test: FurtherTest, forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    try:
        return test(forecasts, scores, options)
    except MissingPackageError as error:
        return Finding(pl.DataFrame(), (str(error),))
