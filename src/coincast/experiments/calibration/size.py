"""How often does the decisive test reject a null that is true?

The null is exact. A price walks (`simulate("walk")`: fat-tailed, clustered shocks); one forecast is the last close plus
e, the other the last close minus e, in logs, with e independent of the market: noise anew at every origin, or a
first-order autoregression, so that a forecaster who is too high today is too high tomorrow. The shocks of a walk are
symmetric, so both miss by the same on average, at every step. Losses are absolute log errors, averaged over steps 1 to
h, and every candle is an origin, so that h successive origins overlap. e grows with the square root of the step and is
as large as the usual move over it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.signal import lfilter

from coincast.experiments.calibration.markets import OnStep, draw_market, log_returns
from coincast.experiments.calibration.shares import share_row, share_table
from coincast.scores.significance import ALPHA, compare_losses, count_needed
from coincast.sources.simulated import DAILY_VOLATILITY

Floats = NDArray[np.float64]

HORIZONS = (1, 5, 24)
PERSISTENCES = (0.0, 0.9)
LEAST, MOST = 0.035, 0.065
WARM_UP = 200
STEP_MARKETS = 50


def count_rejections(
    *, markets: int, lengths: tuple[int, ...], seed: int, lenient: bool, on_step: OnStep | None = None
) -> pl.DataFrame:
    """Share of markets in which the decisive test finds a difference where there is none, two-sided, at 5 %.

    Args:
        markets: how many walks; all lengths are judged on the first origins of the same ones.
        lengths: origins to judge, beside the fewest that get a verdict (20 h) and 50 h.
        seed: of the markets and of the forecasts.
        lenient: see `share_row`.
        on_step: told the progress.

    Returns:
        One row per horizon, origins and persistence of e: columns of `share_row`.
    """
    settings = [
        (horizon, n, persistence)
        for horizon in HORIZONS
        for n in origins_judged(horizon, lengths)
        for persistence in PERSISTENCES
    ]
    rejected = dict.fromkeys(settings, 0)
    for number in range(markets):
        if on_step is not None and number % STEP_MARKETS == 0:
            on_step("true nulls", number, markets)
        for setting, p in _test_market(number, settings, seed=seed).items():
            rejected[setting] += p < ALPHA
    rows: list[dict[str, Any]] = [
        {"horizon": horizon, "n": n, "persistence": persistence}
        | share_row(rejected[horizon, n, persistence], markets, least=LEAST, most=MOST, lenient=lenient)
        for horizon, n, persistence in settings
    ]
    return share_table(rows)


def origins_judged(horizon: int, lengths: tuple[int, ...]) -> list[int]:
    """Numbers of origins that get a verdict at a horizon: 20 h, 50 h, and the lengths that are no smaller."""
    fewest = count_needed(horizon)
    return sorted({fewest, 50 * horizon, *(n for n in lengths if n >= fewest)})


def _test_market(
    number: int, settings: list[tuple[int, int, float]], *, seed: int
) -> dict[tuple[int, int, float], float]:
    """The p value of every setting on one market."""
    most = max(n + horizon for horizon, n, _ in settings)
    returns = log_returns(draw_market("walk", number, candles=most + 1, seed=seed))
    tests = {}
    for place, persistence in enumerate(PERSISTENCES):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, place)))
        error = DAILY_VOLATILITY * _autoregression(rng.standard_normal(len(returns) + WARM_UP), persistence)
        for horizon in sorted({horizon for horizon, _, _ in settings}):
            above, below = opposite_losses(returns, error, horizon)
            for setting in settings:
                if (setting[0], setting[2]) == (horizon, persistence):
                    n = setting[1]
                    p = compare_losses(above[:n], below[:n], overlapping=horizon).p
                    tests[setting] = 1.0 if p is None else p
    return tests


def opposite_losses(returns: Floats, error: Floats, horizon: int) -> tuple[Floats, Floats]:
    """Losses per origin of two forecasts that miss the last close by as much, one above and one below it.

    Args:
        returns: log returns; origin t knows those before t.
        error: by how much the forecast of one step misses, in logs, by origin; sqrt(k) times as much at step k.
        horizon: steps that a loss is averaged over.
    """
    n = len(returns) - horizon + 1
    move, above, below = np.zeros(n), np.zeros(n), np.zeros(n)
    for step in range(1, horizon + 1):
        move += returns[step - 1 : step - 1 + n]
        miss = np.sqrt(step) * error[:n]
        above += np.abs(move - miss)
        below += np.abs(move + miss)
    return above / horizon, below / horizon


def _autoregression(noise: Floats, persistence: float) -> Floats:
    """A stationary first-order autoregression of variance 1, its warm-up cut off."""
    series = lfilter([np.sqrt(1 - persistence**2)], [1, -persistence], noise)
    return np.asarray(series[WARM_UP:])
