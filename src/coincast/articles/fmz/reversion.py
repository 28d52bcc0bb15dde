"""Does a move come back? The correlation of returns with those before them, in the training rows and after."""

from __future__ import annotations

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from coincast.articles.fmz.hours import Hours
from coincast.reports.numbers import MINUS

LAGS = 24
TWO_SIDED = 1.96
LIMIT = 3.0
"""Robust deviations of the training returns at which a return is cut, so that a few crashes do not speak for all."""


def measure_reversion(hours: Hours) -> pl.DataFrame:
    """Correlation of the log returns inside gap-free stretches with those some candles earlier, large ones cut.

    Returns:
        `lag, training, test, band`: 1 to `LAGS`; each correlation over its own rows, and 1.96 times the standard error
        of the first one where there is no dependence, calm and stormy spans notwithstanding (Lo and MacKinlay 1988).
    """
    from coincast.models.robust import winsor_limits

    returns, known, border = np.diff(np.log(hours.close)), hours.is_move, hours.first_origin - 1
    returns = np.clip(returns, *winsor_limits(returns[:border][known[:border]], LIMIT))
    rows = []
    for lag in range(1, LAGS + 1):
        training, error = _correlate(returns[:border], known[:border], lag)
        test, _ = _correlate(returns[border:], known[border:], lag)
        rows.append({"lag": lag, "training": training, "test": test, "band": TWO_SIDED * error})
    return pl.DataFrame(rows)


def say_reversion(table: pl.DataFrame, noun: str) -> str:
    """What the first lag says, in one sentence."""
    first = table.row(0, named=True)
    training, test = (f"{first[name]:+.3f}".replace("-", MINUS) for name in ("training", "test"))
    if abs(first["training"]) <= first["band"]:
        told = f"the next {noun} depends on this one no more than chance would have it"
    elif first["training"] * first["test"] <= 0:
        told = "whatever it was did not last"
    else:
        turn = "followed by more of it" if first["training"] > 0 else "taken back in part"
        told = f"on average a move is {turn} in the next {noun}"
    return (
        f"With returns cut at {LIMIT:g} robust deviations, so that a few crashes do not speak for all, the correlation "
        f"of a return with the one before it is {training} in the training rows (chance alone: within "
        f"{first['band']:.3f} of zero in 95 % of cases) and {test} after them: {told}."
    )


def _correlate(returns: Float[np.ndarray, "row"], known: Bool[np.ndarray, "row"], lag: int) -> tuple[float, float]:
    """Correlation over all pairs that no gap parts, and its standard error where there is none."""
    whole = np.lib.stride_tricks.sliding_window_view(known, lag + 1).all(axis=1)
    earlier, later = returns[:-lag][whole], returns[lag:][whole]
    products = (earlier - earlier.mean()) * (later - later.mean())
    scale = len(products) * float(earlier.std() * later.std())
    if not scale > 0:
        return 0.0, 0.0
    return float(products.sum()) / scale, float(np.sqrt((products**2).sum())) / scale
