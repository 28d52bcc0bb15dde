"""What the studies say alike: whether these are the article's candles, what the judge says, and what remains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.forecasts.combine import ENSEMBLE
from coincast.reports.numbers import base_currency
from coincast.reports.palette import BETTER, NOT_DISTINGUISHABLE, WORSE
from coincast.scores.verdict import deciding_rows

if TYPE_CHECKING:
    from coincast.experiments.result import Result

THAN = {BETTER: "better than", WORSE: "worse than", NOT_DISTINGUISHABLE: "not distinguishable from"}
ROUNDED = 0.01
"""Of a mean close that is told to two decimals."""


def are_own_candles(
    candles: pl.DataFrame,
    *,
    coins: Sequence[str],
    rows: int,
    newest: date | None = None,
    mean_close: float | None = None,
) -> bool:
    """Tell whether these are the candles that an article was written on, so that its figures can stand beside ours.

    Args:
        candles: of a study, in the order of its markets.
        coins: of its markets, such as `BTC`, in any order.
        rows: candles of each market.
        newest: day at which the last of them opens.
        mean_close: mean of all closes, to two decimals, where coin and number do not tell them from others.
    """
    counts = candles.group_by("market").len()
    if sorted(map(base_currency, counts["market"])) != sorted(coins) or set(counts["len"]) != {rows}:
        return False
    last: Any = candles["open_time"].max()
    mean: Any = candles["close"].mean()
    return (newest is None or last.date() == newest) and (mean_close is None or abs(mean - mean_close) < ROUNDED)


def judged_row(result: Result, market: str, model: str) -> dict[str, Any]:
    """The judge's row on a model of an experiment: on its ensemble, or on its single run.

    Args:
        result: of the experiment.
        market: of the row.
        model: its name, with or without `.ensemble`; `judged_row(...)["model"]` is what it is called in the tables.
    """
    plain = model.removesuffix(ENSEMBLE)
    rows = deciding_rows(result.scores).filter(
        pl.col("market") == market, pl.col("model").is_in([plain, plain + ENSEMBLE])
    )
    return rows.sort("model", descending=True).row(0, named=True)


def tell_verdict(verdict: str | None, naive: str) -> str:
    """Write a verdict as it stands after "is": "not distinguishable from yesterday's price".

    Args:
        verdict: of the judge.
        naive: what the forecast is compared with, as a reader would call it.
    """
    return f"{THAN[verdict]} {naive}" if verdict in THAN else f"seen on too few forecasts to be told from {naive}"


def tell_verdicts(verdicts: Mapping[str, str | None], naive: str) -> str:
    """The same for several coins: "better than a copy on BTC and ETH, and worse than a copy on XMR".

    Args:
        verdicts: of each coin.
        naive: as for `tell_verdict`.
    """
    coins: dict[str | None, list[str]] = {}
    for coin, verdict in verdicts.items():
        coins.setdefault(verdict, []).append(coin)
    return ", and ".join(f"{tell_verdict(verdict, naive)} on {join_words(names)}" for verdict, names in coins.items())


def join_words(words: Sequence[str]) -> str:
    """List words as a sentence does.

    Example:
        >>> join_words(["BTC", "ETH", "XMR"])
        'BTC, ETH and XMR'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
