"""Prediction for all runs at once."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from coincast.samples.scaling import InputScale, scale_window
from coincast.training.runs import TrainingRun
from coincast.training.trained import RUNS_PER_DISPATCH, Predictor, TrainedRuns
from coincast.training.trainer import train

LOOKBACK = 3


@pytest.fixture(scope="module")
def runs(make_run: Callable[..., TrainingRun]) -> list[TrainingRun]:
    return [make_run(1), make_run(2, table=np.random.default_rng(4).normal(size=(400, 2)))]


@pytest.fixture(scope="module")
def trained(runs: list[TrainingRun]) -> TrainedRuns:
    return train(runs, lookback=LOOKBACK)


def tables_of(runs: list[TrainingRun]) -> list[np.ndarray]:
    return [run.spans[0].inputs for run in runs]


def scales_of(runs: list[TrainingRun]) -> list[InputScale]:
    return [run.spans[0].scale for run in runs]


def predict(trained: TrainedRuns, runs: list[TrainingRun], *starts: np.ndarray) -> list[np.ndarray]:
    return trained.predict(tables_of(runs), scales_of(runs), list(starts))


def test_a_forecast_is_what_the_network_of_a_run_says(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    """On every run's own table, which may be of its own length."""
    starts = np.array([0, 5, 300])
    for number, outputs in enumerate(predict(trained, runs, starts, starts)):
        assert outputs.shape == (3, 2, 1)
        assert outputs.dtype == np.float64
        for start, output in zip(starts, outputs, strict=True):
            past = jnp.asarray(tables_of(runs)[number][start : start + LOOKBACK], dtype=jnp.float32)
            np.testing.assert_allclose(output, trained.module(number)(past), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("windows", [0, 1, 255, 256, 257])
def test_how_many_are_asked_does_not_matter(trained: TrainedRuns, runs: list[TrainingRun], windows: int) -> None:
    every, few = np.arange(590), np.arange(7)
    whole = predict(trained, runs, every, few)
    part = predict(trained, runs, every[:windows], few)
    assert part[0].tobytes() == whole[0][:windows].tobytes()
    assert part[1].tobytes() == whole[1].tobytes()
    assert part[0].shape == (windows, 2, 1)


def test_the_newest_window_alone_is_the_same(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    """By a narrower program, so that the last bit may differ."""
    alone = predict(trained, runs, np.array([390]), np.array([7]))
    beside = predict(trained, runs, np.array([0, 390]), np.array([7]))
    np.testing.assert_allclose(alone[0][0], beside[0][1], rtol=1e-6)
    np.testing.assert_allclose(alone[1], beside[1], rtol=1e-6)


def test_nothing_is_forecast_where_nothing_is_asked(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    none = np.arange(0)
    assert [outputs.shape for outputs in predict(trained, runs, none, none)] == [(0, 2, 1), (0, 2, 1)]


def test_the_order_of_windows_does_not_matter(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    starts = np.random.default_rng(0).permutation(300)
    shuffled, sorted_ = (predict(trained, runs, order, order)[0] for order in (starts, np.arange(300)))
    assert shuffled.tobytes() == sorted_[starts].tobytes()


def test_every_run_has_its_own_scale(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    scale = InputScale(np.array([True, False]), np.array([0.5, -1.0]), np.array([2.0, 3.0]))
    starts, (table, _) = np.array([10, 20]), tables_of(runs)
    both = trained.predict(tables_of(runs), [scale, scales_of(runs)[1]], [starts, starts])
    for start, output in zip(starts, both[0], strict=True):
        past = scale_window(table[start : start + LOOKBACK], scale.relative, scale.centre, scale.spread)
        expected = trained.module(0)(jnp.asarray(past, dtype=jnp.float32))
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)
    assert both[1].tobytes() == predict(trained, runs, starts, starts)[1].tobytes()


def test_many_runs_are_asked_part_by_part(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    places = [number % 2 for number in range(RUNS_PER_DISPATCH + 3)]
    many = trained.select(places)
    starts = [np.arange(number + 1) for number in range(len(places))]
    outputs = predict(many, [runs[place] for place in places], *starts)
    assert [len(output) for output in outputs] == [len(one) for one in starts]
    for number in (0, 1, RUNS_PER_DISPATCH - 1, RUNS_PER_DISPATCH, len(places) - 1):
        few = predict(trained, runs, starts[number], starts[number])[places[number]]
        np.testing.assert_allclose(outputs[number], few, rtol=1e-6)


def test_a_predictor_can_be_asked_again(trained: TrainedRuns, runs: list[TrainingRun]) -> None:
    predictor, starts = Predictor(trained, scales_of(runs)), [np.arange(5), np.arange(9)]
    first, again = (predictor.predict(tables_of(runs), starts) for _ in range(2))
    once = predict(trained, runs, *starts)
    for one, two, three in zip(first, again, once, strict=True):
        assert one.tobytes() == two.tobytes() == three.tobytes()


def test_some_of_the_runs(trained: TrainedRuns) -> None:
    chosen = trained.select([1, 0, 1])
    assert len(chosen) == 3
    assert chosen.losses.tolist() == trained.losses[[1, 0, 1]].tolist()
    assert chosen.epochs.tolist() == [3, 3, 3]
    assert chosen.best_epochs.tolist() == trained.best_epochs[[1, 0, 1]].tolist()
    assert np.array_equal(chosen.weights(0).weight, trained.weights(1).weight)


def test_a_point_forecast_is_read_off_the_head(make_run: Callable[..., TrainingRun], trained: TrainedRuns) -> None:
    outputs = np.random.default_rng(0).normal(size=(4, 2, 1))
    assert trained.point(outputs).tolist() == outputs[..., 0].tolist()
