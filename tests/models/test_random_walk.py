"""Drawn steps: their law, and that a path belongs to its origin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coincast.errors import ColumnError, UsageError
from coincast.models.random_walk import (
    RandomWalk,
    change_law,
    draw_changes,
    draw_scenario,
    full_interval,
    scenarios,
    step_law,
)
from coincast.samples.samples import Samples, make_samples
from coincast.samples.splits import Part
from coincast.sources.simulated import simulate

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


BITCOIN, ETHEREUM = (0.0034726, 0.0295772), (0.0128125, 0.0722745)
"""Means and deviations of the daily changes in article 0's training span, rounded."""


def test_seed_202_ends_where_article_0_ended() -> None:
    """Bitcoin first, Ethereum from the same draws after it: 2,236.75 and 420.59 USD on the last of 174 days."""
    changes = draw_changes([BITCOIN, ETHEREUM], 174, seed=202)
    ends = [full_interval(start, each)[-1] for start, each in zip([2286.41, 230.67], changes, strict=True)]
    assert ends == pytest.approx([2236.75, 420.59], rel=1e-4)


def test_seed_205_of_the_slider_ends_where_it_did() -> None:
    (changes,) = draw_changes([ETHEREUM], 174, seed=205)
    assert full_interval(230.67, changes)[-1] == pytest.approx(951.78, rel=1e-4)


@pytest.fixture(scope="module")
def simulated() -> Samples:
    candles = simulate("walk", candles=60, seed=1)
    market = candles["market"][0]
    return make_samples(
        candles, market=market, inputs=[market], features=["close"], target="log_return", lookback=1, horizon=1
    )


def test_both_ways_use_the_same_draws(simulated: Samples) -> None:
    scenario = draw_scenario(simulated, training=Part(0, 40), span=Part(40, 60), seed=3)
    changes = scenario.single_point / simulated.close[39:59]
    compounded, last = [], simulated.close[39]
    for change in changes:
        last *= change
        compounded.append(last)
    assert scenario.full_interval == pytest.approx(compounded, rel=1e-12)
    opens, closes = (simulated.candles[name].to_numpy()[:40] for name in ("open", "close"))
    law = (np.mean(closes / opens - 1), np.std(closes / opens - 1))
    assert change_law(simulated, Part(0, 40)) == pytest.approx(law, rel=1e-12)
    assert changes - 1 == pytest.approx(draw_changes([law], 20, seed=3)[0], rel=1e-9)


def test_a_walk_needs_a_close_to_start_from_and_opens(simulated: Samples, walk: Samples) -> None:
    with pytest.raises(UsageError, match="has none to start from"):
        draw_scenario(simulated, training=Part(0, 40), span=Part(0, 5), seed=1)
    with pytest.raises(ColumnError, match="made:UP/USD has no open in its training rows"):
        draw_scenario(walk, training=TRAINING, span=Part(500, 600), seed=1)
