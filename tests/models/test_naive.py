"""The naive forecast and drift against theory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coincast.errors import TooFewRowsError
from coincast.models.naive import Drift, Naive, log_returns
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

Make = Callable[..., Samples]


def test_naive_is_the_last_close_to_the_bit(make_closes: Make) -> None:
    samples = make_closes([10.1, 11.3, 12.7, 9.9], horizon=3)
    forecast = Naive().forecast(samples, training=Part(0, 2), origins=np.array([1, 3]), seed=0)
    assert forecast.tolist() == [[11.3] * 3, [9.9] * 3]


def test_drift_continues_constant_growth_exactly(make_closes: Make) -> None:
    samples = make_closes(100 * 1.01 ** np.arange(12), horizon=3)
    forecast = Drift().forecast(samples, training=Part(0, 6), origins=np.array([5, 8]), seed=0)
    expected = 100 * 1.01 ** np.array([[6, 7, 8], [9, 10, 11]])
    assert forecast == pytest.approx(expected, rel=1e-12)


def test_drift_is_the_line_through_the_first_and_last_training_close(make_closes: Make) -> None:
    """The mean of log returns telescopes: only the ends count."""
    closes = [100.0, 80.0, 130.0, 90.0, 121.0, 500.0, 7.0]
    samples = make_closes(closes)
    forecast = Drift().forecast(samples, training=Part(0, 5), origins=np.array([4, 6]), seed=0)
    growth = (121 / 100) ** (1 / 4)
    assert forecast == pytest.approx(np.array([[121 * growth, 121 * growth**2], [7 * growth, 7 * growth**2]]))


def test_no_return_reaches_across_a_gap(make_closes: Make) -> None:
    samples = make_closes([10.0, 20.0, 80.0, 80.0, 40.0, 40.0], days=[0, 1, 5, 6, 7, 8], horizon=1)
    returns = log_returns(samples, Part(0, 5))
    assert [stretch.tolist() for stretch in returns] == [pytest.approx([np.log(2)]), pytest.approx([0, -np.log(2)])]
    drift = Drift().forecast(samples, training=Part(0, 5), origins=np.array([4]), seed=0)
    assert drift == pytest.approx(np.array([[40.0]]))


def test_no_two_neighbours_are_too_few(make_closes: Make) -> None:
    samples = make_closes([10.0, 20.0, 30.0, 40.0], days=[0, 2, 3, 4], horizon=1)
    with pytest.raises(TooFewRowsError, match="made:UP/USD has 2 training rows and no two of them are neighbours"):
        log_returns(samples, Part(0, 2))
