"""HAR against statsmodels and against a market that follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.har import FLOOR, HAR, default_spans, fit_har, har_equations
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.volatility import naive_volatility

Make = Callable[..., Samples]
SPANS, HORIZON = (2, 5, 12), 3
TRAINING, ORIGINS = Part(0, 400), np.array([399, 450, 496])


@pytest.fixture(scope="module")
def clustered(make_closes: Make) -> Samples:
    """Volatility swings slowly between 0.5 and 4.5 %."""
    rng = np.random.default_rng(3)
    spread = 0.025 + 0.02 * np.sin(np.arange(500) / 15)
    return make_closes(100 * np.exp(np.cumsum(spread * rng.standard_normal(500))), horizon=HORIZON)


def forecast(settings: HAR, samples: Samples, training: Part = TRAINING, origins: np.ndarray = ORIGINS) -> np.ndarray:
    return settings.forecast(samples, training=training, origins=origins, seed=0)


def slow_mean(returns: np.ndarray, end: int, length: int, floor: float = 0.0) -> float:
    """Mean square of the last returns before place `end`; return number i leads into row i + 1."""
    last = returns[max(0, end - length) : end]
    return max(sum(value**2 for value in last) / len(last), floor)


def test_it_is_what_statsmodels_makes_of_it(clustered: Samples) -> None:
    """The same regression from slow loops; smearing is the mean of the exponentials of its residuals."""
    returns = np.diff(np.log(clustered.close))
    floor = FLOOR * np.mean(returns[: TRAINING.end - 1] ** 2)
    rows = range(max(SPANS), TRAINING.end - HORIZON)
    design = sm.add_constant(np.log([[slow_mean(returns, row, span, floor) for span in SPANS] for row in rows]))
    answer = np.log([np.mean(returns[row : row + HORIZON] ** 2) for row in rows])
    fitted = sm.OLS(answer, design).fit()
    smearing = np.mean(np.exp(fitted.resid))
    now = [[1.0, *np.log([slow_mean(returns, origin, span, floor) for span in SPANS])] for origin in ORIGINS.tolist()]
    expected = np.sqrt(HORIZON * smearing * np.exp(fitted.predict(np.array(now))))
    assert forecast(HAR(SPANS), clustered) == pytest.approx(expected[:, None], rel=1e-9)


def test_only_training_rows_teach(clustered: Samples, make_closes: Make) -> None:
    """Later closes change nothing, nor do those before the first training row where no span reaches so far back."""
    close = clustered.close.copy()
    close[400:] = 7
    assert forecast(HAR(SPANS), make_closes(close, horizon=HORIZON))[0] == forecast(HAR(SPANS), clustered)[0]
    part = Part(100, 400)
    close[:100] = np.linspace(1, 50, 100)
    assert (
        forecast(HAR(SPANS), make_closes(close, horizon=HORIZON), part)[0] == forecast(HAR(SPANS), clustered, part)[0]
    )


def test_no_target_reaches_out_of_the_training_part(clustered: Samples) -> None:
    past, future = har_equations(clustered, Part(100, 200), SPANS)
    returns = np.diff(np.log(clustered.close))
    assert past.shape == (100 - max(SPANS) - HORIZON, 3)
    assert future[-1] == pytest.approx(np.mean(returns[196:199] ** 2))
    assert past[0] == pytest.approx([slow_mean(returns[100:112], 12, span) for span in SPANS])


def test_a_known_process_is_found() -> None:
    """ln v' = -2 + 0.5 ln v1 + 0.3 ln v2 + e: four standard errors, and the smearing factor is exp(0.3^2 / 2)."""
    rng = np.random.default_rng(4)
    past = np.exp(rng.normal(-8, 1, size=(20_000, 2)))
    future = np.exp(-2 + 0.5 * np.log(past[:, 0]) + 0.3 * np.log(past[:, 1]) + 0.3 * rng.standard_normal(20_000))
    coefficients, smearing = fit_har(past, future, 1e-30)
    error = 0.3 / np.sqrt(20_000)
    assert coefficients[1:] == pytest.approx([0.5, 0.3], abs=4 * error)
    assert coefficients[0] == pytest.approx(-2, abs=4 * error * np.sqrt(1 + 2 * 8**2))
    assert smearing == pytest.approx(np.exp(0.045), abs=4 * 0.32 / np.sqrt(20_000))


def test_no_other_factor_has_a_smaller_qlike(clustered: Samples) -> None:
    past, future = har_equations(clustered, TRAINING, SPANS)
    coefficients, smearing = fit_har(past, future, 1e-12)
    fitted = np.exp(coefficients[0] + np.log(past) @ coefficients[1:])

    def qlike(factor: float) -> float:
        ratio = future / (factor * fitted)
        return float(np.mean(ratio - np.log(ratio) - 1))

    assert qlike(smearing) < min(qlike(0.999 * smearing), qlike(1.001 * smearing))


