"""Clark and West's test: a hint of signal in a forecast that is not better; it never makes a verdict.

A model that contains "no change" as a special case estimates parameters that are zero under the null, and pays for it
with noise, so that it errs more than naive even where its moves carry a signal. With e0 naive's error, e1 the model's
and f0 - f1 the difference of the forecasts, all in log price change, the test adds that noise back:

    f = e0^2 - (e1^2 - (f0 - f1)^2),   the null is E f = 0, the alternative E f > 0

(Clark and West 2007.) A signal that is there and too weak to pay for its own noise is of no use to a
forecaster: such a forecast misses as much as naive, or more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from coincast.scores.finding import KEY_COLUMNS, Finding, Options, Shortage, decided_words, make_table, tell_shortages
from coincast.scores.panel import Panel
from coincast.scores.point import floor_price
from coincast.scores.series import deciding_series
from coincast.scores.significance import (
    ALPHA,
    ZERO_SHARE,
    adjust_holm,
    cosine_weights,
    count_cosines,
    count_needed,
    to_safe_units,
)

Floats = NDArray[np.float64]

QUANTITIES = ("price", "log_return")
"""Forecasts of a log price change, of which "no change" is a special case."""
COLUMNS: dict[str, pl.DataType] = {
    **KEY_COLUMNS,
    "n": pl.Int64(),
    "verdict": pl.String(),
    **{name: pl.Float64() for name in ("adjusted", "statistic", "p", "usual", "p_usual")},
}


def adjust_errors(truth: Floats, forecast: Floats, naive: Floats) -> Floats:
    """f = e0^2 - (e1^2 - (f0 - f1)^2) of every forecast; arrays of one shape.

    Args:
        truth: log price changes that happened.
        forecast: those that were forecast.
        naive: those of the naive forecast.
    """
    return np.asarray((truth - naive) ** 2 - ((truth - forecast) ** 2 - (naive - forecast) ** 2))


def measure_signal(adjusted: Floats, *, overlapping: int) -> tuple[float | None, float]:
    """One-sided test of a mean above zero, with the error of the decisive test (equal-weighted cosines, Student t).

    Args:
        adjusted: one per origin, in order of time; at least 20 times `overlapping`.
        overlapping: successive origins with overlapping targets.

    Returns:
        Statistic and p; None and 0 or 1 where the error is zero.
    """
    adjusted, _ = to_safe_units(adjusted)
    cosines = count_cosines(adjusted.size, overlapping)
    weights = cosine_weights(adjusted, cosines)
    mean, error = float(adjusted.mean()), math.sqrt(float(weights @ weights) / cosines / adjusted.size)
    if error <= ZERO_SHARE * abs(mean):
        return None, 0.0 if mean > 0 else 1.0
    return mean / error, float(stdtr(cosines, -mean / error))


def measure_usual_signal(adjusted: Floats, *, overlapping: int) -> tuple[float | None, float]:
    """The test as in the paper, for comparison only: Newey-West error over h - 1 lags, normal distribution.

    Args:
        adjusted: one per origin, in order of time.
        overlapping: successive origins with overlapping targets, h.

    Returns:
        Statistic and one-sided p; None and 0 or 1 where the error is zero.
    """
    adjusted, _ = to_safe_units(adjusted)
    n, mean = adjusted.size, float(adjusted.mean())
    rest = adjusted - mean
    covariances = [float(rest[lag:] @ rest[: n - lag]) * (1 - lag / overlapping) for lag in range(overlapping)]
    error = math.sqrt(max(2 * sum(covariances) - covariances[0], 0.0)) / n
    if error <= ZERO_SHARE * abs(mean):
        return None, 0.0 if mean > 0 else 1.0
    return mean / error, float(ndtr(-mean / error))


def find_hints(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """Clark and West's test of every forecast of a price or log return whose verdict is not `better`.

    f is averaged over the steps of an origin, as the deciding loss is. The hint follows `p_holm`, adjusted over the
    rows of this table (Holm), at 5 %, one-sided.

    Args:
        forecasts: a table of forecasts.
        scores: the score table with the verdicts.
        options: not used.

    Returns:
        market, interval, quantity, model, n, verdict (of the decisive test, untouched), adjusted (mean f), statistic,
        p, usual and p_usual (as in the paper), p_holm, hint, text. Copies of the naive forecast are not among them.
    """
    words = decided_words(scores)
    rows, shortages = [], []
    for one in deciding_series(forecasts):
        word = words.get(tuple(one.keys.values()))
        if one.panel.quantity not in QUANTITIES or one.is_copy or word == "better":
            continue
        overlapping = one.overlapping
        if one.origins.size < count_needed(overlapping):
            shortages.append(Shortage(one.name, one.origins.size, count_needed(overlapping)))
            continue
        rows.append({**one.keys, "verdict": word, **_test_panel(one.panel, overlapping)})
    return Finding(_give_hints(make_table(rows, COLUMNS)), tell_shortages("the test of Clark and West", shortages))


def _test_panel(panel: Panel, overlapping: int) -> dict[str, Any]:
    truth, forecast = panel.actual, panel.value
    if panel.quantity == "price":
        forecast = np.log(floor_price(forecast, panel.last_close)) - np.log(panel.last_close)
        truth = np.log(truth) - np.log(panel.last_close)
    adjusted = adjust_errors(truth, forecast, np.zeros_like(truth)).mean(axis=1)
    statistic, p = measure_signal(adjusted, overlapping=overlapping)
    usual, p_usual = measure_usual_signal(adjusted, overlapping=overlapping)
    figures = {"statistic": statistic, "p": p, "usual": usual, "p_usual": p_usual}
    return {"n": adjusted.size, "adjusted": float(adjusted.mean()), **figures}


def _give_hints(table: pl.DataFrame) -> pl.DataFrame:
    adjusted = pl.Series("p_holm", adjust_holm(table["p"].to_numpy()), dtype=pl.Float64)
    found = pl.lit("hint of signal: its moves agree with what happened, too weakly for the word better")
    return table.with_columns(adjusted, hint=adjusted < ALPHA).with_columns(
        text=pl.when("hint").then(found).otherwise(pl.lit("no hint of signal"))
    )
