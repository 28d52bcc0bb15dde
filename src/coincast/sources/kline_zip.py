"""What one file of Binance's archive holds: a ZIP with one CSV of twelve columns, checked before anything is believed.

    open time, open, high, low, close, volume, close time, quote volume, trades, taker's volume and quote volume, unused

Some begin with a line of names. Times are milliseconds or, from 2025 on, microseconds since 1970; the size tells which.
"""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from datetime import datetime

import polars as pl

from coincast.candles.quality import count_mixed_up
from coincast.candles.table import INTERVALS, Market, make_candles
from coincast.errors import CandleError, UnreadableFileError

COLUMNS = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "trades",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)
"""The first eleven; the twelfth has no meaning."""

MOST_BYTES_UNPACKED = 64 * 2**20
"""A month of minutes takes 7 MiB."""

MICROSECONDS_FROM = 10**14
"""The year 5138 in milliseconds, 1973 in microseconds."""

_NAMES = b"open_time,open,high,low,close,volume,close_time,"
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError)


def read_kline_zip(
    content: bytes, *, stem: str, market: Market, interval: str, span: tuple[datetime, datetime]
) -> pl.DataFrame:
    """Read the candles of one file.

    Args:
        content: bytes of the ZIP.
        stem: name of its one member, without `.csv`.
        market: whose candles these are.
        interval: of the candles.
        span: the month or day of the file; every candle opens in it.

    Returns:
        The candle table, with `quote_volume`, `trades`, `taker_buy_volume` and `taker_buy_quote_volume`.

    Raises:
        DataError: what is wrong with the file, as the rest of a sentence that begins with its name.
    """
    rows = _read_rows(_unpack(content, f"{stem}.csv"))
    times = _read_times(rows["open_time"])
    first, last = span
    if not times.is_between(first, last, closed="left").all():
        raise CandleError(f"has candles outside {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    step = INTERVALS[interval]
    if step <= INTERVALS["1d"] and (times.to_physical() % step != 0).any():
        raise CandleError(f"has candles that do not open on a full {interval}")
    try:
        candles = make_candles(
            rows.drop("close_time").with_columns(times.alias("open_time")), market=str(market), interval=interval
        )
    except CandleError as error:
        raise CandleError(f"cannot be true: {error}") from None
    if outside := count_mixed_up(candles):
        raise CandleError(
            f"cannot be true: {outside:,} of {candles.height:,} candles open or close outside low to high"
        )
    return candles


def _unpack(content: bytes, name: str) -> bytes:
    """The one member, no larger than allowed, whatever the ZIP promises."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [member.filename for member in archive.infolist()]
            if names != [name]:
                held = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
                raise UnreadableFileError(f"holds {held or 'nothing'} and not {name} alone")
            with archive.open(name) as stream:
                unpacked = stream.read(MOST_BYTES_UNPACKED + 1)
    except _BROKEN as error:
        raise UnreadableFileError(f"is no ZIP that can be read ({error})") from None
    if len(unpacked) > MOST_BYTES_UNPACKED:
        raise UnreadableFileError(f"unpacks to more than {MOST_BYTES_UNPACKED:,} bytes")
    return unpacked


def _read_rows(content: bytes) -> pl.DataFrame:
    """The eleven columns as numbers, none of them missing."""
    has_names = not content[:1].isdigit()
    if has_names and not content.startswith(_NAMES):
        raise UnreadableFileError("begins with neither a time nor the usual names of columns")
    schema = {name: pl.Int64 if name.endswith("_time") else pl.Float64 for name in COLUMNS} | {"unused": pl.String}
    try:
        rows = pl.read_csv(content, has_header=False, skip_rows=int(has_names), schema=schema).drop("unused")
    except pl.exceptions.PolarsError as error:
        raise UnreadableFileError(f"is no table of candles ({str(error).splitlines()[0][:100]})") from None
    if rows.is_empty():
        raise UnreadableFileError("holds no candle")
    if not rows.select(pl.all_horizontal(pl.all().is_finite().fill_null(False).all())).item():
        raise UnreadableFileError("has cells that are no number")
    return rows


def _read_times(times: pl.Series) -> pl.Series:
    in_microseconds = times >= MICROSECONDS_FROM
    if in_microseconds.any():
        if not in_microseconds.all() or (times % 1000 != 0).any():
            raise CandleError("has times in milliseconds and in microseconds")
        times = times // 1000
    return times.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
