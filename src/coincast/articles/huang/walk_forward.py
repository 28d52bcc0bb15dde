"""The walk-forward of the article's repository: a network for each stretch of months, several coins as inputs.

There a month is 8,000 candles: four to learn from, one to choose the epoch on, and then on by one, each partition
scored on the month that has chosen its epoch, with scales fitted on all data; only what is left behind the last
partition is a test. Here every partition is scored on the month after it, which has chosen nothing, neither the epoch
nor the kind of network, and scales are those of the four.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.huang.fair import FairPlan, Fit, Told, tell_fairly
from coincast.articles.huang.fair_forecasts import mean_of_runs
from coincast.articles.huang.opponents import ratio_of
from coincast.articles.huang.published import LOOKBACK
from coincast.errors import ColumnError, TooFewRowsError
from coincast.samples.samples import Samples
from coincast.samples.splits import Part, Parts

MONTH = 8_000
LEARNT = 4
"""Months of a partition that are learnt from; one more chooses the epoch."""
FEWEST = 10
"""Months that a market is cut into where it has fewer of the repository's."""


@dataclass(frozen=True)
class Walk:
    """The walk-forward made ready.

    Attributes:
        samples: returns of all coins as inputs.
        plan: how large.
        networks: by name; each partition takes the one that is best on its own validation month.
        month: candles of one.
        fits: the partitions, in order of time; none where four months are too short for two windows.
        left_out: partitions that cannot be learnt from or scored: a gap leaves no window, or the price never moves.
    """

    samples: Samples = field(repr=False)
    plan: FairPlan
    networks: dict[str, Any]
    month: int
    fits: tuple[Fit, ...]
    left_out: int = 0

    def tell(self, bench: Bench) -> list[Told]:
        """What is said of each partition, all of them trained as one set of runs."""
        return tell_fairly(bench, "walk-forward", self.samples, self.fits, self.networks, self.plan)


def make_walk(samples: Samples, networks: dict[str, Any], plan: FairPlan, *, most: int | None = None) -> Walk:
    """Make the walk-forward ready.

    Args:
        samples: of `make_fair_samples`.
        networks: by name.
        plan: how large.
        most: newest partitions that are taken; all where None is given.
    """
    rows = len(samples.close)
    month = month_of(rows)
    if LEARNT * month < 2 * LOOKBACK:
        return Walk(samples, plan, networks, month, ())
    partitions = make_partitions(rows)
    fits = [fit for one in partitions if (fit := _fit_or_none(samples, one, plan)) is not None]
    left_out = len(partitions) - len(fits)
    return Walk(samples, plan, networks, month, tuple(fits if most is None else fits[-most:]), left_out)


def _fit_or_none(samples: Samples, parts: Parts, plan: FairPlan) -> Fit | None:
    try:
        return Fit.make(samples, parts, plan)
    except (TooFewRowsError, ColumnError):
        return None


def month_of(rows: int) -> int:
    """Candles of a month: the repository's where there are ten of them, else a tenth of the market."""
    return min(MONTH, rows // FEWEST)


def make_partitions(rows: int) -> list[Parts]:
    """Partitions in order of time: four months, one month, and the month after them as test."""
    month = month_of(rows)
    parts = []
    for first in range(0, rows - (LEARNT + 2) * month + 1, month):
        chosen, test = first + LEARNT * month, first + (LEARNT + 1) * month
        parts.append(Parts(Part(first, chosen), Part(chosen, test), Part(test, test + month)))
    return parts


def list_partitions(told: Sequence[Told]) -> pl.DataFrame:
    """Skill of the network of each partition in the month behind it: a row a month.

    The loss is the decisive one: |ln(forecast / price)|, averaged over the 16 steps. The skill is NaN where the price
    does not move in that month.
    """
    rows = []
    for number, one in enumerate(told, 1):
        table = mean_of_runs(one.forecasts, one.choice)
        actual = table["actual"].to_numpy()
        loss, naive = (
            float(np.mean(np.abs(np.log(table[name].to_numpy() / actual)))) for name in ("value", "last_close")
        )
        rows.append(
            {
                "partition": number,
                "network": one.choice.upper(),
                "forecast from": table["origin"].min(),
                "to": table["origin"].max(),
                "origins": table["origin"].n_unique(),
                "error, %": 100 * loss,
                "last close, %": 100 * naive,
                "skill, %": 100 * (1 - ratio_of(loss, naive)),
            }
        )
    return pl.DataFrame(rows)
