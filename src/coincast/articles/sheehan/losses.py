"""What the network is told to make small: absolute or squared errors, trades, directions, or anything but a copy."""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import WHOLE, Comparison, run_for_table
from coincast.articles.sheehan.ground import Ground
from coincast.experiments.spec import Spec
from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.direction.table import direction_table
from coincast.scores.finding import Options
from coincast.scores.lag import lag_table
from coincast.scores.series import keep_ensembles
from coincast.scores.verdict import deciding_rows

LOSSES = ("mse", "trading", "direction")
PENALTIES = (0.003, 0.03)
"""Strengths of the penalty on copying beside the absolute error."""


def try_losses(bench: Bench, ground: Ground, comparison: Comparison) -> pl.DataFrame:
    """One row for each coin and loss, as `summarise` gives it; the article's own loss comes from its 25 runs."""
    told: dict[str, Any] = {
        "training__epochs": bench.pick(2, published.EPOCHS),
        "training__seeds": bench.pick(2, 6),
        "training__seed": published.SEEDS[0],
    }
    grids: dict[str, dict[str, list[Any]]] = {
        "losses": {"training.loss": list(LOSSES[: bench.pick(2, 3)])},
        "copying": {"training.copy_penalty": list(PENALTIES)},
    }
    specs = [ground.spec(name, grid=grid, **told) for name, grid in grids.items()]

    def make(name: str, spec: Spec) -> pl.DataFrame:
        found = run_for_table(bench, name, spec, ground.filled)
        return summarise(found.forecasts, found.scores)

    tables = [
        bench.table(name, spec.to_toml(), partial(make, name, spec)) for name, spec in zip(grids, specs, strict=True)
    ]
    own = comparison.result
    models = pl.col("model").str.starts_with("lstm") | (pl.col("model") == "naive")
    return pl.concat([summarise(own.forecasts.filter(models), own.scores.filter(models)), *tables])


def summarise(forecasts: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """What each ensemble of networks is like: how far off, how much of a copy, and on which side of the last price.

    Returns:
        market, model, `runs`, `error` (the article's figure, middle one of the runs), `naive`, skill, low, high,
        verdict, n, `boldness` and `agreement` (`coincast.scores.lag.Hold`), `hit_rate`, `majority` (hit rate of the
        commoner side of the training rows), `gain` and `always`: mean change per candle of the side that the forecast
        names, and of holding the coin; before costs.
    """
    keys = ["market", "model"]
    is_network = pl.col("model").str.ends_with(ENSEMBLE)
    decided = deciding_rows(scores).filter(is_network)
    lags = lag_table(forecasts, scores, Options()).table.select(*keys, "boldness", "agreement")
    hits = direction_table(forecasts, scores, Options(repetitions=100)).table.filter(pl.col("step") == 0)
    single = scores.filter(WHOLE, pl.col("run") > 0).with_columns(pl.col("model") + ENSEMBLE)
    runs = single.group_by(keys).agg(
        runs=pl.len().cast(pl.Int64), error=pl.col("value").median(), naive=pl.col("naive").first()
    )
    table = (
        decided.select(*keys, "skill", "low", "high", "verdict", "n")
        .join(runs, on=keys, how="left")
        .join(lags, on=keys, how="left")
        .join(hits.select(*keys, "hit_rate", pl.col("majority_hit_rate").alias("majority")), on=keys, how="left")
        .join(_gains(keep_ensembles(forecasts).filter(is_network)), on=keys, how="left")
    )
    order = ("runs", "error", "naive", "skill", "low", "high", "verdict", "n", "boldness", "agreement", "hit_rate")
    return table.select(*keys, *order, "majority", "gain", "always").sort(keys)


def _gains(forecasts: pl.DataFrame) -> pl.DataFrame:
    side = (pl.col("value") - pl.col("last_close")).sign()
    change = pl.col("actual") / pl.col("last_close") - 1
    return forecasts.group_by("market", "model").agg(gain=(side * change).mean(), always=change.mean())
