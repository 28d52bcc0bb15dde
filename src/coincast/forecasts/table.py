"""The forecast table: what every forecast looks like, wherever it comes from, and its files.

One row is one forecast: `model` with seed number `run` stood at `origin` (close time of the last candle that it was
allowed to see) and said `value` of the candle that closes at `target_time`, `step` candles later. Times are UTC in
milliseconds. A forecast that failed has a null or non-finite value; no key is ever null.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from coincast.errors import ColumnError, ForecastError, UnreadableFileError
from coincast.tabular import write_beside

TIME = pl.Datetime("ms", "UTC")

KEYS = ("market", "interval", "model", "run", "quantity", "origin", "step")
"""Columns that tell forecasts apart."""

SORTING = ("market", "interval", "quantity", "model", "run", "origin", "step")
"""Canonical order of rows: the forecasts of one run lie together, in order of time."""

FORECAST_COLUMNS: dict[str, pl.DataType] = {
    "market": pl.String(),
    "interval": pl.String(),
    "model": pl.String(),
    "run": pl.Int64(),
    "quantity": pl.String(),
    "trained_until": TIME,
    "origin": TIME,
    "step": pl.Int64(),
    "target_time": TIME,
    "value": pl.Float64(),
}
JOINED_COLUMNS: dict[str, pl.DataType] = {
    "actual": pl.Float64(),
    "last_close": pl.Float64(),
    "first_close": pl.Float64(),
    "naive": pl.Float64(),
    "majority": pl.Float64(),
}
"""Columns joined when they are known.

`first_close` is the close of the first candle of the input window; `naive` the naive forecast of a quantity where the
last close does not tell it: for a direction the majority sign of the training rows, for a volatility the EWMA;
`majority` 1.0 where most changes over as many candles were rises in the training rows, else 0.0.
"""

RUN_COLUMNS: dict[str, pl.DataType] = {
    "market": pl.String(),
    "interval": pl.String(),
    "model": pl.String(),
    "run": pl.Int64(),
    "fit": pl.Int64(),
    "seed": pl.Int64(),
    "parameters": pl.Int64(),
    "epochs": pl.Int64(),
    "best_epoch": pl.Int64(),
    "seconds": pl.Float64(),
    "status": pl.String(),
}
"""The table of runs, a row for each fit of a run; one column per setting that varies stands between `seed` and
`parameters`."""

VERSIONS = {"forecasts": 3, "intervals": 1, "scores": 1, "runs": 2, "further": 1, "article": 1}
"""Schema version of every kind of table that is kept in a file."""


def check_forecasts(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring a table of forecasts into its canonical form, or say what is wrong with it.

    Args:
        frame: the columns of `FORECAST_COLUMNS`, and those of `JOINED_COLUMNS` that are known.

    Returns:
        The same rows: canonical columns in canonical order with canonical types, sorted by `SORTING`.

    Raises:
        ColumnError: a column is missing or unknown, or its type cannot be right.
        ForecastError: a key is null or doubled, a step is below 1, or the future leaks.
    """
    table = _conform(frame, FORECAST_COLUMNS, JOINED_COLUMNS, "forecasts")
    return _check_keys(table, "forecast")


def check_intervals(frame: pl.DataFrame) -> pl.DataFrame:
    """Like `check_forecasts` for a table of quantile forecasts, wide columns `q05 q10 ... q95`.

    Raises:
        ColumnError: a column is missing or unknown, or its type cannot be right.
        ForecastError: a key is null or doubled, a step is below 1, or the future leaks.
    """
    keys = {name: dtype for name, dtype in FORECAST_COLUMNS.items() if name != "value"}
    levels = sorted((name for name in frame.columns if is_quantile_name(name)), key=quantile_level)
    if not levels:
        raise ColumnError("a table of intervals needs quantile columns such as q05 and q95, and none is there")
    required = {**keys, **dict.fromkeys(levels, pl.Float64())}
    return _check_keys(_conform(frame, required, {}, "intervals"), "interval")


def is_quantile_name(name: str) -> bool:
    """Whether a column holds a quantile: `q` and at least two decimals of its level."""
    return len(name) >= 3 and name[0] == "q" and name[1:].isdecimal() and int(name[1:]) > 0


def quantile_level(name: str) -> float:
    """The level of a quantile column: 0.05 for `q05`, 0.975 for `q975`."""
    return float(f"0.{name[1:]}")


