"""Losses of quantile forecasts and of drawn ones, and the interval of a share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]


def pinball_loss(truth: Floats, quantile: Floats, level: float) -> Floats:
    """Loss of a quantile forecast: level times the miss above it, 1 - level times the miss below it."""
    miss = truth - quantile
    return np.asarray(np.maximum(level * miss, (level - 1) * miss))


def interval_score(truth: Floats, low: Floats, high: Floats, alpha: float) -> Floats:
    """Width plus 2 / alpha times the miss outside, for the central 1 - alpha interval (Gneiting and Raftery 2007)."""
    return np.asarray(high - low + 2 / alpha * (np.maximum(low - truth, 0) + np.maximum(truth - high, 0)))


def crps_of_quantiles(truth: Floats, quantiles: Floats, levels: Floats) -> Floats:
    """The pinball approximation of the CRPS: twice the mean pinball loss over the levels (Berrisch and Ziel 2023).

    It equals the continuous ranked probability score where the levels are many and evenly spaced; over few levels it
    ranks forecasts of the same levels.

    Args:
        truth: any shape.
        quantiles: the same shape and (levels,).
        levels: between 0 and 1.
    """
    miss = truth[..., None] - quantiles
    return np.asarray(2 * np.maximum(levels * miss, (levels - 1) * miss).mean(axis=-1))


def crps_of_runs(truth: Floats, runs: Floats, *, fair: bool = False) -> Floats:
    """CRPS of the empirical distribution of runs: mean |x - y| - mean |x - x'| / 2 (Gneiting and Raftery 2007).

    Args:
        truth: any shape.
        runs: the same shape and (runs,).
        fair: whether the second mean leaves out pairs of a run with itself, which is unbiased where runs are draws
            (Ferro 2014); at least two runs then.
    """
    count = runs.shape[-1]
    ranked = np.sort(runs, axis=-1)
    # The sum of |x - x'| over all ordered pairs, from the ranks.
    spread = 2 * (ranked * (2 * np.arange(count) - count + 1)).sum(axis=-1)
    pairs = count * (count - 1) if fair else count * count
    return np.asarray(np.abs(runs - truth[..., None]).mean(axis=-1) - spread / pairs / 2)


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share seen in n independent trials (Wilson 1927)."""
    z2 = float(ndtri(0.975)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = (z2 * (share * (1 - share) / n + z2 / (4 * n * n))) ** 0.5 / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def expected_band(share: float, n: float) -> tuple[float, float]:
    """Where 95 % of the shares seen in n independent trials lie if this is the true one: those whose Wilson interval
    holds it."""
    half = float(ndtri(0.975)) * (share * (1 - share) / n) ** 0.5
    return max(0.0, share - half), min(1.0, share + half)
