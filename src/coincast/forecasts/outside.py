"""Reads forecasts that other people made: CSV, Parquet, pandas, polars, and Nixtla's long frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from coincast.candles.table import add_intervals, check_interval, infer_interval, interval_milliseconds
from coincast.errors import CandleError, ColumnError, ForecastError, UsageError
from coincast.forecasts.columns import REQUIRED, find_columns, find_exogenous, find_models, median_name
from coincast.forecasts.combine import MODEL_KEYS, failed_runs
from coincast.forecasts.prices import DAY, CandleClock, price_path
from coincast.forecasts.table import (
    FORECAST_COLUMNS,
    JOINED_COLUMNS,
    check_forecasts,
    check_intervals,
    is_quantile_name,
)
from coincast.tabular import parse_numbers, parse_times, read_table

UNNAMED_MARKET = "outside"
UNNAMED_MODEL = "forecast"
RESERVED = {"naive": "naive (given)", "oracle": "oracle (given)"}
"""Names that mean something of ours: a given forecast is judged like any other, whatever its name."""

SAME_PRICE = 1e-6
"""Relative difference up to which two prices of one time are the same."""
STRAY_SHARE = 0.01
"""Share of last closes that may differ from the actual price at their origin; more of them mean something else."""
FARTHEST = 36_525 * DAY
"""Milliseconds that a forecast may look ahead: a hundred years."""
CONTROL = r"[\p{Cc}\u{2028}\u{2029}\u{202a}-\u{202e}\u{2066}-\u{2069}]+"
"""Characters of a name that would steer a terminal: escapes, line ends, changes of direction."""


NAIVE_TOLD = {
    "direction": "1 or 0, the side to which most candles of the training rows went",
    "volatility": "the forecast that an exponentially weighted past gives, EWMA(0.94)",
}
"""What the naive forecast is where a table has to tell it."""


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
            of a rise, actual 1 or 0) or "volatility" (over all candles to the target), which need a column `naive`.

    Raises:
        ColumnError: a column is missing, or a cell cannot be read.
        ForecastError: rows contradict one another, a price is at or below zero, times are closer than the interval, or
            there are several quantities.
        UsageError: an unknown meaning, interval, or a horizon below 1.
    """
    if horizon is not None and horizon < 1:
        raise UsageError(f"horizon is {horizon}, and a forecast is at least 1 step ahead")
    table = read_table(source)
    found = find_columns(table.columns, columns)
    notes: list[str] = []
    table, found = _stack_models(table, found, notes)
    frame = _parse(table, found, zone, notes)
    frame = _name_rows(frame, market=market, quantity=quantity)
    notes.extend(
        f"the model {name!r} of the table is called {RESERVED[name]!r} here and judged like any other"
        for name in frame["model"].unique().sort()
        if name in RESERVED
    )
    frame = frame.with_columns(pl.col("model").replace(RESERVED))
    frame, more = _drop_repeated(frame)
    frame = _place(frame, interval, horizon, notes)
    frame = _add_last_close(frame, notes)
    _check_rows(frame)
    frame = _settle_runs(frame, notes)
    names = [*FORECAST_COLUMNS, *(name for name in JOINED_COLUMNS if name in frame.columns)]
    forecasts = check_forecasts(frame.select(names))
    return OutsideForecasts(forecasts, take_intervals(frame), tuple(notes + more))


def clean_names(names: pl.Expr) -> pl.Expr:
    """Names in one line, without characters that would steer a terminal."""
    return names.str.replace_all(CONTROL, " ").str.replace_all(r"\s+", " ").str.strip_chars()


