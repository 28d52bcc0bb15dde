"""A row of the score table as a sentence that a layman understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.significance import ALPHA, count_needed

NAIVE_WORDS = '"the price stays where it is"'
ACRONYMS = frozenset({"ar", "arima", "cnn", "ets", "gru", "lstm", "mlp", "rnn", "tcn"})
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


def percent(share: float) -> str:
    """A share in percent without its sign: "9 %", "1.4 %", "0.05 %"."""
    size = 100 * abs(share)
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
        return f"{name} cannot be judged yet: {row['n']:,} forecasts, and it needs at least {needed:,}: too few."
    if row["p"] == 1 and row["statistic"] == 0:
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
    span = "" if low is None or high is None else f" ({_span(low, high)})"
    if percent(skill) == "0 %":
        return f"misses by as much as {NAIVE_WORDS}{span}"
    return f"misses by {percent(skill)} {_side(skill)} than {NAIVE_WORDS}{span}"


def _span(low: float, high: float) -> str:
    """Ends of the interval in words, the better end last where they differ in sign."""
    if (low > 0) == (high > 0):
        near, far = sorted((low, high), key=abs)
        return f"between {percent(near)} and {percent(far)} {_side(far)}"
    return f"between {percent(low)} {_side(low)} and {percent(high)} {_side(high)}"


def _side(skill: float) -> str:
    return "less" if skill > 0 else "more"
