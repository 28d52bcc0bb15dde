"""What a file holds: text or bytes of one table, packed or not, and the binary forms of a table.

Told by content, never by name. Nothing in here runs code of a file: no pickle is loaded.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import stat
import sys
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from coincast.errors import MissingPackageError, UnreadableFileError

MOST_BYTES = 2**31
"""Largest size of an unpacked file: what is larger is refused before it fills the memory."""

GZIP, ZIP, PARQUET, FEATHER, HDF5 = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"ARROW1", b"\x89HDF"
_STDERR = threading.Lock()
_BROKEN = (PolarsError, PanicException, OSError, MemoryError, OverflowError, ValueError, KeyError, RuntimeError)


@dataclass(frozen=True)
class Member:
    """One file, or one file out of an archive; `coincast.tabular.read_table` takes it.

    Attributes:
        name: path of the file; of a member of an archive `archive.zip/member.csv`.
        data: its content, unpacked.
        sha256: of the file as it lies there, of a member of an archive as it was packed.
    """

    name: str
    data: bytes
    sha256: str


def read_members(path: Path) -> list[Member]:
    """The files that a file holds: itself, unpacked where it is gzip, or the files of a ZIP archive by name.

    Raises:
        UnreadableFileError: no such file, a folder, a broken archive, a workbook, nothing in it, or too much.
    """
    data = _read_bytes(path)
    if data.startswith(ZIP):
        return _unzip(data, str(path))
    return [Member(str(path), _gunzip(data, str(path), MOST_BYTES), hashlib.sha256(data).hexdigest())]


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise UnreadableFileError(f"{path} is a folder; give one file in it")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError(f"{path} is a device or a pipe; give a file")
        if status.st_size > MOST_BYTES:
            raise UnreadableFileError(f"{path} has more than {MOST_BYTES / 2**30:.0f} GiB; part it into several files")
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableFileError(f"no such file: {path}; check the name, or give the whole path") from None
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror or error}") from None


def _gunzip(data: bytes, name: str, most: int) -> bytes:
    """The content of a gzip file, of at most so many bytes; anything else as it is."""
    if not data.startswith(GZIP):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(most + 1)
    except (OSError, EOFError, zlib.error):
        raise UnreadableFileError(f"{name} is a broken gzip file; fetch it again") from None
    if len(content) > most:
        raise UnreadableFileError(
            f"{name} unpacks to more than {MOST_BYTES / 2**30:.0f} GiB; part it into several files"
        )
    return content


def _unzip(data: bytes, name: str) -> list[Member]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [info for info in archive.infolist() if not info.is_dir() and not _is_hidden(info.filename)]
            if any(info.filename == "[Content_Types].xml" for info in inside):
                raise UnreadableFileError(f"{name} is an Excel workbook; save its sheet as CSV and give that")
            left = MOST_BYTES - sum(info.file_size for info in inside)
            if left < 0:
                raise UnreadableFileError(f"{name} holds more than {MOST_BYTES / 2**30:.0f} GiB; unpack it yourself")
            packed = [(f"{name}/{_printable(info.filename)}", archive.read(info)) for info in inside]
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError):
        raise UnreadableFileError(f"{name} is a broken or locked ZIP archive; fetch it again, or unpack it") from None
    if not packed:
        raise UnreadableFileError(f"{name} is a ZIP archive without a file in it; give another one")
    members = []
    for inner, content in packed:
        data_of_member = _gunzip(content, inner, left)
        left -= len(data_of_member) if data_of_member is not content else 0
        members.append(Member(inner, data_of_member, hashlib.sha256(content).hexdigest()))
    return members


def _printable(name: str) -> str:
    """A name without marks that a terminal would obey."""
    return "".join(mark if mark.isprintable() else "?" for mark in name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


# ---------------------------------------------------------------- binary tables


def from_parquet(data: bytes, name: str) -> pl.DataFrame:
    try:
        with _without_panics():
            _refuse_too_much(pl.scan_parquet(io.BytesIO(data)), name)
            return pl.read_parquet(io.BytesIO(data))
    except _BROKEN:
        raise UnreadableFileError(f"{name} is a broken Parquet file; fetch or write it again") from None


def from_feather(data: bytes, name: str) -> pl.DataFrame:
    try:
        with _without_panics():
            _refuse_too_much(pl.scan_ipc(io.BytesIO(data)), name)
            return pl.read_ipc(io.BytesIO(data))
    except _BROKEN:
        raise UnreadableFileError(f"{name} is a broken Feather file; fetch or write it again") from None


def _refuse_too_much(table: pl.LazyFrame, name: str) -> None:
    """Refuse a small file that holds a table larger than `MOST_BYTES`, by its description alone."""
    cells = table.select(pl.len()).collect().item() * len(table.collect_schema())
    if 8 * cells > MOST_BYTES:
        raise UnreadableFileError(f"{name} holds {cells:,} cells, more than {MOST_BYTES / 2**30:.0f} GiB; part it")


@contextlib.contextmanager
def _without_panics() -> Iterator[None]:
    """Keep from the terminal what the reader itself says about a broken file, below Python, before it raises."""
    with _STDERR:
        try:
            sys.stderr.flush()
            kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        except (OSError, ValueError, AttributeError):  # no such stream, as in a program without a terminal
            yield
            return
        os.dup2(nowhere, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def from_json(data: bytes, name: str) -> pl.DataFrame:
    """Rows as lists of cells (columns get the names `column_1`, `column_2`, ...) or as objects with names.

    Raises:
        UnreadableFileError: broken, of another shape, or with cells that hold more than one value.
    """
    advice = "a table in JSON is a list of rows: [[time, open, ...], ...] or [{...}, ...]"
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError):
        raise UnreadableFileError(f"{name} is broken JSON; {advice}") from None
    if not isinstance(rows, list) or not rows:
        raise UnreadableFileError(f"{name} is JSON, and no list of rows; {advice}")
    if all(isinstance(row, dict) for row in rows):
        columns = {str(key): [row.get(key) for row in rows] for key in rows[0]}
        same = all(len(row) == len(columns) and columns.keys() >= row.keys() for row in rows)
    else:
        same = all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows)
        columns = {f"column_{i}": list(cells) for i, cells in enumerate(zip(*rows, strict=True), 1)} if same else {}
    if not same or not columns:
        raise UnreadableFileError(f"{name} is JSON whose rows differ in their cells; {advice}")
    try:
        return pl.DataFrame([_json_column(name, column, cells) for column, cells in columns.items()])
    except UnicodeEncodeError:
        raise UnreadableFileError(f"{name} is JSON with half a letter in it; {advice}") from None


def _json_column(name: str, column: str, cells: list[Any]) -> pl.Series:
    kinds = {type(cell) for cell in cells} - {type(None)}
    if not kinds <= {int, float, str, bool}:
        raise UnreadableFileError(f"{name}: {column} holds lists or objects in its cells; one value a cell is read")
    try:
        if kinds <= {int}:
            return pl.Series(column, cells, dtype=pl.Int64)
        if kinds <= {int, float}:
            return pl.Series(column, cells, dtype=pl.Float64, strict=False)
    except (OverflowError, TypeError):
        pass
    return pl.Series(column, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)


def from_hdf5(data: bytes, name: str) -> pl.DataFrame:
    """The one table that pandas or PyTables wrote; the name of its group becomes the column `symbol`.

    Names of columns stand as text in the attributes of a pickled list; they are searched, never unpickled.

    Raises:
        MissingPackageError: h5py is not installed.
        UnreadableFileError: broken, or no table or several in it.
    """
    try:
        import h5py
        import hdf5plugin  # noqa: F401  registers the compression that PyTables uses
    except ImportError:
        raise MissingPackageError("h5py", "an HDF5 file", "coincast[hdf5]") from None
    tables: list[Any] = []

    def collect(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.names and "/_i_" not in item.name:
            tables.append(item)

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            file.visititems(collect)
            if len(tables) != 1:
                raise UnreadableFileError(
                    f"{name} holds {len(tables)} tables, and one is read; export the one you mean"
                )
            columns = _hdf5_columns(tables[0])
            found = re.match(r"/([^/]+)/([^/]+)/ohlcv/", tables[0].name)
    except _BROKEN:
        raise UnreadableFileError(f"{name} is a broken HDF5 file; fetch or write it again") from None
    frame = pl.DataFrame(columns)
    return frame.with_columns(pl.lit(f"{found[1]}/{found[2]}").alias("symbol")) if found else frame


def _hdf5_columns(table: Any) -> dict[str, Any]:
    rows, columns = table[:], {}
    for field in table.dtype.names:
        cells = rows[field]
        if cells.ndim == 1:
            is_time = b"datetime64" in bytes(_attribute(table, f"{field}_dtype"))
            columns[field] = cells.astype("datetime64[ns]").astype("datetime64[ms]") if is_time else cells
            continue
        names = re.findall(r"^a?V(.+)$", _attribute(table, f"{field}_kind").decode("utf-8", "replace"), re.MULTILINE)
        columns |= {column: cells[:, i] for i, column in enumerate(names[: cells.shape[1]])}
    columns.pop("index", None)
    return columns


def _attribute(table: Any, name: str) -> bytes:
    value = table.attrs.get(name, b"")
    return value if isinstance(value, bytes) else str(value).encode()
