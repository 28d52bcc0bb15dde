"""Conformal calibration: how far an interval must reach so that it covers what it says.

A score says by how much a price left its base interval, in units of its scale: max(low - y, y - high) / scale, which is
|y - forecast| / scale where the base is a point. The interval is the base moved outwards by a radius times the scale.

* Split (Papadopoulos et al. 2002, Lei et al. 2018) and CQR (Romano, Patterson and Candes 2019, whose base is a pair of
  quantiles): the radius is the k-th smallest of n scores, k = ceil((n + 1) coverage). For exchangeable scores without
  ties the coverage is exactly k / (n + 1) on average, whatever the model. With k > n the interval is infinite.
* Adaptive (Gibbs and Candes 2021): after every known target the allowed share of misses moves,
  a <- a + rate (a* - miss), and the radius is the quantile of the latest scores at 1 - a; infinite where a <= 0,
  nothing where a >= 1. For every sequence whatever, the share of misses over T forecasts stays within
  (max(a*, 1 - a*) + h rate) / (rate T) of a*, with h successive forecasts whose targets overlap (h = 1: their
  Proposition 4.1).

The bound with delay. Let S_n be a after the first n misses are counted, and forecast n made with S_c, where
n - h < c <= n, because at most h - 1 targets are open. S falls only after a miss, which needs S_c > 0, and then by at
most rate (1 - a*) for each of the at most h misses since: S > -h rate. It rises only after a hit, which needs S_c < 1,
so S < 1 + h rate. Since S_T = a* + rate (T a* - misses), |misses / T - a*| = |S_T - a*| / (rate T).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from coincast.forecasts.residuals import Line

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Radii = Callable[[Floats, Floats, Counts, float], Floats]
"""(past scores (m,), scores (n,), how many of these are known at each origin (n,), coverage) -> radii (n,)."""

RATE = 0.005
"""Step of the adaptive intervals, that of Gibbs and Candes. A larger one has a tighter bound (36 points for a 90 %
interval over 500 forecasts here, 9 with 0.02) and recovers faster, but costs sharpness where nothing changes: see
docs/decisions/0009-intervals.md."""
KEPT = 500
"""Scores that adaptive intervals learn from, the latest; more where the calibration part is longer."""


def conformal_rank(rows: int, coverage: float) -> int:
    """Which of the ascending scores is the radius, counted from 1: ceil((rows + 1) coverage)."""
    return math.ceil(round((rows + 1) * coverage, 9))


def rows_needed(coverage: float) -> int:
    """Fewest calibration forecasts that give a finite interval: 9 for 90 %, 4 for 80 %."""
    return math.ceil(round(coverage / (1 - coverage), 9))


def conformal_radius(scores: Floats, coverage: float) -> float:
    """The radius of a split conformal interval; infinite where there are too few scores."""
    rank = conformal_rank(scores.size, coverage)
    return math.inf if rank > scores.size else float(np.partition(scores, rank - 1)[rank - 1])


def split_radii(past: Floats, scores: Floats, known: Counts, coverage: float) -> Floats:
    """The same radius for every forecast, from the past alone."""
    return np.full(scores.size, conformal_radius(past, coverage))


def adaptive_radii(
    past: Floats, scores: Floats, known: Counts, coverage: float, *, rate: float = RATE, kept: int = KEPT
) -> Floats:
    """Radii that follow what happened: both the allowed share of misses and the scores move with the known targets.

    Args:
        past: scores of the calibration forecasts, in order of time.
        scores: of the forecasts, in order of time; NaN where the price never became known.
        known: how many of the scores were known at each origin, ascending.
        coverage: wanted.
        rate: step of the allowed share.
        kept: how many scores are kept, the latest; never fewer than there were in the past.

    Returns:
        (n,); infinite where the allowed share is at or below zero (or no score is known), -inf where it is at or above
        one.
    """
    target = 1 - coverage
    recent, ranked = deque(past.tolist()), np.sort(past).tolist()
    radii: list[float] = []
    told = counted = misses = 0
    for count in known.tolist():
        for place in range(told, count):
            score = float(scores[place])
            if math.isnan(score):
                continue
            counted += 1
            misses += score > radii[place]
            recent.append(score)
            insort(ranked, score)
            if len(ranked) > max(past.size, kept):
                del ranked[bisect_left(ranked, recent.popleft())]
        told = count
        # In one sum and rounded, so that a share of exactly zero is zero.
        radii.append(_radius_at(ranked, round(target + rate * (counted * target - misses), 12)))
    return np.array(radii)


def _radius_at(ranked: list[float], alpha: float) -> float:
    """The radius for an allowed share of misses; between 0 and 1 never beyond the largest known score."""
    if alpha <= 0 or not ranked:
        return math.inf
    if alpha >= 1:
        return -math.inf
    return ranked[min(conformal_rank(len(ranked), 1 - alpha), len(ranked)) - 1]


def adaptive_bound(coverage: float, forecasts: int, *, rate: float = RATE, overlapping: int = 1) -> float:
    """How far the coverage of adaptive intervals can be from the wanted one, whatever happens.

    Args:
        coverage: wanted.
        forecasts: how many, with known targets.
        rate: step of the allowed share.
        overlapping: successive forecasts whose targets overlap.
    """
    return (max(coverage, 1 - coverage) + overlapping * rate) / (rate * forecasts)


def calibrate_line(line: Line, radii: Radii) -> Floats:
    """Quantiles of a line, calibrated pair by pair, in logs (n, levels).

    Each pair of levels a and 1 - a is the central interval of coverage 1 - 2a; the median stays as it is. Where the
    interval is empty, both ends stand at the middle of the base.
    """
    found = line.base.copy()
    known = np.searchsorted(line.targets, line.origins, side="right")
    # Targets known before any forecast was made on this line belong to no forecast of it.
    known = np.minimum(known, np.arange(known.size))
    for i in range(len(line.levels) // 2):
        j = len(line.levels) - 1 - i
        coverage = 1 - 2 * line.levels[i]
        past = _scores(line.past_base[:, [i, j]], line.past_truth, line.past_scale)
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = _scores(line.base[:, [i, j]], line.truth, line.scale)
        reach = _times(radii(past, scores, known, coverage), line.scale)
        low, high = line.base[:, i] - reach, line.base[:, j] + reach
        middle = (line.base[:, i] + line.base[:, j]) / 2
        found[:, i] = np.where(low > high, middle, low)
        found[:, j] = np.where(low > high, middle, high)
    return found


def _scores(ends: Floats, truth: Floats, scale: Floats) -> Floats:
    return np.asarray(np.maximum(ends[:, 0] - truth, truth - ends[:, 1]) / scale)


def _times(radii: Floats, scale: Floats) -> Floats:
    """Radii in logs; an infinite one is infinite on a scale of zero, too."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(radii) & ~np.isnan(scale), radii, radii * scale)
