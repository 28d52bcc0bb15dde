"""What models say, as rows of the tables of a result: forecasts, runs and losses by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.candles.table import add_intervals
from coincast.experiments.tasks import Task
from coincast.forecasts.intervals import LEVELS
from coincast.forecasts.residuals import INTERVAL_KEYS
from coincast.forecasts.table import FORECAST_COLUMNS, JOINED_COLUMNS, RUN_COLUMNS, quantile_name
from coincast.samples.quantities import QUANTITIES, majority_direction
from coincast.samples.windows import Windows

HISTORY_COLUMNS: dict[str, Any] = {
    "market": pl.String,
    "interval": pl.String,
    "model": pl.String,
    "run": pl.Int64,
    "fit": pl.Int64,
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "validation_loss": pl.Float64,
}


QUANTILE_COLUMNS: dict[str, Any] = {quantile_name(level): pl.Float64 for level in LEVELS}


@dataclass(frozen=True)
class Fitted:
    """What one entry of a spec leaves.

    Attributes:
        forecasts: of the test spans.
        outlook: beyond the last candle.
        calibration: of the validation parts.
        full_interval: of the whole test spans from their first origin.
        runs: one row per fit of every run.
        history: losses by epoch.
        quantiles, past_quantiles: those that the runs of a network forecast themselves, of the test spans and of the
            validation parts; empty where there are none, or nobody asks for them.
    """

    forecasts: pl.DataFrame
    outlook: pl.DataFrame
    calibration: pl.DataFrame
    full_interval: pl.DataFrame
    runs: pl.DataFrame
    history: pl.DataFrame
    quantiles: pl.DataFrame
    past_quantiles: pl.DataFrame


@dataclass(frozen=True)
class Learning:
    """What the training of one run was like.

    Attributes:
        parameters: trained numbers.
        losses, validation_losses: by epoch; no validation losses where nothing is validated.
        best_epoch: whose weights it has.
        varied: the settings that differ between the combinations of a grid, as columns of the table of runs.
    """

    parameters: int
    losses: Float[np.ndarray, "epoch"]
    validation_losses: Float[np.ndarray, "epoch"] | None
    best_epoch: int
    varied: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """What one run says of some windows; one whose numbers are not all finite has failed.

    A trained run that failed is left out wholly; of a forecaster the values that can be scored are kept.

    Attributes:
        label: the model's name in the tables.
        run: its number, 0 for a model that is not trained by gradient.
        values: of the quantity that is forecast.
        windows: what was asked about.
        trained_until: close of the last row that it learnt from, or that chose its epoch, milliseconds since 1970; None
            where it learns nothing.
        seed: its key.
        seconds: its share of the wall time.
        learning: of a trained run.
        quantiles: at `LEVELS`, in the unit of `values`; of a network that forecasts them, where they are asked for.
    """

    label: str
    run: int
    values: Float[np.ndarray, "window step"]
    windows: Windows
    trained_until: int | None
    seed: int
    seconds: float
    learning: Learning | None = None
    quantiles: Float[np.ndarray, "window step level"] | None = None

    @property
    def is_sound(self) -> bool:
        learnt = self.learning is None or np.isfinite(self.learning.losses).all()
        return bool(np.isfinite(self.values).all() and learnt)

    @property
    def kept(self) -> Float[np.ndarray, "window step"]:
        """The values that can be scored, NaN in place of others."""
        is_kept = np.isfinite(self.values) if self.learning is None else np.full(self.values.shape, self.is_sound)
        return np.where(is_kept, self.values, np.nan)


class Tables:
    """Collects the rows of one entry; a task beyond the last candle leaves forecasts only, and those apart."""

    def __init__(self) -> None:
        empty = pl.DataFrame(schema={**FORECAST_COLUMNS, **JOINED_COLUMNS})
        self.forecasts, self.outlook, self.calibration, self.full_interval = [empty], [empty], [empty], [empty]
        self.runs = [pl.DataFrame(schema=RUN_COLUMNS)]
        self.history = [pl.DataFrame(schema=HISTORY_COLUMNS)]
        self.quantiles, self.past_quantiles = [_no_quantiles()], [_no_quantiles()]

    def add(self, task: Task, every: Sequence[Said], *, is_new: bool = True) -> None:
        """Add what the runs of a fit say of a task's own windows.

        Args:
            task: what was forecast.
            every: one for each run.
            is_new: whether they were fitted for it, and not for an earlier stretch.
        """
        for said in every:
            (self.outlook if task.is_live else self.forecasts).append(_forecast_rows(task, said))
            if is_new and not task.is_live:
                self._add_run(task, said)
            if said.quantiles is not None and not task.is_live:
                self.quantiles.append(_quantile_rows(self.forecasts[-1], said))

    def add_calibration(self, task: Task, every: Sequence[Said]) -> None:
        """Add what the runs say of the validation part.

        It chooses the epoch of a run that stops early; its own rows tell where the training rows end.
        """
        for said in every:
            until = None if said.trained_until is None else task.trained_until
            self.calibration.append(_forecast_rows(task, replace(said, trained_until=until)))
            if said.quantiles is not None:
                self.past_quantiles.append(_quantile_rows(self.calibration[-1], said))

    def add_full_interval(self, task: Task, every: Sequence[Said]) -> None:
        """Add what the runs say of the whole test span from its first origin."""
        self.full_interval.extend(_forecast_rows(task, said, with_majority=False) for said in every)

    def _add_run(self, task: Task, said: Said) -> None:
        learning = said.learning
        keys = {
            "market": task.market,
            "interval": task.samples.interval,
            "model": said.label,
            "run": said.run,
            "fit": task.fit,
        }
        epochs = 0 if learning is None else len(learning.losses)
        row = {
            **keys,
            "seed": said.seed,
            **({} if learning is None else learning.varied),
            "parameters": 0 if learning is None else learning.parameters,
            "epochs": epochs,
            "best_epoch": 0 if learning is None else learning.best_epoch,
            "seconds": said.seconds,
            "status": "done" if said.is_sound else "failed",
        }
        self.runs.append(pl.DataFrame([row], schema_overrides=RUN_COLUMNS))
        if learning is not None:
            self.history.append(_history_rows(keys, learning))

    def gather(self) -> Fitted:
        return Fitted(
            forecasts=pl.concat(self.forecasts),
            outlook=pl.concat(self.outlook),
            calibration=pl.concat(self.calibration),
            full_interval=pl.concat(self.full_interval),
            runs=gather_runs(self.runs),
            history=pl.concat(self.history),
            quantiles=pl.concat(self.quantiles),
            past_quantiles=pl.concat(self.past_quantiles),
        )


def gather_runs(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables of runs as one; settings that vary stand between the seed and the parameters."""
    runs = pl.concat(tables, how="diagonal_relaxed")
    place = list(RUN_COLUMNS).index("parameters")
    first, last = list(RUN_COLUMNS)[:place], list(RUN_COLUMNS)[place:]
    return runs.select(*first, *(name for name in runs.columns if name not in RUN_COLUMNS), *last)


