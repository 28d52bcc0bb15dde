"""Prediction for all runs at once."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from coincast.samples.scaling import InputScale, scale_window
from coincast.training.trained import TrainedRuns, stack_tables
from coincast.training.trainer import TrainingRun, train

LOOKBACK = 3


@pytest.fixture(scope="module")
def runs(make_run: Callable[..., TrainingRun]) -> list[TrainingRun]:
    return [make_run(1), make_run(2, table=np.random.default_rng(4).normal(size=(400, 2)))]


@pytest.fixture(scope="module")
def trained(runs: list[TrainingRun]) -> TrainedRuns:
    return train(runs, lookback=LOOKBACK)


def predict(trained: TrainedRuns, runs: list[TrainingRun], *starts: np.ndarray) -> list[np.ndarray]:
    return trained.predict([run.inputs for run in runs], [run.scale for run in runs], list(starts))


def test_a_forecast_is_what_the_network_of_a_run_says(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    """On every run's own table, which may be of its own length."""
    starts = np.array([0, 5, 300])
    for number, outputs in enumerate(predict(trained, runs, starts, starts)):
        assert outputs.shape == (3, 2)
        assert outputs.dtype == np.float64
        for start, output in zip(starts, outputs, strict=True):
            past = jnp.asarray(runs[number].inputs[start : start + LOOKBACK], dtype=jnp.float32)
            np.testing.assert_allclose(output, trained.module(number)(past)[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("windows", [0, 1, 255, 256, 257])
def test_how_many_are_asked_does_not_matter(trained: TrainedRuns, runs: list[TrainingRun], windows: int) -> None:
    every, few = np.arange(590), np.arange(7)
    whole = predict(trained, runs, every, few)
    part = predict(trained, runs, every[:windows], few)
    assert part[0].tobytes() == whole[0][:windows].tobytes()
    assert part[1].tobytes() == whole[1].tobytes()
    assert part[0].shape == (windows, 2)


def test_nothing_is_forecast_where_nothing_is_asked(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    none = np.arange(0)
    assert [outputs.shape for outputs in predict(trained, runs, none, none)] == [(0, 2), (0, 2)]


def test_the_order_of_windows_does_not_matter(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    starts = np.random.default_rng(0).permutation(300)
    shuffled, sorted_ = (predict(trained, runs, order, order)[0] for order in (starts, np.arange(300)))
    assert shuffled.tobytes() == sorted_[starts].tobytes()


def test_every_run_has_its_own_scale(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    scale = InputScale(np.array([True, False]), np.array([0.5, -1.0]), np.array([2.0, 3.0]))
    starts = np.array([10, 20])
    both = trained.predict([run.inputs for run in runs], [scale, runs[1].scale], [starts, starts])
    for start, output in zip(starts, both[0], strict=True):
        past = scale_window(runs[0].inputs[start : start + LOOKBACK], scale.relative, scale.centre, scale.spread)
        expected = trained.module(0)(jnp.asarray(past, dtype=jnp.float32))[:, 0]
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)
    assert both[1].tobytes() == predict(trained, runs, starts, starts)[1].tobytes()


def test_a_table_that_runs_share_is_held_once() -> None:
    long, short = np.ones((5, 2)), np.full((3, 2), 2.0)
    stacked, numbers = stack_tables([long, short, long, short, short])
    assert stacked.shape == (2, 5, 2)
    assert stacked.dtype == np.float32
    assert numbers == [0, 1, 0, 1, 1]
    assert (stacked[1, :3] == 2).all()
    assert (stacked[1, 3:] == 0).all()


def test_what_is_unknown_never_enters_a_program_as_nan() -> None:
    stacked, _ = stack_tables([np.array([[np.nan, np.inf], [-np.inf, 1.0]])])
    assert stacked.tolist() == [[[0, 0], [0, 1]]]
