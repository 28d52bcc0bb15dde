"""The sections of a spec: which keys there are, their defaults, and what they take."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from coincast.samples.splits import Split
from coincast.scores.finding import Options

When = date | datetime | str

A_TIME = "a date or time such as 2017-06-01 or 2017-06-01T12:00Z"
A_BORDER = "a date such as 2017-06-01, a share of the rows between 0 and 1 such as 0.2, or a number of rows such as 174"


def _whole(default: int, first: int, last: int) -> Any:
    """A field for a whole number; its description is what an error says is allowed."""
    return Field(default=default, ge=first, le=last, description=f"a whole number from {first} to {last}")


class Section(BaseModel):
    """A part of a spec; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataSection(Section):
    """Which candles.

    Attributes:
        candles: files to read, each "FILE" or "MARKET=FILE"; relative to the working directory.
        markets: markets to use, in the order in which they become inputs; empty: all that the files hold; without
            files they are read from the store.
        interval: of the candles; needed only where a market is there in several intervals, for the store else "1d".
        outside: outside series to join as of when they were known, each "FILE", "NAME=FILE" or the name of a stored
            one; their columns are inputs under NAME_COLUMN.
        since, until: first and last open time; a bare date as `until` includes that day.
    """

    candles: list[str] = []
    markets: list[str] = []
    interval: str | None = None
    outside: list[str] = []
    since: When | None = Field(default=None, description=A_TIME)
    until: When | None = Field(default=None, description=A_TIME)


class SamplesSection(Section):
    """Inputs, windows and target.

    Attributes:
        targets: markets to forecast; empty: all.
        inputs: "own": the features of the market itself; "all": those of all markets, joined on close time.
        features: names of features or of extra numeric columns.
        lookback: past candles that a model sees.
        horizon: future candles that it forecasts.
        quantity: what is forecast and judged: "price", "log_return", "direction" (the probability of a rise) or
            "volatility" (over the whole horizon).
        target: what a network learns; unless given, what suits the quantity.
        multi_step: how a network forecasts several steps: "direct", one output for each, or "recursive", one step at a
            time with its own forecast as the next input.
        scaling: how inputs are scaled.
    """

    targets: list[str] = []
    inputs: Literal["own", "all"] = Field(default="own", description="'own' or 'all'")
    features: list[str] = ["log_return"]
    lookback: int = _whole(10, 1, 100_000)
    horizon: int = _whole(1, 1, 10_000)
    quantity: Literal["price", "log_return", "direction", "volatility"] = Field(
        default="price", description="'price', 'log_return', 'direction' or 'volatility'"
    )
    target: str | None = None
    multi_step: Literal["direct", "recursive"] = Field(default="direct", description="'direct' or 'recursive'")
    scaling: str = "training"


class SplitSection(Section):
    """Where validation and test begin (see `coincast.samples.splits.Split`), and how models are refitted on the way.

    Attributes:
        refit: "never": fitted once, before the test span; "every": fitted anew every `every` rows; "warm": the same,
            but a network goes on from its weights; "drift": every `every` rows, but only where the loss beside the
            naive one has grown beyond chance since the last fit.
        every: rows of the test span between two fits.
        window: newest rows that a fit learns from, so that the window slides; 0: all of them, so that it expands.
    """

    test: When | float | int = Field(default=0.2, description=A_BORDER)
    validation: When | float | int = Field(default=0, description=A_BORDER)
    gap: int = _whole(0, 0, 1_000_000)
    reach_back: bool = True
    refit: Literal["never", "every", "warm", "drift"] = Field(
        default="never", description="'never', 'every', 'warm' or 'drift'"
    )
    every: int = _whole(50, 1, 1_000_000)
    window: int = _whole(0, 0, 100_000_000)

    def as_split(self) -> Split:
        return Split(self.test, self.validation, self.gap, self.reach_back)


