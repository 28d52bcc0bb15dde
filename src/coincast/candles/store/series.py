"""Outside series in the store: one file each, replaced as a whole."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from coincast.candles.store.places import locked, put_file
from coincast.candles.store.sealed import read_facts, seal, unseal
from coincast.errors import ColumnError, NotStoredError, UnknownNameError, UnreadableFileError, UsageError
from coincast.tabular import home_folder

_TIMES = pl.Datetime("ms", "UTC")
_KEYS = ("date", "known_at")
_LISTED: dict[str, pl.DataType] = {
    "name": pl.String(),
    "rows": pl.Int64(),
    "first": _TIMES,
    "last": _TIMES,
    "columns": pl.List(pl.String()),
    "source": pl.String(),
    "sha256": pl.String(),
    "written": _TIMES,
    "bytes": pl.Int64(),
}


def series_folder(folder: Path | None = None) -> Path:
    """The folder of all series: the one given, else that of the user's home."""
    return home_folder() / "series" if folder is None else Path(folder)


def write_series(
    name: str, table: pl.DataFrame, *, source: str, sha256: str | None = None, folder: Path | None = None
) -> bool:
    """Store an outside series in place of the one of that name.

    Args:
        name: lower-case letters, digits and `_`.
        table: `date` (when the period of a value begins) and `known_at` (from when it could be known), both with a
            zone, and columns of numbers. One row per date.
        source: where it came from, for a person.
        sha256: of the file that it came from.
        folder: of all series; default: that of the user's home.

    Returns:
        Whether a file was written: the same series again changes no byte.

    Raises:
        UsageError: the name is misspelt, or the folder cannot be written.
        ColumnError: a column is missing, of the wrong kind, or has gaps where it must not.
    """
    path = _path(name, folder)
    table = _arrange(table)
    with locked(path.parent):
        if path.is_file() and unseal(path)[1].equals(table):
            return False
        first, last = (table["date"][row].isoformat() for row in (0, -1))
        facts = {"series": name, "rows": table.height, "first": first, "last": last, "columns": table.columns[2:]}
        facts |= {"source": source, "sha256": sha256, "written": datetime.now(UTC).isoformat(timespec="seconds")}
        put_file(path, seal(table, facts))
    return True


def read_series(name: str, *, folder: Path | None = None) -> pl.DataFrame:
    """Read an outside series: `date`, `known_at` and its numbers, in order of `date`.

    Raises:
        UsageError: the name is misspelt.
        NotStoredError: there is none of that name.
        UnreadableFileError: the file is broken, or not ours.
    """
    path = _path(name, folder)
    if not path.is_file():
        known = [other.stem for other in sorted(path.parent.glob("[!.]*.parquet"))]
        raise NotStoredError(str(UnknownNameError("series", name, known)) if known else f"no series {name!r} is stored")
    facts, table = unseal(path)
    if facts.get("series") != name:
        raise UnreadableFileError(f"{path} does not hold the series {name}; move it away")
    return table


def list_series(folder: Path | None = None) -> pl.DataFrame:
    """What is stored, without reading it: `name, rows, first, last, columns, source, sha256, written, bytes`."""
    rows = []
    for path in sorted(series_folder(folder).glob("[!.]*.parquet")):
        facts = read_facts(path)
        if facts.get("series") != path.stem:
            raise UnreadableFileError(f"{path} does not hold the series {path.stem}; move it away")
        moments = {key: datetime.fromisoformat(facts[key]) for key in ("first", "last", "written")}
        rows.append({**facts, **moments, "name": path.stem, "bytes": path.stat().st_size})
    return pl.DataFrame(rows, schema=_LISTED)


def _path(name: str, folder: Path | None) -> Path:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise UsageError(f"{name!r} is no name of a series; it is made of lower-case letters, digits and _")
    return series_folder(folder) / f"{name}.parquet"


def _arrange(table: pl.DataFrame) -> pl.DataFrame:
    """A series in its one form, in order of `date`."""
    schema = table.schema
    missing = [name for name in _KEYS if name not in schema]
    if missing or len(schema) < 3:
        lacking = ", ".join(missing) or "a column of numbers"
        raise ColumnError(f"a series has date, known_at and columns of numbers; missing: {lacking}")
    for name, kind in schema.items():
        if name in _KEYS and not (isinstance(kind, pl.Datetime) and kind.time_zone):
            raise ColumnError(f"column {name!r} of a series holds {kind}; it must hold times with a zone")
        if name in _KEYS and table[name].null_count():
            raise ColumnError(f"{name} is unknown in {table[name].null_count():,} rows; every value needs it")
        if name not in _KEYS and not kind.is_numeric():
            raise ColumnError(f"column {name!r} of a series holds {kind}; it must hold numbers")
    if table.height == 0:
        raise ColumnError("the series has no rows")
    if table["date"].is_duplicated().any():
        raise ColumnError(f"the date {table['date'].filter(table['date'].is_duplicated())[0]} is there more than once")
    numbers = pl.exclude(_KEYS).cast(pl.Float64).fill_nan(None)
    times = pl.col(_KEYS).dt.convert_time_zone("UTC").dt.cast_time_unit("ms")
    return table.select(times, numbers).sort("date")
