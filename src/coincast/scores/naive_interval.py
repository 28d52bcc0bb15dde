"""The naive interval of a price: the last close times the exponential of EWMA-scaled past quantiles.

For a target k candles ahead, with m_j = ln(p_j / p_(j-k)) the move over k candles that ends at candle j:

    s_j^2     = EWMA with lambda 0.94 of m_i^2 over i <= j               (weights that sum to one)
    u_j       = m_j / s_(j-k)                                            (scaled by what was known before the move)
    q_tau(o)  = last close * exp(s_o * quantile_tau of the latest 250 u_j with j <= o)

so that only moves that ended at or before the origin o are used; at least 20 of them are needed. The prices are those
that the tables of forecasts tell: last closes at origins and actual prices at targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.forecasts.prices import PricePath

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LAMBDA = 0.94
WINDOW = 250
FEWEST_MOVES = 20


def naive_quantiles(path: PricePath, candles: Counts, step: int, levels: Sequence[float]) -> Floats:
    """Quantiles of the naive interval, relative to the last close.

    Args:
        path: known prices.
        candles: number of the candle at each origin (n,).
        step: candles ahead.
        levels: between 0 and 1.

    Returns:
        (n, levels); NaN where fewer than 20 scaled moves are known at the origin.
    """
    moves = np.log(path.prices) - np.log(path.at(path.candles - step))
    is_known = ~np.isnan(moves)
    ends, moves = path.candles[is_known], moves[is_known]
    scale = np.append(np.nan, np.sqrt(pl.Series(moves**2).ewm_mean(alpha=1 - LAMBDA).to_numpy()))
    before = scale[np.searchsorted(ends, ends - step, side="right")]
    is_scaled = before > 0
    known = np.searchsorted(ends[is_scaled], candles, side="right")
    spread = scale[np.searchsorted(ends, candles, side="right"), None]
    scaled = moves[is_scaled] / before[is_scaled]
    return np.asarray(np.exp(_trailing_quantiles(scaled, known, levels) * spread))


def _trailing_quantiles(values: Floats, counts: Counts, levels: Sequence[float]) -> Floats:
    """Quantiles of the latest `WINDOW` of the first `count` values, one row per count; NaN below `FEWEST_MOVES`."""
    asked, places = np.unique(counts, return_inverse=True)
    found = np.full((asked.size, len(levels)), np.nan)
    is_full = asked >= WINDOW
    for i in np.flatnonzero((asked >= FEWEST_MOVES) & ~is_full):
        found[i] = np.quantile(values[: asked[i]], levels)
    if is_full.any():
        windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)
        found[is_full] = np.quantile(windows[asked[is_full] - WINDOW], levels, axis=1).T
    return found[places]
