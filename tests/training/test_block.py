"""The books of a block: losses by epoch, what is best, and who stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from coincast.training.block import Block, join_runs
from coincast.training.runs import TrainingRun

Make = Callable[..., TrainingRun]


@pytest.fixture
def make_block(make_run: Make) -> Callable[..., Block]:
    """Three runs of 10, 20 and 30 windows, with a weight that tells its lane."""

    def make(validation: int = 5, **recipe: Any) -> Block:
        recipe = {"epochs": 6, **recipe}
        runs = [make_run(windows=windows, validation=validation, **recipe) for windows in (10, 20, 30)]
        block = Block(1, [8, 10, 9], runs)
        block.open(({"w": np.arange(8.0)}, {"m": np.zeros(8)}), None, {"count": np.zeros(8)}, 8)
        return block

    return make


def book(block: Block, validation: list[float], losses: tuple[float, ...] = (1.0, 1.0, 1.0)) -> list[bool]:
    """An epoch with these losses; spare lanes are as the first run."""
    sums = block.lanes(np.array(losses) * block.counts, 8)
    return block.take_stock(sums, block.lanes(np.array(validation), 8)).tolist()


def test_losses_are_means_over_the_windows_of_each_run(make_block: Callable[..., Block]) -> None:
    block = make_block()
    book(block, [0.1, 0.2, 0.3], (1.0, 2.0, 3.0))
    assert block.losses[:, 0].tolist() == [1, 2, 3]
    assert block.validation_losses[:, 0].tolist() == [0.1, 0.2, 0.3]
    assert np.isnan(block.losses[:, 1:]).all()
    assert block.steps == 8


def test_runs_stop_each_at_its_own_time(make_block: Callable[..., Block]) -> None:
    """By hand, with a patience of 2: the first never improves again, the second once, the third always."""
    block = make_block(patience=2)
    assert book(block, [1.0, 1.0, 1.0]) == [True, True, True]
    assert book(block, [1.1, 1.1, 0.9]) == [False, False, True]
    assert book(block, [1.0, 0.8, 0.8]) == [False, True, True]
    assert block.is_learning.tolist() == [False, True, True]
    assert block.learning_lanes.tolist() == [False, True, True] + [False] * 5
    for _ in range(2):
        assert book(block, [0.0, 0.9, 0.7 / block.epoch]) == [False, False, True]
    assert block.is_learning.tolist() == [False, False, True]
    book(block, [0.0, 0.0, 0.0])
    assert block.is_done
    assert block.epochs.tolist() == [3, 5, 6]
    assert block.best_epochs.tolist() == [1, 3, 6]
    assert np.isnan(block.losses).sum(axis=1).tolist() == [3, 1, 0]
    assert np.isnan(block.validation_losses).sum(axis=1).tolist() == [3, 1, 0]


def test_a_small_improvement_is_none(make_block: Callable[..., Block]) -> None:
    block = make_block(patience=5, min_delta=0.25)
    improved = [book(block, [loss] * 3)[0] for loss in (1.0, 0.75, 0.5, 0.3, 0.2)]
    assert improved == [True, False, True, False, True]


def test_without_patience_all_epochs_are_learnt(make_block: Callable[..., Block]) -> None:
    block = make_block()
    for loss in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
        assert not block.is_done
        book(block, [loss] * 3)
    assert block.is_done
    assert block.best_epochs.tolist() == [1, 1, 1]
    block.close()
    assert block.weights["w"].tolist() == [0, 1, 2]


def test_where_nothing_is_validated_the_loss_decides(make_block: Callable[..., Block]) -> None:
    block = make_block(validation=0)
    for loss in (3.0, 1.0, 2.0):
        block.take_stock(block.lanes(loss * block.counts.astype(float), 8), None)
    assert block.best_epochs.tolist() == [2, 2, 2]
    assert block.newest().validation_losses is None


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_run_that_fails_stops_and_the_others_go_on(make_block: Callable[..., Block], broken: float) -> None:
    block = make_block()
    book(block, [1.0, 1.0, 1.0])
    assert book(block, [0.5, np.nan, 0.5], (1.0, broken, 1.0)) == [True, False, True]
    assert block.is_learning.tolist() == [True, False, True]
    assert block.epochs.tolist() == [2, 2, 2]
    assert block.best_epochs.tolist() == [2, 1, 2]
    book(block, [0.4, 0.4, 0.4])
    assert np.isnan(block.losses[1, 2])
    assert block.epochs.tolist() == [3, 2, 3]


def test_an_epoch_is_told_without_those_that_had_stopped(make_block: Callable[..., Block]) -> None:
    block = make_block(patience=1)
    book(block, [1.0, 1.0, 1.0], (1.0, 2.0, 3.0))
    assert list(block.newest().runs) == [8, 10, 9]
    book(block, [2.0, 0.5, 0.5])
    assert list(block.newest().runs) == [8, 10, 9]
    assert block.newest().improved.tolist() == [False, True, True]
    book(block, [9.0, 0.4, 0.6], (7.0, 8.0, 9.0))
    newest = block.newest()
    assert (newest.epoch, list(newest.runs)) == (3, [10, 9])
    assert newest.losses.tolist() == [8, 9]
    assert newest.validation_losses.tolist() == [0.4, 0.6]
    assert newest.improved.tolist() == [True, False]
    assert newest.weights(9)["w"] == 2


def test_a_snapshot_is_of_the_last_epoch_that_is_over(make_block: Callable[..., Block]) -> None:
    """Also while the next one is under way, and where a block that was kept is not opened again yet."""
    block = make_block(patience=2)
    assert not block.is_begun
    block.settle()
    book(block, [1.0, 1.0, 1.0])
    block.settle()
    block.state = ({"w": np.full(8, -1.0)}, {"m": np.full(8, -1.0)})
    arrays, facts = block.snapshot()
    assert facts == {"epoch": 1, "runs": [8, 10, 9]}
    assert arrays["state/0"].tolist() == [0, 1, 2]
    other = make_block(patience=2)
    other.state = None
    other.resume(arrays, facts, {"w": 0})
    assert other.is_begun
    again, told = other.snapshot()
    assert told == facts
    assert all(np.array_equal(again[name], arrays[name], equal_nan=True) for name in arrays)


def test_blocks_join_in_order() -> None:
    joined = join_runs([{"w": np.array([[1.0], [2.0]])}, {"w": np.array([[3.0]])}])
    assert joined["w"].tolist() == [[1], [2], [3]]
