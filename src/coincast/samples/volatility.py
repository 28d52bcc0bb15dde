"""How much a market moved and is moving: realised volatility, and its exponentially weighted mean.

All variances are sums or means of squared log returns, close to close, with a mean of zero; none is annualised. A
return across a gap is no return of one interval and is left out.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from coincast.samples.samples import Samples
from coincast.samples.windows import Windows

NAIVE_DECAY = 0.94
"""Of the naive forecast; the daily decay of RiskMetrics (J.P. Morgan 1996)."""


def returns_into_rows(samples: Samples) -> Float[np.ndarray, "row"]:
    """Log return from the close before each row to its own; NaN at the first row of a gap-free stretch."""
    returns = np.full(len(samples.close), np.nan)
    is_next = samples.open_time[1:] == samples.close_time[:-1]
    returns[1:][is_next] = np.diff(np.log(samples.close))[is_next]
    return returns


def ewma_variance(returns: Float[np.ndarray, "row"], *, decay: float = NAIVE_DECAY) -> Float[np.ndarray, "row"]:
    """Exponentially weighted mean of the squared returns up to each row.

        variance_t = sum of decay^i r_(t-i)^2 / sum of decay^i

    The weights sum to one from the first return on. A return that is NaN is skipped: the row has the variance of the
    row before it. NaN before the first return.

    Args:
        returns: one per row, in time order.
        decay: weight of a squared return beside that of the next newer one, 0 to 1; at 1 all weigh the same.
    """
    is_known = np.isfinite(returns)
    means = np.empty(np.count_nonzero(is_known))
    total = weight = 0.0
    for place, square in enumerate((returns[is_known] ** 2).tolist()):
        total, weight = square + decay * total, 1 + decay * weight
        means[place] = total / weight
    return _carry_forward(means, is_known)


def mean_variance(returns: Float[np.ndarray, "row"], length: int) -> Float[np.ndarray, "row"]:
    """Mean of the last `length` squared returns up to each row, of fewer where there are fewer.

    NaN is skipped and carried over as in `ewma_variance`.
    """
    is_known = np.isfinite(returns)
    sums = trailing_sums(returns[is_known] ** 2, length)
    return _carry_forward(sums / np.minimum(np.arange(1, len(sums) + 1), length), is_known)


def realised_volatility(samples: Samples, windows: Windows) -> Float[np.ndarray, "window 1"]:
    """Volatility that the target candles of each window brought; the caller takes windows whose future is known.

    sqrt(r_(t+1)^2 + ... + r_(t+K)^2),  K = windows.horizon
    """
    sums = trailing_sums(returns_into_rows(samples) ** 2, windows.horizon)
    return np.asarray(np.sqrt(sums[windows.origin_rows + windows.horizon])[:, None])


def naive_volatility(samples: Samples, rows: Int[np.ndarray, "origin"]) -> Float[np.ndarray, "origin 1"]:
    """The naive forecast of the volatility of the next K candles, known at each row: sqrt(K x EWMA variance).

    NaN where no return is known yet.
    """
    variance = ewma_variance(returns_into_rows(samples))[rows]
    return np.asarray(np.sqrt(samples.windows.horizon * variance)[:, None])


def trailing_sums(values: Float[np.ndarray, "row"], length: int) -> Float[np.ndarray, "row"]:
    """Sum of the last `length` values up to each row, of all where there are fewer.

    Sums of 1, 2, 4 ... values are put together. Unlike the difference of two running totals, that rounds nothing away
    after a large value, makes no sum of squares negative, and confines a NaN to the sums that hold it.
    """
    sums, block, summed = np.zeros_like(values), values, 0
    size = 1
    while size <= length:
        if length & size:
            sums = sums + _shift(block, summed)
            summed += size
        block = block + _shift(block, size)
        size *= 2
    return sums


def _shift(values: Float[np.ndarray, "row"], rows: int) -> Float[np.ndarray, "row"]:
    """Every value so many rows later, zeros before them."""
    shifted = np.zeros_like(values)
    if rows < len(values):
        shifted[rows:] = values[: len(values) - rows]
    return shifted


def _carry_forward(known: Float[np.ndarray, "_known"], is_known: Bool[np.ndarray, "row"]) -> Float[np.ndarray, "row"]:
    """One value per row: that of the row, or of the last row before it that has one; NaN before the first."""
    return np.asarray(np.concatenate([[np.nan], known])[np.cumsum(is_known)])
