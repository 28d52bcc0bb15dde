"""What fitted runs say of the next candles, as a forecast table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from coincast.candles.table import INTERVALS, next_close_times
from coincast.experiments.fitted.newest import Newest
from coincast.forecasts.combine import ENSEMBLE
from coincast.forecasts.table import FORECAST_COLUMNS, JOINED_COLUMNS
from coincast.samples.quantities import QUANTITIES
from coincast.tabular import to_pandas

MONTH = "1M"


@dataclass(frozen=True)
class FittedForecast:
    """What a fitted model says of the next candles.

    Attributes:
        table: a forecast table: every run, and the mean of the runs as `<model>.ensemble`; beside each forecast
            `last_close` and the naive forecast `naive`. A run that failed says nothing.
        sentence: what stands behind it.
    """

    table: pl.DataFrame
    sentence: str

    @property
    def ensemble(self) -> pl.DataFrame:
        """One row per market and candle: `market, target_time, value, low, high, naive`.

        `value` is the mean of the runs; `low, high` hold nine of ten of them: how much the seeds differ, not a 90 %
        interval of the price.
        """
        runs = pl.col("run") > 0
        told = [
            pl.col("value").filter(runs).mean().alias("value"),
            pl.col("value").filter(runs).quantile(0.05, "linear").alias("low"),
            pl.col("value").filter(runs).quantile(0.95, "linear").alias("high"),
            pl.col("naive").first(),
        ]
        return self.table.group_by("market", "target_time", maintain_order=True).agg(told)

    def to_pandas(self) -> Any:
        """`table` as a pandas frame."""
        return to_pandas(self.table)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{self.ensemble._repr_html_()}"


@dataclass(frozen=True)
class Answer:
    """What the runs of one market say of its newest window.

    Attributes:
        market, label: of the market and the model.
        newest: the window.
        values: of the quantity that is forecast; NaN where a run failed.
        trained_until: close of the last candle that they learnt from, milliseconds since 1970.
        majority: 1 where most changes over as many candles were rises in the training rows, else 0; NaN where unknown.
    """

    market: str
    label: str
    newest: Newest
    values: Float[np.ndarray, "run step"]
    trained_until: int
    majority: Float[np.ndarray, "step"]


def tabulate(answers: Sequence[Answer], horizon: int) -> pl.DataFrame:
    """The forecast table of some markets: the runs of each and, where they are several, their mean.

    The naive forecast stands beside every quantity, also where `last_close` tells it.

    Args:
        answers: one for each market.
        horizon: candles that were forecast.
    """
    rows = [_rows(answer, horizon) for answer in sorted(answers, key=lambda answer: answer.market)]
    columns = {name: np.concatenate([one[name] for one in rows]) for name in rows[0]}
    schema = {**FORECAST_COLUMNS, **JOINED_COLUMNS}
    frame = pl.DataFrame({name: pl.Series(columns[name]).cast(kind) for name, kind in schema.items()})
    return frame.with_columns(pl.col("value", *JOINED_COLUMNS).fill_nan(None))


def _rows(answer: Answer, horizon: int) -> dict[str, np.ndarray]:
    """Columns of one market; every run in its turn, then their mean."""
    samples = answer.newest.samples
    steps = QUANTITIES[samples.quantity].steps(horizon)
    values, runs, names = _with_mean(answer)
    origin = int(samples.close_time[-1])
    same = {
        "market": answer.market,
        "interval": samples.interval,
        "quantity": samples.quantity,
        "trained_until": answer.trained_until,
        "origin": origin,
        "actual": np.nan,
        "last_close": samples.close[-1],
        "first_close": samples.close[0],
    }
    by_step = {
        "step": steps,
        "target_time": _target_times(origin, samples.interval, steps),
        "naive": _naive(answer),
        "majority": answer.majority,
    }
    return {
        **{name: np.full(values.size, value, dtype=_dtype(value)) for name, value in same.items()},
        **{name: np.tile(column, len(values)) for name, column in by_step.items()},
        "model": np.repeat(names, len(steps)),
        "run": np.repeat(runs, len(steps)),
        "value": values.reshape(-1),
    }


def _dtype(value: Any) -> Any:
    return object if isinstance(value, str) else None


def _with_mean(answer: Answer) -> tuple[Float[np.ndarray, "row step"], Int[np.ndarray, "row"], np.ndarray]:
    """Values, numbers and names of the runs, a failed one left out wholly, and of their mean.

    The mean has the bits that `coincast.forecasts.combine.add_ensembles` gives it.
    """
    is_sound = np.isfinite(answer.values).all(axis=1)
    values = np.where(is_sound[:, None], answer.values, np.nan)
    runs = np.arange(1, len(values) + 1)
    names = np.full(len(values), answer.label, dtype=object)
    if len(values) == 1 or not is_sound.any():
        return values, runs, names
    kept = values[is_sound]
    mean = np.array([np.add.reduceat(np.ascontiguousarray(step), [0])[0] for step in kept.T]) / len(kept)
    return np.vstack([values, mean]), np.append(runs, 0), np.append(names, answer.label + ENSEMBLE)


def _naive(answer: Answer) -> Float[np.ndarray, "step"]:
    samples = answer.newest.samples
    if samples.quantity == "direction":
        return answer.majority
    said = {"price": samples.close[-1], "log_return": 0.0, "volatility": answer.newest.volatility}[samples.quantity]
    return np.full(len(answer.majority), said, dtype=np.float64)


def _target_times(origin: int, interval: str, steps: Int[np.ndarray, "step"]) -> Int[np.ndarray, "step"]:
    if interval != MONTH:
        return origin + steps * INTERVALS[interval]
    times = next_close_times(datetime.fromtimestamp(origin / 1000, UTC), interval, int(steps[-1]))
    return np.array([round(times[step - 1].timestamp() * 1000) for step in steps])
