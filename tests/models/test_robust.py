"""The robust AR against the plain one, a known process with wild moves, and a loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.models.autoregressive import Autoregression
from coincast.models.robust import RobustAutoregression, winsorised_closes
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

Make = Callable[..., Samples]
LAG = -0.3


@pytest.fixture(scope="module")
def moves() -> np.ndarray:
    """r = -0.3 r1 + e, e of deviation 0.01; then one return in 50 is a jump of 20 deviations that is not answered."""
    rng = np.random.default_rng(8)
    shocks = 0.01 * rng.standard_normal(6_000)
    values = np.zeros(len(shocks))
    for t in range(1, len(values)):
        values[t] = LAG * values[t - 1] + shocks[t]
    return values + np.where(rng.random(len(values)) < 0.02, 0.2 * rng.choice([-1, 1], len(values)), 0.0)


def answer(model: Autoregression | RobustAutoregression, samples: Samples, training: Part, origin: int) -> float:
    """Expected return after a move of the usual size, as a share of it."""
    [[price]] = model.forecast(samples, training=training, origins=np.array([origin]), seed=0)
    return float(np.log(price / samples.close[origin]))


def test_wild_moves_do_not_hide_what_usual_ones_do(make_closes: Make, moves: np.ndarray) -> None:
    """The last return is 0.01; a true AR(1) answers it by -0.3 times as much."""
    steps = np.append(moves, [0.0, 0.01])
    samples = make_closes(100 * np.exp(np.cumsum(steps)), horizon=1)
    training, origin = Part(0, len(moves)), len(steps) - 1
    plain, robust = (answer(model(1), samples, training, origin) for model in (Autoregression, RobustAutoregression))
    assert abs(plain) < 0.5 * abs(LAG) * 0.01  # jumps are nine tenths of the variance
    assert robust == pytest.approx(LAG * 0.01, rel=0.25)


def test_a_limit_beyond_all_moves_is_the_plain_model(make_closes: Make, moves: np.ndarray) -> None:
    days = [*range(400), *range(410, 900)]
    samples = make_closes(100 * np.exp(np.cumsum(moves[: len(days)])), days=days, horizon=3)
    training, origins = Part(0, 600), np.array([0, 3, 399, 400, 402, 700, 880])
    settings = {"training": training, "origins": origins, "seed": 0}
    plain = Autoregression(4).forecast(samples, **settings)
    assert RobustAutoregression(4, limit=1e6).forecast(samples, **settings) == pytest.approx(plain, rel=1e-9)
    assert RobustAutoregression(4).forecast(samples, **settings) != pytest.approx(plain, rel=1e-9)


def test_returns_are_cut_as_a_loop_does_it(make_closes: Make, moves: np.ndarray) -> None:
    days = [*range(30), *range(35, 65)]
    samples = make_closes(100 * np.exp(np.cumsum(moves[:60])), days=days)
    usual = [np.log(samples.close[row] / samples.close[row - 1]) for row in range(1, 40) if row != 30]
    centre = np.median(usual)
    reach = 2 * 1.4826 * np.median([abs(value - centre) for value in usual])
    expected = [samples.close[0]]
    for row in range(1, 60):
        move = np.log(samples.close[row] / samples.close[row - 1])
        kept = 0.0 if row == 30 else min(max(move, centre - reach), centre + reach)
        expected.append(expected[-1] * np.exp(kept))
    assert winsorised_closes(samples, Part(0, 40), 2.0) == pytest.approx(np.array(expected), rel=1e-12)


def test_a_market_that_mostly_stands_still_is_not_cut_to_nothing(make_closes: Make) -> None:
    steps = np.where(np.arange(200) % 5 == 0, 0.02, 0.0) * np.where(np.arange(200) % 10 == 0, 1, -1)
    samples = make_closes(100 * np.exp(np.cumsum(steps)))
    assert np.ptp(winsorised_closes(samples, Part(0, 150), 3.0)) > 1


@pytest.mark.parametrize(
    ("settings", "words"), [({"order": 0}, "order is 0; allowed: 1 lag"), ({"limit": 0.0}, "limit is 0.0; allowed: ab")]
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=f"robust_ar: {words}"):
        RobustAutoregression(**settings)
