"""The arrays of a set: each table and each window once, whatever the number of runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincast.samples.scaling import InputScale
from coincast.training.memory import size_of
from coincast.training.runs import Lessons, Span, TrainingRun, axes_of, lay_out, lay_tables_out, room

Make = Callable[..., TrainingRun]
MakeSpan = Callable[..., Span]
OTHER = np.random.default_rng(4).normal(size=(70, 2))
SCALE = InputScale(np.array([True, False]), np.array([0.5, -1.0]), np.array([2.0, 3.0]))


def shared_by(runs: list[TrainingRun], **options: Any) -> dict[str, np.ndarray]:
    return lay_out(runs, **{"with_no_change": False, **options})[0]


@given(st.integers(1, 2**40))
def test_room_is_at_most_an_eighth_more(size: int) -> None:
    assert size <= room(size) <= size * 9 / 8
    assert room(room(size)) == room(size)
    assert room(size) <= room(size + 1)


def test_there_are_few_sizes() -> None:
    assert room(0) == room(1) == 1
    assert [room(size) for size in range(1, 17)] == list(range(1, 17))
    assert len({room(size) for size in range(2**20, 2**21, 1024)}) == 9


def test_many_runs_hold_tables_and_windows_once(make_run: Make, make_span: MakeSpan) -> None:
    span = make_span(40, 8)
    alone = shared_by([make_run(1, spans=(span,))], with_no_change=True)
    many = shared_by([make_run(seed, spans=(span,)) for seed in range(100)], with_no_change=True)
    assert {name: array.shape for name, array in many.items()} == {name: array.shape for name, array in alone.items()}
    assert size_of(many) == size_of(alone)


def test_other_windows_of_a_table_add_windows_alone(make_run: Make, make_span: MakeSpan) -> None:
    table = np.random.default_rng(1).normal(size=(64, 2))
    shared, per_run = lay_out(
        [make_run(spans=(make_span(8, 4, table=table, first=first),)) for first in (0, 16, 32)], with_no_change=False
    )
    assert shared["rows"].shape == (64, 2)
    assert shared["starts"].tolist() == [*range(12), *range(16, 28), *range(32, 44)]
    assert [int(run["first"]) for run in per_run] == [0, 12, 24]
    assert [int(run["first_validation"]) for run in per_run] == [8, 20, 32]
    assert {(int(run["count"]), int(run["validation_count"])) for run in per_run} == {(8, 4)}


def test_a_run_on_two_markets_knows_the_scale_of_each_window(make_run: Make, make_span: MakeSpan) -> None:
    spans = (make_span(5, 2), make_span(6, 3, table=OTHER, scale=SCALE))
    shared, (run,) = lay_out([make_run(spans=spans)], with_no_change=False)
    first, count = int(run["first"]), int(run["count"])
    own = slice(first, first + count)
    assert shared["spans"][own].tolist() == [0] * 5 + [1] * 6
    assert shared["starts"][own].tolist() == [*range(5), *range(600, 606)]
    assert np.array_equal(shared["targets"][own][5:], spans[1].training.targets.astype(np.float32))
    np.testing.assert_array_equal(shared["rows"][600:670], OTHER.astype(np.float32))
    assert run["centre"].tolist() == [[0, 0], [0.5, -1]]
    assert run["spread"].tolist() == [[1, 1], [2, 3]]
    assert run["relative"].tolist() == [[False, False], [True, False]]
    assert shared["spans"][int(run["first_validation"]) :][:5].tolist() == [0, 0, 1, 1, 1]


def test_the_same_lessons_on_another_table_are_other_windows(make_run: Make, make_span: MakeSpan) -> None:
    span = make_span(9)
    runs = [make_run(spans=(span,)), make_run(spans=(dataclasses.replace(span, inputs=2 * span.inputs),))]
    shared, (first, second) = lay_out(runs, with_no_change=False)
    starts = [shared["starts"][int(run["first"]) :][:9] for run in (first, second)]
    assert starts[0].tolist() == list(range(9))
    assert starts[1].tolist() == list(range(600, 609))


def test_runs_on_a_table_may_have_targets_of_their_own_at_every_step(make_run: Make, make_span: MakeSpan) -> None:
    """As fits on one table have whose targets are scaled anew."""
    span = make_span(9)
    own = [span, dataclasses.replace(span, step_targets=7 * span.step_targets)]
    runs = [make_run(spans=(one,), loss_on="every", batch_size=3) for one in own]
    shared, per_run = lay_out(runs, with_no_change=False)
    assert shared["rows"].shape == (room(600), 2)
    for run, one in zip(per_run, own, strict=True):
        row = int(shared["starts"][int(run["first"]) + 4]) + int(run["step_shift"][0])
        np.testing.assert_array_equal(shared["step_targets"][row], one.step_targets[4].astype(np.float32))


def test_what_nothing_changes_is_held_only_where_it_is_looked_at(make_run: Make) -> None:
    run = make_run()
    lessons = run.spans[0].training
    assert "naive" not in shared_by([run])
    shared = shared_by([run], with_no_change=True)
    assert shared["naive"][:21].tolist() == lessons.no_change.value.astype(np.float32).tolist()
    assert shared["unit"][:21].tolist() == lessons.no_change.unit.astype(np.float32).tolist()


def test_a_typical_move_is_that_of_all_training_windows(make_run: Make, make_span: MakeSpan) -> None:
    """Of two markets with unlike numbers of windows, every window counts as much."""
    spans = (make_span(5), make_span(40, table=5 * OTHER))
    (run,) = lay_out([make_run(spans=spans)], with_no_change=True)[1]
    moves = [one.training.targets - one.training.no_change.value[:, None] for one in spans]
    assert float(run["typical"]) == pytest.approx(np.sqrt(np.mean(np.concatenate(moves) ** 2)), rel=1e-6)


def test_where_nothing_ever_moves_a_typical_move_is_one(make_run: Make, make_span: MakeSpan) -> None:
    (run,) = lay_out([make_run(spans=(make_span(5, table=np.ones((60, 2))),))], with_no_change=True)[1]
    assert float(run["typical"]) == 1


def test_what_is_unknown_never_enters_a_program_as_nan(make_run: Make, make_span: MakeSpan) -> None:
    table = OTHER.copy()
    table[0], table[1, 1] = [np.nan, np.inf], -np.inf
    span = dataclasses.replace(make_span(6, table=OTHER, first=4), inputs=table)
    rows = shared_by([make_run(spans=(span,))])["rows"]
    assert rows[:2].tolist() == [[0, 0], [np.float32(OTHER[1, 0]), 0]]
    assert np.isfinite(rows).all()


def test_tables_for_predictions_are_held_once() -> None:
    long, short = np.ones((5, 2)), np.full((3, 2), 2.0)
    rows, firsts = lay_tables_out([long, short, long, short, short])
    assert rows.shape == (8, 2)
    assert rows.dtype == np.float32
    assert firsts == [0, 5, 0, 5, 5]
    assert rows[:, 0].tolist() == [1] * 5 + [2] * 3


def test_sizes_of_a_sample_follow_from_the_run(make_run: Make) -> None:
    axes = axes_of(make_run(loss="gaussian"), lookback=9)
    assert (axes.lookback, axes.feature, axes.horizon, axes.output) == (9, 2, 2, 2)


def test_a_run_counts_its_windows(make_run: Make, make_span: MakeSpan) -> None:
    run = make_run(spans=(make_span(5, 2), make_span(6, 3)))
    assert (run.windows, run.validation_windows) == (11, 5)
    assert len(Lessons(np.arange(3), np.zeros((3, 1)))) == 3
