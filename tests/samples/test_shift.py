"""The shift report on arrays made by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from coincast.samples import shift
from coincast.samples.samples import Samples, make_samples
from coincast.samples.scaling import InputScale, fit_input_scale
from coincast.samples.shift import measure_shift
from coincast.samples.splits import Part
from coincast.samples.windows import Windows

LEVELS = [1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 9.0, 4.0, 8.0, 3.0]
"""Training sees 1 to 4 in two windows of the first four rows; then come 5, 0, 9, 4, 8, 3."""


@pytest.fixture
def samples(make: Callable[..., pl.DataFrame]) -> Samples:
    candles = make(range(10, 20), level=LEVELS, rise=[float(row) for row in range(10)])
    return make_samples(
        candles,
        market="made:UP/USD",
        inputs=["made:UP/USD"],
        features=["level", "rise"],
        lookback=2,
        horizon=1,
        target="log_return",
    )


def parts(samples: Samples) -> tuple[Windows, Windows]:
    train = samples.windows_in(Part(0, 5), reach_back=False)
    return train, samples.windows_in(Part(4, 10), reach_back=False)


def test_shares_count_every_candle_that_a_window_sees(samples: Samples) -> None:
    train, test = parts(samples)
    scale = fit_input_scale("none", samples.inputs[:5], samples.names, samples.is_level)
    report = measure_shift(samples, scale, train, test)
    assert report.columns == [
        "market",
        "input",
        "train_low",
        "train_high",
        "share_below",
        "share_above",
        "share_outside",
    ]
    # Windows start at rows 0, 1, 2 (rows 0 to 3) and 4, 5, 6, 7: they see 5 0, 0 9, 9 4, 4 8.
    assert report.row(0) == ("made:UP/USD", "level", 1, 4, 2 / 8, 4 / 8, 6 / 8)
    assert report.row(1) == ("made:UP/USD", "rise", 0, 3, 0, 1, 1)


def test_scaled_as_a_network_sees_it(samples: Samples) -> None:
    """A price that went on rising is no shift where it is taken relative to its window."""
    train, test = parts(samples)
    relative = InputScale(np.array([False, True]), np.zeros(2), np.ones(2))
    rise = measure_shift(samples, relative, train, test).row(1, named=True)
    # Relative to the first value, rows 1 2 give 0 and 1, rows 2 3 give 0 and 1/2; rows 0 1 have the first value 0.
    assert (rise["train_low"], rise["train_high"]) == (0, 2)
    assert rise["share_outside"] == 0


def test_the_pieces_do_not_show(samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = parts(samples)
    scale = fit_input_scale("training", samples.inputs[:5], samples.names, samples.is_level)
    whole = measure_shift(samples, scale, train, test)
    for size in (1, 2, 3):
        monkeypatch.setattr(shift, "WINDOWS_PER_PIECE", size)
        assert measure_shift(samples, scale, train, test).equals(whole)
