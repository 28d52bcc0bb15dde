"""The plain forecasts of volatility, against slow loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.volatility import EWMAVolatility, VolatilityCone, training_returns
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.volatility import naive_volatility

Make = Callable[..., Samples]
TRAINING, ORIGINS = Part(0, 80), np.array([79, 90, 110])


@pytest.fixture(scope="module")
def walk(make_closes: Make) -> Samples:
    close = np.exp(np.cumsum(0.02 * np.random.default_rng(1).standard_normal(120)))
    return make_closes(close, horizon=4)


def forecast(settings: Any, samples: Samples, training: Part = TRAINING) -> np.ndarray:
    return settings.forecast(samples, training=training, origins=ORIGINS, seed=0)


def test_the_ewma_forecast_is_a_slow_weighted_mean(walk: Samples) -> None:
    expected = []
    for origin in ORIGINS.tolist():
        squares = np.diff(np.log(walk.close[: origin + 1]))[::-1] ** 2
        weights = 0.8 ** np.arange(origin)
        expected.append([np.sqrt(4 * np.sum(weights * squares) / np.sum(weights))])
    assert forecast(EWMAVolatility(0.8), walk) == pytest.approx(np.array(expected), rel=1e-12)


def test_without_settings_it_is_the_naive_forecast(walk: Samples) -> None:
    assert forecast(EWMAVolatility(), walk).tolist() == naive_volatility(walk, ORIGINS).tolist()


def past_volatilities(samples: Samples, first: int, end: int, gaps: tuple[int, ...] = ()) -> list[float]:
    """Of every four returns in a row between two training rows; `gaps` are rows that follow one."""
    path = np.log(samples.close)
    return [
        float(np.sqrt(sum((path[row + step + 1] - path[row + step]) ** 2 for step in range(4))))
        for row in range(first, end - 4)
        if not any(row < gap <= row + 4 for gap in gaps)
    ]


@pytest.mark.parametrize("level", [0.0, 0.5, 0.9])
def test_the_cone_is_a_quantile_of_past_windows(walk: Samples, level: float) -> None:
    expected = np.quantile(past_volatilities(walk, 0, 80), level)
    assert forecast(VolatilityCone(level=level), walk) == pytest.approx(np.full((3, 1), expected), rel=1e-12)


def test_the_cone_looks_back_as_far_as_it_is_told(walk: Samples) -> None:
    assert forecast(VolatilityCone(window=50), walk)[0, 0] == pytest.approx(np.median(past_volatilities(walk, 30, 80)))
    whole = forecast(VolatilityCone(), walk, Part(20, 80))
    assert forecast(VolatilityCone(window=500), walk, Part(20, 80)).tolist() == whole.tolist()
    assert whole[0, 0] == pytest.approx(np.median(past_volatilities(walk, 20, 80)))


def test_no_window_of_the_cone_reaches_across_a_gap(make_closes: Make) -> None:
    close = np.exp(np.cumsum(0.02 * np.random.default_rng(2).standard_normal(120)))
    close[40:] *= 50
    samples = make_closes(close, days=np.arange(120) + 3 * (np.arange(120) >= 40), horizon=4)
    past = past_volatilities(samples, 0, 80, gaps=(40,))
    assert len(past) == 72
    assert forecast(VolatilityCone(level=1.0), samples)[0, 0] == pytest.approx(max(past))


def test_the_cone_needs_enough_windows(walk: Samples) -> None:
    assert np.isfinite(forecast(VolatilityCone(window=24), walk)).all()
    with pytest.raises(TooFewRowsError, match="19 windows of 4 returns without a gap in 23 training rows, and 20 are"):
        forecast(VolatilityCone(window=23), walk)
    with pytest.raises(TooFewRowsError, match="0 windows of 4 returns without a gap in 2 training rows"):
        forecast(VolatilityCone(), walk, Part(5, 7))


def test_the_return_into_the_first_training_row_is_unknown(walk: Samples) -> None:
    returns = training_returns(walk, Part(10, 13))
    assert returns == pytest.approx([np.nan, *np.diff(np.log(walk.close[10:13]))], nan_ok=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EWMAVolatility(1.1), r"ewma_volatility: decay is 1.1; allowed: 0 to 1"),
        (lambda: EWMAVolatility(float("nan")), r"ewma_volatility: decay is nan; allowed: 0 to 1"),
        (lambda: VolatilityCone(window=0), r"volatility_cone: window is 0; allowed: 1 candle or more, or none at all"),
        (lambda: VolatilityCone(window=True), r"volatility_cone: window is True; allowed: 1 candle or more"),
        (lambda: VolatilityCone(level=1.5), r"volatility_cone: level is 1.5; allowed: 0 to 1"),
    ],
)
def test_impossible_settings_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
