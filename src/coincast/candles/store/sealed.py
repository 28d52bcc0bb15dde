"""One Parquet file: a table, what is to be known of it, and a checksum over both.

What is to be known stands as JSON under the key `coincast` in the file's own metadata, where
`polars.read_parquet_metadata` finds it. Its last member is the CRC-32 of the whole file with zeros in its place. It is
looked at before polars sees the file: a byte that is wrong in the right place can end the process, not only the read.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from coincast.errors import DataError, UnreadableFileError

SCHEMA = 1
"""Version of the form of files; a file of a newer one is refused."""

Facts = dict[str, Any]

_MARK = b'{"coincast_schema":'
_SEAL, _BLANK = b'"crc32":"', b"00000000"
_MAGIC = b"PAR1"


def seal(table: pl.DataFrame, facts: Mapping[str, Any]) -> bytes:
    """The bytes of a file."""
    text = json.dumps({"coincast_schema": SCHEMA, **facts, "crc32": _BLANK.decode()}, separators=(",", ":"))
    buffer = io.BytesIO()
    table.write_parquet(buffer, metadata={"coincast": text})
    data = buffer.getvalue()
    place = data.rindex(_SEAL) + len(_SEAL)
    return b"".join([data[:place], f"{zlib.crc32(data):08x}".encode(), data[place + len(_BLANK) :]])


def read_facts(path: Path) -> Facts:
    """What is to be known of a file, from its end alone; the table is neither read nor checked.

    Raises:
        UnreadableFileError: no file of ours, or a broken one.
        DataError: it has a newer form than this version of coincast knows.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(max(size - 8, 0))
            length = int.from_bytes(file.read(4), "little")
            file.seek(max(size - 8 - length, 0))
            footer = file.read()
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror or error}") from error
    return _parse_facts(path, footer)


def unseal(path: Path) -> tuple[Facts, pl.DataFrame]:
    """A file's facts and table.

    Raises:
        UnreadableFileError: no file of ours, or a broken one.
        DataError: it has a newer form than this version of coincast knows.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror or error}") from error
    facts = _parse_facts(path, data)
    place = data.rindex(_SEAL) + len(_SEAL)
    rest = zlib.crc32(memoryview(data)[place + len(_BLANK) :], zlib.crc32(_BLANK, zlib.crc32(memoryview(data)[:place])))
    if f"{rest:08x}" != facts["crc32"]:
        raise broken_file(path, "its checksum is not that of its content")
    return facts, pl.read_parquet(io.BytesIO(data))


def _parse_facts(path: Path, data: bytes) -> Facts:
    place = data.rfind(_MARK)
    if not data.endswith(_MAGIC):
        raise broken_file(path, "it is no whole Parquet file")
    if place < 0:
        raise UnreadableFileError(
            f"{path} was not written by coincast; move it away from the store and bring it in with: coincast import"
        )
    try:
        facts, _ = json.JSONDecoder().raw_decode(data[place:].decode("latin-1"))
        version = int(facts["coincast_schema"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise broken_file(path, "its description cannot be read") from None
    if version > SCHEMA:
        raise DataError(
            f"{path} is written in form {version}, and this coincast knows {SCHEMA} at most; "
            "update it: pip install --upgrade coincast"
        )
    if "crc32" not in facts:
        raise broken_file(path, "its description cannot be read")
    return dict(facts)


def broken_file(path: Path, why: str) -> UnreadableFileError:
    """The error about a file of ours that is not as it was written."""
    return UnreadableFileError(f"{path} is broken: {why}; move it away, and download or import its content again")
