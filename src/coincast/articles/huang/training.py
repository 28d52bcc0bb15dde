"""The ten networks trained as the article trained them, ten seeds each, with its files: log, weights by epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.huang.blocks import Blocks, Floats
from coincast.articles.huang.networks import Configuration, configurations
from coincast.articles.huang.published import BATCH_SIZE, EPOCHS, HORIZON, LOOKBACK
from coincast.reports.numbers import base_currency

if TYPE_CHECKING:
    from coincast.training.block import Epoch
    from coincast.training.checkpoint import EpochFiles

WEIGHTS = "weights"


@dataclass(frozen=True)
class Plan:
    """How large the table is.

    Attributes:
        seeds: runs of each network; the article has one.
        epochs: of each run.
        blocks: newest training blocks that are learnt from; None: all.
    """

    seeds: int = 10
    epochs: int = EPOCHS
    blocks: int | None = None


def train_all(bench: Bench, blocks: Blocks, plan: Plan) -> pl.DataFrame:
    """Every run of the table, a row each, the best epoch chosen by validation loss, as published.

    `name, seed, parameters, best_epoch, loss, validation_loss` (of the best epoch), `error` (the validation blocks
    again, in the square of the price's unit), `seconds` (of an epoch of one run, while all of its seeds train
    together), `epoch_seconds`, `whole_seconds` (the run's share of the whole training, compiling included), `losses`,
    `validation_losses` (by epoch) and `values` (the 16 steps of every validation block).
    """
    own = blocks.newest(plan.blocks)
    tables = [
        bench.table(
            f"network-{one.stem.rstrip('_')}",
            {"market": blocks.market, **vars(plan)},
            partial(_train, bench, one, own, plan),
        )
        for one in configurations()
    ]
    return pl.concat(tables)


def _train(bench: Bench, one: Configuration, blocks: Blocks, plan: Plan) -> pl.DataFrame:
    from coincast.training.recipe import Recipe
    from coincast.training.runs import TrainingRun

    # A patience that never runs out: every run takes all epochs, and gets back the weights of its best one.
    recipe = Recipe(epochs=plan.epochs, batch_size=BATCH_SIZE, loss="mse", patience=plan.epochs)
    span = blocks.span(validates=True)
    runs = [TrainingRun(one.settings, recipe, seed, (span,)) for seed in range(plan.seeds)]
    files = ArticleFiles(bench.folder / WEIGHTS, file_name(blocks, one), plan.seeds, keeps_all=bench.size == "long")
    trained = bench.train(f"network-{one.stem.rstrip('_')}", runs, lookback=LOOKBACK, on_epoch=files)
    assert trained.validation_losses is not None
    starts = blocks.validation.starts
    outputs = trained.predict([span.inputs] * plan.seeds, [span.scale] * plan.seeds, [starts] * plan.seeds)
    _, future = blocks.pieces(blocks.validation)
    rows = []
    for seed, output in enumerate(outputs):
        said = blocks.unscale(trained.point(output))
        best = int(trained.best_epochs[seed])
        rows.append(
            {
                "name": one.name,
                "seed": seed,
                "parameters": trained.parameters,
                "best_epoch": best,
                "loss": float(trained.losses[seed, best - 1]),
                "validation_loss": float(trained.validation_losses[seed, best - 1]),
                "error": float(np.mean((said - future) ** 2)),
                "seconds": files.seconds_per_epoch,
                "epoch_seconds": files.epoch_seconds,
                "whole_seconds": trained.seconds / plan.seeds,
                "losses": trained.losses[seed].tolist(),
                "validation_losses": trained.validation_losses[seed].tolist(),
                "values": said.reshape(-1).tolist(),
            }
        )
    return pl.DataFrame(rows, schema_overrides={"epoch_seconds": pl.List(pl.Float64)})


def series_name(blocks: Blocks) -> str:
    """What the files of a series are called: `btc_5m_close`; the article's was called `bitcoin2015to2017_close`."""
    letters = "".join(letter for letter in base_currency(blocks.market).lower() if letter.isalnum())
    return f"{letters or 'market'}_{blocks.interval}_close"


def file_name(blocks: Blocks, one: Configuration) -> str:
    """What the files of a network are called: `btc_5m_close_LSTM_1_tanh_leaky_`."""
    return f"{series_name(blocks)}_{one.stem}"


@dataclass
class ArticleFiles:
    """What the article's callbacks left: a log of the losses of every run, and weights after every epoch.

    Weights are kept of the first seed only, unless all are asked for. Epochs are timed on the way, by when all runs
    have finished one.

    Attributes:
        folder, name: where the files stand, and how they begin.
        runs: of the set.
        keeps_all: whether weights of every seed are kept.
    """

    folder: Path
    name: str
    runs: int
    keeps_all: bool = False
    _files: list[EpochFiles] = field(default_factory=list)
    _told: dict[int, int] = field(default_factory=dict)
    _ends: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        from coincast.training.checkpoint import EpochFiles

        every = "all" if self.keeps_all else "none"
        self._files = [EpochFiles(self.folder, self.name, runs=self.runs, every=every)]
        if not self.keeps_all:
            first = self.folder / "run-1" if self.runs > 1 else self.folder
            self._files.append(EpochFiles(first, self.name, every="all", history=False))

    def __call__(self, epoch: Epoch) -> None:
        self._files[0](epoch)
        if 0 in epoch.runs and not self.keeps_all:
            self._files[1](_only_first(epoch))
        self._told[epoch.epoch] = self._told.get(epoch.epoch, 0) + len(epoch.runs)
        if self._told[epoch.epoch] >= self.runs:
            self._ends.append(time.perf_counter())

    @property
    def epoch_seconds(self) -> list[float]:
        """Seconds of one run for each epoch but the first, which has the compiling in it."""
        spans: Floats = np.diff(np.array(self._ends)) / self.runs
        return [float(one) for one in spans]

    @property
    def seconds_per_epoch(self) -> float:
        """The median of them; NaN where a training of one epoch, or one that was finished before, tells nothing."""
        return float(np.median(self.epoch_seconds)) if self.epoch_seconds else float("nan")


def _only_first(epoch: Epoch) -> Epoch:
    place = list(epoch.runs).index(0)
    validation: Any = None if epoch.validation_losses is None else epoch.validation_losses[place : place + 1]
    own = slice(place, place + 1)
    return replace(
        epoch, runs=[0], losses=epoch.losses[own], validation_losses=validation, improved=epoch.improved[own]
    )


def error_at_end(runs: pl.DataFrame, name: str, blocks: Blocks) -> float:
    """Squared error of a network after its last epoch, which nothing has chosen: the median of its seeds."""
    losses = [row[-1] for row in runs.filter(pl.col("name") == name)["validation_losses"].to_list()]
    return float(np.nanmedian(losses)) * blocks.reach**2


def values_of(row: dict[str, Any]) -> Floats:
    """The forecasts of a row of `train_all` (block, 16)."""
    return np.array(row["values"]).reshape(-1, HORIZON)
