"""Scaling of inputs: per window, relative to its first value, and by training statistics.

One function scales, for NumPy and JAX alike, so that a test of the one is a test of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from coincast.errors import ColumnError, UnknownNameError

SCALINGS = {
    "window": "levels relative to the first value of their window, ratios left alone",
    "training": "every input by its mean and standard deviation over the training rows",
    "none": "inputs as they are",
}


@dataclass(frozen=True)
class InputScale:
    """How inputs are scaled: `(x - centre) / spread`, after levels were taken relative to their first value.

    Attributes:
        relative: inputs that are taken relative to their window's first value.
        centre: subtracted afterwards.
        spread: divided by afterwards; never 0.
    """

    relative: Bool[np.ndarray, "feature"]
    centre: Float[np.ndarray, "feature"]
    spread: Float[np.ndarray, "feature"]


def fit_input_scale(
    scaling: str, inputs: Float[np.ndarray, "row feature"], names: tuple[str, ...], is_level: tuple[bool, ...]
) -> InputScale:
    """Scale of inputs from training rows.

    Args:
        scaling: a name of `SCALINGS`.
        inputs: training rows only; NaN where unknown.
        names: names of the inputs, for errors.
        is_level: inputs that are levels (see `Feature`).

    Raises:
        ColumnError: an input is unknown in every training row, or the same in all of them.
    """
    if scaling not in SCALINGS:
        raise UnknownNameError("scaling", scaling, SCALINGS)
    check_alive(inputs, names)
    zeros, ones = np.zeros(len(names)), np.ones(len(names))
    if scaling == "window":
        return InputScale(np.array(is_level, dtype=bool), zeros, ones)
    never = np.zeros(len(names), dtype=bool)
    if scaling == "none":
        return InputScale(never, zeros, ones)
    known = np.where(np.isfinite(inputs), inputs, np.nan)
    return InputScale(never, np.nanmean(known, axis=0), np.nanstd(known, axis=0))


def check_alive(inputs: Float[np.ndarray, "row feature"], names: tuple[str, ...]) -> None:
    """Refuse an input that tells nothing: it passes every accuracy check unnoticed (an unparsed "-" read as 0).

    Raises:
        ColumnError: an input is unknown in every training row, or the same in all of them.
    """
    for name, column in zip(names, inputs.T, strict=True):
        known = column[np.isfinite(column)]
        if known.size == 0:
            raise ColumnError(f"input {name!r} is unknown in every training row; leave it out of samples.features")
        if np.all(known == known[0]):
            raise ColumnError(
                f"input {name!r} is {known[0]:g} in all of its {known.size} training rows: a constant teaches nothing "
                "and often is a column that was read wrongly; check the file, or leave it out of samples.features"
            )


def scale_window(past: Any, relative: Any, centre: Any, spread: Any, xp: ModuleType = np) -> Any:
    """Scale one window, or a stack of windows.

    A level x becomes `(x - first) / divisor`. The divisor is the first value; where that is 0 it is the mean absolute
    value over the window, which bounds the result by the number of candles, and where that is 0, too, the result is 0.

    Args:
        past: (..., lookback, feature).
        relative, centre, spread: (feature,), as in `InputScale`.
        xp: numpy or jax.numpy.

    Returns:
        The same shape as `past`.
    """
    relative, centre, spread = (xp.reshape(each, (1,) * (past.ndim - 1) + (-1,)) for each in (relative, centre, spread))
    first = past[..., :1, :]
    instead = xp.mean(xp.abs(past), axis=-2, keepdims=True)
    divisor = xp.where(first != 0, first, xp.where(instead != 0, instead, 1))
    scaled = xp.where(relative, (past - first) / divisor, past)
    return (scaled - centre) / spread
