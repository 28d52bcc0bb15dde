"""ARIMA, ETS and Theta against statsmodels, and their state against what an origin may know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.arima.model import ARIMA as StatsmodelsARIMA
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.statistical import ARIMA, ETS, Theta, join_stretches
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

pytest.importorskip("statsforecast.models", reason="statsforecast is not installed")

Make = Callable[..., Samples]
HORIZON, TRAINING = 4, Part(0, 800)
ORIGINS = np.array([799, 850, 931])
MODELS = [ARIMA(), ETS(), Theta()]


def forecast_changes(settings: Any, samples: Samples, origins: np.ndarray = ORIGINS) -> np.ndarray:
    """Forecast log price minus the last known one."""
    prices = settings.forecast(samples, training=TRAINING, origins=origins, seed=0)
    return np.log(prices / samples.close[origins][:, None])


@pytest.fixture(scope="module")
def momentum(make_closes: Make) -> Samples:
    """Log returns are AR(1) with coefficient 0.6: r = 0.6 r1 + e."""
    shocks = 0.02 * np.random.default_rng(2).standard_normal(1_000)
    returns = np.zeros(1_000)
    for t in range(1, 1_000):
        returns[t] = 0.6 * returns[t - 1] + shocks[t]
    return make_closes(np.exp(np.cumsum(returns)), horizon=HORIZON)


@pytest.fixture(scope="module")
def noisy_level(make_closes: Make) -> Samples:
    """A log level of steps 0.01 under noise 0.02: simple exponential smoothing with weight 0.39 is best."""
    rng = np.random.default_rng(3)
    level = np.cumsum(0.01 * rng.standard_normal(1_000))
    return make_closes(np.exp(level + 0.02 * rng.standard_normal(1_000)), horizon=HORIZON)


def test_arima_is_what_statsmodels_makes_of_it(momentum: Samples) -> None:
    """Fitted to the training rows by statsmodels, then applied without a refit to the past up to each origin."""
    log_close = np.log(momentum.close)
    fitted = StatsmodelsARIMA(log_close[: TRAINING.end], order=(1, 1, 0)).fit()
    expected = [
        fitted.apply(log_close[: origin + 1]).forecast(HORIZON) - log_close[origin] for origin in ORIGINS.tolist()
    ]
    found = forecast_changes(ARIMA(max_p=1, max_q=0), momentum)
    assert found == pytest.approx(np.array(expected), rel=0.005, abs=1e-5)


def test_the_coefficient_of_a_known_process_is_found(momentum: Samples) -> None:
    """The standard error of the coefficient is sqrt((1 - 0.6^2) / 800) = 0.028; four of them."""
    last = np.log(momentum.close[ORIGINS] / momentum.close[ORIGINS - 1])
    assert forecast_changes(ARIMA(max_p=1, max_q=0), momentum)[:, 0] / last == pytest.approx([0.6] * 3, abs=0.113)


def test_ets_is_what_statsmodels_makes_of_it(noisy_level: Samples) -> None:
    log_close = np.log(noisy_level.close)
    fitted = ETSModel(log_close[: TRAINING.end], error="add").fit(disp=False)
    weight = fitted.params[0]
    assert weight == pytest.approx(0.39, abs=0.1)
    level, levels = log_close[0], []
    for value in log_close:
        level += weight * (value - level)
        levels.append(level)
    expected = np.array(levels)[ORIGINS] - log_close[ORIGINS]
    found = forecast_changes(ETS("none"), noisy_level)
    assert found == pytest.approx(np.repeat(expected[:, None], HORIZON, axis=1), abs=2e-4)


def test_theta_is_what_statsmodels_makes_of_it(noisy_level: Samples) -> None:
    """Smoothing with half the slope of the line through all closes up to the origin as drift (Hyndman, Billah 2003).

    The drift is the same; the smoothing weights are estimated by other criteria, so that levels differ by a
    fiftieth of the noise at most.
    """
    log_close = np.log(noisy_level.close)
    end = TRAINING.end - 1
    expected = np.asarray(ThetaModel(log_close[: TRAINING.end], deseasonalize=False).fit().forecast(HORIZON))
    found = forecast_changes(Theta("STM"), noisy_level, np.array([end]))[0]
    assert np.diff(found) == pytest.approx(np.diff(expected), rel=1e-6)
    assert found == pytest.approx(expected - log_close[end], abs=0.02 * 0.02)


@pytest.mark.parametrize("settings", [ARIMA(), ETS("additive")], ids=str)
def test_steady_growth_is_continued(make_closes: Make, settings: Any) -> None:
    noise = 1e-4 * np.random.default_rng(4).standard_normal(1_000)
    samples = make_closes(100 * np.exp(0.01 * np.arange(1_000) + noise), horizon=HORIZON)
    assert forecast_changes(settings, samples) == pytest.approx(
        np.tile(0.01 * np.arange(1, HORIZON + 1), (3, 1)), abs=0.002
    )


def test_the_log_price_stands_still_across_a_gap(make_closes: Make) -> None:
    samples = make_closes([10.0, 20.0, 80.0, 40.0, 7.0], days=[0, 1, 5, 6, 9], horizon=1)
    assert np.exp(join_stretches(samples)) == pytest.approx([10, 20, 20, 10, 10])


@pytest.mark.parametrize("settings", MODELS, ids=str)
def test_a_jump_across_a_gap_is_no_shock(make_closes: Make, settings: Any) -> None:
    """The price trebles while nobody looks: the forecast is three times as high, and otherwise the same."""
    close = np.exp(np.cumsum(0.02 * np.random.default_rng(5).standard_normal(300)))
    days = np.arange(300) + 4 * (np.arange(300) >= 200)
    calm, jumpy = make_closes(np.delete(close, 200), days=np.delete(days, 200)), None
    close[201:] *= 3
    jumpy = make_closes(np.delete(close, 200), days=np.delete(days, 200))
    origins = np.array([150, 220, 290])
    ask = [settings.forecast(one, training=Part(0, 250), origins=origins, seed=0) for one in (calm, jumpy)]
    assert ask[1] == pytest.approx(ask[0] * np.array([[1], [3], [3]]), rel=1e-9)


@pytest.mark.parametrize("settings", MODELS, ids=str)
def test_a_price_that_never_moved_and_an_origin_without_past_get_the_naive_forecast(
    make_closes: Make, settings: Any
) -> None:
    flat = make_closes([1.0] * 60 + [1.5] * 10)
    origins = np.array([59, 65])
    assert settings.forecast(flat, training=Part(0, 50), origins=origins, seed=0).tolist() == [[1, 1], [1.5, 1.5]]
    moving = make_closes(np.exp(0.1 * np.sin(np.arange(60.0))))
    early = settings.forecast(moving, training=Part(10, 50), origins=np.array([5, 28]), seed=0)
    assert early.tolist() == [[close] * 2 for close in moving.close[[5, 28]]]


@pytest.mark.parametrize("settings", MODELS, ids=str)
def test_too_few_training_rows_are_refused(make_closes: Make, settings: Any) -> None:
    samples = make_closes(np.arange(1.0, 40.0))
    with pytest.raises(TooFewRowsError, match=r"^(arima|ets|theta): made:UP/USD has 19 training rows, and 20 are nee"):
        settings.forecast(samples, training=Part(0, 19), origins=np.array([30]), seed=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ARIMA(max_p=-1), "arima: max_p is -1; allowed: 0 lags or more"),
        (lambda: ARIMA(max_q=-2), "arima: max_q is -2; allowed: 0 lags or more"),
        (lambda: ARIMA(d=3), "arima: d is 3; allowed: 0, 1 or 2 differences"),
        (lambda: ARIMA(criterion="hq"), "arima: criterion is 'hq'; allowed: aicc, aic, bic"),
        (lambda: ETS("holt"), "ets: trend is 'holt'; allowed: auto, none, additive, damped"),
        (lambda: Theta("stm"), "theta: variant is 'stm'; allowed: auto, STM, OTM, DSTM, DOTM"),
    ],
)
def test_impossible_settings_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
