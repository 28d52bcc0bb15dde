"""How the runs of a fitted model learnt, as the tables of an experiment tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.experiments.rows import HISTORY_COLUMNS
from coincast.forecasts.table import RUN_COLUMNS

if TYPE_CHECKING:
    from coincast.experiments.fitted.model import FittedModel


def tabulate_runs(model: FittedModel) -> pl.DataFrame:
    """The table of runs: one row for each seed and market."""
    trained = model.trained
    best_epochs = trained.best_epochs if model.spec.training.patience else trained.epochs
    rows = [
        {
            **keys,
            "fit": 1,
            "seed": model.seeds[keys["run"] - 1],
            "parameters": model.parameters,
            "epochs": int(trained.epochs[lane]),
            "best_epoch": int(best_epochs[lane]),
            "seconds": trained.seconds / len(trained.losses),
            "status": "done" if model.is_sound[lane] else "failed",
        }
        for lane, keys in enumerate(_keys(model))
    ]
    return pl.DataFrame(rows, schema=RUN_COLUMNS)


def tabulate_history(model: FittedModel) -> pl.DataFrame:
    """Losses by epoch: `market, interval, model, run, fit, epoch, loss, validation_loss`."""
    trained, validation = model.trained, model.trained.validation_losses
    tables = [pl.DataFrame(schema=HISTORY_COLUMNS)]
    for lane, keys in enumerate(_keys(model)):
        epochs = int(trained.epochs[lane])
        losses = {"epoch": np.arange(1, epochs + 1), "loss": trained.losses[lane, :epochs]}
        told = np.full(epochs, np.nan) if validation is None else validation[lane, :epochs]
        frame = pl.DataFrame({**losses, "validation_loss": told}).with_columns(
            pl.lit(value).alias(name) for name, value in {**keys, "fit": 1}.items()
        )
        tables.append(frame.select(pl.col(name).cast(kind) for name, kind in HISTORY_COLUMNS.items()))
    return pl.concat(tables).with_columns(pl.col("loss", "validation_loss").fill_nan(None))


def _keys(model: FittedModel) -> list[dict[str, Any]]:
    """The keys of each run, market after market."""
    return [
        {"market": one.market, "interval": model.interval, "model": model.label, "run": run}
        for one in model.markets
        for run in range(1, model.spec.training.seeds + 1)
    ]
