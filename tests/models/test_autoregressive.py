"""AR(p) against a simulated truth, statsmodels, and a loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from statsmodels.tsa.ar_model import AutoReg, ar_select_order

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.autoregressive import Autoregression, choose_order, fit_autoregression
from coincast.models.naive import Drift
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

Make = Callable[..., Samples]


@pytest.fixture(scope="module")
def returns() -> np.ndarray:
    """AR(2): r = 0.001 + 0.5 r1 - 0.3 r2 + e, e of deviation 0.02."""
    shocks = 0.02 * np.random.default_rng(3).standard_normal(20_000)
    values = np.zeros(len(shocks))
    for t in range(2, len(values)):
        values[t] = 0.001 + 0.5 * values[t - 1] - 0.3 * values[t - 2] + shocks[t]
    return values


def test_the_coefficients_of_a_known_process_are_found(returns: np.ndarray) -> None:
    intercept, lags = fit_autoregression([returns], 2)
    # The standard error of each lag is sqrt((1 - 0.3^2) / n) = 0.0067; four of them.
    assert lags == pytest.approx([0.5, -0.3], abs=0.027)
    assert intercept == pytest.approx(0.001, abs=4 * 0.02 / np.sqrt(len(returns)))


@pytest.mark.parametrize("order", [1, 2, 5])
def test_statsmodels_finds_the_same(returns: np.ndarray, order: int) -> None:
    intercept, lags = fit_autoregression([returns[:500]], order)
    expected = AutoReg(returns[:500], lags=order, trend="c").fit().params
    assert [intercept, *lags] == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_an_equation_never_crosses_a_gap() -> None:
    """Three stretches, each of which satisfies r = 0.1 + 0.5 r1 exactly, though their joints do not."""
    stretches = []
    for start in (1.0, -7.0, 40.0):
        values = [start]
        while len(values) < 5:
            values.append(0.1 + 0.5 * values[-1])
        stretches.append(np.array(values))
    intercept, lags = fit_autoregression([*stretches, np.array([99.0])], 1)
    assert (intercept, *lags) == pytest.approx((0.1, 0.5), rel=1e-9)


def test_too_few_equations_are_refused() -> None:
    with pytest.raises(
        TooFewRowsError, match=r"an autoregression of order 3 needs 8 training returns .* and there are 7"
    ):
        fit_autoregression([np.arange(10.0)], 3)


def test_order_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="ar: order is 0; allowed: 1 lag or more"):
        Autoregression(0)


def forecast_slowly(samples: Samples, training: Part, origin: int, order: int, days: list[int]) -> list[float]:
    """The same forecast by a loop, lag by lag, the mean return where a lag is not known."""
    close = samples.close
    stretches: list[list[float]] = [[]]
    for row in range(training.first + 1, training.end):
        if days[row] - days[row - 1] == 1:
            stretches[-1].append(np.log(close[row] / close[row - 1]))
        else:
            stretches.append([])
    intercept, lags = fit_autoregression([np.array(stretch) for stretch in stretches if stretch], order)
    known: list[float] = []
    row = origin
    while len(known) < order and row > 0 and days[row] - days[row - 1] == 1:
        known.append(np.log(close[row] / close[row - 1]))
        row -= 1
    known += [float(np.mean(np.concatenate(stretches)))] * (order - len(known))
    last, path = close[origin], []
    for _ in range(samples.windows.horizon):
        step = intercept + sum(lag * value for lag, value in zip(lags, known, strict=True))
        known = [step, *known[:-1]]
        last = last * np.exp(step)
        path.append(last)
    return path


def test_forecasts_are_those_of_a_loop_also_near_gaps(make_closes: Make) -> None:
    rng = np.random.default_rng(1)
    days = [*range(30), *range(35, 50), *range(52, 60)]
    samples = make_closes(100 * np.exp(np.cumsum(0.02 * rng.standard_normal(len(days)))), days=days, horizon=3)
    training, origins = Part(0, 40), np.array([0, 1, 2, 20, 30, 31, 32, 40, 45, 46, 48])
    forecast = Autoregression(3).forecast(samples, training=training, origins=origins, seed=0)
    expected = [forecast_slowly(samples, training, int(origin), 3, days) for origin in origins]
    assert forecast == pytest.approx(np.array(expected), rel=1e-10)


@pytest.mark.parametrize("criterion", ["aic", "bic"])
@pytest.mark.parametrize("first", range(0, 2_000, 250))
def test_statsmodels_chooses_the_same_order(returns: np.ndarray, criterion: str, first: int) -> None:
    some = returns[first : first + 250]
    expected = ar_select_order(some, maxlag=8, ic=criterion, trend="c").ar_lags or [0]
    assert choose_order([some], 8, criterion) == max(expected)


def test_bic_finds_the_true_order(returns: np.ndarray) -> None:
    assert choose_order([returns], 8, "bic") == 2


def test_without_any_dependence_only_the_drift_is_left(make_closes: Make) -> None:
    """On white noise BIC chooses no lag at all with a probability that tends to one."""
    steps = 0.001 + 0.02 * np.random.default_rng(6).standard_normal(2_000)
    samples = make_closes(100 * np.exp(np.cumsum(steps)), horizon=3)
    training, origins = Part(0, 1_500), np.array([1_499, 1_700])
    chosen = Autoregression(order=6, criterion="bic").forecast(samples, training=training, origins=origins, seed=0)
    drift = Drift().forecast(samples, training=training, origins=origins, seed=0)
    assert chosen == pytest.approx(drift, rel=1e-12)


def test_an_unknown_criterion_is_refused() -> None:
    with pytest.raises(UsageError, match="ar: criterion is 'hqic'; allowed: aic, bic, or none at all"):
        Autoregression(criterion="hqic")
