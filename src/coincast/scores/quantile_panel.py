"""Quantile forecasts of one model as arrays, beside the naive interval on exactly the same targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import UsageError
from coincast.forecasts.combine import ENSEMBLE, MODEL_KEYS, RUN_KEYS, failed_runs
from coincast.forecasts.prices import PricePath, price_path
from coincast.forecasts.residuals import JOINED_KEYS, origin_volatility, quantile_names
from coincast.forecasts.table import check_forecasts, check_intervals, quantile_level
from coincast.scores.naive_interval import naive_quantiles
from coincast.scores.significance import count_overlapping

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class QuantilePanel:
    """Quantiles of one model at the origins that can be judged, in order of time.

    An origin can be judged when all steps are there, each with every quantile (an infinite one is there), the actual
    price, the last close and the naive interval. Prices are relative to the last close. Shapes: n origins, K steps, L
    levels, R runs.

    Attributes:
        market: market.
        interval: interval of its candles.
        quantity: "price".
        model: name of the model.
        run: number of the run, 0 for ensembles and baselines.
        level: "run" for one of several runs, else "ensemble".
        levels: of the quantiles, ascending (L,).
        steps: (K,).
        origins: milliseconds (n,).
        targets: milliseconds (n, K).
        truth: actual prices (n, K).
        own: quantiles (n, K, L).
        naive: those of the naive interval (n, K, L).
        volatility: of one candle, known at the origin (n,); NaN below 20 known moves.
        runs: forecasts of the runs behind an ensemble (n, K, R), R = 0 where they are not known.
        naive_runs: as many quantiles of the naive interval, at (i - 1/2) / R.
    """

    market: str
    interval: str
    quantity: str
    model: str
    run: int
    level: str
    levels: Floats
    steps: Times
    origins: Times
    targets: Times
    truth: Floats
    own: Floats
    naive: Floats
    volatility: Floats
    runs: Floats
    naive_runs: Floats

    @property
    def overlap(self) -> int:
        """Successive origins whose targets overlap."""
        return count_overlapping(self.origins, self.targets[:, -1], steps=int(self.steps[-1]))

    def keep(self, mask: NDArray[np.bool_], *, step: int | None = None) -> QuantilePanel:
        """The origins of a mask; with `step` only its column."""
        columns = slice(None) if step is None else slice(step, step + 1)
        names = ("targets", "truth", "own", "naive", "runs", "naive_runs")
        cut = {name: getattr(self, name)[mask, columns] for name in names}
        cut |= {name: getattr(self, name)[mask] for name in ("origins", "volatility")}
        return replace(self, steps=self.steps[columns], **cut)


def make_quantile_panels(
    forecasts: pl.DataFrame, intervals: pl.DataFrame, calibration: pl.DataFrame | None = None
) -> Iterator[QuantilePanel]:
    """One panel per market, model and run that has an origin to judge.

    Args:
        forecasts: a table of forecasts that tells `actual` and `last_close` of the same origins and steps.
        intervals: a table of quantiles.
        calibration: forecasts of the validation part: the prices before the first origin, so that the naive interval
            is known there, too.

    Raises:
        UsageError: quantiles of anything but a price.
    """
    forecasts, intervals = check_forecasts(forecasts), check_intervals(intervals)
    others = set(intervals["quantity"].unique()) - {"price"}
    if others:
        raise UsageError(f"quantiles of {sorted(others)[0]!r} cannot be scored; what can be scored: price")
    earlier = forecasts.clear() if calibration is None else check_forecasts(calibration)
    told = pl.concat([forecasts, earlier], how="diagonal").filter(pl.col("quantity") == "price")
    is_run = (pl.col("run") > 0) & (pl.col("run").n_unique().over(MODEL_KEYS) > 1)
    given = intervals.with_columns(level=pl.when(is_run).then(pl.lit("run")).otherwise(pl.lit("ensemble")))
    truth = forecasts.select(*JOINED_KEYS, "actual", "last_close").unique(
        JOINED_KEYS, keep="first", maintain_order=True
    )
    joined = given.join(truth, on=JOINED_KEYS, how="left", maintain_order="left")
    runs = _sound_runs(forecasts).partition_by("market", "interval", "model", as_dict=True)
    by_market = told.partition_by("market", "interval", as_dict=True)
    for key, rows in joined.partition_by("market", "interval", as_dict=True, maintain_order=True).items():
        if key not in by_market:
            continue
        known = _NaiveIntervals(price_path(by_market[key]), {})
        for own in rows.partition_by("model", "run", maintain_order=True):
            behind = runs.get((*key, own["model"][0].removesuffix(ENSEMBLE)))
            panel = _make_panel(own, behind if own["model"][0].endswith(ENSEMBLE) else None, known)
            if panel.origins.size and panel.levels.size:
                yield panel


@dataclass(frozen=True)
class _NaiveIntervals:
    """The naive intervals of one market, each worked out once for all models."""

    path: PricePath
    found: dict[tuple[object, ...], Floats]

    def at(self, origins: pl.Series, step: int, levels: Floats) -> Floats:
        key = (step, levels.tobytes(), origins.to_physical().to_numpy().tobytes())
        if key not in self.found:
            candles = self.path.clock.last_closed(origins)
            self.found[key] = naive_quantiles(self.path, candles, step, levels.tolist())
        return self.found[key]


def _sound_runs(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Forecasts of runs without the failed ones."""
    table = forecasts.filter((pl.col("quantity") == "price") & (pl.col("run") > 0))
    return table.join(failed_runs(table), on=RUN_KEYS, how="anti")


