"""What was stored once and has been replaced: a CSV file beside what it speaks of.

Not Parquet and not in the folder of candles: whoever reads `*.parquet` there wants candles and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from coincast.candles.store.places import interval_folder, put_file
from coincast.errors import UnreadableFileError

_TIMES = pl.Datetime("ms", "UTC")
_ISO = "%Y-%m-%dT%H:%M:%S%.3fZ"
_VALUES: dict[str, pl.DataType] = {"column": pl.String(), "before": pl.Float64(), "after": pl.Float64()}
_STAMPS: dict[str, pl.DataType] = {"source": pl.String(), "written": _TIMES}


def revision_schema(keys: Sequence[str]) -> dict[str, pl.DataType]:
    """Columns of revisions: the times that name a row, and `column, before, after`."""
    return {**dict.fromkeys(keys, _TIMES), **_VALUES}


def read_revisions(market: str, interval: str, *, folder: Path | None = None) -> pl.DataFrame:
    """Values that have been replaced, in the order in which that happened.

    Returns:
        `open_time`, `column`, `before`, `after`, `source` and `written`; no rows where nothing was ever replaced.

    Raises:
        UnreadableFileError: the file is broken.
    """
    return read_log(log_path(interval_folder(market, interval, folder)), ["open_time"])


def log_path(place: Path) -> Path:
    """The log of a folder of candles, or of a series whose file is named without its ending."""
    return place.with_name(f"{place.name}.revisions.csv")


def read_log(path: Path, keys: Sequence[str]) -> pl.DataFrame:
    """Entries of a log whose rows are named by these times."""
    schema = revision_schema(keys) | _STAMPS
    if not path.is_file():
        return pl.DataFrame(schema=schema)
    times: dict[str, pl.DataType] = dict.fromkeys([*keys, "written"], pl.String())
    try:
        read = pl.read_csv(path, schema=schema | times)
        return read.with_columns(pl.col(*times).str.to_datetime(_ISO, time_unit="ms", time_zone="UTC"))
    except (PolarsError, OSError) as error:
        raise UnreadableFileError(f"{path} is broken; move it away (what is stored does not hang on it)") from error


def log_revisions(path: Path, revisions: pl.DataFrame, source: str) -> None:
    """Add revisions to a log, but those whose last entry is the same: a write that was killed is repeated."""
    keys = [name for name in revisions.columns if name not in _VALUES]
    logged = read_log(path, keys)
    last = logged.unique([*keys, "column"], keep="last").select(revisions.columns)
    new = revisions.join(last, on=revisions.columns, how="anti", maintain_order="left", nulls_equal=True)
    if new.height == 0:
        return
    stamp = pl.lit(datetime.now(UTC)).cast(_TIMES)
    table = pl.concat([logged, new.with_columns(pl.lit(source).alias("source"), stamp.alias("written"))])
    put_file(path, table.with_columns(pl.col(*keys, "written").dt.strftime(_ISO)).write_csv().encode())
