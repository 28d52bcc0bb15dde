"""When the forecasts of somebody else's table were made, how far they look ahead, and the last price they knew."""

from __future__ import annotations

import numpy as np
import polars as pl

from coincast.candles.table import add_intervals, check_interval, infer_interval, interval_milliseconds
from coincast.errors import CandleError, ForecastError, UsageError
from coincast.forecasts.prices import DAY, CandleClock, price_path

SAME_PRICE = 1e-6
"""Relative difference up to which two prices of one time are the same."""
STRAY_SHARE = 0.01
"""Share of last closes that may differ from the actual price at their origin; more of them mean something else."""
FARTHEST = 36_525 * DAY
"""Milliseconds that a forecast may look ahead: a hundred years."""


def place_rows(frame: pl.DataFrame, interval: str | None, horizon: int | None, notes: list[str]) -> pl.DataFrame:
    """Give every row its interval, origin and step; what is assumed goes into `notes`."""
    if "origin" not in frame.columns and "step" not in frame.columns:
        frame = frame.with_columns(pl.lit(horizon or 1, dtype=pl.Int64).alias("step"))
        ahead = "one step" if (horizon or 1) == 1 else f"{horizon} steps"
        notes.append(f"no origin and no step are given: every forecast is taken to be {ahead} ahead")
    elif horizon is not None:
        raise UsageError(f"horizon={horizon} is given, and the table says origin or step itself; leave one of them out")
    if "last_close" not in frame.columns and (frame["quantity"] == "price").any():
        notes.append("no last_close is given: the last known price is the actual price of the row at the origin")
    parts = frame.partition_by("market", maintain_order=True)
    return pl.concat([_place_market(part, interval) for part in parts])


def _place_market(rows: pl.DataFrame, interval: str | None) -> pl.DataFrame:
    if interval is None and "interval" in rows.columns:
        named = rows["interval"].unique().to_list()
        if len(named) > 1:
            raise ForecastError(f"{rows['market'][0]} has the intervals {named}; give one interval per market")
        interval = named[0]
    interval = check_interval(interval) if interval else _infer_interval(rows)
    rows = rows.with_columns(pl.lit(interval).alias("interval"))
    clock = CandleClock.of(rows["target_time"], interval)
    _refuse_crowded(rows, clock)
    if "step" not in rows.columns:
        steps = clock.number(rows["target_time"]) - clock.last_closed(rows["origin"])
        rows = rows.with_columns(pl.Series("step", steps))
    farthest = int(rows["step"].max())  # type: ignore[arg-type]
    if farthest * interval_milliseconds(interval) > FARTHEST:
        raise ForecastError(
            f"{farthest:,} steps of {interval} are more than a hundred years ahead; "
            "a step counts candles from the last one that was known to the target"
        )
    if "origin" not in rows.columns:
        phase = pl.duration(milliseconds=clock.phase, time_unit="ms")  # from the last day of a month to that of another
        origin = add_intervals(pl.col("target_time") - phase, interval, -pl.col("step")) + phase
        rows = rows.with_columns(origin.alias("origin"))
    return rows


def _refuse_crowded(rows: pl.DataFrame, clock: CandleClock) -> None:
    """Refuse different times that fall into one candle: then the candles are not of this interval."""
    times = rows["target_time"].unique().sort()
    apart = times.diff().dt.total_milliseconds().fill_null(0).to_numpy()
    crowded = np.flatnonzero((np.diff(clock.number(times), prepend=0) == 0) & (apart > clock.tolerance))
    if crowded.size:
        first, second = (f"{times[int(crowded[0]) + i]:%Y-%m-%d %H:%M}" for i in (-1, 0))
        raise ForecastError(
            f"the times {first} and {second} of {rows['market'][0]} are closer than {clock.interval}; "
            "give the interval of the table's own candles, interval=..., or leave such rows out"
        )


def _infer_interval(rows: pl.DataFrame) -> str:
    """The interval from the distance of origin and target where the step is known, too, else from the times."""
    if "origin" in rows.columns and "step" in rows.columns:
        lengths = rows.select((pl.col("target_time") - pl.col("origin")).dt.total_milliseconds() // pl.col("step"))
        length = int(lengths.to_series().mode().min())  # type: ignore[arg-type]
        if length > 0:
            return infer_interval(pl.Series([0, length, 2 * length]).cast(pl.Datetime("ms", "UTC")))
    targets = rows["target_time"]
    # Where the targets alone tell prices, their candles are those that count, whatever the hour of the origins.
    if "origin" not in rows.columns or ("last_close" not in rows.columns and targets.n_unique() > 2):
        return infer_interval(targets)
    try:
        return infer_interval(pl.concat([targets, rows["origin"].alias("target_time")]))
    except CandleError:
        return infer_interval(targets)


def add_last_close(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Fill unknown last closes with the price that the table tells at the origin."""
    if "last_close" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.Float64).alias("last_close"))
    if (frame["quantity"] == "price").all():
        parts = [_fill_last_close(rows, notes) for rows in frame.partition_by("market", maintain_order=True)]
        frame = pl.concat(parts)
    return frame.with_columns(trained_until="origin").rename({"predicted": "value"})


def _fill_last_close(rows: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    if rows["last_close"].null_count() < rows.height:
        _check_last_close(rows, notes)
    path = price_path(rows)
    told = pl.Series(path.at(path.clock.last_closed(rows["origin"])), nan_to_null=True)
    return rows.with_columns(pl.col("last_close").fill_null(told))


def _check_last_close(rows: pl.DataFrame, notes: list[str]) -> None:
    """Compare given last closes with the actual prices that the table tells at the same times.

    A column of another price (the next one, say) would make every verdict wrong, so that many differences are refused.
    """
    path = price_path(rows.with_columns(pl.lit(None, dtype=pl.Float64).alias("last_close")))
    told = path.at(path.clock.last_closed(rows["origin"]))
    given = rows["last_close"].to_numpy()
    is_told = path.clock.is_close(rows["origin"]) & np.isfinite(given) & np.isfinite(told)
    strays = np.flatnonzero(is_told & (np.abs(given - told) > SAME_PRICE * told))
    if strays.size == 0:
        return
    count = f"{strays.size:,} of {int(is_told.sum()):,} last closes differ from the actual price at their origin"
    row = int(strays[0])
    first = f"first {given[row]:g} and {told[row]:g} at {rows['origin'][row]:%Y-%m-%d %H:%M} UTC"
    if strays.size > STRAY_SHARE * is_told.sum():
        raise ForecastError(f"{count}, {first}; correct the column last_close, or leave it out")
    notes.append(f"{count}, {first}; they are taken as given")
