"""The candles of the store as the page needs them: found by id, cut to a span, thinned."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from coincast.candles.store import Broken, list_series, list_stored, read_stored
from coincast.candles.store.places import interval_folders, interval_of, market_of
from coincast.candles.store.series import series_folder
from coincast.candles.table import interval_milliseconds
from coincast.errors import NotStoredError
from coincast.reports.numbers import SIMULATED
from coincast.reports.thinning import thin
from coincast.web.faults import Refusal
from coincast.web.ids import market_id
from coincast.web.recent import Recent

Signature = frozenset[tuple[tuple[str, str], tuple[str, int, int]]]
"""Of every market and interval the name and time (ns) of the newest file and the bytes of all: a change shows in it."""


@dataclass(frozen=True)
class StoredMarket:
    """One market and interval of the store: a row of `list_stored`, its id, and when it was last written to (ms)."""

    id: str
    facts: Mapping[str, Any] = field(compare=False)
    updated_at: int

    @property
    def market(self) -> str:
        return str(self.facts["market"])

    @property
    def interval(self) -> str:
        return str(self.facts["interval"])

    @property
    def is_simulated(self) -> bool:
        """Whether its prices were made by us."""
        return self.market.startswith(SIMULATED)


@dataclass(frozen=True)
class Inventory:
    """What is in the store.

    Attributes:
        candles: changes where candles do.
        stamp: changes where anything in the store does.
        markets: by id, in order of market and interval.
        series: outside series, rows of `list_series`.
        broken: what cannot be read.
    """

    candles: Signature
    stamp: Hashable
    markets: Mapping[str, StoredMarket]
    series: tuple[Mapping[str, Any], ...]
    broken: tuple[Broken, ...]

    def find(self, given: str) -> StoredMarket:
        """The market of an id.

        Raises:
            Refusal: no market has it.
        """
        if given not in self.markets:
            raise Refusal(404, "no market of the store has this id")
        return self.markets[given]

    def id_of(self, market: str, interval: str) -> str | None:
        """The id of a market by its name, None where the store has no such candles."""
        named = market_id(market, interval)
        return named if named in self.markets else None


class Store:
    """The store, listed anew where a file of it has changed; from any thread."""

    def __init__(self) -> None:
        self._listed: Inventory | None = None
        self._recent = Recent(self._look)

    def inventory(self) -> Inventory:
        """What is there, as of a moment ago at most."""
        return self._recent.get()

    def refresh(self) -> Inventory:
        """What is there now."""
        return self._recent.renew()

    def _look(self) -> Inventory:
        candles = sign_candles()
        stamp = candles, frozenset(_files(series_folder(), ""))
        if self._listed is None or self._listed.stamp != stamp:
            self._listed = _list(candles, stamp)
        return self._listed


def sign_candles() -> Signature:
    """The newest file of every market and interval; nothing is read but the folders."""
    found = {}
    for folder in interval_folders():
        market, files = market_of(folder), _files(folder, "0123456789")
        if market is not None and files:
            name, changed, _ = max(files, key=lambda file: (file[1], file[0]))
            found[market, interval_of(folder)] = name, changed, sum(size for _, _, size in files)
    return frozenset(found.items())


def _files(folder: Path, begins: str) -> list[tuple[str, int, int]]:
    """Name, time of change (ns) and size of the Parquet files of a folder whose name begins with one of some letters.

    Args:
        folder: that need not be there.
        begins: those letters; none: with any but a dot, which unfinished files have.
    """
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                first = entry.name[0]
                if entry.name.endswith(".parquet") and (first in begins if begins else first != "."):
                    facts = entry.stat()
                    found.append((entry.name, facts.st_mtime_ns, facts.st_size))
    except (FileNotFoundError, NotADirectoryError):  # there is none, or a file has just been taken away: next time
        return []
    return found


def _list(candles: Signature, stamp: Hashable) -> Inventory:
    broken: list[Broken] = []
    changed = {key: time // 1_000_000 for key, (_, time, _) in candles}
    rows = list_stored(on_broken=broken.append).iter_rows(named=True)
    markets = [
        StoredMarket(market_id(*key), row, changed.get(key, 0))
        for row in rows
        for key in [(row["market"], row["interval"])]
    ]
    series = tuple(list_series(on_broken=broken.append).to_dicts())
    return Inventory(candles, stamp, {market.id: market for market in markets}, series, tuple(broken))


def as_milliseconds(moment: datetime) -> int:
    """A time as milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def as_moment(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as a time in UTC.

    Raises:
        Refusal: it lies beyond what a date can be.
    """
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise Refusal(422, "this time lies too far from now") from None


def read_newest(stored: StoredMarket, count: int) -> pl.DataFrame:
    """The newest so many candles; only the files in which they lie are read."""
    return _read_around(stored, count, forward=False).tail(count)


def read_from(stored: StoredMarket, since: datetime, until: datetime | None, count: int) -> pl.DataFrame:
    """So many candles from a time on, fewer at the end; only the files in which they lie are read."""
    table = _read_around(stored, count, forward=True, since=since)
    table = table if until is None else table.filter(pl.col("open_time") < until)
    return table.head(count)


def _read_around(stored: StoredMarket, count: int, *, forward: bool, since: datetime | None = None) -> pl.DataFrame:
    """At least so many candles from one end, reading ever more until gaps are made up for."""
    first, last = stored.facts["first"], stored.facts["last"]
    length = timedelta(milliseconds=interval_milliseconds(stored.interval))
    start, width = max(since or first, first), 2 * count
    while True:
        span = width * length
        end = min(start + span, last + length) if forward else last + length
        begin = start if forward else max(last + length - span, first)
        table = read_span(stored, begin, end)
        if table.height >= count or (end > last if forward else begin <= first):
            return table
        width *= 4


def read_span(stored: StoredMarket, since: datetime | None, until: datetime | None) -> pl.DataFrame:
    """All candles that open from a time on and before another one; none where there are none."""
    try:
        return read_stored(stored.market, stored.interval, since=since, until=until)
    except NotStoredError:
        return read_stored(stored.market, stored.interval, since=stored.facts["last"]).clear()


def thin_candles(candles: pl.DataFrame, points: int) -> pl.DataFrame:
    """About so many candles, none of the extremes of the close lost."""
    kept = thin(candles["close"].to_numpy(), most=points)
    return candles[kept] if len(kept) < candles.height else candles
