"""GARCH against arch itself, slow loops, and a market that follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.garch import GARCH, MEANS, TOLERANCE, Parameters, filter_variance, fit_garch, forecast_variance
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.volatility import naive_volatility

arch = pytest.importorskip("arch", reason="arch is not installed")

Make = Callable[..., Samples]
OMEGA, ALPHA, BETA = 2e-5, 0.1, 0.85
TRAINING, HORIZON = Part(0, 2_000), 24
ORIGINS = np.array([1_999, 2_000, 2_150, 2_400])
SETTINGS = [
    GARCH(),
    GARCH(distribution="normal", mean="constant"),
    GARCH(p=2, q=1, distribution="normal"),
    GARCH(p=1, q=2, distribution="skewt", mean="constant"),
    GARCH(p=2, q=0, distribution="ged"),
]


def simulate(count: int, seed: int) -> np.ndarray:
    """Returns of a GARCH(1, 1) whose variance is 4e-4 on average, 2 % a candle; its shocks have five degrees."""
    shocks = np.random.default_rng(seed).standard_t(5, count) * np.sqrt(3 / 5)
    returns, variance = np.empty(count), OMEGA / (1 - ALPHA - BETA)
    for t in range(count):
        returns[t] = np.sqrt(variance) * shocks[t]
        variance = OMEGA + ALPHA * returns[t] ** 2 + BETA * variance
    return returns


@pytest.fixture(scope="module")
def clustered(make_closes: Make) -> Samples:
    return make_closes(100 * np.exp(np.cumsum(simulate(2_500, seed=1))), horizon=HORIZON)


def forecast(settings: GARCH, samples: Samples, training: Part = TRAINING, origins: np.ndarray = ORIGINS) -> np.ndarray:
    return settings.forecast(samples, training=training, origins=origins, seed=0)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_arch_gives_the_same_forecasts(clustered: Samples, settings: GARCH) -> None:
    """Fitted to the training returns, run on over the others and summed over 24 steps by arch."""
    returns = np.diff(np.log(clustered.close))
    known = returns[: TRAINING.end - 1]
    scale = np.sqrt(np.mean(known**2))
    model = arch.arch_model(
        returns / scale,
        mean=MEANS[settings.mean],
        p=settings.p,
        q=settings.q,
        dist=settings.distribution,
        rescale=False,
    )
    fitted = model.fit(last_obs=len(known), disp="off", backcast=1.0, tol=TOLERANCE)
    each = fitted.forecast(horizon=HORIZON, start=TRAINING.end - 2).residual_variance.to_numpy()
    mean = fitted.params["mu"] if settings.mean == "constant" else 0
    expected = scale * np.sqrt((each + mean**2).sum(axis=1))[ORIGINS - 1 - (TRAINING.end - 2)]
    assert forecast(settings, clustered)[:, 0] == pytest.approx(expected, rel=1e-6)


def test_parameters_of_a_known_process_are_found() -> None:
    """20,000 returns; bounds are four of arch's robust standard errors, from the same likelihood."""
    returns = simulate(20_000, seed=2)
    found = fit_garch(arch, GARCH(), returns)
    result = arch.arch_model(100 * returns, mean="Zero", dist="t", rescale=False).fit(disp="off")
    errors = result.std_err
    assert found.omega == pytest.approx(OMEGA, abs=4 * errors["omega"] * 1e-4)
    assert found.alphas == pytest.approx([ALPHA], abs=4 * errors["alpha[1]"])
    assert found.betas == pytest.approx([BETA], abs=4 * errors["beta[1]"])
    assert max(errors["alpha[1]"], errors["beta[1]"]) < 0.02


def test_the_recursion_is_that_of_a_slow_loop() -> None:
    """GARCH(2, 3), from the first return on, and beyond the last one step by step."""
    parameters = Parameters(0.01, 0.1, (0.2, 0.1), (0.3, 0.2, 0.1), start=0.7)
    returns = np.random.default_rng(3).standard_normal(30)
    for seen in (0, 1, 2, 10, 30):
        shocks = [0.7] * 3 + [(value - 0.01) ** 2 for value in returns[:seen].tolist()]
        variances = [0.7] * 3
        for place in range(3, 3 + seen + 5):
            variance = 0.1 + 0.2 * shocks[place - 1] + 0.1 * shocks[place - 2]
            variance += sum(beta * variances[place - lag] for lag, beta in ((1, 0.3), (2, 0.2), (3, 0.1)))
            variances.append(variance)
            if len(shocks) == place:
                shocks.append(variance)
        found = forecast_variance(parameters, returns, np.array([seen]), 5)
        assert found == pytest.approx([sum(variances[-5:]) + 5 * 0.01**2], rel=1e-12)
        if seen:
            filtered = filter_variance(parameters, (returns[:seen] - 0.01) ** 2)
            assert filtered == pytest.approx(variances[3 : 3 + seen], rel=1e-12)


