"""A row of the score table as a sentence that a layman understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.significance import ALPHA, count_needed

NAIVE_WORDS = '"the price stays where it is"'
ACRONYMS = frozenset({"ar", "arima", "cnn", "ets", "ewma", "garch", "gru", "har", "lstm", "mlp", "rnn", "tcn"})
MOST_PERCENT = 10_000
UNNAMED = "forecast"
"""Name of a model from outside that has none."""


def spoken_name(model: str) -> str:
    """A model as the subject of a sentence: `lstm(units=20).ensemble` is "The LSTM(units=20) ensemble"."""
    if model == UNNAMED:
        return "This forecast"
    name = model.removesuffix(ENSEMBLE)
    base, bracket, settings = name.partition("(")
    spoken = base.upper() if base in ACRONYMS else base
    return f"The {spoken}{bracket}{settings}{' ensemble' if model.endswith(ENSEMBLE) else ' forecast'}"


def is_naive_itself(row: Mapping[str, Any]) -> bool:
    """Whether a tested row of the score table is that of a copy of the naive forecast.

    Only a copy has no detectable skill beside a statistic of 0; a forecast that errs exactly as much as naive has one.
    """
    return bool(row["statistic"] == 0 and row.get("detectable") is None)


def percent(share: float) -> str:
    """A share in percent without its sign: "9 %", "1.4 %", "0.05 %"; from 10,000 % on only that it is over."""
    size = 100 * abs(share)
    if size > MOST_PERCENT:
        return f"over {MOST_PERCENT:,} %"
    digits = 0 if size >= 1.95 else 1 if size >= 0.095 else 2
    return f"{size:.{digits}f}".removesuffix(".0").replace("0.00", "0") + " %"


def sentence(row: Mapping[str, Any], *, tests: int = 1) -> str:
    """What the deciding row of a model says, its word at the end.

    Args:
        row: a row of the score table that has a word, as a mapping from column to value.
        tests: how many tests were made together (`count_tests`).

    Returns:
        One sentence, such as: The LSTM ensemble misses by 9 % more than "the price stays where it is" (between 2 % and
        17 % more): worse.
    """
    name, word = spoken_name(row["model"]), row["verdict"]
    if word == "too few":
        needed = count_needed(row["overlap"])
        forecasts = "1 forecast" if row["n"] == 1 else f"{row['n']:,} forecasts"
        return f"{name} cannot be judged yet: {forecasts}, and it needs at least {needed:,}: too few."
    if is_naive_itself(row):
        return f"{name} is the naive forecast itself: it repeats the last known price: {word}."
    reason = ""
    if word == "not distinguishable":
        alone = row["p"] < ALPHA
        reason = f"; alone it would pass; it is one of {tests}" if alone else ", and that can be chance"
    return f"{name} {_compare(row)}{reason}: {word}."


def _compare(row: Mapping[str, Any]) -> str:
    skill, low, high = row["skill"], row["low"], row["high"]
    if skill is None:
        return f"errs where {NAIVE_WORDS} never does"
    # An error cannot be below zero, so "less" ends at 100 %, wherever the test's own interval ends.
    is_told = low is not None and high is not None and high > -MOST_PERCENT / 100
    span = f" ({_span(min(low, 1.0), min(high, 1.0))})" if is_told else ""
    if percent(skill) == "0 %":
        return f"misses by as much as {NAIVE_WORDS}{span}"
    return f"misses by {percent(skill)} {_side(skill)} than {NAIVE_WORDS}{span}"


def _span(low: float, high: float) -> str:
    """Ends of the interval in words, the better end last where they differ in sign."""
    if (low > 0) == (high > 0):
        near, far = sorted((low, high), key=abs)
        if percent(near) == percent(far):
            return "its interval rounds to the same"
        return f"between {percent(near)} and {percent(far)} {_side(far)}"
    return f"between {percent(low)} {_side(low)} and {percent(high)} {_side(high)}"


def _side(skill: float) -> str:
    return "less" if skill > 0 else "more"
