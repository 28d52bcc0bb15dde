"""Is an error really smaller than the naive one? The decisive test, its skill interval, and Diebold-Mariano.

The test asks whether the mean of the loss differences (model minus naive, one per origin, in order of time) is zero.
Its error is the equal-weighted cosine estimate of the long-run variance with B cosines, and the statistic follows a
Student t with B degrees of freedom:

    Lambda_j  = sqrt(2 / n) * sum_t d_t cos(pi j (t - 1/2) / n),   j = 1 .. B
    error     = sqrt(mean_j Lambda_j^2 / n),   statistic = mean(d) / error
    B         = integer part of min(0.4 n^(2/3), n / (2 h))

with h the number of successive origins whose targets overlap (Lazarus, Lewis, Stock and Watson 2018; Coroneo and Iacone
2020). It holds its size where h is large against n, which the usual Diebold-Mariano statistic does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]

ALPHA = 0.05
POWER = 0.80
ORIGINS_PER_OVERLAP = 20
"""A verdict needs at least this many origins for every origin that overlaps."""
COPY_SHARE = 1e-4
"""Mean |difference| below this share of the mean naive loss: the forecast is the naive one."""
USUAL_POWER = 200
"""Powers of two below which squares and their sums are far from the ends of the range of numbers."""
UNEVEN_SHARE = 0.2
"""Share of the distance of origins by which spans may differ because candles do."""
ZERO_SHARE = 1e-12
"""A long-run error below this share of |mean difference| counts as zero."""


@dataclass(frozen=True)
class Comparison:
    """What the losses of one forecast say beside those of the naive forecast; None stands where nothing can be said.

    Attributes:
        n: origins compared.
        loss: mean loss of the forecast.
        naive: mean loss of the naive forecast.
        skill: 1 - loss / naive.
        low: lower end of the 95 % interval of the skill.
        high: upper end of it.
        statistic: of the decisive test, negative where the forecast is better.
        p: two-sided p value of the decisive test.
        dm: Diebold-Mariano statistic with the Harvey-Leybourne-Newbold factor.
        p_dm: its two-sided p value.
        detectable: the skill that a model of this spread would have shown with 80 % power.
        is_copy: whether the forecast is the naive one.
        is_too_few: whether there are fewer than 20 h origins.
    """

    n: int
    loss: float
    naive: float
    skill: float | None
    low: float | None = None
    high: float | None = None
    statistic: float | None = None
    p: float | None = None
    dm: float | None = None
    p_dm: float | None = None
    detectable: float | None = None
    is_copy: bool = False
    is_too_few: bool = False


def count_overlapping(origins: NDArray[np.int64], last_targets: NDArray[np.int64], *, steps: int = 1) -> int:
    """Largest number of successive origins whose targets overlap, at least 1.

    This is K where every candle is an origin, K / stride rounded up where every stride-th one is, and 1 where an origin
    comes no earlier than the last target of the one before. Fewer origins than that cannot show it: then the span of
    the targets over the usual distance of origins tells it, and of a single origin its steps.

    Args:
        origins: ascending times of the origins.
        last_targets: time of the last target of each origin.
        steps: steps from an origin to its last target.
    """
    if origins.size < 2:
        return max(1, steps)
    begun = np.searchsorted(origins, last_targets, side="left")
    seen = max(1, int((begun - np.arange(origins.size)).max()))
    # Months differ by a tenth in length: an overlap of so little is none.
    usual = math.ceil(float(np.median(last_targets - origins) / np.median(np.diff(origins))) - UNEVEN_SHARE)
    return usual if usual > origins.size else seen


def count_needed(overlapping: int) -> int:
    """Fewest origins that get a verdict where this many successive ones overlap."""
    return ORIGINS_PER_OVERLAP * overlapping


def count_cosines(n: int, overlapping: int) -> int:
    """Cosines of the long-run variance, which are the degrees of freedom of the test.

    The cube root is rounded before the integer part is taken, so that 0.4 n^(2/3) is 40 and not 39 at n = 1000.
    """
    return int(min(round(0.4 * n ** (2 / 3), 9), n / (2 * overlapping)))


def cosine_weights(values: Floats, cosines: int) -> Floats:
    """Lambda_1 .. Lambda_B of series along the last axis."""
    n = values.shape[-1]
    centred = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(dct(centred, type=2, axis=-1)[..., 1 : cosines + 1]) / math.sqrt(2 * n)


def compare_losses(losses: Floats, naive: Floats, *, overlapping: int) -> Comparison:
    """Compare the losses of a forecast with those of the naive forecast on the same origins.

    Args:
        losses: one loss per origin, in order of time; at least one. Where their mean is too large for a number,
            nothing but the means is said.
        naive: the naive forecast's losses at the same origins.
        overlapping: successive origins with overlapping targets (`count_overlapping`).

    Returns:
        The comparison, with every edge case settled: no figure in it is NaN or infinite.
    """
    n = losses.size
    with np.errstate(over="ignore"):
        loss, base = float(losses.mean()), float(naive.mean())
        if not math.isfinite(loss) or not math.isfinite(base):
            return Comparison(n, loss, base, None, is_too_few=n < count_needed(overlapping))
        differences = losses - naive
        is_copy = float(np.abs(differences).mean()) <= COPY_SHARE * base
    skill = _finite(1 - loss / base) if base > 0 else None
    if n < count_needed(overlapping):
        return Comparison(n, loss, base, skill, is_copy=is_copy, is_too_few=True)
    if is_copy:
        nothing = None if skill is None else 0.0
        return Comparison(n, loss, base, nothing, nothing, nothing, 0.0, 1.0, 0.0, 1.0, is_copy=True)
    cosines = count_cosines(n, overlapping)
    (differences, unit), (naive, naive_unit) = to_safe_units(differences), to_safe_units(naive)
    mean, unit_base = float(differences.mean()), float(naive.mean())
    weights = cosine_weights(np.stack([differences, naive]), cosines)
    error = math.sqrt(float(weights[0] @ weights[0]) / cosines / n)
    statistic = None if error <= ZERO_SHARE * abs(mean) else mean / error
    p = 0.0 if statistic is None else float(2 * stdtr(cosines, -abs(statistic)))
    dm, p_dm = diebold_mariano(differences, horizon=overlapping)
    low = high = detectable = None
    if skill is not None:
        ends = invert_test(weights, mean, unit_base, n)
        powered = float(stdtrit(cosines, 1 - ALPHA / 2) + stdtrit(cosines, POWER)) * error / unit_base
        low, high, detectable = (_times_power(figure, unit - naive_unit) for figure in (*ends, powered))
    return Comparison(n, loss, base, skill, low, high, statistic, p, dm, p_dm, detectable)


def to_safe_units(values: Floats) -> tuple[Floats, int]:
    """Values over a power of two, and the power: squares of the result neither overflow nor vanish.

    Values of usual size are returned as they are, with the power 0.
    """
    power = math.frexp(float(np.abs(values).max()))[1]
    return (values, 0) if abs(power) < USUAL_POWER else (np.ldexp(values, -power), power)


def _times_power(figure: float | None, power: int) -> float | None:
    """A figure times a power of two; None where that is no number."""
    return None if figure is None else _finite(float(figure * 2.0 ** max(-1000, min(1000, power))))


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def invert_test(weights: Floats, mean: float, base: float, n: int) -> tuple[float | None, float | None]:
    """Ends of all s for which the mean of `loss - (1 - s) naive loss` is not significant.

    With d = loss - naive loss, the test of d + s naive loss is a quadratic inequality in s. Zero lies inside exactly
    when the decisive test's own p is at least 5 %, because the constant term is that test.

    Args:
        weights: cosine weights of d and of the naive loss, (2, B).
        mean: mean of d.
        base: mean of the naive loss, above zero.
        n: origins.

    Returns:
        Both ends, or None twice where the set has no two ends.
    """
    cosines = weights.shape[-1]
    critical = float(stdtrit(cosines, 1 - ALPHA / 2)) ** 2 / cosines / n
    spread = critical * (weights @ weights.T)
    square, half = base * base - float(spread[1, 1]), mean * base - float(spread[0, 1])
    constant = mean * mean - float(spread[0, 0])
    if square <= 0:
        return None, None
    # The larger root first, the other from their product: no cancellation, and the signs follow `constant` exactly.
    large = -(half + math.copysign(math.sqrt(max(half * half - square * constant, 0.0)), half))
    if large == 0:
        return 0.0, 0.0
    ends = sorted((large / square, constant / large))
    return ends[0], ends[1]


def interval_of_mean(values: Floats, *, overlapping: int) -> tuple[float, float]:
    """The 95 % interval of a mean by the decisive test; at least 20 times `overlapping` values."""
    cosines = count_cosines(values.size, overlapping)
    scaled, power = to_safe_units(values)
    weights = cosine_weights(scaled, cosines)
    half = float(stdtrit(cosines, 1 - ALPHA / 2)) * math.sqrt(float(weights @ weights) / cosines / values.size)
    mean = float(scaled.mean())
    return math.ldexp(mean - half, power), math.ldexp(mean + half, power)


def diebold_mariano(differences: Floats, *, horizon: int, lags: int | None = None) -> tuple[float | None, float | None]:
    """The usual Diebold-Mariano statistic with the Harvey-Leybourne-Newbold factor, for comparison only.

    Bartlett weights over `lags` lags, Student t with n - 1 degrees of freedom: the figures of statsmodels'
    `diebold_mariano_test(..., harvey_adj=True, horizon=horizon, lags=lags)`.

    Args:
        differences: one per origin, in order of time.
        horizon: steps ahead, here the successive origins with overlapping targets.
        lags: lags of the long-run variance; unless given, the larger of horizon - 1 and n^(1/3) rounded up.

    Returns:
        Statistic and two-sided p value; None and 0 where the estimated variance is zero, None twice for one value.
    """
    n = differences.size
    if n < 2:
        return None, None
    lags = max(horizon - 1, math.ceil(n ** (1 / 3))) if lags is None else lags
    differences, _ = to_safe_units(differences)
    mean = float(differences.mean())
    rest = differences - mean
    # Bartlett's weights are those of the squared sums of every lags + 1 neighbours (zeros beyond the ends).
    running = np.cumsum(rest)
    windows = np.append(running, np.full(lags, running[-1]))
    windows[lags + 1 :] -= running[:-1]
    variance = float(windows @ windows) / (lags + 1)
    if variance <= (ZERO_SHARE * mean * n) ** 2:
        return None, 0.0
    factor = math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = factor * mean * n / math.sqrt(variance)
    return statistic, float(2 * stdtr(n - 1, -abs(statistic)))


def adjust_holm(p_values: Floats) -> Floats:
    """Holm's step-down adjustment: a family of tests is wrong at most once in twenty (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(p_values.size, 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted
