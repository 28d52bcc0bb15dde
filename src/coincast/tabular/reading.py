"""Tables from files of any form and from frames."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from coincast.errors import ColumnError, UnreadableFileError, UsageError
from coincast.tabular.containers import (
    FEATHER,
    HDF5,
    PARQUET,
    Member,
    from_feather,
    from_hdf5,
    from_json,
    from_parquet,
    read_members,
)
from coincast.tabular.frames import check_names, from_pandas, is_pandas
from coincast.tabular.quoting import quote_cell
from coincast.tabular.writing import expand_home

_BINARY: Mapping[bytes, Callable[[bytes, str], pl.DataFrame]] = {
    PARQUET: from_parquet,
    FEATHER: from_feather,
    HDF5: from_hdf5,
}
"""First bytes of a file -> what reads it; JSON is told by its first bracket, and the rest is CSV."""

_DELIMITERS = ",;\t|"
_HEAD = 2**20
"""Bytes at the beginning of a CSV file that tell its layout."""
_SAMPLE = 100
"""Rows that tell which columns hold numbers."""
_WHOLE = re.compile(r"[1-9]\d{8,17}")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,6})(\.\d*)?")
_SIGNATURES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"RIFF": "a picture or sound",
    b"BM": "a BMP picture",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"FEA1": "a Feather file of the first version",
    b"SQLite format 3": "an SQLite database",
    b"\x80\x04\x95": "a pickle, which can run code and is never loaded",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?[ \t]*\r?\n', re.IGNORECASE)
"""The line above the header in which a spreadsheet says its delimiter."""
_DECIMAL_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+),(\d{1,2}|\d{4,})$|^[+-]?0,\d+$"
_ONE_GROUP = r"^[+-]?\d{1,3},\d{3}$"
_POINT_GROUPS = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$"
_ADVICE = "a table is a CSV (UTF-8), Parquet, Feather, JSON or HDF5 file"


def read_table(source: Any, *, typed: bool = False) -> pl.DataFrame:
    """Read a table from a file or a frame.

    Args:
        source: path of a file, told by its content: CSV (`,` `;` tab or `|`; UTF-8, with or without byte order mark),
            Parquet, Feather, JSON (a list of rows) or HDF5 (one table), each plain, in gzip or alone in a ZIP archive;
            a `Member` of an archive; a polars or pandas frame.
        typed: read columns of a CSV file that hold plain numbers only as numbers, which is much faster than to turn
            their text into numbers later, and gives the same.

    Returns:
        The table. Every column of a CSV file is text, unless `typed` says otherwise; names are stripped of blanks
        around them; empty rows are left out. Lines above the header that are no table (a web address) are skipped, and
        rows without names (a CSV file whose first line holds only numbers, JSON lists) get the names `column_1`,
        `column_2`, ...

    Raises:
        UnreadableFileError: no such file, a folder, an empty file, something that is no table, a header without rows.
        ColumnError: a column name occurs twice, or a column holds what is no number, time or text.
        UsageError: `source` is neither a path nor a frame.
        MissingPackageError: an HDF5 file without h5py.
    """
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return _with_rows(source, "the frame")
    if is_pandas(source):
        return _with_rows(from_pandas(source), "the frame")
    if isinstance(source, Member):
        return _from_content(source.data, source.name, typed)
    if not isinstance(source, str | os.PathLike):
        given = type(source).__name__
        raise UsageError(f"a {given} is no table; give the path of a file with one, or a polars or pandas frame")
    path = expand_home(source)
    members = read_members(path)
    if len(members) > 1:
        names = ", ".join(member.name.removeprefix(f"{path}/") for member in members[:4])
        raise UnreadableFileError(
            f"{path} holds {len(members)} files ({names}{', ...' if len(members) > 4 else ''}); "
            "unpack the one you mean, or let `coincast import` read them all"
        )
    return _from_content(members[0].data, str(path), typed)


def _with_rows(table: pl.DataFrame, given: str) -> pl.DataFrame:
    check_names(table.columns, given)
    if table.height == 0:
        raise UnreadableFileError(f"{given} has column names but no rows; give a table with at least one row")
    return table


def _from_content(data: bytes, name: str, typed: bool) -> pl.DataFrame:
    """Table out of the bytes of one file.

    Raises:
        ColumnError: a column holds what is no number, time or text.
    """
    table = _with_rows(_from_bytes(data, name, typed), name)
    for column, kind in table.schema.items():
        if kind.is_nested() or kind in (pl.Binary, pl.Duration, pl.Object):
            raise ColumnError(
                f"{name}: column {quote_cell(column)} holds {quote_cell(str(kind))}; a cell holds one number, time or "
                "text: turn it into one, or leave the column out"
            )
    return table


def _from_bytes(data: bytes, name: str, typed: bool) -> pl.DataFrame:
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start and not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise UnreadableFileError(f"{name} is empty; {_ADVICE}, with a row of column names")
    for signature, what in _SIGNATURES.items():
        if data.startswith(signature) and (signature != b"BM" or b"\0" in data[:64]):
            raise UnreadableFileError(f"{name} is {what}, not a table that can be read; {_ADVICE}")
    for signature, read in _BINARY.items():
        if data.startswith(signature):
            return read(data, name)
    if start.startswith(b"<"):
        raise UnreadableFileError(f"{name} is a web page, not a table; {_ADVICE}")
    if start.startswith((b"{", b"[")):
        return from_json(data.removeprefix(b"\xef\xbb\xbf"), name)
    return _from_csv(data, name, typed)


class _Layout(NamedTuple):
    delimiter: str
    lines_above: int
    names: list[str]


def _from_csv(data: bytes, name: str, typed: bool) -> pl.DataFrame:
    data = data.removeprefix(b"\xef\xbb\xbf")
    said = _SEPARATOR_LINE.match(data)
    data = data[said.end() :] if said else data
    if b"\0" in data:
        raise UnreadableFileError(f"{name} is not a table (its bytes are no text); {_ADVICE}")
    ragged = f"{name} is no table: its rows differ in length, or a quote stays open; {_ADVICE}"
    if data.count(b'"') % 2:  # the reader would take the letter before the end for the closing quote
        raise UnreadableFileError(ragged)
    head = _decode(data[:_HEAD], name)
    try:
        layout = _find_layout(head, said[1].decode() if said else None)
    except csv.Error:
        raise UnreadableFileError(ragged) from None
    check_names(layout.names, name)
    table = _read_typed(data, layout, head) if typed and layout.delimiter == "," else None
    if table is not None:
        return table
    try:
        table = pl.read_csv(
            data,
            separator=layout.delimiter,
            has_header=False,
            infer_schema=False,
            skip_lines=layout.lines_above,
            raise_if_empty=False,
        )
    except PolarsError:
        _decode(data, name)
        raise UnreadableFileError(ragged) from None
    if table.width == 0:
        return pl.DataFrame(schema=dict.fromkeys(layout.names, pl.String))
    table = _without_empty_ends(table, len(layout.names))
    if table.width != len(layout.names):
        raise UnreadableFileError(
            f"{name} has {len(layout.names)} column names and {table.width} columns; give each column one name"
        )
    table.columns = layout.names
    if layout.delimiter != ",":
        _refuse_doubtful_numbers(table, layout.delimiter, name)
    return _without_empty_rows(table)


def _read_typed(data: bytes, layout: _Layout, head: str) -> pl.DataFrame | None:
    """The table with its columns of plain numbers as numbers; None where a cell, a row or the layout is not plain."""
    lines = head.splitlines()[layout.lines_above : layout.lines_above + _SAMPLE]
    try:
        cells = list(csv.reader(lines))
    except csv.Error:
        return None
    if not cells or any(len(row) != len(layout.names) for row in cells):
        return None
    columns = dict(zip(layout.names, zip(*cells, strict=True), strict=True))
    schema = {name: _plain_type(column) for name, column in columns.items()}
    try:
        scan = pl.scan_csv(io.BytesIO(data), has_header=False, skip_lines=layout.lines_above, schema=schema)
        table = scan.collect(engine="streaming")
    except PolarsError:
        return None
    is_plain = table.height > 0 and not table.to_series(0).is_null().any()
    return table if is_plain else None


def _plain_type(cells: Sequence[str]) -> Any:
    """Type of a column by its first cells: long whole numbers may be times and stay exact, dates like 20180220 text."""
    if all(_WHOLE.fullmatch(cell) for cell in cells):
        return pl.Int64
    return pl.Float64 if all(_NUMBER.fullmatch(cell) for cell in cells) else pl.String


def _decode(data: bytes, name: str) -> str:
    """Text of the bytes; a letter that is cut in two at their end is left out."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(data) == _HEAD and error.start > _HEAD - 4:
            return data[: error.start].decode("utf-8")
        raise UnreadableFileError(f"{name} is not a table (its bytes are no UTF-8 text); {_ADVICE}") from None