class TrainingSection(Section):
    """How networks are trained; see `coincast.training.recipe.Recipe`, whose defaults these are.

    Attributes:
        epochs: passes over the training windows; at most so many, where `patience` ends a run earlier.
        loss: what training makes small; unless given, what suits the quantity.
        seeds: runs per setting.
        seed: key of the first run; the next ones count upwards.
        pool: whether one network learns from all markets that are forecast, and forecasts each of them; else each has
            networks of its own.
        memory: GB that a training may take; 0: half of the machine's. It changes no number.
        checkpoints: weights that are kept in the run folder, as `checkpoints/MODEL/...`: "none", those of the "best"
            epoch of each run, or "all".
        tensorboard: whether the losses are also written there for TensorBoard.
    """

    epochs: int = _whole(50, 1, 100_000)
    batch_size: int = _whole(32, 1, 8192)
    learning_rate: float = Field(default=0.001, gt=0, lt=1, description="a number between 0 and 1, such as 0.001")
    loss: str | None = None
    loss_on: str = "last"
    shuffle: bool = True
    optimiser: str = "adam"
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    momentum: float = 0.0
    nesterov: bool = False
    rho: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup_epochs: int = 0
    final_rate: float = 0.0
    decay: float = 0.9
    step_epochs: int = 10
    clip_norm: float = 0.0
    clip_value: float = 0.0
    noise: float = 0.0
    patience: int = 0
    min_delta: float = 0.0
    restore_best: bool = True
    l1_kernel: float = 0.0
    l2_kernel: float = 0.0
    l1_recurrent: float = 0.0
    l2_recurrent: float = 0.0
    l1_bias: float = 0.0
    l2_bias: float = 0.0
    l1_activity: float = 0.0
    l2_activity: float = 0.0
    copy_penalty: float = 0.0
    direction_weight: float = 0.0
    huber_delta: float = 1.0
    degrees: float = 4.0
    cost: float = 0.001
    quantiles: list[float] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
    seeds: int = _whole(10, 1, 1_000)
    seed: int = _whole(0, 0, 2**31 - 1)
    pool: bool = False
    memory: float = Field(default=0.0, ge=0, lt=1e6, description="GB of memory, such as 4, or 0 for the usual share")
    checkpoints: Literal["none", "best", "all"] = Field(default="none", description="'none', 'best' or 'all'")
    tensorboard: bool = False

    def recipe_values(self) -> dict[str, Any]:
        """What a `Recipe` is made of; the loss may be left open."""
        return {**self.model_dump(exclude=set(AROUND_RECIPE)), "quantiles": tuple(self.quantiles)}


AROUND_RECIPE = ("seeds", "seed", "pool", "memory", "checkpoints", "tensorboard")
"""Keys of `[training]` that no `Recipe` has."""


class JudgeSection(Section):
    """How forecasts are judged; the decisive test has no settings.

    Attributes:
        intervals: "none", or how intervals are made around the forecasts of prices: "ensemble", "network" (the
            quantiles that networks forecast themselves), "residual", "split", "cqr" or "adaptive". All but "none",
            "ensemble" and "network" need `split.validation`.
        cost: share of the price that buying and selling again costs, from which the hit rate needed is told.
        repetitions: draws of every bootstrap.
        block: mean length of a bootstrap's blocks, in origins; 0: chosen from the data.
        seed: of every bootstrap.
        window_share: share of the forecasts in a window of the fluctuation test, 0.1 to 0.9 in tenths.
    """

    intervals: Literal["none", "ensemble", "network", "residual", "split", "cqr", "adaptive"] = Field(
        default="none", description="'none', 'ensemble', 'network', 'residual', 'split', 'cqr' or 'adaptive'"
    )
    cost: float = Field(default=0.001, ge=0, lt=1, description="a share of the price, such as 0.001 for 0.1 %")
    repetitions: int = _whole(1000, 100, 1_000_000)
    block: int = _whole(0, 0, 1_000_000)
    seed: int = _whole(0, 0, 2**31 - 1)
    window_share: float = Field(
        default=0.3, ge=0.1, le=0.9, multiple_of=0.1, description="0.1, 0.2, ... or 0.9, as published"
    )

    def as_options(self) -> Options:
        """The settings of the further tests."""
        return Options(self.repetitions, self.block or None, self.seed, self.cost, round(self.window_share, 1))


SECTIONS: dict[str, type[Section]] = {
    "data": DataSection,
    "samples": SamplesSection,
    "split": SplitSection,
    "training": TrainingSection,
    "judge": JudgeSection,
}
SECTION_KEYS = {name: tuple(section.model_fields) for name, section in SECTIONS.items()}

ALLOWED: dict[Any, str] = {
    str: "text",
    str | None: "text",
    bool: "true or false",
    list[str]: 'a list of texts, such as ["close", "volume"]',
    int: "a whole number",
    float: "a number",
    list[float]: "a list of numbers, such as [0.05, 0.5, 0.95]",
}
"""What fields without a description take, by their type."""
