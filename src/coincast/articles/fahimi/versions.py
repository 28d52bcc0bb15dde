"""The recorded versions, trained again: those that share a program side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.bench import Bench
from coincast.articles.fahimi import published
from coincast.articles.fahimi.days import Days, take_days
from coincast.articles.fahimi.published import FINAL, VERSIONS, Version
from coincast.articles.remains import are_own_candles

if TYPE_CHECKING:
    from coincast.models.lstm import LSTM
    from coincast.training.recipe import Recipe
    from coincast.training.runs import Span, TrainingRun
    from coincast.training.trained import TrainedRuns

QUICK_SHARE = 64
"""A quick study divides the units by it, and has a single layer."""
QUICK_EPOCHS = 3
DEPTH = 3
PARTS = ("train", "test")


@dataclass(frozen=True)
class Run:
    """One version of one coin with one seed, after training.

    Attributes:
        name: of the version.
        market: place of the coin.
        seed: its key.
        units: of each layer, as they were trained here.
        losses, watched: by epoch, on the training windows with dropout, and on the test windows without.
        said: forecasts of the training and the test windows, as relative changes.
        attention: mean size of the derivative of the forecast by the inputs of each candle back, the newest first;
            empty but for the final version.
        parameters: of the network.
    """

    name: str
    market: int
    seed: int
    units: int
    losses: Float[np.ndarray, "epoch"] = field(repr=False)
    watched: Float[np.ndarray, "epoch"] = field(repr=False)
    said: dict[str, Float[np.ndarray, "window"]] = field(repr=False)
    attention: Float[np.ndarray, "lag"] = field(repr=False)
    parameters: int


@dataclass(frozen=True)
class Job:
    """Versions that are one program, and what each of them sees.

    Attributes:
        versions: in order of time.
        days: of each.
        seeds: of each.
        units: of each layer.
        depth: how many layers there are.
    """

    versions: tuple[Version, ...]
    days: tuple[Days, ...] = field(repr=False)
    seeds: tuple[tuple[int, ...], ...]
    units: int
    depth: int


def plan_versions(bench: Bench) -> list[Job]:
    """The seven versions as sets of runs that share shapes and recipe."""
    groups: dict[Any, list[Version]] = {}
    for version in VERSIONS:
        shapes = (version.units, version.features, version.loss, version.batch_size, version.epochs, version.shuffle)
        groups.setdefault(shapes, []).append(version)
    return [_make_job(bench, versions) for versions in groups.values()]


def _make_job(bench: Bench, versions: Sequence[Version]) -> Job:
    return Job(
        versions=tuple(versions),
        days=tuple(days_of(bench, version) for version in versions),
        seeds=tuple(seeds_of(bench, version) for version in versions),
        units=choose_units(bench, versions[0].units),
        depth=choose_depth(bench),
    )


def is_published(bench: Bench) -> bool:
    """Whether these are the article's own candles."""
    return are_own_candles(
        bench.candles,
        coins=published.COINS,
        rows=published.ROWS,
        newest=published.NEWEST,
        mean_close=published.MEAN_CLOSE,
    )


def days_of(bench: Bench, version: Version) -> Days:
    """What a version saw: of the article's own candles those before the day of its run, of others all."""
    earlier = FINAL.day - version.day if is_published(bench) else timedelta(0)
    return take_days(bench.candles, features=version.features, without=earlier)


def seeds_of(bench: Bench, version: Version) -> tuple[int, ...]:
    """Usually five of the final version and one of the others; the second run of a day has another seed."""
    first = published.SEED + (1 if version.name.endswith("b") else 0)
    count = bench.pick(1, 5) if version is FINAL else bench.pick(1, 1, 5)
    return tuple(range(first, first + count))


