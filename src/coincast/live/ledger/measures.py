"""What one closed candle says of one forecast: errors beside the naive ones, coverage, interval scores.

Errors are those of the decisive test, |ln(value / actual)|; a forecast at or below zero counts as 1 % of the last
close. Interval scores are relative to the last close (Gneiting and Raftery 2007).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from coincast.forecasts.table import quantile_level, quantile_name
from coincast.live.ledger.entry import Entry
from coincast.live.ledger.forecast import NAIVE, quantiles_of
from coincast.scores.point import absolute_log_error, floor_price
from coincast.scores.quantiles import interval_score

SAME = 1e-9
"""Relative difference up to which figures that two machines worked out are the same."""


def measure(forecast: Entry, target_time: int, actual: float) -> dict[str, Any]:
    """The line of a score about one forecast.

    Args:
        forecast: an entry of that kind, one of whose steps ends at the target.
        target_time: close of the candle, milliseconds since 1970.
        actual: its price.
    """
    body = forecast.body
    step = next(one for one in body["steps"] if one["target_time"] == target_time)
    last_close, last_trade = body["last_close"], body["last_trade"]
    own, naive = quantiles_of(step), quantiles_of(step, NAIVE)
    return {
        "number": forecast.number,
        "hash": forecast.hash,
        "model": body["model"],
        "origin": body["origin"],
        "step": step["step"],
        "error": log_error(step["value"], last_close, actual),
        "naive_error": log_error(last_close, last_close, actual),
        "last_trade_error": None if last_trade is None else log_error(last_trade, last_close, actual),
        "covered": _covered(own, actual),
        "interval_score": _interval_scores(own, last_close, actual),
        "naive_covered": _covered(naive, actual),
        "naive_interval_score": _interval_scores(naive, last_close, actual),
    }


def log_error(value: float, last_close: float, actual: float) -> float:
    """|ln(value / actual)|, with a value at or below zero raised to 1 % of the last close."""
    return absolute_log_error(np.array(actual), floor_price(np.array(value), np.array(last_close))).item()


def is_same_measure(told: Any, found: Any) -> bool:
    """Whether two lines of a score, or parts of them, say the same, up to the last digits of a logarithm."""
    if isinstance(found, Mapping):
        is_like = isinstance(told, Mapping) and told.keys() == found.keys()
        return is_like and all(is_same_measure(told[name], value) for name, value in found.items())
    if isinstance(found, float):
        return isinstance(told, float) and math.isclose(told, found, rel_tol=SAME, abs_tol=SAME)
    return bool(type(told) is type(found) and told == found)


def _pairs(quantiles: Mapping[str, float]) -> Iterator[tuple[str, float, float, float]]:
    """Percent, outer level, and both ends of every central interval."""
    for name, low in quantiles.items():
        level = quantile_level(name)
        other = quantile_name(round(1 - level, 6))
        if level < 0.5 and other in quantiles:
            yield f"{round(100 * (1 - 2 * level), 2):g}", level, low, quantiles[other]


def _covered(quantiles: Mapping[str, float], actual: float) -> dict[str, bool] | None:
    """Percent -> whether the price fell inside; None where there are no quantiles."""
    return {percent: low <= actual <= high for percent, _, low, high in _pairs(quantiles)} or None


def _interval_scores(
    quantiles: Mapping[str, float], last_close: float, actual: float
) -> dict[str, float | None] | None:
    """Percent -> interval score over the last close; null where an end is infinite."""
    scores: dict[str, float | None] = {}
    for percent, level, low, high in _pairs(quantiles):
        truth, below, above = (np.array(price / last_close) for price in (actual, low, high))
        is_finite = math.isfinite(low) and math.isfinite(high)
        scores[percent] = interval_score(truth, below, above, 2 * level).item() if is_finite else None
    return scores or None