def _make_panel(rows: pl.DataFrame, behind: pl.DataFrame | None, known: _NaiveIntervals) -> QuantilePanel:
    names = [name for name in quantile_names(rows) if rows[name].null_count() < rows.height]
    row, levels = rows.row(0, named=True), np.array([quantile_level(name) for name in names])
    steps, columns = np.unique(rows["step"].to_numpy(), return_inverse=True)
    origins, lines = np.unique(rows["origin"].to_physical().to_numpy(), return_inverse=True)
    shape = (origins.size, steps.size)
    targets = np.full(shape, -1, dtype=np.int64)
    targets[lines, columns] = rows["target_time"].to_physical().to_numpy()
    prices = np.full((*shape, len(names) + 2), np.nan)
    prices[lines, columns] = rows.select("last_close", "actual", *names).to_numpy()
    last_close, relative = prices[..., :1], prices[..., 1:] / prices[..., :1]
    runs = _spread_runs(behind, origins, steps) / last_close
    times = pl.Series(origins).cast(pl.Datetime("ms", "UTC"))
    naive, naive_runs = (
        np.stack([known.at(times, int(step), each) for step in steps], axis=1)
        for each in (levels, (np.arange(runs.shape[-1]) + 0.5) / max(runs.shape[-1], 1))
    )
    panel = QuantilePanel(
        **{name: row[name] for name in ("market", "interval", "quantity", "model", "run", "level")},
        levels=levels,
        steps=steps,
        origins=origins,
        targets=targets,
        truth=relative[..., 0],
        own=relative[..., 1:],
        naive=naive,
        volatility=origin_volatility(known.path, known.path.clock.last_closed(times)),
        runs=runs,
        naive_runs=naive_runs,
    )
    is_whole = (targets >= 0) & (last_close[..., 0] > 0) & (panel.truth > 0)
    is_told = ~np.isnan(panel.own).any(axis=-1) & ~np.isnan(naive).any(axis=-1)
    return panel.keep(np.asarray((is_whole & is_told).all(axis=1)))


def _spread_runs(behind: pl.DataFrame | None, origins: Times, steps: Times) -> Floats:
    """Forecasts of runs as (origins, steps, runs); no runs where there is only one."""
    if behind is None or behind["run"].n_unique() < 2:
        return np.empty((origins.size, steps.size, 0))
    numbers, places = np.unique(behind["run"].to_numpy(), return_inverse=True)
    found = np.full((origins.size, steps.size, numbers.size), np.nan)
    times, ahead = behind["origin"].to_physical().to_numpy(), behind["step"].to_numpy()
    is_asked = np.isin(times, origins) & np.isin(ahead, steps)
    lines, columns = np.searchsorted(origins, times[is_asked]), np.searchsorted(steps, ahead[is_asked])
    found[lines, columns, places[is_asked]] = behind["value"].to_numpy()[is_asked]
    return found
