"""Errors of runs and of persistence on the same windows, in the article's unit and in some that no window changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.fahimi.days import Days
from coincast.articles.fahimi.published import Version
from coincast.articles.fahimi.versions import Run


@dataclass(frozen=True)
class Errors:
    """Of one line of forecasts over the windows of a part.

    Attributes:
        mae, mse: of the relative change over the window, the article's unit.
        usd: mean absolute error of the price, quote currency.
        relative: the same as a share of the last close, which does not depend on the window.
    """

    mae: float
    mse: float
    usd: float
    relative: float


def measure(
    days: Days, market: int, part: str, said: Float[np.ndarray, "window"], *, newest: int | None = None
) -> Errors:
    """Errors of relative changes that were said of the windows of a part.

    Args:
        days: the samples.
        market: place of the coin.
        part: "train" or "test".
        said: one for each window.
        newest: how many of the windows count, from the end; else all.
    """
    samples, windows = days.samples[market], days.windows(part)
    kept = slice(None if newest is None else len(windows) - newest, None)
    off = (said - days.targets(market, part))[kept]
    first, last = samples.first_close(windows)[kept], samples.last_close(windows)[kept]
    return Errors(
        mae=float(np.abs(off).mean()),
        mse=float((off**2).mean()),
        usd=float(np.abs(off * first).mean()),
        relative=float(np.abs(off * first / last).mean()),
    )


def loss_of(errors: Errors, version: Version) -> float:
    """The figure that a version watched: of its own loss."""
    return errors.mae if version.loss == "mae" else errors.mse


def median_of(runs: Sequence[Run], days: Days, part: str = "test", *, newest: int | None = None) -> Errors:
    """The median of each figure over the runs of one coin."""
    every = [measure(days, run.market, part, run.said[part], newest=newest) for run in runs]
    return Errors(**{name: float(np.median([getattr(one, name) for one in every])) for name in vars(every[0])})


def persistence_of(days: Days, market: int, part: str = "test", *, newest: int | None = None) -> Errors:
    """The errors of "the price stays where it is"."""
    return measure(days, market, part, days.persistence(market, part), newest=newest)


def versions_table(versions: Sequence[tuple[Version, Days, Sequence[Run]]], *, is_published: bool) -> pl.DataFrame:
    """The article's table of versions, coin by coin, with a column for persistence on the same windows.

    Losses are those of the last epoch, in the loss of the version; of several runs the median.

    Args:
        versions: each with what it saw and its runs.
        is_published: whether these are the article's own candles, so that what it recorded can stand beside.
    """
    rows = []
    for version, days, runs in versions:
        for market, name in enumerate(days.names):
            own = [run for run in runs if run.market == market]
            recorded = version.recorded[market] if is_published and market < len(version.recorded) else None
            rows.append(
                {
                    "version": version.name,
                    "coin": name,
                    "units": f"{own[0].units}" + (f" of {version.units:,}" if own[0].units != version.units else ""),
                    "features": len(days.samples[0].names),
                    "loss": version.loss,
                    "batch": version.batch_size,
                    "epochs": len(own[0].losses),
                    "shuffle": "on" if version.shuffle else "off",
                    "dropout": f"{version.rate:g}" + (" (none)" if version.rate > 1 else ""),
                    "runs": len(own),
                    "recorded: training": None if recorded is None else recorded.loss,
                    "recorded: test": None if recorded is None else recorded.validation,
                    "here: training": float(np.median([run.losses[-1] for run in own])),
                    "here: test": float(np.median([run.watched[-1] for run in own])),
                    "persistence: test": loss_of(persistence_of(days, market), version),
                }
            )
    return pl.DataFrame(rows)
