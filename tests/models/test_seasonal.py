"""The seasonal naive forecast by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.models.naive import Naive
from coincast.models.seasonal import SeasonalNaive
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

Make = Callable[..., Samples]
CLOSES = [10.0, 20.0, 10.0, 30.0, 60.0, 40.0]


def forecast(samples: Samples, settings: SeasonalNaive, *origins: int) -> np.ndarray:
    return settings.forecast(samples, training=Part(0, 2), origins=np.array(origins), seed=0)


def test_the_returns_of_the_last_season_come_again(make_closes: Make) -> None:
    """From the last close, 40: doubled and cut to two thirds, and the same once more beyond the season."""
    prices = forecast(make_closes(CLOSES, horizon=3), SeasonalNaive(2), 5)
    assert prices == pytest.approx(np.array([[80, 160 / 3, 320 / 3]]))


def test_on_prices_the_candles_of_one_season_ago_come_again(make_closes: Make) -> None:
    prices = forecast(make_closes(CLOSES, horizon=3), SeasonalNaive(2, "price"), 5, 4)
    assert prices.tolist() == [[60, 40, 60], [30, 60, 30]]


def test_a_season_in_the_returns_is_continued_exactly(make_closes: Make) -> None:
    week = np.array([0.01, -0.02, 0.03, 0.0, 0.02, -0.01, 0.004])
    close = 100 * np.exp(np.cumsum(np.tile(week, 5)))
    prices = forecast(make_closes(close, horizon=9), SeasonalNaive(7), 10, 20)
    assert prices == pytest.approx(np.array([close[11:20], close[21:30]]), rel=1e-12)


def test_what_lies_before_a_gap_is_not_there(make_closes: Make) -> None:
    """Only the newest return is known: 40 / 60; a season of three starts with two that are not."""
    samples = make_closes(CLOSES, days=[0, 1, 2, 3, 7, 8], horizon=1)
    samples_of_three = make_closes([*CLOSES, 80.0, 80.0], days=[0, 1, 2, 3, 7, 8, 9, 10], horizon=3)
    assert forecast(samples, SeasonalNaive(3), 5).tolist() == [[40]]
    assert forecast(samples, SeasonalNaive(3, "price"), 5).tolist() == [[40]]
    assert forecast(samples_of_three, SeasonalNaive(3), 5) == pytest.approx(np.array([[40, 40, 80 / 3]]))
    assert forecast(samples_of_three, SeasonalNaive(3, "price"), 5).tolist() == [[40, 60, 40]]


def test_before_any_return_it_is_the_naive_forecast(make_closes: Make) -> None:
    samples = make_closes(CLOSES)
    naive = Naive().forecast(samples, training=Part(0, 2), origins=np.array([0]), seed=0)
    assert forecast(samples, SeasonalNaive(4), 0).tolist() == naive.tolist()


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="seasonal_naive: season is 0; allowed: 1 candle or more"):
        SeasonalNaive(0)
    with pytest.raises(UsageError, match="seasonal_naive: on is 'returns'; allowed: log_return, price"):
        SeasonalNaive(on="returns")
