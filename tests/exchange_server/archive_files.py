"""Binance's archive of klines: ZIP files of months and days, each with its checksum."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta

from coincast.live.simulation.binance import kline_columns
from exchange_server.world import World, moment

_PATH = re.compile(
    r"/data/spot/(?P<kind>monthly|daily)/klines/(?P<symbol>\w+)/(?P<interval>\w+)/"
    r"(?P<stem>(?P=symbol)-(?P=interval)-(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d))?)\.zip(?P<sum>\.CHECKSUM)?"
)
_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
MICROSECONDS_FROM = moment("2025-01-01")


def archive_file(world: World, path: str, *, header: bool | None = None) -> bytes | None:
    """Content of a file of the archive, or None where there is none: not listed yet, or not over yet.

    Args:
        header: whether files begin with the names of the columns; None: those of even days and months do.
    """
    found = _PATH.fullmatch(path)
    if found is None or (found["kind"] == "daily") != (found["day"] is not None):
        return None
    listing = next((one for one in world.listings if one.base + one.quote == found["symbol"]), None)
    since, until = _span(found)
    if listing is None or until > world.clock():
        return None
    interval = {"1mo": "1M"}.get(found["interval"], found["interval"])
    candles = world.candles(listing.symbol, interval, since, until, settled=True)
    if not candles:
        return None
    rows = [kline_columns(candle) for candle in candles]
    if since >= MICROSECONDS_FROM:
        rows = [[row[0] * 1000, *row[1:6], row[6] * 1000 + 999, *row[7:]] for row in rows]
    lines = [",".join(map(str, row)) for row in rows]
    has_header = int(found["day"] or found["month"]) % 2 == 0 if header is None else header
    content = zip_of(f"{found['stem']}.csv", "\n".join([_HEADER] * has_header + lines) + "\n")
    return checksum_of(f"{found['stem']}.zip", content) if found["sum"] else content


def zip_of(member: str, text: str) -> bytes:
    """A ZIP with one member, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(member, (2024, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def checksum_of(name: str, content: bytes) -> bytes:
    """What the `.CHECKSUM` beside a file says."""
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


def _span(found: re.Match[str]) -> tuple[int, int]:
    first = datetime(int(found["year"]), int(found["month"]), int(found["day"] or 1), tzinfo=UTC)
    last = first + timedelta(days=1) if found["day"] else (first + timedelta(days=31)).replace(day=1)
    return int(first.timestamp() * 1000), int(last.timestamp() * 1000)
