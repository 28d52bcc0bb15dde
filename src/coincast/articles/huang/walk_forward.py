"""The walk-forward of the article's repository: a network for each stretch of months, several coins as inputs.

There a month is 8,000 candles: four to learn from, one to choose the epoch on, and then on by one. The repository
scores a partition on the month that has chosen its epoch, with scales fitted on all data; here the month after it is
forecast, which nothing has seen, and scales are those of the four.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from coincast.articles.huang.fair import Told
from coincast.articles.huang.fair_forecasts import mean_of_runs
from coincast.samples.samples import Samples
from coincast.samples.splits import Part, Parts

MONTH = 8_000
LEARNT = 4
"""Months of a partition that are learnt from; one more chooses the epoch."""
FEWEST = 10
"""Months that a market is cut into where it has fewer of the repository's."""


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


def list_partitions(samples: Samples, told: Told, parts: list[Parts]) -> pl.DataFrame:
    """Skill of the chosen network in each month that nothing had seen: a row a month.

    The loss is the decisive one: |ln(forecast / price)|, averaged over the 16 steps.
    """
    table = mean_of_runs(told.forecasts, told.choice)
    losses = table.with_columns(
        loss=(pl.col("value") / pl.col("actual")).log().abs(),
        naive=(pl.col("last_close") / pl.col("actual")).log().abs(),
    )
    rows = []
    for number, one in enumerate(parts, 1):
        first, last = (int(samples.close_time[row]) for row in (one.test.first - 1, one.test.end - 1))
        stamp = pl.col("origin").dt.epoch("ms")
        own = losses.filter((stamp >= first) & (stamp < last))
        loss, naive = (float(np.mean(own[name].to_numpy())) for name in ("loss", "naive"))
        rows.append(
            {
                "partition": number,
                "forecast from": own["origin"].min(),
                "to": own["origin"].max(),
                "origins": own["origin"].n_unique(),
                "error, %": 100 * loss,
                "last close, %": 100 * naive,
                "skill, %": 100 * (1 - loss / naive),
            }
        )
    return pl.DataFrame(rows)
