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
from coincast.samples.windows import Windows


@dataclass(frozen=True)
class Errors:
    """Of one line of forecasts over the windows of a part.

    Attributes:
        mae, mse: of the relative change over the window, the article's unit; named as a version's loss is.
        price: mean absolute error of the price, quote currency.
        relative: the same as a share of the last close, which does not depend on the window.
    """

    mae: float
    mse: float
    price: float
    relative: float


def measure(
    days: Days, market: int, part: str, said: Float[np.ndarray, "window"], *, like: Windows | None = None
) -> Errors:
    """Errors of relative changes that were said of the windows of a part.

    Args:
        days: the samples.
        market: place of the coin.
        part: "train" or "test".
        said: one for each window.
        like: only windows with the targets of these count; else all.
    """
    samples, windows = days.samples[market], days.windows(part)
    kept = np.isin(windows.future_rows, (windows if like is None else like).future_rows)[:, 0]
    off = (said - days.targets(market, part))[kept]
    first, last = samples.first_close(windows)[kept], samples.last_close(windows)[kept]
    return Errors(
        mae=float(np.abs(off).mean()),
        mse=float((off**2).mean()),
        price=float(np.abs(off * first).mean()),
        relative=float(np.abs(off * first / last).mean()),
    )


def median_of(runs: Sequence[Run], days: Days, *, like: Windows | None = None) -> Errors:
    """The median of each figure on the test windows over the runs of one coin."""
    every = [measure(days, run.market, "test", run.said["test"], like=like) for run in runs]
    return Errors(**{name: float(np.median([getattr(one, name) for one in every])) for name in vars(every[0])})


def persistence_of(days: Days, market: int, part: str = "test", *, like: Windows | None = None) -> Errors:
    """The errors of "the price stays where it is"."""
    return measure(days, market, part, days.persistence(market, part), like=like)


def skill(own: Errors, naive: Errors) -> float | None:
    """What share of the last close's error is gone; None where that never errs, since the price stands still."""
    return 1 - own.relative / naive.relative if naive.relative else None


def versions_table(versions: Sequence[tuple[Version, Days, Sequence[Run]]], *, is_published: bool) -> pl.DataFrame:
    """The notebook's versions, coin by coin, with a column for the last close on the same windows.

    Losses are those of the last epoch, in the loss of the version, and MAE is the mean absolute error that some of them
    logged; of several runs the median.

    Args:
        versions: each with what it saw and its runs.
        is_published: whether these are the article's own candles, so that what it recorded can stand beside.
    """
    rows = []
    for version, days, runs in versions:
        for market, name in enumerate(days.names):
            own = [run for run in runs if run.market == market]
            recorded = version.recorded_of(name) if is_published else None
            naive = persistence_of(days, market)
            rows.append(
                {
                    "version": version.name,
                    "coin": name,
                    "units": f"{own[0].units}" + (f" of {version.units:,}" if own[0].units != version.units else ""),
                    "features": len(days.samples[0].names),
                    "window": f"{days.lookback} {days.candle}s",
                    "loss": version.loss,
                    "batch": version.batch_size,
                    "epochs": len(own[0].losses),
                    "shuffle": "on" if version.shuffle else "off",
                    "dropout": f"{version.rate:g}" + (" (none)" if version.rate > 1 else ""),
                    "runs": len(own),
                    "recorded: training": None if recorded is None else recorded.loss,
                    "recorded: test": None if recorded is None else recorded.validation,
                    "recorded: test MAE": None if recorded is None else recorded.mae,
                    "here: training": float(np.median([run.losses[-1] for run in own])),
                    "here: test": float(np.median([run.watched[-1] for run in own])),
                    "here: test MAE": median_of(own, days).mae,
                    "last close: test": getattr(naive, version.loss),
                    "last close: test MAE": naive.mae,
                }
            )
    return pl.DataFrame(rows)
