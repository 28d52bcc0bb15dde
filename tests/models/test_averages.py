"""Weighted averages by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.models.averages import WeightedAverage
from coincast.models.naive import Naive
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

Make = Callable[..., Samples]
CLOSES = [10.0, 20.0, 40.0, 30.0]


def forecast(samples: Samples, length: int, *origins: int) -> list[list[float]]:
    prices = WeightedAverage(length).forecast(samples, training=Part(0, 2), origins=np.array(origins), seed=0)
    return prices.tolist()


def test_the_newest_close_weighs_most(make_closes: Make) -> None:
    expected = [(3 * 40 + 2 * 20 + 10) / 6, (3 * 30 + 2 * 40 + 20) / 6]
    assert forecast(make_closes(CLOSES), 3, 2, 3) == [pytest.approx([value] * 2) for value in expected]


def test_before_there_are_enough_those_that_are_there_are_used(make_closes: Make) -> None:
    assert forecast(make_closes(CLOSES), 3, 0, 1) == [[10, 10], pytest.approx([(3 * 20 + 2 * 10) / 5] * 2)]


def test_nothing_before_a_gap_is_used(make_closes: Make) -> None:
    samples = make_closes([1000.0, 10.0, 20.0, 40.0], days=[0, 5, 6, 7])
    assert forecast(samples, 3, 1, 2) == [[10, 10], pytest.approx([(3 * 20 + 2 * 10) / 5] * 2)]


def test_length_one_is_the_naive_forecast(make_closes: Make) -> None:
    samples = make_closes(CLOSES)
    naive = Naive().forecast(samples, training=Part(0, 2), origins=np.array([1, 2]), seed=0)
    assert forecast(samples, 1, 1, 2) == naive.tolist()


def test_length_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="average: length is 0; allowed: 1 close or more"):
        WeightedAverage(0)
