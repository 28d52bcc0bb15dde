"""What was stored once and has been replaced: a CSV file beside the folder of a market and interval.

Not Parquet and not in the folder: whoever reads `*.parquet` there wants candles and nothing else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from coincast.candles.store.places import interval_folder, put_file
from coincast.errors import UnreadableFileError

_TIMES = pl.Datetime("ms", "UTC")
_ISO = "%Y-%m-%dT%H:%M:%S%.3fZ"
REVISIONS: dict[str, pl.DataType] = {
    "open_time": _TIMES,
    "column": pl.String(),
    "before": pl.Float64(),
    "after": pl.Float64(),
}
_LOGGED: dict[str, pl.DataType] = REVISIONS | {"source": pl.String(), "written": _TIMES}


def read_revisions(market: str, interval: str, *, folder: Path | None = None) -> pl.DataFrame:
    """Values that have been replaced, in the order in which that happened.

    Returns:
        `open_time`, `column`, `before`, `after`, `source` and `written`; no rows where nothing was ever replaced.

    Raises:
        UnreadableFileError: the file is broken.
    """
    path = _path(interval_folder(market, interval, folder))
    if not path.is_file():
        return pl.DataFrame(schema=_LOGGED)
    times: dict[str, pl.DataType] = {"open_time": pl.String(), "written": pl.String()}
    try:
        read = pl.read_csv(path, schema=_LOGGED | times)
        return read.with_columns(pl.col(*times).str.to_datetime(_ISO, time_unit="ms", time_zone="UTC"))
    except (PolarsError, OSError) as error:
        raise UnreadableFileError(f"{path} is broken; move it away (candles do not hang on it)") from error


def log_revisions(market: str, interval: str, revisions: pl.DataFrame, source: str, folder: Path | None) -> None:
    """Add revisions to the file, but those whose last entry is the same: a write that was killed is repeated."""
    logged = read_revisions(market, interval, folder=folder)
    last = logged.unique(["open_time", "column"], keep="last").select(list(REVISIONS))
    new = revisions.join(last, on=list(REVISIONS), how="anti", maintain_order="left")
    if new.height == 0:
        return
    stamp = pl.lit(datetime.now(UTC)).cast(_TIMES)
    table = pl.concat([logged, new.with_columns(pl.lit(source).alias("source"), stamp.alias("written"))])
    text = table.with_columns(pl.col("open_time", "written").dt.strftime(_ISO)).write_csv()
    put_file(_path(interval_folder(market, interval, folder)), text.encode())


def _path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.revisions.csv")