def test_a_candle_that_does_not_move_counts_as_the_floor(clustered: Samples, make_closes: Make) -> None:
    close = clustered.close.copy()
    close[440:500] = close[440]
    samples = make_closes(close, horizon=HORIZON)
    typical = np.mean(np.diff(np.log(close[:400])) ** 2)
    coefficients, smearing = fit_har(*har_equations(samples, TRAINING, (2,)), FLOOR * typical)
    expected = np.sqrt(HORIZON * smearing * np.exp(coefficients[0]) * (FLOOR * typical) ** coefficients[1])
    assert forecast(HAR((2,)), samples)[2, 0] == pytest.approx(expected)
    assert expected > 0


def test_returns_before_a_gap_count_and_the_one_across_it_does_not(make_closes: Make) -> None:
    """The price trebles while nobody looks: the forecasts are the same."""
    rng = np.random.default_rng(5)
    close = np.exp(np.cumsum(0.02 * rng.standard_normal(500)))
    days = np.arange(500) + 4 * (np.arange(500) >= 300)
    jumpy = np.where(np.arange(500) >= 300, 3 * close, close)
    both = [forecast(HAR(SPANS), make_closes(one, days=days, horizon=HORIZON)) for one in (close, jumpy)]
    assert both[1] == pytest.approx(both[0], rel=1e-9)
    past, _ = har_equations(make_closes(close, days=days, horizon=HORIZON), TRAINING, SPANS)
    # The three origins before the gap do not have three candles without one ahead of them.
    assert len(past) == 400 - max(SPANS) - HORIZON - 3


def test_early_origins_use_what_is_there(clustered: Samples) -> None:
    """At row 3 there are three returns for spans of five and twelve."""
    returns = np.diff(np.log(clustered.close))
    typical = np.mean(returns[:399] ** 2)
    coefficients, smearing = fit_har(*har_equations(clustered, TRAINING, SPANS), FLOOR * typical)
    now = np.log([np.mean(returns[1:3] ** 2), np.mean(returns[:3] ** 2), np.mean(returns[:3] ** 2)])
    expected = np.sqrt(HORIZON * smearing * np.exp(coefficients[0] + now @ coefficients[1:]))
    assert forecast(HAR(SPANS), clustered, origins=np.array([3]))[0, 0] == pytest.approx(expected)


def test_a_price_that_never_moved_gets_the_naive_forecast(make_closes: Make) -> None:
    samples = make_closes([1.0] * 90 + [2.0, 1.0, 3.0, 2.0])
    origins = np.array([89, 91, 92])
    found = forecast(HAR((1, 3)), samples, Part(0, 90), origins)
    assert found.tolist() == naive_volatility(samples, origins).tolist()


@pytest.mark.parametrize(
    ("interval", "spans"),
    [
        ("1m", (1440, 10080, 43200)),
        ("1h", (24, 168, 720)),
        ("12h", (2, 14, 60)),
        ("1d", (1, 7, 30)),
        ("3d", (1, 2, 10)),
        ("1w", (1, 4)),
        ("1M", (1,)),
    ],
)
def test_spans_are_a_day_a_week_and_thirty_days(interval: str, spans: tuple[int, ...]) -> None:
    assert default_spans(interval) == spans


def test_without_spans_daily_candles_get_theirs(clustered: Samples) -> None:
    assert forecast(HAR(), clustered).tolist() == forecast(HAR([1, 7, 30]), clustered).tolist()


def test_too_few_equations_are_refused(clustered: Samples) -> None:
    """Ten targets of three candles need 30 equations; 45 rows are 12 returns, 30 origins and 3 candles."""
    assert np.isfinite(forecast(HAR(SPANS), clustered, Part(0, 45))).all()
    with pytest.raises(TooFewRowsError, match="har: made:UP/USD has 29 training rows with 12 returns before and 3 aft"):
        forecast(HAR(SPANS), clustered, Part(0, 44))
    with pytest.raises(TooFewRowsError, match=r"has 0 training rows .* and 30 are needed; ask for shorter spans"):
        forecast(HAR(SPANS), clustered, Part(0, 2))


@pytest.mark.parametrize("spans", [[], (), [0, 7], [7, True]])
def test_impossible_spans_are_refused(spans: Any) -> None:
    with pytest.raises(UsageError, match=r"har: spans is .*; allowed: a list of candles such as \[24, 168, 720\]"):
        HAR(spans)
