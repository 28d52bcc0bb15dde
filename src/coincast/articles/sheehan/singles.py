"""The article's single models: one step and five steps, for both coins, with their training losses and their fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.ground import Ground
from coincast.articles.window_error import window_error
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, make_tasks
from coincast.forecasts.table import TIME
from coincast.samples.quantities import to_quantity
from coincast.samples.windows import Windows

if TYPE_CHECKING:
    from coincast.training.trained import TrainedRuns

MODELS = "models"
"""Folder of the weights."""
COLUMNS = {
    "market": pl.String(),
    "seed": pl.Int64(),
    "part": pl.String(),
    "window": pl.Int64(),
    "origin": TIME,
    "step": pl.Int64(),
    "target_time": TIME,
    **{name: pl.Float64() for name in ("value", "actual", "last_close", "first_close")},
}
"""Of a table of singles; in the part `loss` a step is an epoch, and a value the training loss."""


@dataclass(frozen=True)
class Singles:
    """Trained single models of one horizon.

    Attributes:
        table: rows of `COLUMNS`, parts `train`, `test` and `loss`.
        horizon: steps ahead.
        seeds: the article's first.
        epochs: that each was trained.
        parameters: of one network.
        loss: what training made small.
    """

    table: pl.DataFrame = field(repr=False)
    horizon: int
    seeds: tuple[int, ...]
    epochs: int
    parameters: int
    loss: str

    def forecasts(self, market: str, part: str, *, seed: int = published.SEED) -> pl.DataFrame:
        """Forecasts of one network, in order of time."""
        return self._rows(market, part, seed).sort("origin", "step")

    def losses(self, market: str, *, seed: int = published.SEED) -> Float[np.ndarray, "epoch"]:
        """Training loss of each epoch, dropout on."""
        return self._rows(market, "loss", seed).sort("step")["value"].to_numpy()

    def error(self, market: str, part: str, *, seed: int = published.SEED, column: str = "value") -> float:
        """Mean |error| / first close of the window; of the naive forecast for the column `last_close`."""
        return window_error(self._rows(market, part, seed), column)

    def _rows(self, market: str, part: str, seed: int) -> pl.DataFrame:
        return self.table.filter(pl.col("market") == market, pl.col("part") == part, pl.col("seed") == seed)


def train_singles(bench: Bench, ground: Ground, horizon: int, *, seeds: Sequence[int]) -> Singles:
    """Train the article's network for every coin and seed, and ask it about training and test windows."""
    epochs = bench.pick(2, published.EPOCHS)
    spec = ground.spec(f"single-{horizon}", samples__horizon=horizon, training__epochs=epochs)
    make = partial(_train, bench, ground, spec, seeds)
    table = bench.table(f"single-{horizon}", [spec.to_toml(), list(seeds)], make)
    return Singles(table, horizon, tuple(seeds), epochs, count_parameters(ground, horizon), spec.loss)


def _train(bench: Bench, ground: Ground, spec: Spec, seeds: Sequence[int]) -> pl.DataFrame:
    """Train, keep the weights, and tell forecasts and losses as rows of `COLUMNS`."""
    from coincast.experiments.lessons import make_span
    from coincast.training.runs import TrainingRun

    horizon = spec.samples.horizon
    settings, recipe = spec.models[0].settings, spec.recipe()
    tasks = [_as_published(task) for task in make_tasks(spec, ground.filled)]
    spans = [make_span(task, one_step=False, every_step=False, with_no_change=False) for task in tasks]
    asked = [(task, span, seed) for task, span in zip(tasks, spans, strict=True) for seed in seeds]
    runs = [TrainingRun(settings, recipe, seed, (span,)) for _, span, seed in asked]
    trained = bench.train(f"single-{horizon}", runs, lookback=published.LOOKBACK)
    stems = {coin.market: coin.stem for coin in ground.coins}
    names = [model_stem(stems[task.market], seed, horizon) for task, _, seed in asked]
    save_networks(bench.folder / MODELS, trained, names)
    windows = [_both_parts(task) for task, _, _ in asked]
    outputs = trained.predict(
        [task.samples.inputs for task, _, _ in asked],
        [task.input_scale for task, _, _ in asked],
        [one.starts for one in windows],
    )
    tables = []
    for number, (task, _, seed) in enumerate(asked):
        scaled = task.target_scale.unscale(trained.point(outputs[number]))
        values = to_quantity(task.samples, scaled, windows[number])
        tables.append(_forecast_rows(task, windows[number], values, seed))
        tables.append(_loss_rows(task.market, trained.losses[number], seed))
    return pl.concat(tables)


