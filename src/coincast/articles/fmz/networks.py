"""The article's network and its twins, trained many seeds at once, and asked at every row."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from coincast.articles.bench import Bench
from coincast.articles.fmz import published
from coincast.articles.fmz.hours import LENGTH, Hours
from coincast.reports.numbers import things

if TYPE_CHECKING:
    from coincast.training.runs import Span

EPOCHS_QUICK = 60
SEEDS = (2, 25, 25)
"""Of the article's network, for a quick, a usual and a long study."""
SEEDS_OF_TWINS = (2, 10, 25)


@dataclass(frozen=True)
class Variant:
    """The article's way of learning, or that way with one thing changed.

    Attributes:
        name: of its training.
        label: for readers.
        loss_on: "every" step of a window, or the "last".
        stride: rows from one training window to the next.
        fair: whether inputs and targets are scaled by the training rows alone.
    """

    name: str
    label: str
    loss_on: str = "every"
    stride: int = LENGTH
    fair: bool = False


ARTICLE = Variant("article", "as published")
TWINS = (
    Variant("last-step", "loss on the last step only", loss_on="last"),
    Variant("stride-1", "windows at every row", stride=1),
)
FAIR_LEVELS = Variant("training-rows", "scaled by training rows", fair=True)


@dataclass(frozen=True)
class Learnt:
    """What the runs of a variant say.

    Attributes:
        variant: how they learnt.
        prices: forecast of the last step of each window, one column for each start.
        losses: mean squared error of each epoch, in standardised units.
        parameters: of the network.
        windows: training windows.
    """

    variant: Variant
    prices: Float[np.ndarray, "run start"] = field(repr=False)
    losses: Float[np.ndarray, "run epoch"] = field(repr=False)
    parameters: int
    windows: int

    @property
    def mean_name(self) -> str:
        """What `mean` is called where forecasts are listed."""
        return f"LSTM, {self.variant.label}, mean of {things(len(self.prices), 'run')}"

    @property
    def mean(self) -> Float[np.ndarray, "start"]:
        """The mean of the runs' forecasts."""
        return np.asarray(self.prices.mean(axis=0))


def learn(bench: Bench, hours: Hours, variant: Variant) -> Learnt:
    """Train the runs of a variant, and ask them at every row.

    All variants take as many steps of about as many windows: where there are ten times the windows, ten steps make an
    epoch, and a tenth of the epochs is enough.
    """
    seeds = bench.pick(*(SEEDS if variant is ARTICLE else SEEDS_OF_TWINS))
    starts = _training_starts(hours, variant)
    epochs = max(1, round(bench.pick(EPOCHS_QUICK, published.EPOCHS) * hours.training / len(starts)))
    made_of = [asdict(variant), seeds, epochs, hours.market]
    told = bench.table(variant.name, made_of, lambda: _train(bench, hours, variant, seeds, epochs))
    return Learnt(
        variant,
        prices=np.array(told["prices"].to_list()),
        losses=np.array(told["losses"].to_list()),
        parameters=told["parameters"][0],
        windows=len(starts),
    )


def _train(bench: Bench, hours: Hours, variant: Variant, seeds: int, epochs: int) -> pl.DataFrame:
    """A row for each run: `losses` by epoch, `prices` by start, `parameters`."""
    from coincast.models.lstm import LSTM
    from coincast.training.recipe import Recipe
    from coincast.training.runs import TrainingRun

    span = _make_span(hours, variant)
    recipe = Recipe(
        epochs=epochs,
        batch_size=hours.training,
        learning_rate=published.LEARNING_RATE,
        loss="mse",
        loss_on=variant.loss_on,
        shuffle=variant.stride < LENGTH,
        epsilon=published.EPSILON,
    )
    network = LSTM(units=published.UNITS, every_step=True, convention="torch")
    runs = [TrainingRun(network, recipe, seed, (span,)) for seed in range(seeds)]
    trained = bench.train(variant.name, runs, lookback=LENGTH)
    outputs = trained.predict([hours.inputs] * seeds, [span.scale] * seeds, [hours.every_start] * seeds)
    centre, spread = hours.scale_close(fair=variant.fair)
    prices = [trained.point(one)[:, 0] * spread + centre for one in outputs]
    table = {"losses": trained.losses.tolist(), "prices": [one.tolist() for one in prices]}
    return pl.DataFrame({**table, "parameters": [trained.parameters] * seeds})


def _training_starts(hours: Hours, variant: Variant) -> Int[np.ndarray, "window"]:
    """Windows whose last target is the close of `first_origin` at the latest."""
    return np.arange(0, hours.first_origin - LENGTH + 1, variant.stride)


def _make_span(hours: Hours, variant: Variant) -> Span:
    """What a run learns from."""
    from coincast.training.runs import Lessons, Span

    starts = _training_starts(hours, variant)
    centre, spread = hours.scale_close(fair=variant.fair)
    scaled = (hours.close - centre) / spread
    nothing = Lessons(starts[:0], np.empty((0, 1)))
    return Span(
        inputs=hours.inputs,
        scale=hours.scale(fair=variant.fair),
        training=Lessons(starts, scaled[starts + LENGTH][:, None]),
        validation=nothing,
        step_targets=np.append(scaled[1:], np.nan)[:, None],
    )