def choose_units(bench: Bench, units: int) -> int:
    """As published in a long study; usually those of the final version at most, and in a quick one a few."""
    return int(bench.pick(max(4, units // QUICK_SHARE), min(units, FINAL.units), units))


def choose_depth(bench: Bench) -> int:
    """Three layers; one in a quick study, which compiles sooner."""
    return int(bench.pick(1, DEPTH))


def network_of(units: int, dropout: float = FINAL.dropout, *, depth: int = DEPTH) -> LSTM:
    """LSTM layers, dropout after each, and a tanh at the end."""
    from coincast.models.lstm import LSTM

    return LSTM(units=units, depth=depth, dropout=dropout, output_activation="tanh")


def train_job(bench: Bench, name: str, job: Job) -> list[Run]:
    """Train all runs of a job, or read back what they said; the name is that under which the bench keeps it."""
    names = [version.name for version in job.versions]
    made_of = [names, job.seeds, job.units, job.depth, job.days[0].lookback, job.days[0].rows]
    epochs = bench.pick(QUICK_EPOCHS, job.versions[0].epochs)
    table = bench.table(name, [*made_of, epochs], lambda: _train(bench, name, job, epochs))
    return [_read_run(row) for row in table.iter_rows(named=True)]


def _train(bench: Bench, name: str, job: Job, epochs: int) -> pl.DataFrame:
    from coincast.experiments.gradients import gradient_by_lag

    runs, places = [], []
    for version, days, seeds in zip(job.versions, job.days, job.seeds, strict=True):
        spans = [_make_span(days, market) for market in range(len(days.markets))]
        for market, span in enumerate(spans):
            for seed in seeds:
                runs.append(_make_run(version, job, epochs, seed, span))
                places.append((version, days, market, seed))
    trained = bench.train(name, runs, lookback=job.days[0].lookback)
    said = {part: _ask(trained, [days for _, days, _, _ in places], part) for part in PARTS}
    assert trained.validation_losses is not None  # every version watched the test windows
    rows = []
    for place, (version, days, market, seed) in enumerate(places):
        seen = gradient_by_lag(trained.module(place), days.pasts("test")) if version is FINAL else np.empty(0)
        rows.append(
            {
                "name": version.name,
                "market": market,
                "seed": seed,
                "units": job.units,
                "losses": trained.losses[place].tolist(),
                "watched": trained.validation_losses[place].tolist(),
                **{part: said[part][place].tolist() for part in PARTS},
                "attention": seen.tolist(),
                "parameters": trained.parameters,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"attention": pl.List(pl.Float64)})


def _make_run(version: Version, job: Job, epochs: int, seed: int, span: Span) -> TrainingRun:
    from coincast.training.runs import TrainingRun

    network = network_of(job.units, version.dropout, depth=job.depth)
    return TrainingRun(network, recipe_of(version, epochs), seed, (span,))


def recipe_of(version: Version, epochs: int) -> Recipe:
    """How a version was trained."""
    from coincast.training.recipe import Recipe

    return Recipe(epochs=epochs, batch_size=version.batch_size, loss=version.loss, shuffle=version.shuffle)


def _make_span(days: Days, market: int) -> Span:
    """What a run learns from; as published its validation windows are the test windows."""
    from coincast.training.runs import Lessons, Span

    training, watched = (Lessons(days.windows(part).starts, days.targets(market, part)[:, None]) for part in PARTS)
    return Span(inputs=days.samples[0].inputs, scale=days.scale, training=training, validation=watched)


def _ask(trained: TrainedRuns, days: Sequence[Days], part: str) -> list[Float[np.ndarray, "window"]]:
    outputs = trained.predict(
        [one.samples[0].inputs for one in days],
        [one.scale for one in days],
        [one.windows(part).starts for one in days],
    )
    return [trained.point(one)[:, 0] for one in outputs]


def _read_run(row: dict[str, Any]) -> Run:
    arrays: dict[str, Any] = {name: np.array(row[name]) for name in ("losses", "watched", "attention")}
    plain = {name: row[name] for name in ("name", "market", "seed", "units", "parameters")}
    return Run(**plain, **arrays, said={part: np.array(row[part]) for part in PARTS})