def _stack_models(table: pl.DataFrame, found: dict[str, str], notes: list[str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """A table with one column per model becomes one with a column of names; others stay as they are."""
    median = median_name(found)
    if "predicted" not in found and median is not None:
        found = {**found, "predicted": median}
    models = find_models(table.columns, found)
    missing = [role for role in REQUIRED if role not in found and not (role == "predicted" and models)]
    if missing:
        raise ColumnError(
            f"no column for {', '.join(missing)} in {', '.join(table.columns)}; "
            f'name it: columns={{"{missing[0]}": "..."}} (on the command line --column {missing[0]}=...)'
        )
    if not models:
        return table, found
    notes.append(f"each of these columns is read as the forecasts of a model: {', '.join(models)}")
    if left_out := find_exogenous(table.columns, found):
        notes.append(f"columns left out, for they hold candles and no forecasts: {', '.join(left_out)}")
    shared = {role: pl.col(name).alias(role) for role, name in found.items() if role != "model"}
    parts = [
        table.select(
            *shared.values(), pl.lit(model).alias("model"), *(pl.col(name).alias(role) for role, name in own.items())
        )
        for model, own in models.items()
    ]
    stacked = pl.concat(parts, how="diagonal_relaxed")
    return stacked, {name: name for name in stacked.columns}


def _parse(table: pl.DataFrame, found: Mapping[str, str], zone: str | None, notes: list[str]) -> pl.DataFrame:
    """Columns by meaning, in their types."""
    series: list[pl.Series] = []
    assumed: set[str] = set()
    for role, name in found.items():
        column = table[name]
        if role in ("target_time", "origin"):
            times, zone_assumed = parse_times(column, zone=zone)
            if times.null_count():
                raise ForecastError(f"{name} is empty in {times.null_count():,} rows; every forecast needs its {role}")
            if zone_assumed is not None:
                assumed.add(zone_assumed)
            series.append(times.alias(role))
        elif role in ("model", "market", "interval", "quantity"):
            series.append(_parse_names(column, name).alias(role))
        elif role in ("step", "run"):
            series.append(_parse_counts(column, name, least=1 if role == "step" else 0).alias(role))
        else:
            series.append(parse_numbers(column, name).alias(role))
    notes.extend(f"times without a zone are read as {name}" for name in sorted(assumed))
    return pl.DataFrame(series)


def _parse_names(column: pl.Series, name: str) -> pl.Series:
    try:
        text = column.cast(pl.String)
    except pl.exceptions.PolarsError:
        raise ColumnError(f"column {name!r} holds {column.dtype}, and names are needed; give another column") from None
    cleaned = text.to_frame().select(clean_names(pl.col(text.name))).to_series()
    return cleaned.set(cleaned == "", None)


def _parse_counts(column: pl.Series, name: str, *, least: int) -> pl.Series:
    numbers = parse_numbers(column, name)
    is_count = (numbers == numbers.round()) & numbers.is_between(least, 1e9)
    if numbers.null_count() or not is_count.all():
        raise ColumnError(f"column {name!r} must hold whole numbers in every row, {least} or more")
    return numbers.cast(pl.Int64)


def _name_rows(frame: pl.DataFrame, *, market: str | None, quantity: str) -> pl.DataFrame:
    """Keys that the table does not tell."""
    defaults = {"model": UNNAMED_MODEL, "market": market or UNNAMED_MARKET, "quantity": quantity}
    texts = [
        (pl.col(name).fill_null(default) if name in frame.columns else pl.lit(default)).alias(name)
        for name, default in defaults.items()
    ]
    run = [] if "run" in frame.columns else [pl.lit(0, dtype=pl.Int64).alias("run")]
    frame = frame.with_columns(*texts, *run)
    quantities = frame["quantity"].unique().sort().to_list()
    if len(quantities) > 1:
        raise ForecastError(
            f"the table holds forecasts of {' and '.join(quantities)}; judge one quantity at a time: "
            "keep the rows of one of them"
        )
    return frame


def _drop_repeated(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    single = frame.unique(maintain_order=True)
    repeated = frame.height - single.height
    what = "1 row repeats another row and is" if repeated == 1 else f"{repeated:,} rows repeat another row and are"
    return single, [f"{what} left out"] if repeated else []


def _place(frame: pl.DataFrame, interval: str | None, horizon: int | None, notes: list[str]) -> pl.DataFrame:
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


def _add_last_close(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
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


def _check_rows(frame: pl.DataFrame) -> None:
    """Refuse what contradicts itself: prices at or below zero, two prices at one time, two forecasts in one place."""
    _check_naive(frame)
    is_price = pl.col("quantity") == "price"
    low = frame.filter(is_price & (pl.col("actual") <= 0))
    if low.height:
        raise ForecastError(
            f"{low.height:,} actual prices are at or below zero, first {low['actual'][0]:g} at {_when(low)}; "
            "a price is above zero: correct these rows or leave them out"
        )
    spread = frame.filter(is_price).group_by("market", "target_time", maintain_order=True)
    prices = spread.agg(low=pl.col("actual").min(), high=pl.col("actual").max())
    torn = prices.filter(pl.col("high") > pl.col("low") * (1 + SAME_PRICE))
    if torn.height:
        row = torn.row(0, named=True)
        raise ForecastError(
            f"{torn.height:,} times have two different actual prices, first {row['low']:g} and {row['high']:g} "
            f"at {_when(torn)}; several markets in one table need a column market"
        )
    keys = ["market", "model", "run", "quantity", "origin", "step"]
    twice = frame.filter(pl.struct(keys).is_duplicated())
    if twice.height:
        raise ForecastError(
            f"{twice.height:,} rows give different forecasts for the same place, first {twice['model'][0]} for "
            f"{_when(twice)}; keep one of them, or tell them apart by a column model, origin or step"
        )


def _check_naive(frame: pl.DataFrame) -> None:
    """A direction and a volatility come with their naive forecast, which no column of prices tells."""
    quantity = frame["quantity"][0]
    if quantity not in NAIVE_TOLD:
        return
    if "naive" not in frame.columns or frame["naive"].null_count():
        raise ForecastError(
            f"forecasts of {quantity} need a column naive in every row: {NAIVE_TOLD[quantity]}; name it with "
            'columns={"naive": "..."} (on the command line --column naive=...)'
        )
    columns = ("actual", "predicted" if "predicted" in frame.columns else "value", "naive")
    if quantity == "direction":
        outside = frame.filter(pl.any_horizontal(~pl.col(name).is_between(0, 1) for name in columns))
        if outside.height:
            raise ForecastError(
                f"{outside.height:,} rows hold something else than a probability of a rise, first for "
                f"{_when(outside)}; "
                "predicted is between 0 and 1, actual and naive are 1 for a rise and 0 for a fall"
            )


def _settle_runs(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Give a model's only run the number 0; of several, leave out the origins where one has no forecast.

    A run without any forecast stays, and counts as failed.
    """
    is_alone = pl.col("run").n_unique().over(MODEL_KEYS) == 1
    frame = frame.with_columns(pl.when(is_alone).then(0).otherwise("run").cast(pl.Int64).alias("run"))
    if failed_runs(frame).is_empty():
        return frame
    is_sound = pl.col("value").is_finite().fill_null(False)
    is_gap = (pl.col("run") > 0) & ~is_sound & is_sound.any().over([*MODEL_KEYS, "run"])
    places = [*MODEL_KEYS, "origin"]
    gaps = frame.filter(is_gap).select(places).unique().sort(places)
    for (model, market), lost in gaps.group_by("model", "market", maintain_order=True):
        notes.append(f"{model} on {market}: some of its runs have no forecast at {lost.height:,} origins, left out")
    return frame.join(gaps, on=places, how="anti", maintain_order="left")


def _when(rows: pl.DataFrame) -> str:
    return f"{rows['target_time'][0]:%Y-%m-%d %H:%M} UTC"


def take_intervals(frame: pl.DataFrame) -> pl.DataFrame | None:
    """The table of quantiles of a frame with the keys of forecasts, None where it has none."""
    levels = [name for name in frame.columns if is_quantile_name(name)]
    if not levels:
        return None
    keys = [name for name in FORECAST_COLUMNS if name != "value"]
    known = frame.select(*keys, *levels).filter(~pl.all_horizontal(pl.col(levels).is_null()))
    return check_intervals(known) if known.height else None
