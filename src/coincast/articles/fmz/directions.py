"""Direction by the article's formula, and what it makes of forecasts that know nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.fmz.hours import LENGTH, Hours
from coincast.scores.direction import article_direction

LAST_CLOSE = "copying the last close"
SAME_WAY = "the same way as the last move"
MEANS = (2, 3, 5)
PHASES = range(LENGTH)
NOISES = (0.0, 0.5, 1.0, 1.6)
BIASES = (-0.5, 0.5)
DRAWS = 2_000


def simple_forecasts(hours: Hours) -> dict[str, Float[np.ndarray, "start"]]:
    """Forecasts without a model, for every start: the last close, and means of the last closes of the window."""
    closes = np.lib.stride_tricks.sliding_window_view(hours.close[:-1], LENGTH)
    means = {f"mean of the last {size} closes": closes[:, -size:].mean(axis=1) for size in MEANS}
    return {LAST_CLOSE: closes[:, -1], **means}


def repeat_last_move(hours: Hours) -> Float[np.ndarray, "start"]:
    """For every start the close that lies as far from the last one of the window as that one from the one before."""
    before, last = hours.close[LENGTH - 2 : -2], hours.close[LENGTH - 1 : -1]
    return np.asarray(last + (last - before))


def count_hits(hours: Hours, forecast: Float[np.ndarray, "start"], *, phase: int = 0) -> tuple[int, int]:
    """Equal directions by the article's formula, and pairs.

    Args:
        hours: the candles.
        forecast: of the close after each window, for every start.
        phase: start of the first jumping window.
    """
    starts = hours.scored_starts(phase)
    return article_direction(hours.close[starts + LENGTH], forecast[starts])


def count_phases(hours: Hours, forecasts: Mapping[str, Float[np.ndarray, "start"]]) -> pl.DataFrame:
    """The formula's figure of each forecast at each of the ten phases: `forecast, phase, hits, pairs`."""
    rows = [
        {"forecast": name, "phase": phase, "hits": hits, "pairs": pairs}
        for name, forecast in forecasts.items()
        for phase in PHASES
        for hits, pairs in [count_hits(hours, forecast, phase=phase)]
    ]
    return pl.DataFrame(rows)


def hourly_spread(hours: Hours) -> float:
    """Standard deviation of the changes from one close to the next over the rows that are scored, above 0."""
    return float(hours.scored_moves.std())


def score_spoilt_copies(hours: Hours, *, draws: int = DRAWS) -> pl.DataFrame:
    """The formula's mean share for the last close made worse: by normal noise, or by a bias.

    Args:
        hours: the candles.
        draws: of the noise.

    Returns:
        `noise, bias` in hourly standard deviations, `share`, and `deviation` of the share over the draws.
    """
    starts, unit = hours.scored_starts(), hourly_spread(hours)
    actual, last = hours.close[starts + LENGTH], hours.close[starts + LENGTH - 1]
    went = actual[1:] > actual[:-1]
    rng = np.random.default_rng(0)
    rows = []
    for noise, bias in [*((noise, 0.0) for noise in NOISES), *((0.0, bias) for bias in BIASES)]:
        shape = (draws if noise else 1, len(last))
        said = last + unit * (bias + noise * rng.standard_normal(shape))
        shares = ((said[:, 1:] > actual[:-1]) == went).mean(axis=1)
        rows.append({"noise": noise, "bias": bias, "share": shares.mean(), "deviation": shares.std()})
    return pl.DataFrame(rows)


def measure_distance(hours: Hours, forecast: Float[np.ndarray, "start"]) -> float:
    """How far a forecast typically lies from a copy of the last close, in standard deviations of one move.

    1.48 times the median of the distances, which is the standard deviation of a normal error; a few windows that are
    far out do not move it.
    """
    from coincast.models.robust import NORMAL_PER_MEDIAN

    starts = hours.scored_starts()
    away = np.abs(forecast[starts] - hours.close[starts + LENGTH - 1])
    return float(np.median(away)) * NORMAL_PER_MEDIAN / hourly_spread(hours)