def test_far_ahead_it_is_the_mean_variance() -> None:
    """omega / (1 - alpha - beta) = 4e-4, approached as 0.95^h: over 4,000 steps the start weighs 20 steps' worth."""
    parameters = Parameters(0.0, OMEGA, (ALPHA,), (BETA,), start=4e-4)
    shock = np.array([0.1])
    first = OMEGA + ALPHA * 0.01 + BETA * 4e-4
    expected = 4_000 * 4e-4 + (first - 4e-4) / (1 - ALPHA - BETA)
    assert forecast_variance(parameters, shock, np.array([1]), 4_000) == pytest.approx([expected], rel=1e-9)


def test_only_training_rows_teach_and_only_the_past_is_seen(clustered: Samples, make_closes: Make) -> None:
    close = clustered.close.copy()
    close[2_151:] *= np.linspace(1, 9, 349)
    close[:500] = np.linspace(1, 50, 500)
    part = Part(500, 2_000)
    assert forecast(GARCH(), make_closes(close, horizon=HORIZON), part)[:3].tolist() == (
        forecast(GARCH(), clustered, part)[:3].tolist()
    )


def test_a_jump_across_a_gap_is_no_shock(make_closes: Make) -> None:
    close = np.exp(np.cumsum(simulate(600, seed=4)))
    days = np.arange(600) + 4 * (np.arange(600) >= 300)
    jumpy = np.where(np.arange(600) >= 300, 3 * close, close)
    origins = np.array([500, 560])
    both = [forecast(GARCH(), make_closes(one, days=days), Part(0, 500), origins) for one in (close, jumpy)]
    assert both[1] == pytest.approx(both[0], rel=1e-5)


def test_units_do_not_matter(make_closes: Make) -> None:
    """Returns a thousand times as small: forecasts, too, and arch is asked for the same optimum."""
    log_close = np.cumsum(simulate(600, seed=5))
    origins = np.array([500, 560])
    small, large = (
        forecast(GARCH(), make_closes(np.exp(factor * log_close)), Part(0, 500), origins) for factor in (1e-3, 1)
    )
    assert 1e3 * small == pytest.approx(large, rel=1e-5)


def test_without_a_past_and_without_a_move_it_is_the_naive_forecast(clustered: Samples, make_closes: Make) -> None:
    early = np.array([30, 100, 101])
    found, naive = forecast(GARCH(), clustered, Part(100, 500), early), naive_volatility(clustered, early)
    assert (found == naive).ravel().tolist() == [True, True, False]
    flat = make_closes([1.0] * 90 + [2.0, 1.0, 3.0, 2.0])
    origins = np.array([89, 91, 92])
    assert forecast(GARCH(), flat, Part(0, 90), origins).tolist() == naive_volatility(flat, origins).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_returns_without_clusters_give_their_spread(make_closes: Make, seed: int) -> None:
    """Where there is no clustering to find, and the optimiser may end at a border, all is finite and near the truth."""
    returns = 0.02 * np.random.default_rng(seed).standard_normal(150)
    samples = make_closes(np.exp(np.cumsum(returns)), horizon=5)
    found = forecast(GARCH(), samples, Part(0, 100), np.array([99, 120, 140]))
    assert found == pytest.approx(np.full((3, 1), 0.02 * np.sqrt(5)), rel=0.5)


def test_too_few_training_returns_are_refused(clustered: Samples) -> None:
    with pytest.raises(TooFewRowsError, match="garch: made:UP/USD has 49 training returns, and 50 are needed"):
        forecast(GARCH(), clustered, Part(0, 50))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GARCH(p=0), "garch: p is 0; allowed: 1 or more"),
        (lambda: GARCH(q=-1), "garch: q is -1; allowed: 0 or more"),
        (lambda: GARCH(distribution="cauchy"), "garch: distribution is 'cauchy'; allowed: normal, t, skewt, ged"),
        (lambda: GARCH(mean="ar"), "garch: mean is 'ar'; allowed: zero, constant"),
    ],
)
def test_impossible_settings_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