def count_parameters(ground: Ground, horizon: int) -> int:
    """Trained numbers of the article's network for so many steps."""
    from coincast.experiments import outline

    spec = ground.spec("parameters", samples__horizon=horizon)
    axes = outline.axes_of(spec, len(ground.features) * len(ground.markets))
    return outline.count_parameters(outline.outline_network("lstm", spec.models[0].settings, axes))


def model_stem(coin: str, seed: int, horizon: int = 1) -> str:
    """The article's name for the file of a model: `eth_model_randseed_775`; with its steps where there are several."""
    coin, steps = {"btc": "bt"}.get(coin, coin), "" if horizon == 1 else f"_{horizon}"
    return f"{coin}_model{steps}_randseed_{seed}"


def save_networks(folder: Path, trained: TrainedRuns, stems: Sequence[str]) -> None:
    """Write the weights of every run, as `coincast.training.checkpoint.read_checkpoint` reads them."""
    from coincast.training.arrays import SUFFIX, flatten_tree, write_arrays
    from coincast.training.checkpoint import KIND

    folder.mkdir(parents=True, exist_ok=True)
    for run, stem in enumerate(stems):
        epoch = int(trained.epochs[run])
        facts = {"name": stem, "run": run + 1, "epoch": epoch, "loss": float(trained.losses[run, epoch - 1])}
        arrays = flatten_tree(trained.weights(run))
        write_arrays(folder / f"{stem}{SUFFIX}", arrays, kind=KIND, facts={**facts, "val_loss": None})


def _as_published(task: Task) -> Task:
    """The article's loop ends one window early where there are several steps."""
    if task.samples.windows.horizon == 1:
        return task
    return replace(task, training=task.training.select(np.arange(len(task.training)) < len(task.training) - 1))


def _both_parts(task: Task) -> Windows:
    return replace(task.test, starts=np.concatenate([task.training.starts, task.test.starts]))


def _forecast_rows(task: Task, windows: Windows, values: Float[np.ndarray, "window step"], seed: int) -> pl.DataFrame:
    samples, horizon = task.samples, windows.horizon
    count, learnt = len(windows), len(task.training)
    each = {
        "window": np.concatenate([np.arange(learnt), np.arange(count - learnt)]),
        "origin": samples.close_time[windows.origin_rows],
        "last_close": samples.last_close(windows),
        "first_close": samples.first_close(windows),
    }
    frame = pl.DataFrame(
        {
            **{name: np.repeat(column, horizon) for name, column in each.items()},
            "part": np.repeat(["train"] * learnt + ["test"] * (count - learnt), horizon),
            "step": np.tile(np.arange(1, horizon + 1), count),
            "target_time": samples.close_time[windows.future_rows].ravel(),
            "value": values.ravel(),
            "actual": samples.future_close(windows).ravel(),
        }
    )
    times = [pl.from_epoch(name, "ms").dt.replace_time_zone("UTC").cast(TIME) for name in ("origin", "target_time")]
    return _conform(frame.with_columns(*times, market=pl.lit(task.market), seed=seed))


def _loss_rows(market: str, losses: Float[np.ndarray, "epoch"], seed: int) -> pl.DataFrame:
    frame = pl.DataFrame({"step": np.arange(1, len(losses) + 1), "value": losses})
    return _conform(frame.with_columns(market=pl.lit(market), seed=seed, part=pl.lit("loss")))


def _conform(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in COLUMNS.items()
    )
