"""The trainer against a loop in NumPy, and runs of a set against the same runs alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.training.recipe import Recipe
from coincast.training.steps import shuffle as shuffle_windows
from coincast.training.trained import TrainedRuns
from coincast.training.trainer import Progress, TrainingRun, train

Make = Callable[..., TrainingRun]
LOOKBACK = 3


def weights(trained: TrainedRuns, run: int = 0) -> np.ndarray:
    """Every trained number of one run."""
    return np.concatenate([leaf[run].ravel() for leaf in jax.tree.leaves(trained.trained)])


def train_in_numpy(run: TrainingRun) -> tuple[np.ndarray, list[float]]:
    """Kingma and Ba's algorithm 1 for the linear network, in float64, windows in order; weights and losses by epoch."""
    module = run.settings.build(axes_of(run), key=jax.random.split(jax.random.key(run.seed))[0])
    theta = np.vstack([np.float64(module.weight), np.float64(module.constant)])
    pasts = np.stack([run.inputs[start : start + LOOKBACK].ravel() for start in run.starts])
    design = np.column_stack([pasts, np.ones(len(pasts))])
    mean, square, time, losses = np.zeros_like(theta), np.zeros_like(theta), 0, []
    for _ in range(run.recipe.epochs):
        total = 0.0
        for first in range(0, len(design), run.recipe.batch_size):
            x, y = (array[first : first + run.recipe.batch_size] for array in (design, run.targets))
            error = x @ theta - y
            total += np.mean(error**2 if run.recipe.loss == "mse" else np.abs(error), axis=1).sum()
            slope = 2 * error if run.recipe.loss == "mse" else np.sign(error)
            gradient = x.T @ slope / error.size
            time += 1
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            step = (mean / (1 - 0.9**time)) / (np.sqrt(square / (1 - 0.999**time)) + 1e-7)
            theta -= run.recipe.learning_rate * step
        losses.append(total / len(design))
    return np.concatenate([theta[:-1].ravel(), theta[-1]]), losses


def axes_of(run: TrainingRun) -> Any:
    from coincast.models.forecaster import Axes

    return Axes(lookback=LOOKBACK, feature=run.inputs.shape[1], horizon=run.targets.shape[1])


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_a_loop_in_numpy_gives_the_same(make_run: Make, loss: str) -> None:
    """Adam, the smaller last batch (21 windows in batches of 4), and the loss of an epoch as Keras reports it."""
    run = make_run(loss=loss, shuffle=False, epochs=4)
    trained = train([run], lookback=LOOKBACK)
    expected, losses = train_in_numpy(run)
    np.testing.assert_allclose(weights(trained), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trained.losses[0], losses, rtol=1e-5)
    assert trained.losses.shape == (1, 4)
    assert trained.validation_losses is None
    assert trained.parameters == 3 * 2 * 2 + 2


@pytest.fixture(scope="module")
def alone(make_run: Make) -> dict[int, TrainedRuns]:
    return {seed: train([make_run(seed)], lookback=LOOKBACK) for seed in (1, 2)}


def test_the_same_seed_gives_the_same_bits(make_run: Make, alone: dict[int, TrainedRuns]) -> None:
    again = train([make_run(1)], lookback=LOOKBACK)
    assert weights(again).tobytes() == weights(alone[1]).tobytes()
    assert again.losses.tobytes() == alone[1].losses.tobytes()
    assert (weights(alone[2]) != weights(alone[1])).all()


def test_runs_beside_it_do_not_change_a_run(make_run: Make, alone: dict[int, TrainedRuns]) -> None:
    """Neither one with more windows, nor another learning rate, nor numbers that are not finite."""
    broken = make_run(3)
    broken = dataclasses.replace(broken, targets=np.full_like(broken.targets, np.nan))
    others = [make_run(4, windows=50), make_run(5, learning_rate=0.3), broken]
    trained = train([make_run(1), *others, make_run(2)], lookback=LOOKBACK)
    for run, seed in ((0, 1), (4, 2)):
        assert weights(trained, run).tobytes() == weights(alone[seed]).tobytes()
        np.testing.assert_allclose(trained.losses[run], alone[seed].losses[0], rtol=1e-6)
    assert np.isnan(weights(trained, 3)).all()
    assert np.isnan(trained.losses[3]).all()
    assert np.isfinite(trained.losses[[0, 1, 2, 4]]).all()