def _without_empty_rows(table: pl.DataFrame) -> pl.DataFrame:
    first = table.to_series(0)
    may_be_empty = first.is_null() | (first == "") | first.str.starts_with(" ") | first.str.starts_with("\t")
    if not may_be_empty.any():
        return table
    return table.filter(pl.any_horizontal(pl.all().str.strip_chars().fill_null("") != ""))


def _without_empty_ends(table: pl.DataFrame, width: int) -> pl.DataFrame:
    """The table without empty columns beyond a width: rows that end in a delimiter make one."""
    surplus = table.columns[width:]
    is_empty = all((table[name].fill_null("").str.strip_chars() == "").all() for name in surplus)
    return table.select(table.columns[:width]) if is_empty else table


def _refuse_doubtful_numbers(table: pl.DataFrame, delimiter: str, given: str) -> None:
    """Refuse numbers that may be a thousand times larger than they look, in a file not parted by commas.

    Such files often come with decimal commas: `1,250` may be 1.25 and, where the commas of other columns are decimal,
    `7.250` may be 7250. A column tells by itself where it holds a second group or both signs.
    """
    cells = {name: table[name].drop_nulls().str.strip_chars() for name in table.columns}
    commas = {name: column.filter(column.str.contains(",", literal=True)) for name, column in cells.items()}
    has_decimal_commas = any(column.str.contains(_DECIMAL_COMMA).any() for column in commas.values() if column.len())
    for name, column in cells.items():
        points = column.filter(column.str.contains(".", literal=True))
        lone_comma = commas[name].len() > 0 and points.len() == 0 and commas[name].str.contains(_ONE_GROUP).all()
        lone_point = has_decimal_commas and points.len() > 0 and points.str.contains(_POINT_GROUPS).all()
        if lone_comma or lone_point:
            cell = (commas[name] if lone_comma else points)[0]
            raise ColumnError(
                f"{given}: column {name!r} holds {quote_cell(cell)}, whose mark may part thousands or decimals in a "
                f"file parted by {delimiter!r};\nwrite numbers without marks for thousands and with a decimal point, "
                "like 1250.5"
            )


def _find_layout(text: str, said: str | None) -> _Layout:
    """The delimiter, unless the file says it, and the header."""
    delimiter, cells = (said, 2) if said in tuple(_DELIMITERS) else _find_delimiter(text)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    above, row = 0, [""]
    for row in reader:
        if len(row) > 1 or (cells <= 1 and row):
            break
        above = reader.line_num
    names = [cell.strip() for cell in row]
    has_header = any(re.search(r"[^\d.,:eE+\- ]", name) for name in names)
    if not has_header:
        return _Layout(delimiter, above, [f"column_{i}" for i in range(1, len(names) + 1)])
    return _Layout(delimiter, reader.line_num, [name or f"column_{i}" for i, name in enumerate(names, 1)])


def _find_delimiter(text: str) -> tuple[str, int]:
    """The delimiter that splits most of the first lines into the same, largest number of cells; and that number."""
    best, best_score = ",", (0, 0)
    for delimiter in _DELIMITERS:
        counts = Counter(len(row) for row in islice(_filled_rows(text, delimiter), 50))
        cells, lines = max(counts.items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(1, 0))
        score = (lines if cells > 1 else 0, cells)
        if score > best_score:
            best, best_score = delimiter, score
    return best, best_score[1]


def _filled_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return (row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row))
