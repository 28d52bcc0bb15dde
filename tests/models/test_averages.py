"""Weighted averages by hand, exponentially weighted ones against pandas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.averages import ExponentialAverage, WeightedAverage, choose_span
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


def test_equal_weights_are_the_simple_moving_average(make_closes: Make) -> None:
    prices = WeightedAverage(3, "equal").forecast(
        make_closes(CLOSES), training=Part(0, 2), origins=np.array([0, 2, 3]), seed=0
    )
    assert prices[:, 1] == pytest.approx([10, 70 / 3, 30])


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(UsageError, match="average: weights is 'square'; allowed: linear, equal"):
        WeightedAverage(3, "square")


def walk(count: int, seed: int = 1) -> np.ndarray:
    return 100 * np.exp(np.cumsum(0.02 * np.random.default_rng(seed).standard_normal(count)))


@pytest.mark.parametrize("span", [1, 4, 9.5])
def test_pandas_gives_the_same_exponential_averages(make_closes: Make, span: float) -> None:
    """On both sides of a gap, each side by itself."""
    close = walk(50)
    samples = make_closes(close, days=[*range(30), *range(31, 51)])
    forecast = ExponentialAverage(span).forecast(samples, training=Part(0, 10), origins=np.arange(50), seed=0)
    parts = [pd.Series(part).ewm(span=span).mean().to_numpy() for part in (close[:30], close[30:])]
    assert forecast[:, 0] == pytest.approx(np.concatenate(parts), rel=1e-12)
    assert (forecast[:, 0] == forecast[:, 1]).all()


def test_on_a_walk_the_last_close_is_best(make_closes: Make) -> None:
    """Any longer span errs at least 2 % more; on 3,000 rows that is six standard errors."""
    samples = make_closes(walk(3_000))
    assert choose_span(samples, Part(0, 3_000)) == 1
    origins = np.array([2_980, 2_999])
    forecast = ExponentialAverage().forecast(samples, training=Part(0, 3_000), origins=origins, seed=0)
    assert forecast[:, 0].tolist() == samples.close[origins].tolist()


def test_around_a_level_that_moves_slowly_a_long_span_is_best(make_closes: Make) -> None:
    """Level of steps 0.01 under noise 0.04: the best weight of the newest close is 0.221 (Muth 1960), span 8.05.

    The best weight a solves a^2 / (1 - a) = (0.01 / 0.04)^2.
    """
    rng = np.random.default_rng(4)
    level = np.cumsum(0.01 * rng.standard_normal(4_000))
    samples = make_closes(np.exp(level + 0.04 * rng.standard_normal(4_000)))
    assert choose_span(samples, Part(0, 4_000)) == 8


def test_the_span_is_chosen_on_training_rows_and_not_across_gaps(make_closes: Make) -> None:
    """Noise around a level, then a walk; and between pairs of days gaps across which all is noise."""
    rng = np.random.default_rng(5)
    samples = make_closes(np.concatenate([100 * np.exp(0.05 * rng.standard_normal(300)), walk(3_000)]))
    assert choose_span(samples, Part(0, 300)) > 20
    assert choose_span(samples, Part(300, 3_300)) == 1
    pairs = np.repeat(100 * np.exp(rng.standard_normal(50)), 2)
    days = [3 * pair + second for pair in range(50) for second in (0, 1)]
    assert choose_span(make_closes(pairs, days=days, horizon=1), Part(0, 100)) == 1


def test_no_two_neighbours_choose_no_span(make_closes: Make) -> None:
    samples = make_closes(CLOSES, days=[0, 2, 3, 4], horizon=1)
    with pytest.raises(TooFewRowsError, match="made:UP/USD has 2 training rows and no two of them are neighbours"):
        choose_span(samples, Part(0, 2))


@pytest.mark.parametrize("span", [0.5, float("inf"), float("nan"), True])
def test_an_impossible_span_is_refused(span: float) -> None:
    with pytest.raises(UsageError, match=r"ewma: span is .*; allowed: 1 candle or more, or none at all"):
        ExponentialAverage(span)
