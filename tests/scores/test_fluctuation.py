"""The fluctuation test: its critical values against the limit they stand for, its size, and slow code."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from coincast.scores.finding import WINDOW_SHARES
from coincast.scores.fluctuation import (
    ONE_SIDED,
    TWO_SIDED,
    find_fluctuations,
    follow_fluctuations,
    needed_forecasts,
    roll_differences,
)
from coincast.scores.further import Options
from coincast.scores.significance import count_cosines

NOTHING = pl.DataFrame()


def knowing(shares: np.ndarray, seed: int = 1):
    """A forecast that knows a share of each move, and errs by a tenth of a percent."""

    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        noise = np.exp(0.001 * np.random.default_rng(seed).standard_normal(last.size))
        return last * (actual / last) ** shares * noise

    return forecast


def null_differences(horizon: int, n: int, persistence: float, *, samples: int) -> np.ndarray:
    """Loss differences of two forecasts that err alike: a walk's last close plus e, and minus e, with e apart from it.

    Moves over `horizon` steps overlap, shocks have fat tails, and e is a first-order autoregression over the origins.
    """
    rng = np.random.default_rng(n)
    levels = rng.standard_t(4, (samples, n + horizon)).cumsum(axis=1)
    bias = rng.standard_normal((n, samples))
    for place in range(1, n):
        bias[place] = persistence * bias[place - 1] + math.sqrt(1 - persistence**2) * bias[place]
    moves, wrong = levels[:, horizon:] - levels[:, :-horizon], math.sqrt(horizon) * bias.T
    return np.abs(moves - wrong) - np.abs(moves + wrong)


@pytest.fixture(scope="module")
def walks() -> np.ndarray:
    """Brownian motion on a grid of 400 steps, about as fine as the published table was simulated on."""
    steps = np.random.default_rng(1).standard_normal((20_000, 400)) / math.sqrt(400)
    return np.concatenate([np.zeros((20_000, 1)), steps.cumsum(axis=1)], axis=1)


@pytest.mark.parametrize("share", WINDOW_SHARES)
def test_critical_values_are_those_of_the_limit(walks: np.ndarray, share: float) -> None:
    """sup |B(t + mu / 2) - B(t - mu / 2)| / sqrt(mu): Giacomini and Rossi 2010, proposition 1; neighbours differ by
    more than the tolerance."""
    window = round(share * 400)
    moves = (walks[:, window:] - walks[:, :-window]) / math.sqrt(share)
    for level, place in ((0.95, 0), (0.90, 1)):
        assert TWO_SIDED[share][place] == pytest.approx(np.quantile(np.abs(moves).max(axis=1), level), abs=0.045)
        assert ONE_SIDED[share][place] == pytest.approx(np.quantile(moves.max(axis=1), level), abs=0.045)


@pytest.mark.parametrize(
    ("horizon", "n", "persistence"), [(1, 150, 0.0), (1, 250, 0.9), (5, 250, 0.9), (24, 1200, 0.9)]
)
def test_a_true_null_is_rejected_in_about_five_of_a_hundred_cases(horizon: int, n: int, persistence: float) -> None:
    assert n >= needed_forecasts(horizon)
    nulls = null_differences(horizon, n, persistence, samples=1000)
    found = [roll_differences(row, overlapping=horizon, share=0.3) for row in nulls]
    rejected = [np.abs(one.statistics).max() > TWO_SIDED[0.3][0] for one in found]
    assert 0.03 <= np.mean(rejected) <= 0.09


@pytest.mark.parametrize(("n", "overlapping", "share"), [(150, 1, 0.3), (255, 5, 0.1), (151, 2, 0.9)])
def test_statistics_equal_the_formula_read_slowly(n: int, overlapping: int, share: float) -> None:
    differences = np.random.default_rng(n).standard_normal(n)
    squares = []
    for half in (differences[: (n + 1) // 2], differences[(n + 1) // 2 :]):
        m, mean = len(half), sum(half) / len(half)
        for j in range(1, count_cosines(m, overlapping) + 1):
            total = sum((d - mean) * math.cos(math.pi * j * (t - 0.5) / m) for t, d in enumerate(half, start=1))
            squares.append((math.sqrt(2 / m) * total) ** 2)
    error, window = math.sqrt(sum(squares) / len(squares)), round(share * n)
    slow = [sum(differences[i : i + window]) / (error * math.sqrt(window)) for i in range(n - window + 1)]
    found = roll_differences(differences, overlapping=overlapping, share=share)
    assert found.statistics == pytest.approx(slow)
    assert found.error == pytest.approx(error)
    assert found.centres[0] == window // 2


def test_skill_that_comes_and_goes_is_found_where_it_was(make_forecasts) -> None:
    """Better in the first half, as much worse in the second: no difference on the whole, yet one at every time."""
    shares = np.where(np.arange(400) < 200, 0.3, -0.3)
    table = make_forecasts(knowing(shares), n=400)
    row = find_fluctuations(table, NOTHING, Options()).table.row(0, named=True)
    assert (row["rejects"], row["was_better"], row["n"], row["window"]) == (True, True, 400, 120)
    path = follow_fluctuations(table, NOTHING, Options()).table
    assert path.height == 400 - 120 + 1
    half = table["origin"][200]
    assert path.filter(pl.col("time") < half)["difference"].mean() < 0
    assert path["skill"][0] > 0.2
    assert path.filter(pl.col("time") > half)["difference"].mean() > 0
    extreme = path.sort(pl.col("statistic").abs()).row(-1, named=True)
    assert (extreme["statistic"], extreme["time"]) == (row["statistic"], row["time"])
    assert extreme["rejects"]


def test_the_skill_of_a_window_is_that_of_its_origins(make_forecasts) -> None:
    table = make_forecasts(knowing(np.array(0.1)), n=160)
    path = follow_fluctuations(table, NOTHING, Options()).table
    value, actual, last = (np.log(table[name].to_numpy()) for name in ("value", "actual", "last_close"))
    losses, naive = np.abs(value - actual), np.abs(last - actual)
    assert path["skill"][7] == pytest.approx(1 - losses[7:55].mean() / naive[7:55].mean())
    assert path["time"][7] == table["origin"][7 + 24]


@pytest.mark.parametrize(("n", "steps", "needed"), [(149, 1, 150), (249, 5, 250)])
def test_fewer_forecasts_than_it_needs_are_told(make_forecasts, n: int, steps: int, needed: int) -> None:
    found = find_fluctuations(make_forecasts(knowing(np.array(0.1)), n=n, steps=steps), NOTHING, Options())
    assert found.table.is_empty()
    told = f"the fluctuation test needs at least {needed} forecasts and is left out for model on made:UP/USD ({n})"
    assert found.notes == (told,)


def test_a_copy_of_naive_does_not_fluctuate(make_forecasts) -> None:
    found = find_fluctuations(make_forecasts(lambda last, actual: last, n=200), NOTHING, Options())
    assert (found.table.height, found.notes) == (0, ())
    assert follow_fluctuations(make_forecasts(lambda last, actual: last, n=200), NOTHING, Options()).table.is_empty()


def test_a_difference_that_never_changes_has_no_statistic() -> None:
    found = roll_differences(np.full(150, -0.5), overlapping=1, share=0.3)
    assert found.statistics is None
    assert found.differences == pytest.approx(np.full(106, -0.5))


def test_constant_differences_in_a_table_are_rejected_without_one(make_forecasts) -> None:
    """Prices that double at every step, and a forecast that always knows half of it."""
    table = make_forecasts(lambda last, actual: last, n=200).with_columns(last_close=1.0, actual=4.0, value=2.0)
    row = find_fluctuations(table, NOTHING, Options()).table.row(0, named=True)
    assert (row["rejects"], row["was_better"], row["statistic"], row["time"]) == (True, True, None, None)
    assert follow_fluctuations(table, NOTHING, Options()).table["statistic"].null_count() > 0
