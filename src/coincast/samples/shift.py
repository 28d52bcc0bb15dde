"""Is the test span unlike the training span? The share of test inputs outside the range seen in training."""

from __future__ import annotations

import numpy as np
import polars as pl

from coincast.samples.samples import Samples
from coincast.samples.scaling import InputScale, scale_window
from coincast.samples.windows import Windows


def measure_shift(samples: Samples, scale: InputScale, training: Windows, test: Windows) -> pl.DataFrame:
    """Range of every scaled input over the training windows, and how much of the test windows lies outside it.

    Scaled as a network sees it: where levels are taken relative to their window, a price that rose since training is no
    shift by itself.

    Returns:
        One row per input: market, input, train_low, train_high, share_below, share_above, share_outside (of 1).
    """
    seen, unseen = (_scaled_inputs(samples, scale, windows) for windows in (training, test))
    low, high = seen.min(axis=0), seen.max(axis=0)
    below, above = (unseen < low).mean(axis=0), (unseen > high).mean(axis=0)
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


def _scaled_inputs(samples: Samples, scale: InputScale, windows: Windows) -> np.ndarray:
    pasts = scale_window(samples.inputs[windows.past_rows], scale.relative, scale.centre, scale.spread)
    return np.asarray(pasts).reshape(-1, len(samples.names))
