"""Thousands of points drawn as hundreds, without losing an extreme."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def thin(*series: NDArray[np.float64], most: int = 1200) -> NDArray[np.int64]:
    """Choose the points to draw so that no line loses a peak, a trough, its first or its last point.

    The points are cut into buckets of equal count; each line keeps its lowest and highest point of every bucket. All
    lines keep all chosen points, so that they still share one axis of time.

    Args:
        series: lines of one length; NaN is skipped.
        most: about how many points to keep.

    Returns:
        Rising positions; all of them where there are no more than `most`.
    """
    length = len(series[0])
    if length <= most:
        return np.arange(length, dtype=np.int64)
    buckets = max(1, most // (2 * len(series)))
    width = -(-length // buckets)
    kept = [np.array([0, length - 1], dtype=np.int64)]
    for line in series:
        padded = np.full(buckets * width, np.nan)
        padded[:length] = line
        folded = padded.reshape(buckets, width)
        starts = np.arange(buckets, dtype=np.int64) * width
        some = ~np.isnan(folded).all(axis=1)
        for extreme, filler in ((np.argmin, np.inf), (np.argmax, -np.inf)):
            inside = extreme(np.where(np.isnan(folded), filler, folded), axis=1)
            kept.append((starts + inside)[some].astype(np.int64))
    return np.unique(np.concatenate(kept))
