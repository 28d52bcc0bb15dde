"""Outside series in the store: one file each, merged as candles are.

A row is named by its `date` and its `known_at`: a value that was revised later stands there twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from coincast.candles.store.facts import check_facts, contribute
from coincast.candles.store.places import Broken, locked, put_file
from coincast.candles.store.revisions import log_path, log_revisions, read_log
from coincast.candles.store.sealed import Facts, read_facts, seal, unseal
from coincast.candles.store.series_merging import SERIES_KEYS, merge_series, refuse_another, refuse_changes
from coincast.candles.store.writing import Written, check_on_conflict
from coincast.errors import ColumnError, DataError, NotStoredError, UnknownNameError, UnreadableFileError, UsageError
from coincast.tabular import home_folder

_TIMES = pl.Datetime("ms", "UTC")
_LISTED: dict[str, pl.DataType] = {
    "name": pl.String(),
    "rows": pl.Int64(),
    "first": _TIMES,
    "last": _TIMES,
    "columns": pl.List(pl.String()),
    "sources": pl.List(pl.String()),
    "hashes": pl.List(pl.String()),
    "written": _TIMES,
    "bytes": pl.Int64(),
}


def series_folder(folder: Path | None = None) -> Path:
    """The folder of all series: the one given, else that of the user's home."""
    return home_folder() / "series" if folder is None else Path(folder)


def write_series(
    name: str,
    table: pl.DataFrame,
    *,
    source: str,
    sha256: str | None = None,
    on_conflict: Literal["refuse", "replace"] = "refuse",
    folder: Path | None = None,
) -> Written:
    """Store an outside series, merged with what is stored under that name.

    Rows that are stored already change nothing, and nothing that is stored is lost. A number beside an unknown one
    wins; columns are united. Numbers are the same up to a relative difference of 1e-9. A date that is stored takes a
    further row with another `known_at`, a revision, where the table holds the stored row, too; without it the date is
    taken to have moved, as another lag would move it.

    Args:
        name: lower-case letters, digits and `_`.
        table: `date` (when the period of a value begins) and `known_at` (from when it could be known), both with a
            zone, and columns of numbers. One row for each pair of the two.
        source: where it came from, for a person.
        sha256: of the file that it came from.
        on_conflict: what happens where another number or another `known_at` is stored: "refuse" raises, "replace" takes
            the new one and logs the old one (`read_series_revisions`) before the series is written.
        folder: of all series; default: that of the user's home.

    Returns:
        What was done, in rows.

    Raises:
        DataError: it is another series than the stored one, by its columns or dates; or, with "refuse", another number
            or another `known_at` is stored. Nothing has been written then.
        ColumnError: a column is missing, of the wrong kind, or has gaps where it must not.
        UnreadableFileError: the stored file is broken, or not ours.
        UnfinishedError: the disk is full.
        UsageError: the name is misspelt, or the folder cannot be written.
    """
    check_on_conflict(on_conflict)
    path, new = _path(name, folder), _arrange(table)
    with locked(path.parent):
        stored = _unseal(path, name) if path.is_file() else None
        old = stored.table if stored else new.clear()
        refuse_another(old, new, path)
        merged = merge_series(old, new)
        if on_conflict == "refuse":
            refuse_changes(merged, name)
        if merged.revisions.height:
            log_revisions(log_path(path.with_suffix("")), merged.revisions, source)
        if merged.dates.len():
            before = stored.facts["contributions"] if stored else []
            _write_file(path, merged.table, contribute(before, merged.dates, source, sha256))
    return merged.written


def read_series(name: str, *, folder: Path | None = None) -> pl.DataFrame:
    """Read an outside series: `date`, `known_at` and its numbers, in order of the two.

    Raises:
        UsageError: the name is misspelt.
        NotStoredError: there is none of that name.
        UnreadableFileError: the file is broken, or not ours.
    """
    path = _path(name, folder)
    if not path.is_file():
        known = [other.stem for other in sorted(path.parent.glob("[!.]*.parquet"))]
        raise NotStoredError(str(UnknownNameError("series", name, known)) if known else f"no series {name!r} is stored")
    return _unseal(path, name).table


