"""Drawn steps: their law, and that a path belongs to its origin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coincast.models.random_walk import RandomWalk, scenarios, step_law
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

ROWS, TRAINING = 20_000, Part(0, 500)


@pytest.fixture(scope="module")
def walk(make_closes: Callable[..., Samples]) -> Samples:
    steps = 0.001 + 0.02 * np.random.default_rng(5).standard_normal(ROWS)
    return make_closes(100 * np.exp(np.cumsum(steps)), days=range(ROWS), horizon=2)


def test_the_law_is_that_of_the_training_returns(walk: Samples) -> None:
    returns = np.diff(np.log(walk.close[: TRAINING.end]))
    assert step_law(walk, TRAINING) == (pytest.approx(returns.mean()), pytest.approx(returns.std(ddof=0)))


def test_steps_have_the_mean_and_deviation_of_the_law(walk: Samples) -> None:
    mean, deviation = step_law(walk, TRAINING)
    origins = np.arange(ROWS)
    paths = np.log(RandomWalk().forecast(walk, training=TRAINING, origins=origins, seed=7) / walk.close[:, None])
    for steps in (paths[:, 0], paths[:, 1] - paths[:, 0]):
        assert steps.mean() == pytest.approx(mean, abs=4 * deviation / np.sqrt(ROWS))
        assert steps.std() == pytest.approx(deviation, rel=4 / np.sqrt(2 * ROWS))
    assert abs(np.corrcoef(paths[:, 0], paths[:, 1] - paths[:, 0])[0, 1]) < 4 / np.sqrt(ROWS)


def test_an_origin_keeps_its_path_whichever_others_are_asked(walk: Samples) -> None:
    ask = lambda *origins: RandomWalk().forecast(walk, training=TRAINING, origins=np.array(origins), seed=7)  # noqa: E731
    every = ask(*range(900))
    assert ask(600, 899).tolist() == every[[600, 899]].tolist()
    assert ask(600).tolist() == every[[600]].tolist()


def test_seeds_differ(walk: Samples) -> None:
    one, two = (RandomWalk().forecast(walk, training=TRAINING, origins=np.array([600]), seed=seed) for seed in (1, 2))
    assert (one != two).all()


def test_scenarios_spread_with_the_square_root_of_time(walk: Samples) -> None:
    mean, deviation = step_law(walk, TRAINING)
    paths = np.log(scenarios(walk, training=TRAINING, origin=800, paths=20_000, seed=1) / walk.close[800])
    assert paths.shape == (20_000, 2)
    for step in (1, 2):
        spread = deviation * np.sqrt(step)
        assert paths[:, step - 1].mean() == pytest.approx(step * mean, abs=4 * spread / np.sqrt(20_000))
        assert paths[:, step - 1].std() == pytest.approx(spread, rel=4 / np.sqrt(40_000))