def quantile_name(level: float) -> str:
    """The column of a level between 0 and 1: `q05` for 0.05, `q975` for 0.975."""
    return "q" + f"{level:.6f}"[2:].rstrip("0").ljust(2, "0")


def write_table(frame: pl.DataFrame, path: Path | str, *, kind: str) -> None:
    """Write a table as Parquet with its kind and schema version; the same rows give the same bytes.

    Args:
        frame: the table.
        path: the file to write or replace; it is never left half written.
        kind: a key of `VERSIONS`.
    """
    metadata = {"coincast_table": kind, "coincast_version": str(VERSIONS[kind])}

    def write(target: Path) -> None:
        frame.rechunk().write_parquet(
            target, compression="zstd", compression_level=3, statistics=True, row_group_size=262_144, metadata=metadata
        )

    write_beside(Path(path), write)


def load_table(path: Path | str, *, kind: str) -> pl.DataFrame:
    """Read a table that `write_table` wrote.

    Raises:
        UnreadableFileError: no such file, another kind of table, or one from a newer Coincast.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFileError(f"no such file: {path}; a run folder holds {kind}.parquet")
    try:
        metadata = pl.read_parquet_metadata(path)
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise UnreadableFileError(f"{path} is not a Parquet file that can be read; write it again") from error
    _check_version(path, metadata, kind)
    return frame


def _check_version(path: Path, metadata: Mapping[str, str], kind: str) -> None:
    given, version = metadata.get("coincast_table"), int(metadata.get("coincast_version", "0"))
    if given != kind:
        raise UnreadableFileError(f"{path} holds {given or 'no Coincast table'}, and {kind} are needed")
    if version > VERSIONS[kind]:
        raise UnreadableFileError(
            f"{path} has version {version} of the table of {kind}, and this Coincast reads up to {VERSIONS[kind]}; "
            "update Coincast"
        )


def _conform(
    frame: pl.DataFrame, required: Mapping[str, pl.DataType], optional: Mapping[str, pl.DataType], kind: str
) -> pl.DataFrame:
    """Required columns, then the optional ones that are there, in their canonical types."""
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise ColumnError(
            f"the table of {kind} lacks {', '.join(missing)}; it has {', '.join(frame.columns) or 'no columns'}"
        )
    unknown = [name for name in frame.columns if name not in required and name not in optional]
    if unknown:
        raise ColumnError(
            f"the table of {kind} does not know {', '.join(unknown)}; it takes {', '.join([*required, *optional])}"
        )
    types = {**required, **{name: dtype for name, dtype in optional.items() if name in frame.columns}}
    naive = [name for name, dtype in types.items() if dtype == TIME and _is_zoneless(frame.schema[name])]
    if naive:
        raise ColumnError(f"{naive[0]} holds {frame.schema[naive[0]]}, and times need the zone UTC; attach it first")
    try:
        return frame.select(pl.col(name).cast(dtype) for name, dtype in types.items())
    except pl.exceptions.PolarsError as error:
        raise ColumnError(f"the table of {kind} has a column of a wrong type: {str(error).splitlines()[0]}") from error


def _is_zoneless(dtype: pl.DataType) -> bool:
    return not (isinstance(dtype, pl.Datetime) and dtype.time_zone is not None)


def _check_keys(table: pl.DataFrame, noun: str) -> pl.DataFrame:
    keys = (*KEYS, "trained_until", "target_time")
    nulls = [name for name in keys if table[name].null_count()]
    if nulls:
        raise ForecastError(f"{nulls[0]} is null in {table[nulls[0]].null_count()} rows, and no key may be")
    faults = {
        "a step below 1": pl.col("step") < 1,
        "trained_until after its origin: it has seen the future": pl.col("trained_until") > pl.col("origin"),
        "a target_time that is not after its origin": pl.col("target_time") <= pl.col("origin"),
    }
    for fault, condition in faults.items():
        bad = table.filter(condition)
        if bad.height:
            raise ForecastError(f"{bad.height} {noun} rows have {fault}; first: {_describe(bad)}")
    table = table.sort(SORTING)
    if table.select(KEYS).is_duplicated().any():
        twice = table.filter(pl.struct(KEYS).is_duplicated())
        raise ForecastError(f"{twice.height} {noun} rows share their keys; first: {_describe(twice)}")
    return table


def _describe(rows: pl.DataFrame) -> str:
    """The keys of the first row, for an error."""
    row = rows.row(0, named=True)
    return f"{row['market']} {row['model']} run {row['run']} origin {row['origin']:%Y-%m-%d %H:%M} step {row['step']}"