def read_series_revisions(name: str, *, folder: Path | None = None) -> pl.DataFrame:
    """Values of a series that have been replaced, in the order in which that happened.

    Returns:
        `date`, `known_at`, `column`, `before`, `after` (unknown where the row was taken out), `source` and `written`;
        no rows where nothing was ever replaced.

    Raises:
        UsageError: the name is misspelt.
        UnreadableFileError: the file is broken.
    """
    return read_log(log_path(_path(name, folder).with_suffix("")), SERIES_KEYS)


def list_series(folder: Path | None = None, *, on_broken: Callable[[Broken], None] | None = None) -> pl.DataFrame:
    """What is stored, without reading it.

    Args:
        folder: of all series; default: that of the user's home.
        on_broken: called for each file that cannot be read; it is not in the table.

    Returns:
        One row per series: `name`, `rows`, `first` and `last` (dates), `columns`, `sources` and their `hashes`,
        `written` (the last time, UTC), `bytes`.

    Raises:
        UnreadableFileError: without `on_broken`, a file is broken or not ours.
        DataError: likewise, it has a newer form than this version of coincast knows.
    """
    rows = []
    for path in sorted(series_folder(folder).glob("[!.]*.parquet")):
        try:
            facts = read_facts(path)
            first, last = _check(path, facts, path.stem)
        except DataError as error:
            if on_broken is None:
                raise
            on_broken(Broken(path.stem, None, error))
            continue
        entries = facts["contributions"]
        told = {"sources": [one["source"] for one in entries], "hashes": [one["sha256"] for one in entries]}
        written = max(datetime.fromisoformat(one["written"]) for one in entries)
        sizes = {"rows": facts["rows"], "bytes": path.stat().st_size, "columns": facts["columns"]}
        rows.append({"name": path.stem, "first": first, "last": last, "written": written, **told, **sizes})
    return pl.DataFrame(rows, schema=_LISTED)


# ---------------------------------------------------------------- files


class _Stored(NamedTuple):
    facts: Facts
    table: pl.DataFrame


def _path(name: str, folder: Path | None) -> Path:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise UsageError(f"{name!r} is no name of a series; it is made of lower-case letters, digits and _")
    return series_folder(folder) / f"{name}.parquet"


def _unseal(path: Path, name: str) -> _Stored:
    facts, table = unseal(path)
    _check(path, facts, name)
    return _Stored(facts, table)


def _check(path: Path, facts: Facts, name: str) -> tuple[datetime, datetime]:
    """First and last date of a file, which must hold the series of its name."""
    if facts.get("series") != name:
        raise UnreadableFileError(f"{path} does not hold the series {name}; move it away")
    return check_facts(path, facts)


def _write_file(path: Path, table: pl.DataFrame, contributions: list[dict[str, object]]) -> None:
    first, last = (table["date"][row].isoformat() for row in (0, -1))
    facts = {"series": path.stem, "rows": table.height, "first": first, "last": last}
    put_file(path, seal(table, {**facts, "columns": table.columns[2:], "contributions": contributions}))


def _arrange(table: pl.DataFrame) -> pl.DataFrame:
    """A series in its one form, in order of `date` and `known_at`."""
    schema = table.schema
    missing = [name for name in SERIES_KEYS if name not in schema]
    if missing or len(schema) < 3:
        lacking = ", ".join(missing) or "a column of numbers"
        raise ColumnError(f"a series has date, known_at and columns of numbers; missing: {lacking}")
    for name, kind in schema.items():
        if name in SERIES_KEYS and not (isinstance(kind, pl.Datetime) and kind.time_zone):
            raise ColumnError(f"column {name!r} of a series holds {kind}; it must hold times with a zone")
        if name in SERIES_KEYS and table[name].null_count():
            raise ColumnError(f"{name} is unknown in {table[name].null_count():,} rows; every value needs it")
        if name not in SERIES_KEYS and not (kind.is_numeric() or kind == pl.Null):
            raise ColumnError(f"column {name!r} of a series holds {kind}; it must hold numbers")
    if table.height == 0:
        raise ColumnError("the series has no rows")
    numbers = pl.exclude(SERIES_KEYS).cast(pl.Float64).fill_nan(None)
    times = pl.col(SERIES_KEYS).dt.convert_time_zone("UTC").dt.cast_time_unit("ms")
    table = table.select(times, numbers).sort(SERIES_KEYS)
    doubled = table.filter(pl.struct(SERIES_KEYS).is_duplicated())
    if doubled.height:
        date, known_at = doubled.row(0)[:2]
        raise ColumnError(f"the date {date}, known from {known_at} on, is there more than once; keep one of them")
    return table