def _forecast_rows(task: Task, said: Said, *, with_majority: bool = True) -> pl.DataFrame:
    """Rows of the forecast table, with what is known of the truth joined.

    The majority of the training rows is left out of a span of thousands of steps, whose direction nobody judges.
    """
    samples, windows, values = task.samples, said.windows, said.kept
    quantity = QUANTITIES[samples.quantity]
    steps = quantity.steps(windows.horizon)

    def repeat(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, len(steps))

    origin = repeat(samples.close_time[windows.origin_rows])
    actual = np.full(values.shape, np.nan) if task.is_live else quantity.truth(samples, windows)
    naive = np.full(values.shape, np.nan)
    if quantity.naive is not None:
        naive = quantity.naive(samples, windows, task.parts.train)
    majority = np.full(values.shape, np.nan)
    if with_majority and not quantity.is_whole:
        majority = majority_direction(samples, windows, task.parts.train)
    frame = pl.DataFrame(
        {
            "run": np.full(values.size, said.run),
            "trained_until": origin if said.trained_until is None else np.full(values.size, said.trained_until),
            "origin": origin,
            "step": np.tile(steps, len(windows)),
            "value": values.reshape(-1),
            "actual": actual.reshape(-1),
            "last_close": repeat(samples.last_close(windows)),
            "first_close": repeat(samples.first_close(windows)),
            "naive": naive.reshape(-1),
            "majority": majority.reshape(-1),
        }
    )
    keys = {"market": task.market, "interval": samples.interval, "model": said.label, "quantity": samples.quantity}
    times = [pl.from_epoch(name, "ms").dt.replace_time_zone("UTC") for name in ("trained_until", "origin")]
    frame = frame.with_columns(*times, *(pl.lit(value).alias(name) for name, value in keys.items()))
    frame = frame.with_columns(
        pl.col("value", "actual", "naive", "majority").fill_nan(None),
        target_time=add_intervals(pl.col("origin"), samples.interval, pl.col("step")),
    )
    schema = {**FORECAST_COLUMNS, **JOINED_COLUMNS}
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _no_quantiles() -> pl.DataFrame:
    return pl.DataFrame(schema={**{name: FORECAST_COLUMNS[name] for name in INTERVAL_KEYS}, **QUANTILE_COLUMNS})


def _quantile_rows(forecasts: pl.DataFrame, said: Said) -> pl.DataFrame:
    """Rows of a table of quantiles beside the rows of the forecasts; null where the run has failed.

    Args:
        forecasts: the rows of the same run.
        said: what it says.
    """
    assert said.quantiles is not None
    kept = np.where(np.isfinite(said.kept)[..., None], said.quantiles, np.nan).reshape(-1, len(QUANTILE_COLUMNS))
    return forecasts.select(INTERVAL_KEYS).hstack(pl.DataFrame(kept, schema=QUANTILE_COLUMNS).fill_nan(None))


def _history_rows(keys: Mapping[str, Any], learning: Learning) -> pl.DataFrame:
    """Rows of the table of losses; a loss that is not a number is null."""
    losses, validation = learning.losses, learning.validation_losses
    epochs = pl.DataFrame(
        {
            "epoch": range(1, len(losses) + 1),
            "loss": losses,
            "validation_loss": [None] * len(losses) if validation is None else validation,
        }
    )
    rows = epochs.with_columns(pl.lit(value).alias(name) for name, value in keys.items())
    rows = rows.select(pl.col(name).cast(dtype) for name, dtype in HISTORY_COLUMNS.items())
    return rows.with_columns(pl.col("loss", "validation_loss").fill_nan(None))
