"""Where an article is worked on: what is kept, and from where a training goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.articles.bench import UNFINISHED, Bench
from coincast.experiments.lessons import make_span
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import make_tasks
from coincast.training.recipe import Recipe
from coincast.training.runs import TrainingRun

EPOCHS = 4


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state after every epoch; and whoever writes at the package meanwhile changes nothing here."""
    monkeypatch.setattr("coincast.articles.bench.SECONDS_BETWEEN_STATES", 0.0)
    monkeypatch.setattr("coincast.articles.bench.hash_code", lambda: b"code")


@pytest.fixture
def runs() -> list[TrainingRun]:
    candles = cc.simulate("walk", candles=60, seed=2)
    [task] = make_tasks(Spec.from_dict({"models": ["naive"], "samples": {"lookback": 5}}), candles)
    span = make_span(task, one_step=True, every_step=False, with_no_change=False)
    return [TrainingRun(cc.LSTM(units=3), Recipe(epochs=EPOCHS), seed, (span,)) for seed in (1, 2)]


class Job:
    """A table of what was learnt; it counts epochs, and fails where it is told to."""

    def __init__(self, folder: Path, runs: list[TrainingRun]) -> None:
        self.bench = Bench(cc.simulate("walk", candles=60, seed=2), folder)
        self.runs, self.epochs = runs, 0
        self.fails_in_epoch = self.fails_after = False

    def count(self, epoch: Any) -> None:
        self.epochs += 1
        if self.fails_in_epoch and self.epochs == 2:
            raise KeyboardInterrupt

    def make(self) -> pl.DataFrame:
        trained = self.bench.train("job", self.runs, lookback=5, on_epoch=self.count)
        if self.fails_after:
            raise KeyboardInterrupt
        return pl.DataFrame({"losses": trained.losses.tolist()})

    def table(self) -> pl.DataFrame:
        return self.bench.table("job", [1], self.make)


@pytest.fixture
def expected(tmp_path: Path, runs: list[TrainingRun]) -> Iterator[pl.DataFrame]:
    yield Job(tmp_path / "whole", runs).table()
    assert not list((tmp_path / "whole" / UNFINISHED).iterdir())


@pytest.mark.parametrize(("moment", "left"), [("fails_in_epoch", EPOCHS - 1), ("fails_after", 0)])
def test_a_training_is_kept_until_its_table_is_written(
    tmp_path: Path, runs: list[TrainingRun], expected: pl.DataFrame, moment: str, left: int
) -> None:
    job = Job(tmp_path / "broken", runs)
    setattr(job, moment, True)
    with pytest.raises(KeyboardInterrupt):
        job.table()
    assert len(list((tmp_path / "broken" / UNFINISHED).iterdir())) == 1
    again = Job(tmp_path / "broken", runs)
    np.testing.assert_array_equal(again.table()["losses"].to_list(), expected["losses"].to_list())
    assert again.epochs == left
    assert not list((tmp_path / "broken" / UNFINISHED).iterdir())
    assert again.table().equals(expected)
    assert again.epochs == left


def test_candles_of_other_intervals_make_another_table(tmp_path: Path) -> None:
    candles, hours = cc.simulate("walk", candles=30), cc.simulate("walk", candles=30, interval="1h")
    made = [
        Bench(candles, tmp_path, beside=beside).table(
            "rows", 1, lambda beside=beside: pl.DataFrame({"x": [beside is None]})
        )  # type: ignore[misc]
        for beside in (None, hours, None)
    ]
    assert [one["x"][0] for one in made] == [True, False, True]
    assert len(list((tmp_path / "tables").iterdir())) == 2
