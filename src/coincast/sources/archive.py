"""Binance's archive of candles: one ZIP file for each month or day, with its checksum. No account, no ccxt.

    data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01.zip       and the same with .CHECKSUM behind it
    data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-03.zip      for the month that is not over

A file holds one CSV, with or without a line of names, times in milliseconds or (from 2025 on) microseconds. What cannot
be trusted is never taken: a file whose checksum is still wrong when it has been fetched twice, or whose content is no
candles of its span, is put under quarantine and its span reported as a hole, for the exchange itself to fill.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import polars as pl

from coincast.candles.table import Market, parse_market
from coincast.errors import DataError, UsageError
from coincast.sources.http import fetch_file
from coincast.sources.kline_zip import read_kline_zip
from coincast.sources.retry import PATIENCE, Clock, Patience
from coincast.tabular import home_folder, write_beside

BASE_URL = "https://data.binance.vision"
BASE_URL_VARIABLE = "COINCAST_BINANCE_ARCHIVE_URL"
SOURCE = "binance"

ARCHIVE_INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
"""Intervals of which there are files."""

EARLIEST = datetime(2017, 7, 1, tzinfo=UTC)
"""No file is older: the exchange opened in this month."""

MOST_BYTES = 32 * 2**20
"""Of one file; a month of minutes takes 2 MiB."""

_WITHOUT_DAYS = ("3d", "1w", "1M")
_PUBLISHED_LATE = timedelta(days=10)  # monthly files come on the first Monday of the next month
_ABSENT = "not in the archive"

Fetch = Callable[[str], bytes | None]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class ArchivePart:
    """The candles of one file.

    Attributes:
        candles: those that open in [since, until).
        name: of the file, without its folder.
        sha256: of its bytes, as its checksum says.
        since, until: span that the file speaks of. Some files are short: what they lack, the exchange may have.
    """

    candles: pl.DataFrame
    name: str
    sha256: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class ArchiveHole:
    """A span that must come from the exchange itself.

    Attributes:
        since, until: open times in [since, until).
        reason: why the archive does not have it, for a person.
        quarantine: where a file that was not taken lies, with a note beside it.
    """

    since: datetime
    until: datetime
    reason: str
    quarantine: Path | None = None


class _Ways(NamedTuple):
    """How a file is fetched, who is told, and where one goes that is not taken."""

    fetch: Fetch
    tell: Tell
    quarantine: Path


class _Fetched(NamedTuple):
    """A file's bytes, their SHA-256, and what the checksum beside it says (None: nothing readable)."""

    content: bytes
    found: str
    said: str | None


@dataclass(frozen=True)
class _File:
    """One file, and the span that is wanted of it."""

    market: Market
    interval: str
    stem: str
    path: str
    start: datetime
    end: datetime
    since: datetime
    until: datetime

    @property
    def name(self) -> str:
        return f"{self.stem}.zip"

    @property
    def absent(self) -> ArchiveHole:
        return ArchiveHole(self.since, self.until, _ABSENT)


def fetch_archive(
    market: str | Market,
    interval: str,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    base_url: str | None = None,
    quarantine: Path | None = None,
    on_event: Callable[[str], None] | None = None,
    patience: Patience = PATIENCE,
    clock: Clock | None = None,
) -> Iterator[ArchivePart | ArchiveHole]:
    """Fetch the candles of a spot market file by file, oldest first.

    Parts and holes together cover [since, until), cut to the time from `EARLIEST` to now; store each part before taking
    the next, and an end at any moment costs one file. Besides open, high, low, close and volume the candles have
    `quote_volume`, `trades`, `taker_buy_volume` and `taker_buy_quote_volume`.

    Args:
        market: `binance:BASE/QUOTE`.
        interval: one of `ARCHIVE_INTERVALS`.
        since, until: open times in [since, until), with a zone.
        now: the exchange's time, with a zone; a file is asked for when its span is over.
        base_url: of the archive; default `COINCAST_BINANCE_ARCHIVE_URL`, else Binance's own.
        quarantine: folder for files that are not taken; default: `quarantine` in the user's home.
        on_event: told, in a sentence, of repeated attempts and of files that were not taken.
        patience: with one file.
        clock: measures and waits between attempts.

    Raises:
        UsageError: no spot market of Binance, an interval that the archive does not have, no address of the web.
        ExchangeError: the archive cannot be reached or refuses; what was not yielded must come from elsewhere.
    """
    known = market if isinstance(market, Market) else parse_market(market)
    if known.source != SOURCE or known.settle:
        raise UsageError(
            f"the archive has spot markets of binance only, such as binance:BTC/USDT, and {known} was asked"
        )
    if interval not in ARCHIVE_INTERVALS:
        raise UsageError(f"the archive has no candles of {interval}; it has {' '.join(ARCHIVE_INTERVALS)}")
    for name, time in (("since", since), ("until", until), ("now", now)):
        if time.tzinfo is None:
            raise UsageError(f"{name} {time} has no zone; give one in UTC: datetime(..., tzinfo=UTC)")
    url = (base_url or os.environ.get(BASE_URL_VARIABLE) or BASE_URL).rstrip("/")
    tell = on_event or (lambda _: None)
    shelf = quarantine or home_folder() / "quarantine"

    def fetch(path: str) -> bytes | None:
        address = f"{url}/{quote(path)}"
        return fetch_file(address, most_bytes=MOST_BYTES, patience=patience, clock=clock, on_event=tell)

    start, end, today = (time.astimezone(UTC) for time in (since, min(until, now), now))
    return _joined(_take_months(known, interval, max(start, EARLIEST), end, today, _Ways(fetch, tell, shelf)))


