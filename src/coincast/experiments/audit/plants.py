"""Known leaks, planted in the candles under audit: a report counts only where every one of them is caught."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from coincast.candles.table import KEYS
from coincast.experiments.audit.futures import World, milliseconds
from coincast.experiments.audit.probes import Key, Reading, Subject
from coincast.experiments.audit.subjects import FeatureFunction, forecaster_subject, function_subject
from coincast.experiments.entries import ModelEntry
from coincast.experiments.tasks import make_tasks
from coincast.samples.quantities import QUANTITIES
from coincast.samples.samples import Samples
from coincast.samples.scaling import fit_input_scale
from coincast.samples.splits import Part

if TYPE_CHECKING:
    from coincast.experiments.spec import Spec


@dataclass(frozen=True)
class Plant:
    """A known leak.

    Attributes:
        name: what a person calls it.
        subject: what computes it.
        world: the candles that it is planted in.
    """

    name: str
    subject: Subject
    world: World


def shift_by_minus_one(candles: pl.DataFrame) -> pl.Series:
    """The next close."""
    return candles["close"].shift(-1)


def shift_in_one_row_of_a_hundred(candles: pl.DataFrame) -> pl.Series:
    """The close, and in one row of a hundred the next one, where there is a next one."""
    following = pl.col("close").shift(-1)
    is_touched = (pl.int_range(pl.len()) % 100 == 7) & following.is_not_null()
    return candles.select(pl.when(is_touched).then(following).otherwise("close")).to_series()


def centred_window(candles: pl.DataFrame) -> pl.Series:
    """Mean of five closes, two of them to come."""
    return candles["close"].rolling_mean(5, center=True)


def backfill(candles: pl.DataFrame) -> pl.Series:
    """A column with holes, filled with the next known value."""
    return candles["planted"].fill_null(strategy="backward")


def target_encoding(candles: pl.DataFrame) -> pl.Series:
    """Mean next return of all candles that stand at the same place of a cycle of seven."""
    following = (candles["close"].shift(-1) / candles["close"]).log().alias("following")
    return (
        candles.with_columns(following).select(pl.col("following").mean().over(pl.int_range(pl.len()) % 7)).to_series()
    )


FUNCTIONS: Mapping[str, FeatureFunction] = {
    "shift by minus one": shift_by_minus_one,
    "shift by minus one in 1 % of the rows": shift_in_one_row_of_a_hundred,
    "centred window": centred_window,
    "target encoding": target_encoding,
}


def plant_functions(world: World, market: str) -> list[Plant]:
    """Leaks that a feature function may hold, on the candles of one market."""
    plain = World(world.candles)
    plants = [Plant(name, function_subject(name, market, function), plain) for name, function in FUNCTIONS.items()]
    holed = World(punch_holes(world.candles.with_columns(planted="close")))
    plants.append(Plant("backfill", function_subject("backfill", market, backfill), holed))
    late = World(world.candles, {"late": _late_series(world.candles)})
    return [*plants, Plant("same-day join of a late value", _late_subject(market), late)]


def plant_experiment(world: World, spec: Spec, market: str) -> list[Plant]:
    """Leaks that an experiment may hold: in its scaler, its training rows and its forecasts."""
    learner = ModelEntry("fitted on the test rows", "planted", _LearnsTooMuch())
    peeker = ModelEntry("forecast that has seen its target", "planted", _Peeks())
    return [
        Plant("globally fitted scaler", _global_scaler(spec), world),
        Plant("parameters fitted on the test rows", forecaster_subject(learner, spec), world),
        Plant("forecast that has seen its target", forecaster_subject(peeker, spec), world),
    ]


def choose_holes(rows: int, *, share: float = 0.05, seed: int = 0) -> np.ndarray:
    """Which rows are holes: a share of them, and one near the start, so that there always is one."""
    is_hole = np.random.default_rng(seed).random(rows) < share
    is_hole[min(3, rows - 1)] = True
    return is_hole


def punch_holes(candles: pl.DataFrame) -> pl.DataFrame:
    """Candles in some of which nothing but the close is known, so that what fills such holes must show its colours."""
    is_known = pl.Series(~choose_holes(candles.height))
    names = [name for name in candles.columns if name not in (*KEYS, "close")]
    return candles.with_columns(pl.when(is_known).then(pl.col(name)).alias(name) for name in names)


def _late_series(candles: pl.DataFrame) -> pl.DataFrame:
    """A value for each candle that becomes known one candle after it has closed."""
    known_at = pl.col("close_time") + (pl.col("close_time") - pl.col("open_time"))
    value = np.random.default_rng(0).normal(size=candles.height)
    return candles.select(date="open_time", known_at=known_at, value=pl.Series(value))


def _late_subject(market: str) -> Subject:
    """The outside series joined by its date, though it is known only later."""

    def read(world: World) -> dict[Key, Reading]:
        late = world.outside["late"].select("date", late=pl.col("value"))
        joined = world.candles.join(late, left_on="open_time", right_on="date", how="left", maintain_order="left")
        closes = milliseconds(joined["close_time"])
        values = joined["late"].fill_null(np.nan).to_numpy()
        return {("column", "same-day join", market): Reading(closes, values[:, None])}

    return Subject(read)


def _global_scaler(spec: Spec) -> Subject:
    def read(world: World) -> dict[Key, Reading]:
        readings: dict[Key, Reading] = {}
        for task in make_tasks(spec, world.join())[:1]:
            samples = task.samples
            scale = fit_input_scale("training", samples.inputs, samples.names, samples.is_level)
            values = np.column_stack([scale.centre, scale.spread])
            readings["scale", "planted", samples.market] = Reading(np.full(len(values), task.trained_until), values)
        return readings

    return Subject(read, needs_length=frozenset({"scale"}))


@dataclasses.dataclass(frozen=True)
class _LearnsTooMuch:
    """The mean size of a log return over all rows, those of the test part included, times the step."""

    learns: ClassVar[bool] = True
    quantity: ClassVar[str] = "any"

    def forecast(self, samples: Samples, *, training: Part, origins: np.ndarray, seed: int) -> np.ndarray:
        drift = float(np.abs(np.diff(np.log(samples.close))).mean())
        steps = QUANTITIES[samples.quantity].steps(samples.windows.horizon)
        return np.asarray(samples.close[origins][:, None] * np.exp(drift * steps))


@dataclasses.dataclass(frozen=True)
class _Peeks:
    """A last close that is a millionth part next close."""

    learns: ClassVar[bool] = False
    quantity: ClassVar[str] = "any"

    def forecast(self, samples: Samples, *, training: Part, origins: np.ndarray, seed: int) -> np.ndarray:
        following = samples.close[np.minimum(origins + 1, len(samples.close) - 1)]
        mixed = (1 - 1e-6) * samples.close[origins] + 1e-6 * following
        return np.repeat(mixed[:, None], len(QUANTITIES[samples.quantity].steps(samples.windows.horizon)), axis=1)
