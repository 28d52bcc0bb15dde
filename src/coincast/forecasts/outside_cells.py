"""The cells of somebody else's table of forecasts: columns by meaning, in their types, with every key."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from coincast.errors import ColumnError, ForecastError
from coincast.forecasts.columns import REQUIRED, find_exogenous, find_models, median_name
from coincast.tabular import parse_numbers, parse_times

UNNAMED_MARKET = "outside"
UNNAMED_MODEL = "forecast"
RESERVED = {"naive": "naive (given)", "oracle": "oracle (given)"}
"""Names that mean something of ours: a given forecast is judged like any other, whatever its name."""
CONTROL = r"[\p{Cc}\u{2028}\u{2029}\u{202a}-\u{202e}\u{2066}-\u{2069}]+"
"""Characters of a name that would steer a terminal: escapes, line ends, changes of direction."""


def stack_models(table: pl.DataFrame, found: dict[str, str], notes: list[str]) -> tuple[pl.DataFrame, dict[str, str]]:
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


def parse_columns(table: pl.DataFrame, found: Mapping[str, str], zone: str | None, notes: list[str]) -> pl.DataFrame:
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


def name_rows(frame: pl.DataFrame, *, market: str | None, quantity: str) -> pl.DataFrame:
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


def drop_repeated(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    single = frame.unique(maintain_order=True)
    repeated = frame.height - single.height
    what = "1 row repeats another row and is" if repeated == 1 else f"{repeated:,} rows repeat another row and are"
    return single, [f"{what} left out"] if repeated else []


def clean_names(names: pl.Expr) -> pl.Expr:
    """Names in one line, without characters that would steer a terminal."""
    return names.str.replace_all(CONTROL, " ").str.replace_all(r"\s+", " ").str.strip_chars()
