"""Independent simulated markets, and the words that the judge gives to the models of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl

from coincast.scores.significance import ALPHA, adjust_holm
from coincast.scores.verdict import NAIVE
from coincast.sources.simulated import simulate

OnStep = Callable[[str, int, int], None]
"""Told what is done next, its number, and how many there are."""

SEEDS_PER_SEED = 10_000_000
"""Markets that one seed of a calibration can draw."""
FORECASTS_AT_ONCE = 2_500_000
"""Rows of the largest forecast table, which bounds the memory."""
MARKETS_AT_ONCE = 100


def draw_market(kind: str, number: int, *, candles: int, seed: int, skill: float | None = None) -> pl.DataFrame:
    """One simulated market of its own; markets of other numbers, kinds and seeds share nothing with it.

    Coins of one `simulate` move together, as coins do; here each market is drawn from a seed of its own, so that shares
    of markets are shares of independent trials.
    """
    drawn = simulate(kind, skill=skill, candles=candles, seed=seed * SEEDS_PER_SEED + number)
    return drawn.with_columns(market=pl.lit(f"simulated:{kind.upper()}{number + 1}/USD"))


def draw_markets(
    kind: str, numbers: Sequence[int], *, candles: int, seed: int, skill: float | None = None
) -> pl.DataFrame:
    """One candle table of several such markets."""
    return pl.concat([draw_market(kind, number, candles=candles, seed=seed, skill=skill) for number in numbers])


def cut_chunks(first: int, markets: int, *, rows_per_market: int) -> Iterator[range]:
    """The numbers of markets, from `first` on, in runs of such a length that their forecasts fit into memory."""
    size = max(1, min(MARKETS_AT_ONCE, FORECASTS_AT_ONCE // rows_per_market))
    for start in range(0, markets, size):
        yield range(first + start, first + min(start + size, markets))


def give_words(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `found` (alone) and `verdict` (after Holm over the models of its market) to the tests of models.

    Args:
        rows: `market`, `model`, `skill` and `p` of each test; those of the naive forecast itself are left out.

    Returns:
        The rows, with `found`, "better" or "worse" where p < 0.05 and else null, and `verdict`, the word that the table
        of this one market shows.
    """
    tested = rows.filter((pl.col("model") != NAIVE) & pl.col("p").is_not_null())
    families = [
        own.with_columns(p_holm=adjust_holm(own["p"].to_numpy()))
        for own in tested.partition_by("market", maintain_order=True)
    ]
    side = pl.when(pl.col("skill") > 0).then(pl.lit("better")).otherwise(pl.lit("worse"))
    return pl.concat(families).with_columns(
        found=pl.when(pl.col("p") < ALPHA).then(side),
        verdict=pl.when(pl.col("p_holm") < ALPHA).then(side).otherwise(pl.lit("not distinguishable")),
    )


def log_returns(candles: pl.DataFrame) -> np.ndarray:
    """Log returns from close to close of one market."""
    return np.asarray(np.diff(np.log(candles["close"].to_numpy())))
