"""Where things lie in the store, who may write there, and how a file takes its place."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from coincast.candles.table import INTERVALS, check_interval, folder_name, parse_market
from coincast.errors import DataError, NotStoredError, UnfinishedError, UnreadableFileError, UsageError
from coincast.tabular import home_folder, write_beside

WAIT_SECONDS = 60.0
"""How long a writer waits for another one of the same market and interval."""

_LOCK, _READY = ".lock", ".ready"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_INTERVAL_FOLDERS = {interval: "1mo" if interval == "1M" else interval for interval in INTERVALS}
"""1m and 1M are one folder where upper and lower case are the same."""
_INTERVALS = {name: interval for interval, name in _INTERVAL_FOLDERS.items()}


class Broken(NamedTuple):
    """A part of the store that cannot be read.

    Attributes:
        name: the market or series, by the place where it lies; of a foreign folder its name.
        interval: of the market; None of a series.
        error: what is wrong, and what to do.
    """

    name: str
    interval: str | None
    error: DataError


# ---------------------------------------------------------------- folders and files


def candles_folder(folder: Path | None = None) -> Path:
    """The folder of all candles: the one given, else that of the user's home."""
    return home_folder() / "candles" if folder is None else Path(folder)


def interval_folder(market: str, interval: str, folder: Path | None = None) -> Path:
    """The folder of one market and interval."""
    return candles_folder(folder) / folder_name(market) / _INTERVAL_FOLDERS[check_interval(interval)]


def interval_folders(folder: Path | None = None) -> list[Path]:
    """The folders of all markets and intervals that have candles, in order of market and length."""
    root = candles_folder(folder)
    order = list(_INTERVALS)
    found = [path for path in root.glob("*/*") if path.name in _INTERVALS and any(path.glob("[0-9]*.parquet"))]
    return sorted(found, key=lambda path: (path.parent.name, order.index(path.name)))


def interval_of(folder: Path) -> str:
    """The interval of a folder of `interval_folders`."""
    return _INTERVALS[folder.name]


def market_of(folder: Path) -> str | None:
    """The market of a folder of `interval_folders`, by its name alone; None where that is no market's."""
    name = folder.parent.name
    source, _, rest = name.partition("-")
    base, _, rest = rest.partition("_")
    quote, _, settle = rest.partition("-")
    market = f"{source}:{base}/{quote}" + (f":{settle}" if settle else "")
    try:
        return market if folder_name(parse_market(market)) == name else None
    except UsageError:
        return None


def is_by_month(interval: str) -> bool:
    """Whether a file holds a calendar month, not a year: candles shorter than a day."""
    return INTERVALS[interval] < INTERVALS["1d"]


def file_name(open_time: datetime, interval: str) -> str:
    """The file that a candle lies in: `2021-03.parquet` or `2021.parquet`. Names are in order of time."""
    month = f"-{open_time.month:02}" if is_by_month(interval) else ""
    return f"{open_time.year:04}{month}.parquet"


def candle_files(folder: Path, interval: str) -> list[Path]:
    """The files of one market and interval, in order of time.

    Raises:
        UnreadableFileError: a Parquet file whose name is not one of the store's.
    """
    paths = sorted(folder.glob("[!.]*.parquet"))
    for path in paths:
        digits = path.stem.replace("-", "", 1) if is_by_month(interval) else path.stem
        if not digits.isdecimal() or len(digits) != (6 if is_by_month(interval) else 4):
            raise UnreadableFileError(
                f"{path} is no file of the store; move it away and bring it in with: coincast import"
            )
    return paths


def not_stored(market: str, interval: str, folder: Path | None) -> NotStoredError:
    """The error that says what is stored instead: other intervals of the market, or the nearest names."""
    known: dict[str, list[str]] = {}
    for path in interval_folders(folder):
        if name := market_of(path):
            known.setdefault(name, []).append(interval_of(path))
    if market in known:
        there = f"of this market there is {' '.join(known[market])}"
    elif known:
        names = difflib.get_close_matches(market, known, n=3, cutoff=0.5) or sorted(known)[:3]
        more = f" and {len(known) - len(names):,} more" if len(known) > len(names) else ""
        there = f"there is {', '.join(names)}{more}"
    else:
        there = f"{candles_folder(folder)} is empty"
    message = f"no {interval} candles of {market} are stored; {there}"
    return NotStoredError(message, market=market, interval=interval)


# ---------------------------------------------------------------- writing


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only writer in a folder, which is made if need be; what a writer that was killed left there goes.

    Raises:
        UsageError: the folder cannot be written.
        UnfinishedError: the disk is full.
        DataError: another writer does not end.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK, timeout=WAIT_SECONDS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise DataError(
            f"another process has been writing to {folder} for more than {WAIT_SECONDS:g} seconds; "
            "wait until it is done, or end it"
        ) from None
    except OSError as error:
        if error.errno in _FULL:
            raise _unfinished(lock.lock_file, error) from error
        raise UsageError(
            f"cannot write to {folder}: {error.strerror or error}; set COINCAST_HOME to another place"
        ) from error
    try:
        for leftover in folder.glob(f".*{_READY}"):
            with contextlib.suppress(OSError):
                leftover.unlink()
        yield
    finally:
        lock.release()


def put_file(path: Path, data: bytes) -> None:
    """Write a file of a locked folder, whole or not at all.

    Until it is whole, its name does not end in `.parquet`: DuckDB's and polars' `*.parquet` take hidden files, too.

    Raises:
        UnfinishedError: the disk is full, or another program holds the file open.
    """
    ready = path.with_name(f".{path.name}{_READY}")
    try:
        write_beside(ready, lambda beside: beside.write_bytes(data))
        os.replace(ready, path)
    except (UsageError, OSError) as error:
        with contextlib.suppress(OSError):
            ready.unlink()
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        raise _unfinished(path, cause) from error


def _unfinished(path: Path | str, error: OSError) -> UnfinishedError:
    remedy = "make room" if error.errno in _FULL else "close what holds it open"
    return UnfinishedError(f"cannot write {path}: {error.strerror or error}; {remedy}, and run the same command again")
