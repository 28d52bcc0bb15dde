"""What is forecast: its truth, its naive forecast, and how prices tell it."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from coincast.samples.quantities import QUANTITIES, naive_values, to_quantity
from coincast.samples.samples import Samples, make_samples
from coincast.samples.splits import Part
from coincast.sources.simulated import simulate

HORIZON = 3
TRAINING = Part(0, 200)


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return simulate("walk", candles=300, seed=4)


def make(candles: pl.DataFrame, quantity: str) -> Samples:
    return make_samples(
        candles,
        market=candles["market"][0],
        inputs=[candles["market"][0]],
        features=["log_return"],
        lookback=5,
        horizon=HORIZON,
        target=QUANTITIES[quantity].targets[0],
        quantity=quantity,
    )


def known(samples: Samples):
    return samples.windows_in(Part(0, len(samples.close)), reach_back=True)


def test_steps_are_all_or_the_last_one() -> None:
    assert QUANTITIES["price"].steps(3).tolist() == [1, 2, 3]
    assert QUANTITIES["volatility"].steps(3).tolist() == [3]


def test_truths_equal_a_loop_over_the_closes(candles: pl.DataFrame) -> None:
    close = candles["close"].to_list()
    for quantity in QUANTITIES:
        samples = make(candles, quantity)
        windows = known(samples)
        truth = QUANTITIES[quantity].truth(samples, windows)
        for place, row in enumerate(windows.origin_rows.tolist()):
            path = close[row + 1 : row + 1 + HORIZON]
            expected = {
                "price": path,
                "log_return": [math.log(price / close[row]) for price in path],
                "direction": [float(price > close[row]) for price in path],
                "volatility": [
                    math.sqrt(
                        math.fsum(math.log(close[row + k] / close[row + k - 1]) ** 2 for k in range(1, HORIZON + 1))
                    )
                ],
            }[quantity]
            assert truth[place] == pytest.approx(expected, rel=1e-12)


def test_a_tie_has_no_direction(candles: pl.DataFrame) -> None:
    close = candles["close"].to_numpy().copy()
    close[100:103] = close[100]
    flat = candles.with_columns(
        close=pl.Series(close),
        high=pl.max_horizontal("high", pl.Series(close)),
        low=pl.min_horizontal("low", pl.Series(close)),
    )
    samples = make(flat, "direction")
    windows = samples.windows_at(np.array([100]))
    assert np.isnan(QUANTITIES["direction"].truth(samples, windows)).tolist() == [[True, True, False]]
    assert np.isnan(
        QUANTITIES["direction"].from_price(samples.last_close(windows)[:, None], samples.last_close(windows))
    )


def test_the_naive_direction_is_the_majority_of_the_training_rows_alone(candles: pl.DataFrame) -> None:
    samples = make(candles, "direction")
    windows = known(samples)
    close = samples.close
    expected = [
        float(sum(np.sign(close[row + k] - close[row]) for row in range(TRAINING.end - k)) >= 0)
        for k in range(1, HORIZON + 1)
    ]
    assert naive_values(samples, windows, TRAINING).tolist() == [expected] * len(windows)
    later = candles.with_columns(
        pl.when(pl.int_range(pl.len()) >= TRAINING.end).then(pl.col(name) / 3).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )
    assert naive_values(make(later, "direction"), windows, TRAINING).tolist() == [expected] * len(windows)


def test_a_gap_makes_no_direction() -> None:
    """Ten rises inside the stretches; the fall lies across the gap and does not count."""
    candles = simulate("walk", candles=40, seed=1)
    close = np.concatenate([np.linspace(100, 110, 20), np.linspace(50, 60, 20)])
    candles = candles.with_columns(
        open=pl.Series(close), high=pl.Series(close), low=pl.Series(close), close=pl.Series(close)
    )
    candles = pl.concat([candles[:15], candles[25:]])
    samples = make(candles, "direction")
    assert naive_values(samples, known(samples), Part(0, 30))[0].tolist() == [1.0, 1.0, 1.0]


def test_naive_of_a_price_and_a_return(candles: pl.DataFrame) -> None:
    prices, returns = make(candles, "price"), make(candles, "log_return")
    windows = known(prices)
    assert (naive_values(prices, windows, TRAINING) == prices.last_close(windows)[:, None]).all()
    assert (naive_values(returns, windows, TRAINING) == 0).all()


def test_what_a_network_says_of_prices_tells_returns_and_directions(candles: pl.DataFrame) -> None:
    samples = make(candles, "log_return")
    windows = known(samples)
    learnt = samples.targets(windows)
    assert to_quantity(samples, learnt, windows) == pytest.approx(QUANTITIES["log_return"].truth(samples, windows))
    directed = make(candles, "direction")
    assert to_quantity(directed, np.full((len(windows), HORIZON), 1.7), windows).max() == 1  # a probability
