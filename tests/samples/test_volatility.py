"""Realised volatility and its exponentially weighted mean: by hand, by slow loops, and against pandas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincast.samples.samples import Samples, make_samples
from coincast.samples.volatility import (
    ewma_variance,
    mean_variance,
    naive_volatility,
    realised_volatility,
    returns_into_rows,
    trailing_sums,
)

Make = Callable[..., pl.DataFrame]
LOG_2, LOG_5, LOG_10 = np.log([2, 5, 10])


@pytest.fixture
def gapped(make: Make) -> Samples:
    """Two stretches of closes that double, rise fivefold and halve; two candles of a window, two to come."""
    candles = make([10.0, 20.0, 100.0, 50.0, 7.0, 14.0, 70.0, 35.0, 35.0], days=[0, 1, 2, 3, 9, 10, 11, 12, 13])
    return sample(candles)


def sample(candles: pl.DataFrame, **settings: Any) -> Samples:
    market = candles["market"][0]
    chosen = {"lookback": 2, "horizon": 2, "target": "log_return", "features": ["close"]} | settings
    return make_samples(candles, market=market, inputs=[market], **chosen)


def test_a_return_across_a_gap_is_none(gapped: Samples) -> None:
    expected = [np.nan, LOG_2, LOG_5, -LOG_2, np.nan, LOG_2, LOG_5, -LOG_2, 0]
    assert returns_into_rows(gapped) == pytest.approx(expected, nan_ok=True)


def test_realised_volatility_is_that_of_the_target_candles(gapped: Samples) -> None:
    windows = gapped.windows.select(gapped.known)
    assert windows.origin_rows.tolist() == [1, 5, 6]
    found = realised_volatility(gapped, windows)
    assert found.shape == (3, 1)
    both = np.sqrt(LOG_5**2 + LOG_2**2)
    assert found[:, 0] == pytest.approx([both, both, LOG_2])


def test_realised_volatility_is_what_a_slow_loop_makes_of_future_closes(make: Make) -> None:
    close = 100 * np.exp(np.cumsum(0.03 * np.random.default_rng(1).standard_normal(60)))
    samples = sample(make(np.delete(close, [17, 40]), days=np.delete(np.arange(60), [17, 40]).tolist()), horizon=5)
    windows = samples.windows.select(samples.known)
    expected = []
    for origin in windows.origin_rows.tolist():
        path = np.log(samples.close[origin : origin + 6])
        expected.append(np.sqrt(sum((path[step + 1] - path[step]) ** 2 for step in range(5))))
    assert len(windows) > 30
    assert realised_volatility(samples, windows)[:, 0] == pytest.approx(expected, rel=1e-12)


def test_the_weights_of_the_average_sum_to_one() -> None:
    """Two returns: (1 x b^2 + 0.94 x a^2) / 1.94; the same return again and again is its own average."""
    found = ewma_variance(np.array([np.nan, 0.1, 0.3]))
    assert found == pytest.approx([np.nan, 0.01, (0.09 + 0.94 * 0.01) / 1.94], nan_ok=True)
    assert ewma_variance(np.full(50, -0.2)) == pytest.approx(np.full(50, 0.04))


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.94, 1.0])
def test_pandas_gives_the_same_average(decay: float) -> None:
    """Which knows a weight of one only as an expanding mean; both skip what is missing, and carry the value on."""
    rng = np.random.default_rng(2)
    returns = rng.standard_normal(300)
    returns[rng.random(300) < 0.2] = np.nan
    squares = pd.Series(returns**2)
    expected = (
        squares.expanding().mean() if decay == 1 else squares.ewm(alpha=1 - decay, adjust=True, ignore_na=True).mean()
    )
    found = ewma_variance(returns, decay=decay)
    assert found == pytest.approx(expected.ffill().to_numpy(), rel=1e-12, nan_ok=True)


def test_the_naive_forecast_is_known_at_its_row(gapped: Samples) -> None:
    """Of two candles; at the first row nothing is known, and the first row after a gap has what was known before."""
    known = np.sqrt(2 * (LOG_2**2 + 0.94 * LOG_5**2 + 0.94**2 * LOG_2**2) / (1 + 0.94 + 0.94**2))
    found = naive_volatility(gapped, np.array([0, 1, 3, 4]))
    assert found.shape == (4, 1)
    assert found[:, 0] == pytest.approx([np.nan, np.sqrt(2) * LOG_2, known, known], nan_ok=True)


def test_later_candles_change_no_bit_of_the_naive_forecast(make: Make) -> None:
    close = 100 * np.exp(np.cumsum(0.03 * np.random.default_rng(3).standard_normal(80)))
    rows = np.arange(50)
    before = naive_volatility(sample(make(close)), rows)
    close[50:] *= 1000
    assert naive_volatility(sample(make(close)), rows).tobytes() == before.tobytes()
    assert naive_volatility(sample(make(close[:50])), rows).tobytes() == before.tobytes()


def test_the_mean_of_the_last_squares_skips_what_is_missing() -> None:
    returns = np.array([np.nan, 1.0, 2.0, np.nan, 3.0, 4.0])
    assert mean_variance(returns, 2) == pytest.approx([np.nan, 1, 2.5, 2.5, 6.5, 12.5], nan_ok=True)
    assert mean_variance(returns, 100) == pytest.approx([np.nan, 1, 2.5, 2.5, 14 / 3, 7.5], nan_ok=True)


@given(
    st.lists(st.integers(-1000, 1000) | st.just(float("nan")), max_size=40),
    st.integers(1, 50),
)
def test_trailing_sums_are_those_of_a_slow_loop(values: list[float], length: int) -> None:
    expected = [sum(values[max(0, row + 1 - length) : row + 1]) for row in range(len(values))]
    found = trailing_sums(np.array(values, dtype=float), length)
    assert found.tolist() == pytest.approx(expected, abs=0, nan_ok=True)


def test_a_large_value_leaves_nothing_behind() -> None:
    """The difference of running totals would leave 0 or 2e-16 where 1e-18 is."""
    values = np.array([1e3, 1e-18, 1e-18, 1e-18])
    assert trailing_sums(values, 2)[2:] == pytest.approx([2e-18, 2e-18], rel=1e-15, abs=0)
