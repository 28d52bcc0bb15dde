"""What models say, as rows of the tables of a result: forecasts, runs and losses by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.candles.table import add_intervals
from coincast.experiments.tasks import Task
from coincast.forecasts.table import FORECAST_COLUMNS, JOINED_COLUMNS, RUN_COLUMNS

HISTORY_COLUMNS: dict[str, Any] = {
    "market": pl.String,
    "interval": pl.String,
    "model": pl.String,
    "run": pl.Int64,
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "validation_loss": pl.Float64,
}


@dataclass(frozen=True)
class Fitted:
    """What one entry of a spec leaves: forecasts of test spans and beyond the last candle, runs, losses by epoch."""

    forecasts: pl.DataFrame
    outlook: pl.DataFrame
    runs: pl.DataFrame
    history: pl.DataFrame


@dataclass(frozen=True)
class Learning:
    """What the training of one run was like.

    Attributes:
        parameters: trained numbers.
        losses, validation_losses: by epoch; no validation losses where nothing is validated.
        varied: the settings that differ between the combinations of a grid, as columns of the table of runs.
    """

    parameters: int
    losses: Float[np.ndarray, "epoch"]
    validation_losses: Float[np.ndarray, "epoch"] | None
    varied: Mapping[str, Any]


class Tables:
    """Collects the rows of one entry; a task beyond the last candle leaves forecasts only, and those apart."""

    def __init__(self) -> None:
        self.forecasts = [pl.DataFrame(schema={**FORECAST_COLUMNS, **JOINED_COLUMNS})]
        self.outlook = [pl.DataFrame(schema={**FORECAST_COLUMNS, **JOINED_COLUMNS})]
        self.runs = [pl.DataFrame(schema=RUN_COLUMNS)]
        self.history = [pl.DataFrame(schema=HISTORY_COLUMNS)]

    def add(
        self,
        task: Task,
        label: str,
        run: int,
        prices: Float[np.ndarray, "origin horizon"],
        *,
        learns: bool,
        seed: int,
        seconds: float,
        learning: Learning | None = None,
    ) -> None:
        """Add one run; one whose numbers are not all finite has failed.

        A trained run that failed is left out wholly; of a forecaster the prices that can be scored are kept.

        Args:
            task: what was forecast.
            label: the model's name in the tables.
            run: its number, 0 for a model that is not trained by gradient.
            prices: what it forecast.
            learns: whether it uses the training rows.
            seed: its key.
            seconds: its share of the wall time.
            learning: of a trained run.
        """
        finite = np.isfinite(prices)
        is_sound = bool(finite.all() and (learning is None or np.isfinite(learning.losses).all()))
        kept = finite if learning is None else np.full_like(finite, is_sound)
        rows = _forecast_rows(task, label, run, np.where(kept, prices, np.nan), learns=learns)
        if task.is_live:
            self.outlook.append(rows)
            return
        self.forecasts.append(rows)
        keys = {"market": task.market, "interval": task.samples.interval, "model": label, "run": run}
        epochs = 0 if learning is None else len(learning.losses)
        row = {
            **keys,
            "seed": seed,
            **({} if learning is None else learning.varied),
            "parameters": 0 if learning is None else learning.parameters,
            "epochs": epochs,
            "best_epoch": epochs,
            "seconds": seconds,
            "status": "done" if is_sound else "failed",
        }
        self.runs.append(pl.DataFrame([row], schema_overrides=RUN_COLUMNS))
        if learning is not None:
            self.history.append(_history_rows(keys, learning))

    def gather(self) -> Fitted:
        return Fitted(
            forecasts=pl.concat(self.forecasts),
            outlook=pl.concat(self.outlook),
            runs=gather_runs(self.runs),
            history=pl.concat(self.history),
        )


def gather_runs(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables of runs as one; settings that vary stand between the seed and the parameters."""
    runs = pl.concat(tables, how="diagonal_relaxed")
    first, last = list(RUN_COLUMNS)[:5], list(RUN_COLUMNS)[5:]
    return runs.select(*first, *(name for name in runs.columns if name not in RUN_COLUMNS), *last)


def _forecast_rows(
    task: Task, label: str, run: int, prices: Float[np.ndarray, "origin horizon"], *, learns: bool
) -> pl.DataFrame:
    """Rows of the forecast table, with what is known of the truth joined."""
    samples, windows = task.samples, task.test

    def repeat(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, windows.horizon)

    origin = repeat(samples.close_time[windows.origin_rows])
    actual = np.full(prices.shape, np.nan) if task.is_live else samples.future_close(windows)
    frame = pl.DataFrame(
        {
            "run": np.full(prices.size, run),
            "trained_until": np.full(prices.size, task.trained_until) if learns else origin,
            "origin": origin,
            "step": np.tile(np.arange(1, windows.horizon + 1), len(windows)),
            "value": prices.reshape(-1),
            "actual": actual.reshape(-1),
            "last_close": repeat(samples.last_close(windows)),
            "first_close": repeat(samples.first_close(windows)),
        }
    )
    keys = {"market": task.market, "interval": samples.interval, "model": label, "quantity": "price"}
    times = [pl.from_epoch(name, "ms").dt.replace_time_zone("UTC") for name in ("trained_until", "origin")]
    frame = frame.with_columns(*times, *(pl.lit(value).alias(name) for name, value in keys.items()))
    frame = frame.with_columns(
        pl.col("value", "actual").fill_nan(None),
        target_time=add_intervals(pl.col("origin"), samples.interval, pl.col("step")),
    )
    schema = {**FORECAST_COLUMNS, **JOINED_COLUMNS}
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


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
