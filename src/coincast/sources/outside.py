"""Outside series from files and frames: dated values, and when each of them became known.

Columns of such a table, in order of `date` and `known_at`:

    date        start of the period that the values speak of, Datetime("ms", "UTC")
    known_at    when the values became known, likewise
    ...         the values, float64, null where unknown

A value became known when its table says so (a column `known_at`), else when its period had ended: a value dated by a
day D is known from D + 1 day, 00:00 UTC, on. A lag moves either: "12h" later, "-1d" earlier, for a value that is
published when its day begins. `coincast.candles.join.join_outside` joins such a table to candles.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from coincast.candles.store import read_series
from coincast.candles.table import INTERVALS, add_intervals, infer_interval
from coincast.errors import CandleError, ColumnError, DataError, TooFewRowsError, UnknownNameError, UsageError
from coincast.sources.formats.form import ReadOptions
from coincast.sources.series import SERIES_FORMS, TIMES, SeriesForm, SeriesReading, find_series_form, spell
from coincast.tabular import Member, expand_home, list_names, read_table

_LAG = re.compile(r"([+-]?)(\d{1,4})(m|h|d|w)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class OutsideSeries:
    """What was read from one file or frame, and how.

    Attributes:
        name: what its columns are called by, such as `fear_greed`.
        form: name of the form in `SERIES_FORMS`; `stored` for one out of the store.
        table: `date`, `known_at` and the values, in order of time.
        interval: spacing of the dates; None where it is no known interval.
        rows: number of rows of the table.
        first: the first date.
        last: the last date.
        gaps: places between two dates where periods are missing.
        missing: periods that are missing there.
        notes: what a person should know about this reading, one sentence each.
        left_out: position of a row in the file, counted from 0 -> why it was left out.
        sha256: of the file's bytes; of a frame, of its table as CSV.
        path: the file; None for a frame and for a stored series.
    """

    name: str
    form: str
    table: pl.DataFrame
    interval: str | None
    rows: int
    first: datetime
    last: datetime
    gaps: int
    missing: int
    notes: tuple[str, ...]
    left_out: Mapping[int, str]
    sha256: str
    path: Path | None


def read_outside(
    source: Any,
    *,
    name: str | None = None,
    lag: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    day_first: bool | None = None,
    format: str | None = None,
) -> OutsideSeries:
    """Read an outside series from a file or a frame.

    The form is told by the content. A table of no known form is read where the user says that it is a series: by
    `columns`, by `name`, or by `format="series"`.

    Args:
        source: whatever `coincast.tabular.read_table` takes: a path, a member of an archive, a pandas or polars frame.
        name: what its columns shall be called by; default: that of the form, of any other table the file's name.
        lag: how much later than its period ended (or than `known_at`) a value became known: `12h`, `2d`, `-1d` for
            one that is known when its day begins.
        columns: name in the series -> name in the file, for `date`, `known_at` and values: `{"date": "Day"}`. With it
            the table is read in the general form; where values are named, only these are taken.
        zone: zone of dates that name none; default UTC.
        day_first: whether 03/04/2017 is the 3rd of April; needed only where no row tells.
        format: name of a form in `SERIES_FORMS`; default: the first that recognises the table.

    Raises:
        UsageError: an unknown form or zone, a lag or a name that cannot be read.
        DataError: the file cannot be read, no column of dates or of values, two different values of one date that
            became known at the same time.

    Example:
        >>> days = pl.DataFrame({"date": ["2024-01-01", "2024-01-02", "2024-01-03"], "mood": [40, 42, 39]})
        >>> read_outside(days, name="index").table["known_at"][0].isoformat()
        '2024-01-02T00:00:00+00:00'
    """
    delay = parse_lag(lag) if lag is not None else 0
    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(
            f"name {name!r} of an outside series; allowed: lower-case letters, digits and _, letters first"
        )
    table = read_table(source)
    path = _path_of(source)
    options = ReadOptions(columns=columns or {}, zone=zone, day_first=day_first)
    given = path.name if path else "the frame"
    try:
        form = _choose_form(table, format, options, is_series=name is not None)
        read = _take(form.read(table, options), delay, lag)
    except DataError as error:
        raise type(error)(f"{given}: {error}") from None
    own = form.name if form.name != "series" else _name_of(path)
    return _describe(read, name or own, form.name, _hash(source, read.table), path)


def find_outside(given: str, *, folder: Path | None = None) -> OutsideSeries:
    """An outside series as a command names it: `NAME=FILE`, `FILE`, or the name of a stored one.

    Args:
        given: a file counts before a stored series of that name.
        folder: of the stored series; default: that of the user's home.

    Raises:
        UsageError: a name that cannot be one.
        DataError: neither a file that can be read nor a stored series.
    """
    name, equals, file = given.partition("=")
    is_file = expand_home(given).exists()
    if equals and not is_file:
        return read_outside(file, name=name)
    if is_file or not _NAME.fullmatch(given):
        return read_outside(given)
    table = read_series(given, folder=folder)
    stored = _Taken(table, _infer_interval(table), (), {})
    return _describe(stored, given, "stored", hashlib.sha256(table.write_csv().encode()).hexdigest(), None)


def parse_lag(text: str) -> int:
    """Milliseconds of a lag such as `12h`, `2d` or `-1d`, or `UsageError`."""
    found = _LAG.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"lag {text!r} cannot be read; a lag is a number of m, h, d or w: 90m, 12h, 2d, -1d")
    milliseconds = int(found[2]) * INTERVALS[f"1{found[3]}"]
    return -milliseconds if found[1] == "-" else milliseconds


@dataclass(frozen=True)
class _Taken:
    """A reading with its times decided."""

    table: pl.DataFrame
    interval: str | None
    notes: tuple[str, ...]
    left_out: dict[int, str]


def _path_of(source: Any) -> Path | None:
    if isinstance(source, Member):
        return Path(source.name)
    return expand_home(source) if isinstance(source, str | os.PathLike) else None


def _name_of(path: Path | None) -> str:
    spelled = spell(path.name.partition(".")[0]) if path else ""
    return spelled if _NAME.fullmatch(spelled) else "series"


def _hash(source: Any, table: pl.DataFrame) -> str:
    if isinstance(source, Member):
        return source.sha256
    path = _path_of(source)
    return hashlib.sha256(path.read_bytes() if path else table.write_csv().encode()).hexdigest()


def _choose_form(table: pl.DataFrame, format: str | None, options: ReadOptions, *, is_series: bool) -> SeriesForm:
    """The form that the user names, the general one where columns are named, else the first that recognises it."""
    if format is not None and format not in SERIES_FORMS:
        raise UnknownNameError("form of outside series", format, SERIES_FORMS)
    if format not in (None, "series") and not SERIES_FORMS[format].recognises(table):
        raise ColumnError(f"this is not of the form {format} ({SERIES_FORMS[format].description}); {_columns(table)}")
    if format is not None or options.columns:
        return SERIES_FORMS[format or "series"]
    form = find_series_form(table) or (SERIES_FORMS["series"] if is_series else None)
    if form is None:
        raise ColumnError(
            f"this is no known outside series; to read it as one, name it (name= or --series) or its column of dates "
            f"(columns={{'date': ...}} or --column date=NAME)\n{_columns(table)}"
        )
    return form


def _columns(table: pl.DataFrame) -> str:
    return f"its columns: {list_names(table.columns)}"


def _take(reading: SeriesReading, delay: int, lag: str | None) -> _Taken:
    """Rows with a place in time, in order, with the moment when each became known."""
    table, left_out = _leave_out(reading)
    interval = reading.interval or _infer_interval(table)
    told = "known_at" in table.columns
    if not told and interval is None:
        raise DataError(
            "the spacing of its dates is no known interval, so the end of its periods is not known; "
            "give a column known_at: columns={'known_at': ...} or --column known_at=NAME"
        )
    ends = pl.col("known_at") if told else add_intervals(pl.col("date"), str(interval), 1)
    known_at = (ends + pl.duration(milliseconds=delay)).alias("known_at")
    values = [name for name in table.columns if name not in TIMES]
    table = table.select("date", known_at, *values).sort("date", "known_at")
    _refuse_conflicts(table)
    notes = [*reading.notes, _tell_known(lag if delay else None, told=told)]
    if early := table.filter(pl.col("known_at") < pl.col("date")).height:
        notes.append(f"{_count(early, 'row')} known before the own period begins")
    if unknown := sum(table.select(values).null_count().row(0)):
        notes.append(f"{_count(unknown, 'empty cell')}: unknown, and never filled")
    notes += [f"row {row + 1:,} left out: {reason}" for row, reason in list(left_out.items())[:5]]
    if len(left_out) > 5:
        notes.append(f"{len(left_out) - 5:,} more rows left out")
    return _Taken(table, interval, tuple(notes), left_out)


def _leave_out(reading: SeriesReading) -> tuple[pl.DataFrame, dict[int, str]]:
    """The rows that can be taken, and why the others cannot."""
    values = [name for name in reading.columns.columns if name not in TIMES]
    if not values:
        raise ColumnError("it holds no column of numbers; name one: columns={'value': ...} or --column value=NAME")
    columns = reading.columns.with_columns(
        pl.when(pl.col(name).is_finite()).then(name).alias(name) for name in values
    ).with_row_index("row_in_file")
    left_out = dict(reading.left_out)
    for name in TIMES:
        if name in columns.columns:
            rows = columns.filter(pl.col(name).is_null())["row_in_file"]
            left_out |= {row: f"no {name}" for row in rows if row not in left_out}
    taken = columns.filter(~pl.col("row_in_file").is_in(list(left_out)))
    repeats = taken.filter(~pl.struct(pl.exclude("row_in_file")).is_first_distinct())["row_in_file"]
    left_out |= dict.fromkeys(repeats, "repeats another row")
    taken = taken.filter(~pl.col("row_in_file").is_in(repeats.implode())).drop("row_in_file")
    if taken.is_empty():
        raise TooFewRowsError("no row has a date; give another column of dates: columns={'date': ...}")
    return taken, dict(sorted(left_out.items()))


def _infer_interval(table: pl.DataFrame) -> str | None:
    try:
        return infer_interval(table["date"])
    except (CandleError, TooFewRowsError):
        return None


def _refuse_conflicts(table: pl.DataFrame) -> None:
    doubled = table.filter(pl.struct(TIMES).is_duplicated())
    if doubled.height:
        raise DataError(
            f"two rows of {doubled['date'][0]:%Y-%m-%d %H:%M} UTC differ ({doubled.height:,} such rows in all); "
            "keep one, or give a column known_at that says which came later"
        )


def _tell_known(lag: str | None, *, told: bool) -> str:
    said = f", moved by {lag}" if lag else ""
    if told:
        return f"values are known from known_at on{said}"
    return f"a value is known when the period that it is dated by has ended{said}"


def _describe(read: _Taken, name: str, form: str, sha256: str, path: Path | None) -> OutsideSeries:
    dates = read.table["date"].unique().sort()
    gaps, missing = _count_gaps(dates, read.interval)
    told = (f"{_count(gaps, 'gap')}, {_count(missing, 'value')} missing",) if gaps else ()
    return OutsideSeries(
        name=name,
        form=form,
        table=read.table,
        interval=read.interval,
        rows=read.table.height,
        first=dates[0],
        last=dates[-1],
        gaps=gaps,
        missing=missing,
        notes=(*read.notes, *told),
        left_out=read.left_out,
        sha256=sha256,
        path=path,
    )


def _count_gaps(dates: pl.Series, interval: str | None) -> tuple[int, int]:
    """Places between dates where periods are missing, and the periods missing there."""
    if interval is None:
        return 0, 0
    ends = add_intervals(pl.col("date"), interval, 1)
    spans = pl.DataFrame({"date": dates}).select((pl.col("date").shift(-1) - ends).dt.total_milliseconds()).to_series()
    missing = (spans.drop_nulls() / INTERVALS[interval]).round().cast(pl.Int64)
    return int((missing > 0).sum()), int(missing.filter(missing > 0).sum())


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