def test_a_run_with_its_own_learning_rate_and_more_windows_is_the_same_alone(make_run: Make) -> None:
    long, quick = make_run(4, windows=50), make_run(5, learning_rate=0.3)
    together = train([long, quick], lookback=LOOKBACK)
    for number, run in enumerate((long, quick)):
        assert weights(together, number).tobytes() == weights(train([run], lookback=LOOKBACK)).tobytes()


def test_rows_after_the_last_training_row_change_nothing(make_run: Make, alone: dict[int, TrainedRuns]) -> None:
    run = make_run(1)
    last = run.starts[-1] + LOOKBACK + run.targets.shape[1]
    noisy = run.inputs.copy()
    noisy[last:] = 1e6 * np.random.default_rng(9).normal(size=noisy[last:].shape)
    trained = train([make_run(1, table=noisy)], lookback=LOOKBACK)
    assert weights(trained).tobytes() == weights(alone[1]).tobytes()


def test_the_validation_loss_is_that_of_its_predictions(make_run: Make, alone: dict[int, TrainedRuns]) -> None:
    runs = [make_run(1, validation=300), make_run(2, validation=7), make_run(3)]
    trained = train(runs, lookback=LOOKBACK)
    assert trained.validation_losses is not None
    assert trained.validation_losses.shape == (3, 3)
    starts = [run.validation_starts for run in runs[:2]]
    outputs = trained.predict([run.inputs for run in runs[:2]], [run.scale for run in runs[:2]], starts)
    for number, (run, output) in enumerate(zip(runs[:2], outputs, strict=True)):
        expected = np.mean((output - run.validation_targets) ** 2)
        assert trained.validation_losses[number, -1] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(trained.validation_losses[2]).all()
    assert weights(trained).tobytes() == weights(alone[1]).tobytes()


def test_progress_is_told_to_the_end(make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an epoch takes several dispatches; how many it takes changes no weight."""
    monkeypatch.setattr("coincast.training.trainer.SECONDS_PER_DISPATCH", 1.2e-4)
    told: list[Progress] = []
    runs = [make_run(1), make_run(2)]
    trained = train(runs, lookback=LOOKBACK, on_progress=told.append)
    assert len(told) == 3 * 3
    assert [one.epoch for one in told] == pytest.approx(np.arange(1, 10) / 3)
    assert all((one.runs, one.epochs) == (2, 3) and one.steps_per_second > 0 for one in told)
    for epoch in range(3):
        assert told[3 * epoch + 2].loss == pytest.approx(trained.losses[:, epoch].mean(), rel=1e-6)
    monkeypatch.undo()
    whole = train(runs, lookback=LOOKBACK)
    assert weights(whole).tobytes() == weights(trained).tobytes()


def order_of(seed: int, epoch: int, count: int, *, slots: int, shuffle: bool = True) -> np.ndarray:
    data = {"key": jax.random.key_data(jax.random.key(seed)), "count": jnp.int32(count)}
    return np.asarray(
        shuffle_windows(data, jnp.int32(epoch), recipe=Recipe(batch_size=4, shuffle=shuffle), slots=slots)
    )


def test_every_window_comes_once_in_an_epoch() -> None:
    order = order_of(1, 0, 10, slots=24)
    assert order.shape == (6, 4)
    assert sorted(order.ravel()[:10]) == list(range(10))
    assert (order.ravel()[10:] == -1).all()
    assert order.ravel()[:10].tolist() != list(range(10))


def test_every_epoch_and_every_run_has_an_order_of_its_own() -> None:
    orders = {tuple(order_of(seed, epoch, 10, slots=12).ravel()) for seed in (1, 2) for epoch in range(3)}
    assert len(orders) == 6


def test_a_longer_set_leaves_the_order_of_a_run_alone() -> None:
    short, long = (order_of(1, 5, 10, slots=slots).ravel()[:10] for slots in (12, 400))
    assert short.tolist() == long.tolist()


def test_without_shuffling_windows_keep_their_order() -> None:
    assert order_of(1, 3, 10, slots=12, shuffle=False).ravel().tolist() == [*range(10), -1, -1]


def test_every_window_is_as_likely_to_be_first() -> None:
    data = {"key": jax.random.key_data(jax.random.key(8)), "count": jnp.int32(10)}
    recipe, epochs = Recipe(batch_size=4), 500
    firsts = jax.vmap(lambda epoch: shuffle_windows(data, epoch, recipe=recipe, slots=12)[0, 0])(jnp.arange(epochs))
    counts = np.bincount(np.asarray(firsts), minlength=10)
    assert counts == pytest.approx(np.full(10, epochs / 10), abs=5 * np.sqrt(epochs * 0.1 * 0.9))
