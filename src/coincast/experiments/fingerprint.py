"""What has the same fingerprint gives the same result: a hash of spec, candles and code."""

from __future__ import annotations

import hashlib
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from coincast.candles.table import check_candles

if TYPE_CHECKING:
    from coincast.experiments.spec import Spec


def take_fingerprint(spec: Spec, candles: pl.DataFrame, *, beyond: bool) -> str:
    """A hash of spec, candles and code: what has the same one gives the same result."""
    digest = hashlib.sha256()
    told = spec.to_dict()
    told["training"] = {key: value for key, value in told["training"].items() if key != "memory"}
    digest.update(json.dumps(told, sort_keys=True, default=str).encode())
    for entry in spec.models:
        digest.update(repr(entry.settings).encode() + _source_of(type(entry.settings)))
    digest.update(str(beyond).encode() + hash_candles(candles) + hash_code())
    return digest.hexdigest()


def hash_candles(candles: pl.DataFrame) -> bytes:
    """A hash of the rows of a candle table, in whatever order they come."""
    return hash_table(check_candles(candles))


def hash_table(table: pl.DataFrame) -> bytes:
    """A hash of a table's columns and rows."""
    digest = hashlib.sha256()
    for column in table:
        digest.update(f"{column.name} {column.dtype} {len(column)}".encode())
        if column.dtype == pl.String:
            digest.update("\n".join(column.fill_null("").to_list()).encode())
        else:
            digest.update(
                column.is_null().to_numpy().tobytes() + column.to_physical().fill_null(0).to_numpy().tobytes()
            )
    return digest.digest()


def hash_code() -> bytes:
    """A hash of the sources of this package."""
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent
    for path in sorted(package.rglob("*")):
        if path.suffix in (".py", ".html", ".css", ".js") and path.is_file():
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.digest()


def _source_of(settings: type) -> bytes:
    """The source of a user's own model, where it can be had."""
    if settings.__module__.startswith("coincast."):
        return b""
    try:
        return inspect.getsource(inspect.getmodule(settings) or settings).encode()
    except (OSError, TypeError):
        return b""
