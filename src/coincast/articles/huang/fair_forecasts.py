"""Forecasts of the fair part as rows of the forecast table, and the errors of a mean over runs."""

from __future__ import annotations

import numpy as np
import polars as pl

from coincast.articles.huang.blocks import Floats
from coincast.articles.huang.published import HORIZON
from coincast.candles.table import add_intervals
from coincast.samples.samples import Samples
from coincast.samples.windows import Windows


def forecast_rows(
    samples: Samples, model: str, run: int, said: Floats, windows: Windows, known_until: int | None
) -> pl.DataFrame:
    """Forecasts of one run as rows of the forecast table, with the truth; `known_until` in milliseconds since 1970."""
    steps, origin = np.arange(1, HORIZON + 1), samples.close_time[windows.origin_rows]
    repeat = np.repeat(origin, HORIZON)
    frame = pl.DataFrame(
        {
            "model": model,
            "run": run,
            "trained_until": repeat if known_until is None else np.full(repeat.size, known_until),
            "origin": repeat,
            "step": np.tile(steps, len(windows)),
            "value": said.reshape(-1),
            "actual": samples.future_close(windows).reshape(-1),
            "last_close": np.repeat(samples.last_close(windows), HORIZON),
            "first_close": np.repeat(samples.first_close(windows), HORIZON),
        }
    )
    times = [pl.from_epoch(name, "ms").dt.replace_time_zone("UTC") for name in ("trained_until", "origin")]
    keys = {"market": samples.market, "interval": samples.interval, "quantity": "price"}
    return frame.with_columns(*times, *(pl.lit(value).alias(key) for key, value in keys.items())).with_columns(
        pl.col("run", "step").cast(pl.Int64),
        target_time=add_intervals(pl.col("origin"), samples.interval, pl.col("step")),
    )


def mean_of_runs(forecasts: pl.DataFrame, model: str) -> pl.DataFrame:
    """`origin, step, value, actual, last_close` of the mean over the runs of a model, in order."""
    own = forecasts.filter(pl.col("model") == model)
    return (
        own.group_by("origin", "step")
        .agg(pl.col("value").mean(), pl.col("actual", "last_close").first())
        .sort("origin", "step")
    )


def squared_errors(forecasts: pl.DataFrame, model: str) -> tuple[float, float]:
    """Squared error of the mean over a model's runs, and of the last close, on the same targets."""
    table = mean_of_runs(forecasts, model)
    actual = table["actual"].to_numpy()
    return tuple(float(np.mean((table[name].to_numpy() - actual) ** 2)) for name in ("value", "last_close"))  # type: ignore[return-value]
