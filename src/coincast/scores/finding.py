"""What a further test hands back, and what it is asked for: beside the decisive test, never instead of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from coincast.errors import UsageError
from coincast.scores.significance import ALPHA, adjust_holm
from coincast.scores.verdict import IS_DECIDING

WINDOW_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of the forecasts for which the fluctuation test has published critical values."""
FEWEST_REPETITIONS = 100
MOST_REPETITIONS = 1_000_000
LONGEST_BLOCK = 1_000_000
LARGEST_SEED = 2**31 - 1
MOST_NAMED = 5
"""Lines that a note names; of more than these it tells the number."""

KEY_COLUMNS: dict[str, pl.DataType] = {
    "market": pl.String(),
    "interval": pl.String(),
    "quantity": pl.String(),
    "model": pl.String(),
}
"""The columns that every table of a further test begins with, unless it pools markets."""


@dataclass(frozen=True)
class Finding:
    """What a further test found.

    Attributes:
        table: one row per thing that was tested; without rows where nothing could be.
        notes: what was left out and why, and what a reader must know; whole sentences without a full stop.
    """

    table: pl.DataFrame
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """How the further tests are made.

    Attributes:
        repetitions: draws of every bootstrap.
        block: mean length of a bootstrap's blocks, in origins; chosen from the data unless given.
        seed: of every bootstrap.
        cost: share of the price that buying and selling again costs, round trip.
        window_share: share of the forecasts in a window of the fluctuation test.
    """

    repetitions: int = 1000
    block: int | None = None
    seed: int = 0
    cost: float = 0.001
    window_share: float = 0.3

    def __post_init__(self) -> None:
        if not FEWEST_REPETITIONS <= self.repetitions <= MOST_REPETITIONS:
            raise UsageError(
                f"repetitions is {self.repetitions}; allowed: {FEWEST_REPETITIONS} to {MOST_REPETITIONS:,} draws"
            )
        if self.block is not None and not 1 <= self.block <= LONGEST_BLOCK:
            raise UsageError(
                f"block is {self.block}; allowed: 1 to {LONGEST_BLOCK:,} origins, or none to have it chosen"
            )
        if not 0 <= self.seed <= LARGEST_SEED:
            raise UsageError(f"seed is {self.seed}; allowed: 0 to {LARGEST_SEED:,}")
        if not 0 <= self.cost < 1:
            raise UsageError(f"cost is {self.cost}; allowed: a share of the price from 0 to below 1, 0.001 for 0.1 %")
        if self.window_share not in WINDOW_SHARES:
            shares = ", ".join(map(str, WINDOW_SHARES))
            raise UsageError(f"window_share is {self.window_share}; allowed, as published: {shares}")


@dataclass(frozen=True)
class Shortage:
    """Something with fewer forecasts than a test needs.

    Attributes:
        name: what it is, such as "ar on made:UP/USD".
        n: its forecasts.
        needed: fewest that the test needs.
    """

    name: str
    n: int
    needed: int


def tell_shortages(test: str, shortages: Iterable[Shortage]) -> tuple[str, ...]:
    """One line per number of forecasts that is needed.

    Args:
        test: what is left out, as the subject of a sentence.
        shortages: for what.
    """
    by_need: dict[int, list[str]] = {}
    for shortage in shortages:
        by_need.setdefault(shortage.needed, []).append(f"{shortage.name} ({shortage.n:,})")
    return tuple(
        f"{test} needs at least {needed:,} forecasts and is left out for {name_some(names)}"
        for needed, names in sorted(by_need.items())
    )


def tell_lost(test: str, losing: Mapping[tuple[int, int], list[str]], owners: str) -> tuple[str, ...]:
    """One line per number of origins that are left out because not all have them.

    Args:
        test: what leaves them out, as the subject of a sentence.
        losing: names of what is tested, by origins left out and origins in all.
        owners: who lacks them: "market", "model".
    """
    return tuple(
        f"{test} leaves out {lost:,} of {total:,} origins of {name_some(names)}: not every {owners} has them"
        for (lost, total), names in losing.items()
        if lost
    )


def name_some(names: list[str]) -> str:
    """Names in a row; of many the first ones and how many more there are."""
    told = ", ".join(names[:MOST_NAMED])
    return told if len(names) <= MOST_NAMED else f"{told} and {len(names) - MOST_NAMED:,} more"


def make_table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows as a table with these columns and types, also where there is no row."""
    return pl.DataFrame(list(rows), schema=dict(columns), orient="row")


def decided_words(scores: pl.DataFrame) -> dict[tuple[str, ...], str | None]:
    """The words of the decisive test, by market, interval, quantity and model.

    Args:
        scores: the score table.
    """
    decided = scores.filter(IS_DECIDING).select(*KEY_COLUMNS, "verdict")
    return {tuple(keys): word for *keys, word in decided.iter_rows()}


def add_words(table: pl.DataFrame) -> pl.DataFrame:
    """Add Holm's adjustment over the rows that have a p, and the words that follow from it.

    Args:
        table: with `p` (null where there was no test), `loss`, `naive` and `is_too_few`.

    Returns:
        The table with `p_holm` and `verdict`; both are null where there was no test, except for "too few".
    """
    tested = table["p"].is_not_null().to_numpy()
    adjusted = np.full(table.height, np.nan)
    adjusted[tested] = adjust_holm(table["p"].drop_nulls().to_numpy())
    p_holm = pl.Series("p_holm", adjusted, dtype=pl.Float64).fill_nan(None)
    word = pl.when(pl.col("loss") < pl.col("naive")).then(pl.lit("better")).otherwise(pl.lit("worse"))
    word = pl.when(pl.col("p_holm") < ALPHA).then(word).otherwise(pl.lit("not distinguishable"))
    few = pl.when(pl.col("is_too_few")).then(pl.lit("too few"))
    return table.with_columns(p_holm).with_columns(
        verdict=pl.when(pl.col("p_holm").is_not_null()).then(word).otherwise(few)
    )
