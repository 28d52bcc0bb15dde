"""The candles of the store as the page needs them: found by id, cut to a span, thinned."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from coincast.candles.store import Broken, list_series, list_stored, read_stored
from coincast.candles.store.places import interval_folders, interval_of, market_of
from coincast.candles.table import interval_milliseconds
from coincast.errors import NotStoredError
from coincast.reports.numbers import SIMULATED
from coincast.reports.thinning import thin
from coincast.web.faults import Refusal
from coincast.web.ids import market_id

FRESH_SECONDS = 2.0
"""For so long nobody looks again; the watcher looks more often, before it tells what is new."""

Signature = Mapping[tuple[str, str], tuple[str, int, int]]
"""Market and interval -> name, time and size of the newest file, by which a change shows."""


@dataclass(frozen=True)
class StoredMarket:
    """One market and interval of the store: a row of `list_stored`, its id, and when it was last written to."""

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
        stamp: changes where something in the store does.
        markets: by id, in order of market and interval.
        series: outside series, rows of `list_series`.
        broken: what cannot be read.
    """

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
        self._lock = threading.Lock()
        self._listed: Inventory | None = None
        self._looked_at = -math.inf

    def inventory(self) -> Inventory:
        """What is there, as of a moment ago at most."""
        with self._lock:
            if self._listed is not None and time.monotonic() - self._looked_at < FRESH_SECONDS:
                return self._listed
            return self._look(sign_store())

    def refresh(self) -> tuple[Signature, Inventory]:
        """What is there now, and the newest file of every market."""
        with self._lock:
            signature = sign_store()
            return signature, self._look(signature)

    def _look(self, signature: Signature) -> Inventory:
        stamp = frozenset(signature.items())
        if self._listed is None or self._listed.stamp != stamp:
            self._listed = _list(stamp)
        self._looked_at = time.monotonic()
        return self._listed


def sign_store() -> Signature:
    """The newest file of every market and interval; nothing is read but the folders."""
    found = {}
    for folder in interval_folders():
        market, newest = market_of(folder), _newest(folder)
        if market is not None and newest is not None:
            found[market, interval_of(folder)] = newest
    return found


def _newest(folder: Path) -> tuple[str, int, int] | None:
    """Name, time of change and size of the file of a folder that was written last."""
    try:
        facts = [(path.name, path.stat()) for path in folder.glob("[0-9]*.parquet")]
    except FileNotFoundError:  # a writer has just put another file in its place
        return None
    if not facts:
        return None
    name, newest = max(facts, key=lambda fact: (fact[1].st_mtime_ns, fact[0]))
    return name, newest.st_mtime_ns, sum(fact.st_size for _, fact in facts)


def _list(stamp: frozenset[tuple[tuple[str, str], tuple[str, int, int]]]) -> Inventory:
    broken: list[Broken] = []
    changed = {key: newest[1] // 1_000_000 for key, newest in stamp}
    rows = list_stored(on_broken=broken.append).iter_rows(named=True)
    markets = [
        StoredMarket(market_id(*key), row, changed.get(key, 0))
        for row in rows
        for key in [(row["market"], row["interval"])]
    ]
    series = tuple(list_series(on_broken=broken.append).to_dicts())
    return Inventory(stamp, {market.id: market for market in markets}, series, tuple(broken))


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
