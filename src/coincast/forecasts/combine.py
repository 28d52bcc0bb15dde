"""Means over runs: the ensemble of a model is a model of its own."""

from __future__ import annotations

import numpy as np
import polars as pl

from coincast.forecasts.table import SORTING, check_forecasts

ENSEMBLE = ".ensemble"
"""What the name of an ensemble adds to the name of its model."""

RUN_KEYS = ["market", "interval", "quantity", "model", "run"]
MODEL_KEYS = ["market", "interval", "quantity", "model"]
GROUP_KEYS = [*MODEL_KEYS, "origin", "step"]


def failed_runs(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Runs of ours (run 1 and up) with a null or non-finite forecast.

    Returns:
        One row per failed run: market, interval, quantity, model, run, and `rows`, how many forecasts are missing.
    """
    is_bad = (pl.col("run") > 0) & ~pl.col("value").is_finite().fill_null(False)
    return forecasts.filter(is_bad).group_by(RUN_KEYS).agg(pl.len().alias("rows")).sort(RUN_KEYS)


def add_ensembles(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Add the mean over the runs of every model that has more than one.

    The rows of an ensemble carry the name `<name>.ensemble` and run 0; `trained_until` is the latest of its runs. A
    failed run is left out wholly; a model whose runs all failed gets no ensemble. Adding twice changes nothing.

    Args:
        forecasts: a table of forecasts.

    Returns:
        The table with the ensembles, in canonical order.
    """
    forecasts = check_forecasts(forecasts)
    several = forecasts.filter(pl.col("run") > 0).filter(pl.col("run").n_unique().over(MODEL_KEYS) > 1)
    sound = several.join(failed_runs(forecasts), on=RUN_KEYS, how="anti").sort([*GROUP_KEYS, "run"])
    if sound.is_empty():
        return forecasts
    ensembles = _mean_over_runs(sound)
    others = forecasts.join(ensembles.select("market", "interval", "quantity", "model", "run"), on=RUN_KEYS, how="anti")
    return pl.concat([others, ensembles]).sort(SORTING)


def _mean_over_runs(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per group of `GROUP_KEYS`, which `rows` are sorted by.

    The sums run in a fixed order, so that the same forecasts give the same bits on any number of threads.
    """
    is_first = rows.select(pl.struct(GROUP_KEYS).rle_id().alias("group"))["group"].diff().fill_null(1).to_numpy() > 0
    starts = np.flatnonzero(is_first)
    counts = np.diff(np.append(starts, rows.height))
    until = np.maximum.reduceat(rows["trained_until"].to_physical().to_numpy(), starts)
    return rows[starts].with_columns(
        pl.col("model") + ENSEMBLE,
        pl.lit(0, dtype=pl.Int64).alias("run"),
        pl.Series("trained_until", until).cast(rows.schema["trained_until"]),
        pl.Series("value", np.add.reduceat(rows["value"].to_numpy(), starts) / counts),
    )
