"""Reads forecasts that other people made: CSV, Parquet, pandas, polars, and Nixtla's long frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from coincast.errors import UsageError
from coincast.forecasts.columns import find_columns
from coincast.forecasts.outside_cells import RESERVED, drop_repeated, name_rows, parse_columns, stack_models
from coincast.forecasts.outside_checks import check_rows, settle_runs
from coincast.forecasts.outside_places import add_last_close, place_rows
from coincast.forecasts.table import (
    FORECAST_COLUMNS,
    JOINED_COLUMNS,
    check_forecasts,
    check_intervals,
    is_quantile_name,
)
from coincast.tabular import read_table


@dataclass(frozen=True)
class OutsideForecasts:
    """Somebody else's forecasts.

    Attributes:
        forecasts: the forecast table, with `actual` and `last_close`.
        intervals: their quantiles, None where there are none.
        notes: what was assumed or left out, one sentence each.
    """

    forecasts: pl.DataFrame
    intervals: pl.DataFrame | None
    notes: tuple[str, ...]


def read_outside(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    market: str | None = None,
    interval: str | None = None,
    zone: str | None = None,
    horizon: int | None = None,
    quantity: str = "price",
) -> OutsideForecasts:
    """Read a table of forecasts with the columns target_time, actual and predicted.

    Further columns are used where they are there: origin, last_close, step, model, run, market, interval, quantity and
    quantiles (q05, p90, 0.1). Names are found leniently (`coincast.forecasts.columns`). Without origin and step every
    row is taken to be `horizon` candles ahead (1 unless said); without last_close the last known price is the actual
    price at the origin, where the table tells one.

    Args:
        source: path of a CSV or Parquet file, or a pandas or polars frame.
        columns: meaning to column, where names do not tell.
        market: market of rows that name none.
        interval: interval of the candles; else inferred from the times.
        zone: zone of times without one; else UTC.
        horizon: steps ahead of every row, where the table says neither origin nor step.
        quantity: "price"; "log_return" (from the last close to the target); "direction" (predicted is the probability
            of a rise, actual 1 or 0) or "volatility" (over all candles to the target), which need a column `naive` or
            `naive_forecast`.

    Raises:
        ColumnError: a column is missing, or a cell cannot be read.
        ForecastError: rows contradict one another, a price is at or below zero, times are closer than the interval, or
            there are several quantities.
        UsageError: an unknown meaning, interval, or a horizon below 1.
    """
    if horizon is not None and horizon < 1:
        raise UsageError(f"horizon is {horizon}, and a forecast is at least 1 step ahead")
    table = read_table(source)
    found = find_columns(table.columns, columns, quantity=_told_quantity(table, columns) or quantity)
    notes: list[str] = []
    table, found = stack_models(table, found, notes)
    frame = parse_columns(table, found, zone, notes)
    frame = name_rows(frame, market=market, quantity=quantity)
    notes.extend(
        f"the model {name!r} of the table is called {RESERVED[name]!r} here and judged like any other"
        for name in frame["model"].unique().sort()
        if name in RESERVED
    )
    frame = frame.with_columns(pl.col("model").replace(RESERVED))
    frame, more = drop_repeated(frame)
    frame = place_rows(frame, interval, horizon, notes)
    frame = add_last_close(frame, notes)
    check_rows(frame)
    frame = settle_runs(frame, notes)
    names = [*FORECAST_COLUMNS, *(name for name in JOINED_COLUMNS if name in frame.columns)]
    forecasts = check_forecasts(frame.select(names))
    return OutsideForecasts(forecasts, take_intervals(frame), tuple(notes + more))


def _told_quantity(table: pl.DataFrame, columns: Mapping[str, str] | None) -> str | None:
    """The quantity that the table itself tells in its first row that does, if any."""
    name = find_columns(table.columns, columns).get("quantity")
    told = [] if name is None else table[name].drop_nulls().head(1).to_list()
    return str(told[0]).strip() if told else None


def take_intervals(frame: pl.DataFrame) -> pl.DataFrame | None:
    """The table of quantiles of a frame with the keys of forecasts, None where it has none."""
    levels = [name for name in frame.columns if is_quantile_name(name)]
    if not levels:
        return None
    keys = [name for name in FORECAST_COLUMNS if name != "value"]
    known = frame.select(*keys, *levels).filter(~pl.all_horizontal(pl.col(levels).is_null()))
    return check_intervals(known) if known.height else None
