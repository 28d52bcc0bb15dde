"""Candles out of the store: a span, what is there, where it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from coincast.candles.quality import find_gaps
from coincast.candles.store.facts import check_facts
from coincast.candles.store.places import (
    Broken,
    candle_files,
    file_name,
    interval_folder,
    interval_folders,
    interval_of,
    market_of,
    not_stored,
)
from coincast.candles.store.sealed import Facts, read_facts, unseal
from coincast.candles.table import add_intervals
from coincast.errors import DataError, NotStoredError, UnreadableFileError, UsageError

_TIMES = pl.Datetime("ms", "UTC")
_LISTED: dict[str, pl.DataType] = {
    "market": pl.String(),
    "interval": pl.String(),
    "rows": pl.Int64(),
    "first": _TIMES,
    "last": _TIMES,
    "gaps": pl.Int64(),
    "missing": pl.Int64(),
    "files": pl.Int64(),
    "bytes": pl.Int64(),
    "sources": pl.List(pl.String()),
}
_CONTRIBUTIONS: dict[str, pl.DataType] = {
    "file": pl.String(),
    "source": pl.String(),
    "sha256": pl.String(),
    "rows": pl.Int64(),
    "first": _TIMES,
    "last": _TIMES,
    "begun": _TIMES,
    "written": _TIMES,
}


def read_stored(
    market: str,
    interval: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    folder: Path | None = None,
) -> pl.DataFrame:
    """Read candles of one market and interval.

    Only the files in which the span lies are opened.

    Args:
        market: `source:BASE/QUOTE`.
        interval: a key of `INTERVALS`.
        since: the first candle opens then or later.
        until: the last candle opens before.
        folder: of all candles; default: that of the user's home.

    Returns:
        Candle table, as `check_candles` returns it.

    Raises:
        NotStoredError: nothing is stored of this market and interval, or not in this span.
        UnreadableFileError: a file of the span is broken, or not ours.
        UsageError: the market is misspelt, the interval unknown, or a time has no zone.
    """
    since, until = _in_utc(since), _in_utc(until)
    files = candle_files(interval_folder(market, interval, folder), interval)
    if not files:
        raise not_stored(market, interval, folder)
    first = file_name(since, interval) if since else ""
    last = file_name(until - timedelta(milliseconds=1), interval) if until else "~"
    tables = [_read_file(path, market, interval) for path in files if first <= path.name <= last]
    candles = pl.concat(tables, how="diagonal", rechunk=True) if tables else pl.DataFrame()
    conditions = [*([pl.col("open_time") >= since] if since else []), *([pl.col("open_time") < until] if until else [])]
    if tables and conditions:
        candles = candles.filter(conditions)
    if candles.height == 0:
        begin, end = _span([read_facts_of(files[row], market, interval) for row in (0, -1)])
        raise NotStoredError(
            f"no {interval} candles of {market} are stored in that span; there are some from "
            f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC",
            market=market,
            interval=interval,
        )
    return candles


def last_open_time(market: str, interval: str, *, folder: Path | None = None) -> datetime | None:
    """Open of the last candle that is stored; None where there is none."""
    files = candle_files(interval_folder(market, interval, folder), interval)
    return _span([read_facts_of(files[-1], market, interval)])[1] if files else None


def list_stored(folder: Path | None = None, *, on_broken: Callable[[Broken], None] | None = None) -> pl.DataFrame:
    """What is stored, from the descriptions in the files; no candle is read.

    Args:
        folder: of all candles; default: that of the user's home.
        on_broken: called for each market and interval of which a file cannot be read; it is not in the table.

    Returns:
        One row per market and interval: `market`, `interval`, `rows`, `first` and `last` (open times), `gaps`,
        `missing` (candles that would fill them), `files`, `bytes`, `sources`.

    Raises:
        UnreadableFileError: without `on_broken`, a file is broken or not ours.
        DataError: likewise, it has a newer form than this version of coincast knows.
    """
    rows = []
    for place in interval_folders(folder):
        try:
            rows.append(_describe(place))
        except DataError as error:
            if on_broken is None:
                raise
            on_broken(Broken(market_of(place) or place.parent.name, interval_of(place), error))
    return pl.DataFrame(rows, schema=_LISTED)


def _describe(place: Path) -> dict[str, Any]:
    """One row of `list_stored`."""
    market, interval = market_of(place), interval_of(place)
    if market is None:
        raise UnreadableFileError(f"{place.parent} is no folder of a market; move it away from the store")
    paths = candle_files(place, interval)
    every = [read_facts_of(path, market, interval) for path in paths]
    between = _gaps_between(every)
    first, last = _span(every)
    return {
        "market": market,
        "interval": interval,
        "rows": sum(facts["rows"] for facts in every),
        "first": first,
        "last": last,
        "gaps": sum(facts["gaps"] for facts in every) + between.height,
        "missing": sum(facts["missing"] for facts in every) + int(between["missing"].sum()),
        "files": len(paths),
        "bytes": sum(path.stat().st_size for path in paths),
        "sources": list(dict.fromkeys(one["source"] for facts in every for one in facts["contributions"])),
    }


def read_provenance(market: str, interval: str, *, folder: Path | None = None) -> pl.DataFrame:
    """Where the candles came from.

    Returns:
        One row per file, source and hash: `file`, `source`, `sha256`, `rows` (candles added, completed or revised),
        `first` and `last` of them, `begun` and `written` (when the source was first and last written, UTC).

    Raises:
        NotStoredError: nothing is stored of this market and interval.
        UnreadableFileError: a file is broken, or not ours.
    """
    files = candle_files(interval_folder(market, interval, folder), interval)
    if not files:
        raise not_stored(market, interval, folder)
    entries: list[dict[str, Any]] = [
        {"file": path.name, **entry}
        for path in files
        for entry in read_facts_of(path, market, interval)["contributions"]
    ]
    moments = {
        name: [datetime.fromisoformat(entry[name]) for entry in entries]
        for name in ("first", "last", "begun", "written")
    }
    columns = {name: moments.get(name) or [entry[name] for entry in entries] for name in _CONTRIBUTIONS}
    return pl.DataFrame(columns, schema=_CONTRIBUTIONS)


def read_facts_of(path: Path, market: str, interval: str) -> Facts:
    """What is to be known of a file, which must be of this market, this interval and the period that its name says."""
    facts = read_facts(path)
    _refuse_other(path, facts, market, interval)
    return facts


def _read_file(path: Path, market: str, interval: str) -> pl.DataFrame:
    facts, table = unseal(path)
    _refuse_other(path, facts, market, interval)
    return table


def _refuse_other(path: Path, facts: Facts, market: str, interval: str) -> None:
    """A file that was moved or renamed.

    Or two markets that differ in case only, on a disk that does not tell the two apart.
    """
    found = facts.get("market"), facts.get("interval")
    if None in found:
        raise UnreadableFileError(f"{path} holds no candles; move it away")
    if found != (market, interval):
        raise UnreadableFileError(
            f"{path} holds {found[1]} candles of {found[0]}, not {interval} candles of {market}; move it away"
        )
    first, last = check_facts(path, facts, gaps=int, missing=int)
    if {file_name(first, interval), file_name(last, interval)} != {path.name}:
        raise UnreadableFileError(
            f"{path} holds candles from {first:%Y-%m-%d} to {last:%Y-%m-%d}, which is not what its name says; "
            "move it away, and download or import its content again"
        )


def _span(facts: Sequence[Facts]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(facts[0]["first"]), datetime.fromisoformat(facts[-1]["last"])


def _gaps_between(facts: Sequence[Facts]) -> pl.DataFrame:
    """Gaps between the files, from their first and last candles."""
    market, interval = facts[0]["market"], facts[0]["interval"]
    edges = sorted({datetime.fromisoformat(one[name]) for one in facts for name in ("first", "last")})
    opens = pl.Series("open_time", edges).dt.cast_time_unit("ms")
    closes = add_intervals(pl.col("open_time"), interval, 1).alias("close_time")
    keys = (pl.lit(market).alias("market"), pl.lit(interval).alias("interval"))
    lasts = pl.Series([datetime.fromisoformat(one["last"]) for one in facts]).dt.cast_time_unit("ms")
    table = opens.to_frame().with_columns(*keys, closes)
    ends = table.filter(pl.col("open_time").is_in(lasts.implode()))["close_time"]
    return find_gaps(table).filter(pl.col("after").is_in(ends.implode()))


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise UsageError(f"the time {moment} has no zone; give one in UTC: datetime(..., tzinfo=UTC)")
    return moment.astimezone(UTC) if moment else None
