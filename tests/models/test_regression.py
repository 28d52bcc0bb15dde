"""Ridge regression against scikit-learn, against AR, and where a window is not complete."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.autoregressive import Autoregression
from coincast.models.regression import FOLDS, PENALTIES, Ridge, choose_penalties, fit_ridge, flat_windows
from coincast.samples.samples import Samples, make_samples
from coincast.samples.splits import Part
from coincast.sources.simulated import simulate

TRAINING = Part(0, 300)


def make(features: list[str], *, horizon: int = 1, lookback: int = 3, kind: str = "echo") -> Samples:
    candles = simulate(kind, candles=400, seed=4)
    market = candles["market"][0]
    settings: dict[str, Any] = {"market": market, "inputs": [market], "target": "price"}
    return make_samples(candles, features=features, lookback=lookback, horizon=horizon, **settings)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Six inputs, two of them nearly the same, and overlapping sums of a noisy linear function of them."""
    rng = np.random.default_rng(8)
    inputs = rng.standard_normal((150, 6)) + 0.5
    inputs[:, 5] = inputs[:, 4] + 0.01 * inputs[:, 5]
    single = inputs @ [0.3, -0.2, 0.0, 0.1, 0.2, 0.0] + rng.standard_normal(150)
    return inputs, np.column_stack([single, single + np.roll(single, -1), np.ones(150)])


def test_scikit_learn_finds_the_same_coefficients(data: tuple[np.ndarray, np.ndarray]) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    penalties = np.array([1e-3, 0.1, 30.0])
    intercepts, coefficients = fit_ridge(*data, penalties)
    for place, penalty in enumerate(penalties):
        peer = linear_model.Ridge(alpha=penalty * len(data[0]), solver="cholesky").fit(*data)
        found = (intercepts[place], coefficients[place].T)
        assert found[0] == pytest.approx(peer.intercept_, rel=1e-8)
        assert found[1] == pytest.approx(peer.coef_, rel=1e-8, abs=1e-12)


def test_without_a_penalty_it_is_least_squares(data: tuple[np.ndarray, np.ndarray]) -> None:
    inputs, returns = data
    twice = np.column_stack([inputs, inputs[:, 0]])  # of two that are equal, the smallest coefficients
    intercepts, coefficients = fit_ridge(twice, returns, np.array([0.0]))
    expected, *_ = np.linalg.lstsq(twice - twice.mean(axis=0), returns - returns.mean(axis=0), rcond=None)
    assert coefficients[0] == pytest.approx(expected, rel=1e-7, abs=1e-10)
    assert intercepts[0] == pytest.approx(returns.mean(axis=0) - twice.mean(axis=0) @ expected)


def test_penalties_are_those_of_a_slow_search(data: tuple[np.ndarray, np.ndarray]) -> None:
    """Normal equations, one penalty, one block and one step at a time."""
    inputs, returns = data
    horizon = returns.shape[1]
    length = len(inputs) // FOLDS
    for step in range(2):
        errors = []
        for penalty in PENALTIES:
            error = 0.0
            for start in range(0, len(inputs), length):
                kept = [
                    row for row in range(len(inputs)) if row <= start - horizon or row >= start + length - 1 + horizon
                ]
                x, y = inputs[kept], returns[kept, step]
                centred = x - x.mean(axis=0)
                gram = centred.T @ centred + penalty * len(kept) * np.eye(6)
                slope = np.linalg.solve(gram, centred.T @ (y - y.mean()))
                block = slice(start, start + length)
                error += ((returns[block, step] - y.mean() - (inputs[block] - x.mean(axis=0)) @ slope) ** 2).sum()
            errors.append(error)
        assert choose_penalties(inputs, returns)[step] == PENALTIES[int(np.argmin(errors))]


def test_on_past_returns_without_a_penalty_it_is_ar() -> None:
    samples = make(["log_return"])
    origins = np.arange(299, 399)
    ridge = Ridge(penalty=0.0).forecast(samples, training=TRAINING, origins=origins, seed=0)
    ar = Autoregression(order=3).forecast(samples, training=TRAINING, origins=origins, seed=0)
    assert ridge == pytest.approx(ar, rel=1e-9)


def test_a_heavy_penalty_leaves_the_mean_return() -> None:
    samples = make(["close", "volume", "log_return"], horizon=2)
    windows = samples.windows_in(TRAINING, reach_back=False)
    mean = np.log(samples.future_close(windows) / samples.last_close(windows)[:, None]).mean(axis=0)
    prices = Ridge(penalty=1e12).forecast(samples, training=TRAINING, origins=np.array([320]), seed=0)
    assert np.log(prices / samples.close[320]) == pytest.approx(mean[None], rel=1e-6)


def test_levels_are_relative_to_the_first_of_their_window() -> None:
    samples = make(["close", "log_return"], lookback=2)
    windows = samples.windows_at(np.array([10]))
    close, returns = samples.close, samples.inputs[:, 1]
    assert flat_windows(samples, windows).tolist() == [[0, returns[9], (close[10] - close[9]) / close[9], returns[10]]]


def test_an_origin_without_a_complete_window_gets_no_number() -> None:
    samples = make(["log_return"])
    origins = np.array([1, 2, 3, 350])
    prices = Ridge().forecast(samples, training=TRAINING, origins=origins, seed=0)
    assert np.isnan(prices[:, 0]).tolist() == [True, True, False, False]


def test_scale_and_unit_of_an_input_do_not_matter() -> None:
    candles = simulate("echo", candles=400, seed=4).with_columns(extra=pl.col("volume").log())
    market = candles["market"][0]
    prices = []
    for frame in (candles, candles.with_columns(pl.col("extra") * 1e6 - 5)):
        samples = make_samples(
            frame,
            market=market,
            inputs=[market],
            features=["extra", "log_return"],
            target="price",
            lookback=3,
            horizon=1,
        )
        prices.append(Ridge(0.1).forecast(samples, training=TRAINING, origins=np.arange(300, 390), seed=0))
    assert prices[1] == pytest.approx(prices[0], rel=1e-7)


def test_too_few_windows_are_refused() -> None:
    samples = make(["log_return"], horizon=2)
    with pytest.raises(TooFewRowsError, match=r"ridge: .* has 21 training windows, and 24 are needed"):
        Ridge().forecast(samples, training=Part(0, 26), origins=np.array([30]), seed=0)


@pytest.mark.parametrize("penalty", [-1.0, float("inf"), float("nan"), True])
def test_an_impossible_penalty_is_refused(penalty: float) -> None:
    with pytest.raises(UsageError, match=r"ridge: penalty is .*; allowed: 0 or more, or none at all"):
        Ridge(penalty)
