"""Is the test span unlike the training span? The share of test inputs outside the range seen in training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.samples.samples import Samples
from coincast.samples.scaling import InputScale, scale_window
from coincast.samples.windows import Windows

# Windows overlap, so that all of them at once take lookback times the memory of the candles.
WINDOWS_PER_PIECE = 4096


def measure_shift(samples: Samples, scale: InputScale, training: Windows, test: Windows) -> pl.DataFrame:
    """Range of every scaled input over the training windows, and how much of the test windows lies outside it.

    Scaled as a network sees it: where levels are taken relative to their window, a price that rose since training is no
    shift by itself.

    Returns:
        One row per input: market, input, train_low, train_high, share_below, share_above, share_outside (of 1).
    """
    ranges = [(piece.min(axis=0), piece.max(axis=0)) for piece in _scaled_pieces(samples, scale, training)]
    low = np.min([lowest for lowest, _ in ranges], axis=0)
    high = np.max([highest for _, highest in ranges], axis=0)
    outside = [
        ((piece < low).sum(axis=0), (piece > high).sum(axis=0)) for piece in _scaled_pieces(samples, scale, test)
    ]
    below, above = np.sum(outside, axis=0) / (len(test) * test.lookback)
    return pl.DataFrame(
        {
            "market": [samples.market] * len(samples.names),
            "input": list(samples.names),
            "train_low": low,
            "train_high": high,
            "share_below": below,
            "share_above": above,
            "share_outside": below + above,
        }
    )


def _scaled_pieces(
    samples: Samples, scale: InputScale, windows: Windows
) -> Iterator[Float[np.ndarray, "candle feature"]]:
    """The scaled past candles of all windows, a bounded number of windows at a time."""
    for first in range(0, len(windows), WINDOWS_PER_PIECE):
        rows = windows.starts[first : first + WINDOWS_PER_PIECE, None] + np.arange(windows.lookback)
        pasts = scale_window(samples.inputs[rows], scale.relative, scale.centre, scale.spread)
        yield np.asarray(pasts).reshape(-1, len(samples.names))
