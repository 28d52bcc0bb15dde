"""Does the direction that was said go with the direction that came, beyond what the past directions explain?

The test of Pesaran and Timmermann (2009, Journal of the American Statistical Association 104, 325-337): the trace of
the canonical correlations between two categorical series after their own past is taken out by regression. With two
categories there is one correlation r, and

    said and went, each less its regression on 1, said[t - h] and went[t - h]    (residuals x and y)
    r = sum x y / sqrt(sum x^2 sum y^2),   trace statistic = (T - k) r^2 ~ chi2(1),   k = 3 regressors

so that series that keep their sign for long do not pass for one another. Without the past (k = 1) it is the statistic
of Pesaran and Timmermann (1992), squared, times (T - 1) / T.

The paper's theory needs a past that is known when the forecast is made. Where h successive origins overlap, the
outcome of the origin before is not: given that, even a worthless momentum forecast would pass. So the pair of h origins
before stands in its place, and because the products x y then depend on their neighbours, their mean is tested over the
long-run error of the decisive test (cosines, Student t).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from coincast.scores.significance import cosine_weights, count_cosines, count_needed

Floats = NDArray[np.float64]

FEWEST_EXPECTED = 5
"""Forecasts that chance alone must put into each of the four cells (Cochran's rule)."""
NOTHING_LEFT = 1e-8
"""A residual whose squares sum to this share of the series' own, or less, is no variation."""

TOO_FEW = "too few"
SAID_ONE = "only one direction is said"
WENT_ONE = "the price went one way only"
NO_NEWS = "the last known directions already tell what is said"


@dataclass(frozen=True)
class Timing:
    """The outcome of the test; statistic and p are None where it is left out.

    Attributes:
        statistic: signed root of the trace statistic, standard normal where said and went are independent (Student t
            where targets overlap); above zero where they agree more often than chance lets them.
        p: two-sided.
        needs: forecasts that the test needs, None where no number is enough.
        left_out: why there is no statistic, None where there is one.
    """

    statistic: float | None
    p: float | None
    needs: int | None
    left_out: str | None = None


def pesaran_timmermann(said: NDArray[np.bool_], went: NDArray[np.bool_], *, overlapping: int = 1) -> Timing:
    """Test whether the said directions go with those that came, robustly to serial correlation.

    It needs 20 forecasts for every origin that overlaps, and as many as put five into each cell of the table of said
    and went by chance; with fewer it is left out.

    Args:
        said: whether a rise was forecast, in order of time.
        went: whether the price rose.
        overlapping: successive origins with overlapping targets (`count_overlapping`).

    Returns:
        The test, or why it is left out.
    """
    rarest = _rarest(said) * _rarest(went)
    if rarest == 0:
        return Timing(None, None, None, SAID_ONE if _rarest(said) == 0 else WENT_ONE)
    needs = max(count_needed(overlapping), overlapping + math.ceil(FEWEST_EXPECTED / rarest))
    if said.size < needs:
        return Timing(None, None, needs, TOO_FEW)
    past = np.stack([np.ones(said.size), said, went], axis=1)[:-overlapping]
    x, y = (_take_out(past, each[overlapping:].astype(np.float64)) for each in (said, went))
    if x is None or y is None:
        return Timing(None, None, None, NO_NEWS)
    if overlapping == 1:
        statistic = float(x @ y) / math.sqrt(float(x @ x) * float(y @ y)) * math.sqrt(x.size - past.shape[1])
        return Timing(statistic, float(2 * ndtr(-abs(statistic))), needs)
    cosines = count_cosines(x.size, overlapping)
    weights = cosine_weights(x * y, cosines)
    statistic = float((x * y).mean()) / math.sqrt(float(weights @ weights) / cosines / x.size)
    return Timing(statistic, float(2 * stdtr(cosines, -abs(statistic))), needs)


def _rarest(signs: NDArray[np.bool_]) -> float:
    """Share of the rarer of two directions, 0 where there is only one."""
    share = float(signs.mean()) if signs.size else 0.0
    return min(share, 1 - share)


def _take_out(past: Floats, series: Floats) -> Floats | None:
    """Residual of a series on its past; None where nothing is left."""
    rest = series - past @ np.linalg.lstsq(past, series, rcond=None)[0]
    spread = series - series.mean()
    return None if float(rest @ rest) <= NOTHING_LEFT * float(spread @ spread) else rest
