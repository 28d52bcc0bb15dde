"""Opponents of the fair part, its forecasts as rows of the forecast table, and the errors of a mean over runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from coincast.articles.huang.blocks import Floats
from coincast.articles.huang.published import HORIZON
from coincast.candles.table import add_intervals
from coincast.samples.samples import Samples
from coincast.samples.splits import Part, Parts
from coincast.samples.windows import Windows
from coincast.scores.significance import count_needed, interval_of_mean

if TYPE_CHECKING:
    from coincast.models.forecaster import Forecaster

ORDERS = (5, 12, 24)
"""Lags of the autoregressions: 25 minutes to two hours of five-minute candles."""
MOVE = ORDERS[1]
"""Candles of a move of which is asked how much is taken back."""


def rivals() -> dict[str, Forecaster]:
    """Opponents that learn a handful of numbers from the training rows, by name."""
    from coincast.models.autoregressive import Autoregression
    from coincast.models.robust import RobustAutoregression

    plain = {f"ar(order={order})": Autoregression(order=order) for order in ORDERS}
    return plain | {f"robust AR(order={ORDERS[1]})": RobustAutoregression(order=ORDERS[1])}


def opponents(samples: Samples, parts: Parts, windows: Windows) -> list[tuple[str, Floats]]:
    """Forecasts that need no network; the article's lag baseline among them."""
    from coincast.models.naive import Drift

    rows = windows.origin_rows
    block = samples.close[rows[:, None] - HORIZON + 1 + np.arange(HORIZON)]
    learners: dict[str, Forecaster] = {"drift": Drift(), **rivals()}
    said = {
        label: model.forecast(samples, training=parts.train, origins=rows, seed=0) for label, model in learners.items()
    }
    naive = np.repeat(samples.last_close(windows)[:, None], HORIZON, axis=1)
    return [("naive", naive), *said.items(), ("block_copy", block)]


def share_taken_back(samples: Samples, rows: Part) -> tuple[float, float, float]:
    """Share of a move of 12 candles that is taken back in the next 16, inside some rows, and its 95 % interval.

    The slope of the coming log return on the past one, with its sign turned, by the decisive test's own error; NaN
    where the rows are too few for it.
    """
    from coincast.models.naive import log_returns

    past, future = [np.empty(0)], [np.empty(0)]
    for stretch in log_returns(samples, rows):
        level = np.concatenate([[0.0], np.cumsum(stretch)])
        now = np.arange(MOVE, len(level) - HORIZON)
        past.append(level[now] - level[now - MOVE])
        future.append(level[now + HORIZON] - level[now])
    before, after = np.concatenate(past), np.concatenate(future)
    if before.size < count_needed(MOVE + HORIZON) or not np.any(before):
        return math.nan, math.nan, math.nan
    products, square = -before * after, float(np.mean(before**2))
    low, high = interval_of_mean(products, overlapping=MOVE + HORIZON)
    return float(np.mean(products)) / square, low / square, high / square


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