def _take_months(
    market: Market, interval: str, since: datetime, until: datetime, now: datetime, ways: _Ways
) -> Iterator[ArchivePart | ArchiveHole]:
    """Files of months; of days where a month is not over, or its file not published yet."""
    month = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month < until:
        end = (month + timedelta(days=31)).replace(day=1)
        file = _file_of(market, interval, month, end, since, until)
        taken = _take(file, ways) if end <= now else None
        if taken is not None:
            yield from taken
        elif interval in _WITHOUT_DAYS or end + _PUBLISHED_LATE <= now:
            yield file.absent
        else:
            yield from _take_days(file, now, ways)
        month = end


def _take_days(month: _File, now: datetime, ways: _Ways) -> Iterator[ArchivePart | ArchiveHole]:
    day = month.since.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < month.until:
        end = day + timedelta(days=1)
        file = _file_of(month.market, month.interval, day, end, month.since, month.until)
        taken = _take(file, ways) if end <= now else None
        yield from taken if taken is not None else [file.absent]
        day = end


def _file_of(market: Market, interval: str, start: datetime, end: datetime, since: datetime, until: datetime) -> _File:
    """File of the month or day from start to end."""
    symbol, spelled = market.base + market.quote, "1mo" if interval == "1M" else interval
    kind, date = ("daily", f"{start:%Y-%m-%d}") if end - start == timedelta(days=1) else ("monthly", f"{start:%Y-%m}")
    stem = f"{symbol}-{spelled}-{date}"
    path = f"data/spot/{kind}/klines/{symbol}/{spelled}/{stem}.zip"
    return _File(market, interval, stem, path, start, end, max(since, start), min(until, end))


def _joined(found: Iterable[ArchivePart | ArchiveHole]) -> Iterator[ArchivePart | ArchiveHole]:
    """Neighbouring spans that the archive does not have become one."""
    absent: ArchiveHole | None = None
    for item in found:
        if isinstance(item, ArchiveHole) and item.reason == _ABSENT:
            absent = replace(absent, until=item.until) if absent else item
            continue
        if absent:
            yield absent
            absent = None
        yield item
    if absent:
        yield absent


# ---------------------------------------------------------------- one file


def _take(file: _File, ways: _Ways) -> list[ArchivePart | ArchiveHole] | None:
    """What one file gives; None: there is no such file."""
    fetched = _fetch_with_checksum(file, ways.fetch)
    if fetched is not None and fetched.said != fetched.found:
        ways.tell(f"{file.name} does not fit its checksum; fetched again")
        fetched = _fetch_with_checksum(file, ways.fetch)
    if fetched is None:
        return None
    if fetched.said != fetched.found:
        return [_refuse(file, fetched, "does not fit its checksum, fetched twice", ways)]
    try:
        candles = read_kline_zip(
            fetched.content, stem=file.stem, market=file.market, interval=file.interval, span=(file.start, file.end)
        )
    except DataError as error:
        return [_refuse(file, fetched, str(error), ways)]
    return _parts(file, candles, fetched.found)


def _fetch_with_checksum(file: _File, fetch: Fetch) -> _Fetched | None:
    checksum = fetch(f"{file.path}.CHECKSUM")
    content = None if checksum is None else fetch(file.path)
    if checksum is None or content is None:
        return None
    return _Fetched(content, hashlib.sha256(content).hexdigest(), _read_checksum(checksum, file.name))


def _parts(file: _File, candles: pl.DataFrame, sha256: str) -> list[ArchivePart | ArchiveHole]:
    """The candles that are wanted; a week that the end of the file cuts is not finished in it."""
    unfinished = candles.filter(pl.col("close_time") > file.end)["open_time"]
    until = min(file.until, unfinished[0]) if len(unfinished) else file.until
    wanted = candles.filter((pl.col("open_time") >= file.since) & (pl.col("open_time") < until))
    parts: list[ArchivePart | ArchiveHole] = [
        ArchivePart(wanted, file.name, sha256, file.since, max(file.since, until))
    ]
    if until < file.until:
        parts.append(ArchiveHole(max(file.since, until), file.until, f"unfinished in {file.name}"))
    return parts


def _read_checksum(content: bytes, name: str) -> str | None:
    """SHA-256 of `hash  name`; None where this says something else, such as a page of HTML."""
    found = re.fullmatch(rb"([0-9a-fA-F]{64}) [ *](\S+)\s*", content)
    return found[1].decode().lower() if found and found[2].decode(errors="replace") == name else None


def _refuse(file: _File, fetched: _Fetched, reason: str, ways: _Ways) -> ArchiveHole:
    """Put the bytes under quarantine, with a note, for the user to look at."""
    place = ways.quarantine / f"{file.stem}-{fetched.found[:8]}.zip"
    reason = f"{file.name} {reason}"
    note = {"file": file.path, "reason": reason, "sha256": fetched.found, "sha256_said": fetched.said}
    write_beside(place, lambda path: path.write_bytes(fetched.content))
    write_beside(place.with_suffix(".json"), lambda path: path.write_text(json.dumps(note, indent=2) + "\n"))
    ways.tell(f"{reason}; it was not taken and lies in {place}")
    return ArchiveHole(file.since, file.until, reason, place)
