"""The candle table: its columns, units and checks; intervals and markets.

A candle is one row. Its interval is half-open, from `open_time` to `close_time`, which is the `open_time` of the next
candle; both are UTC. Columns, in this order:

    market      source:BASE/QUOTE, for futures source:BASE/QUOTE:SETTLE
    interval    one of INTERVALS
    open_time, close_time       Datetime("ms", "UTC")
    open, high, low, close      float64, in the quote currency; close is never null
    volume      float64, in units of the base; null = unknown, which is not zero
    ...         any further numbers, float64: market_cap, trades, quote_volume, outside series

`open`, `high` and `low` are null where a source does not tell them: all three in a series of closes only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import polars as pl

from coincast.errors import CandleError, ColumnError, TooFewRowsError, UsageError

KEYS = ("market", "interval", "open_time", "close_time")
PRICES = ("open", "high", "low", "close")
CANDLE_COLUMNS = (*KEYS, *PRICES, "volume")

ROUNDING = 1e-9
"""Relative difference below which two prices are the same."""

_MINUTE = 60_000
_DAY = 1440 * _MINUTE
_MONTH = "1M"

INTERVALS: Mapping[str, int] = MappingProxyType(
    {f"{n}m": n * _MINUTE for n in (1, 3, 5, 15, 30)}
    | {f"{n}h": n * 60 * _MINUTE for n in (1, 2, 4, 6, 8, 12)}
    | {"1d": _DAY, "3d": 3 * _DAY, "1w": 7 * _DAY, _MONTH: 2_629_800_000}
)
"""Milliseconds of each interval; a month's are nominal (30.4375 days), its candles follow the calendar."""


# ---------------------------------------------------------------- intervals


def check_interval(interval: str) -> str:
    """Return the interval, or raise `UsageError` with all that are known."""
    if interval not in INTERVALS:
        raise UsageError(f"unknown interval {interval!r}; known: {' '.join(INTERVALS)} (1m is a minute, 1M a month)")
    return interval


def interval_milliseconds(interval: str) -> int:
    """Length of an interval; a month's is nominal, 30.4375 days."""
    return INTERVALS[check_interval(interval)]


def add_intervals(times: pl.Expr, interval: str, n: int | pl.Expr) -> pl.Expr:
    """Times moved by `n` intervals, which may be negative; months follow the calendar."""
    count = n if isinstance(n, pl.Expr) else pl.lit(n, dtype=pl.Int64)
    if check_interval(interval) == _MONTH:
        return times.dt.offset_by(pl.format("{}mo", count))
    return times + (count.cast(pl.Int64) * INTERVALS[interval]).cast(pl.Duration("ms"))


def next_close_times(last_close: datetime, interval: str, n: int) -> list[datetime]:
    """Close times of the next `n` candles after the one that closes at `last_close` (with a zone), in UTC."""
    if last_close.tzinfo is None:
        raise UsageError(f"the time {last_close} has no zone; give one in UTC: datetime(..., tzinfo=UTC)")
    start = pl.lit(last_close).dt.convert_time_zone("UTC").dt.cast_time_unit("ms")
    steps = pl.DataFrame({"n": range(1, n + 1)}, schema={"n": pl.Int64})
    return steps.select(add_intervals(start, interval, pl.col("n"))).to_series().to_list()


def infer_interval(times: pl.Series) -> str:
    """Interval of a series of open (or close) times, from their most common spacing.

    Raises:
        TooFewRowsError: fewer than three different times.
        CandleError: the most common spacing is no interval that is known.
    """
    spacings = times.drop_nulls().unique().sort().diff().drop_nulls().dt.total_milliseconds()
    if spacings.len() < 2:
        raise TooFewRowsError(
            "fewer than three different times do not tell the interval; say it: --interval 1d (interval=)"
        )
    common = int(spacings.mode().sort()[0])
    if 28 * _DAY <= common <= 31 * _DAY:
        return _MONTH
    for interval, length in INTERVALS.items():
        if length == common:
            return interval
    raise CandleError(
        f"the most common spacing of the times is {common / _MINUTE:g} minutes, which is no interval; "
        f"known: {' '.join(INTERVALS)}; say one: --interval 1d (interval=)"
    )


# ---------------------------------------------------------------- markets


class Market(NamedTuple):
    """Where a price was made, and of what: `binance:BTC/USDT`."""

    source: str
    base: str
    quote: str
    settle: str | None = None

    def __str__(self) -> str:
        settle = f":{self.settle}" if self.settle else ""
        return f"{self.source}:{self.base}/{self.quote}{settle}"


_PART = r"(?:[^\W_]|[.$+])"  # no "_" and, but in base and settle, no "-": folder names stay one to one
_MARKET = re.compile(
    rf"(?P<source>[a-z0-9_]+):(?P<base>{_PART}(?:{_PART}|-)*)/(?P<quote>{_PART}+)(?::(?P<settle>{_PART}(?:{_PART}|-)*))?"
)


def parse_market(text: str) -> Market:
    """Read `source:BASE/QUOTE` or `source:BASE/QUOTE:SETTLE`, or raise `UsageError`."""
    found = _MARKET.fullmatch(text)
    if found is None:
        raise UsageError(f"market {text!r} is not spelled source:BASE/QUOTE, such as binance:BTC/USDT or file:BTC/USD")
    return Market(**found.groupdict())


def folder_name(market: str | Market) -> str:
    """Spelling of a market without `:` and `/`, one for each market: `binance-BTC_USDT-USDT`."""
    known = market if isinstance(market, Market) else parse_market(market)
    return str(known).replace(":", "-").replace("/", "_")


# ---------------------------------------------------------------- candles


def make_candles(columns: pl.DataFrame, *, market: str, interval: str | None = None) -> pl.DataFrame:
    """Build the candle table of one market from its columns, in any order of rows.

    Args:
        columns: `open_time`, or `close_time` where the times are the ends of candles, and `close`; then whatever is
            known of `open`, `high`, `low`, `volume` and further numbers. Times carry a zone. Where both times are
            given, `open_time` counts; an end at 23:59:59 or .999 means the full minute after it.
        market: `source:BASE/QUOTE`.
        interval: default: the most common spacing of the times.

    Returns:
        The table as `check_candles` returns it; what is missing is null.
    """
    known = next((name for name in ("open_time", "close_time") if name in columns.columns), None)
    if known is None or "close" not in columns.columns:
        raise ColumnError(f"candles need open_time (or close_time) and close; given: {', '.join(columns.columns)}")
    _refuse_naive(columns.select(known))
    times = columns[known].dt.convert_time_zone("UTC").dt.cast_time_unit("ms")
    if known == "close_time":
        times = pl.select(_full_minutes(pl.lit(times))).to_series()
    interval = check_interval(interval) if interval else infer_interval(times)
    opens = pl.lit(times) if known == "open_time" else add_intervals(pl.lit(times), interval, -1)
    frame = columns.drop("open_time", "close_time", strict=False).with_columns(
        pl.lit(market).alias("market"), pl.lit(interval).alias("interval"), opens.alias("open_time")
    )
    return check_candles(frame.with_columns(add_intervals(pl.col("open_time"), interval, 1).alias("close_time")))


def _full_minutes(times: pl.Expr) -> pl.Expr:
    """23:59:59 and 23:59:59.999 mean the minute that follows."""
    return pl.when(times.dt.second() == 59).then(times.dt.truncate("1m").dt.offset_by("1m")).otherwise(times)


def check_candles(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring a candle table into its one form and refuse candles that cannot be true.

    Refused: a key that is unknown, times without a zone, `close_time` other than `open_time` plus the interval, a
    price that is not positive or not finite, `high` below `low`, a negative volume, two different candles at one time.
    Not refused, for real files have them: an open or close outside low to high (`coincast.candles.quality` finds them).

    Args:
        frame: at least `market`, `interval`, `open_time`, `close_time` and `close`.

    Returns:
        The table with its columns in order (missing ones null), sorted by market, interval and time, without rows that
        repeat another row.

    Raises:
        ColumnError: a column is missing or of the wrong kind.
        CandleError: a candle cannot be true; the message names the first.
    """
    frame = _put_in_order(_arrange_columns(frame))
    _check_keys(frame)
    rules = impossible_rules(frame.columns)
    broken = frame.select(rule.any().alias(kind) for kind, rule in rules.items()).row(0, named=True)
    for kind in (kind for kind, is_broken in broken.items() if is_broken):
        _refuse_where(frame, rules[kind], _COMPLAINTS[kind])
    same = _same_candle()
    _refuse_where(
        frame,
        same | same.shift(-1, fill_value=False),
        "is there more than once with different values; keep one of them",
    )
    return frame


def impossible_rules(columns: Collection[str]) -> dict[str, pl.Expr]:
    """What no candle can be: kind of fault -> the rows that have it; for the columns that are there.

    The one place that says so: `check_candles` refuses by these rules and `coincast.candles.faults` finds by them.
    """
    rules = {"no close": pl.col("close").is_null()}
    for name in (name for name in PRICES if name in columns):
        rules[f"impossible {name}"] = (pl.col(name) <= 0) | pl.col(name).is_infinite()
    if "high" in columns and "low" in columns:
        possible = (pl.col("high") > 0) & pl.col("low").is_finite()
        rules["high below low"] = (pl.col("high") < pl.col("low") * (1 - ROUNDING)) & possible
    if "volume" in columns:
        rules["impossible volume"] = (pl.col("volume") < 0) | pl.col("volume").is_infinite()
    return rules


_COMPLAINTS = {
    "no close": "has no close; leave such rows out",
    **{
        f"impossible {name}": f"has the {name} {{{name}}}; a price is above zero and finite: leave such rows out"
        for name in PRICES
    },
    "high below low": "has its high below its low; leave such rows out, or mend them",
    "impossible volume": "has the volume {volume}; it is zero or more, or unknown (null)",
}


def _put_in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by market, interval and time, without those that repeat another; a table in order is left as it is."""
    if frame.select(_comes_after().slice(1).all()).item():
        return frame
    is_one_series = frame.select(_same_series().slice(1).all()).item()
    frame = frame.sort("open_time" if is_one_series else ("market", "interval", "open_time"))
    same = frame.select(_same_candle()).to_series()
    if not same.any():
        return frame
    doubled = (same | same.shift(-1, fill_value=False)).arg_true()
    repeats = frame[doubled].select(~pl.struct(pl.all()).is_first_distinct()).to_series()
    kept = pl.repeat(True, frame.height, eager=True).scatter(doubled.filter(repeats), False)
    return frame.filter(kept)


def _same_series() -> pl.Expr:
    """Whether a row has market and interval of the row before it."""
    return pl.col("market").eq_missing(pl.col("market").shift(1)) & pl.col("interval").eq_missing(
        pl.col("interval").shift(1)
    )


def _same_candle() -> pl.Expr:
    """Whether a row stands at the same place as the row before it, in a table in order."""
    return (_same_series() & (pl.col("open_time") == pl.col("open_time").shift(1))).fill_null(False)


def _comes_after() -> pl.Expr:
    """Whether a row stands after the row before it; false where a key is unknown."""
    market, interval, time = (pl.col(name) for name in ("market", "interval", "open_time"))
    return (
        (market > market.shift(1))
        | ((market == market.shift(1)) & (interval > interval.shift(1)))
        | (_same_series() & (time > time.shift(1)))
    ).fill_null(False)


def _arrange_columns(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in (*KEYS, "close") if name not in frame.columns]
    if missing:
        raise ColumnError(
            f"a candle table needs {', '.join((*KEYS, 'close'))}; missing: {', '.join(missing)}; "
            "make_candles builds it from times and prices"
        )
    _refuse_naive(frame.select("open_time", "close_time"))
    types = frame.schema
    numbers = [*PRICES, "volume", *(name for name in types if name not in CANDLE_COLUMNS)]
    for name in numbers:
        if name in types and not (types[name].is_numeric() or types[name] == pl.Null):
            raise ColumnError(f"column {name!r} of a candle table holds {types[name]}; it must hold numbers")
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in numbers if name not in types]
    return frame.with_columns(absent).select(
        pl.col("market", "interval").cast(pl.String),
        pl.col("open_time", "close_time").dt.convert_time_zone("UTC").dt.cast_time_unit("ms"),
        pl.col(numbers).cast(pl.Float64).fill_nan(None),
    )


def _refuse_naive(times: pl.DataFrame) -> None:
    for name, kind in times.schema.items():
        if not isinstance(kind, pl.Datetime):
            raise ColumnError(f"column {name!r} holds {kind}; it must hold times with a zone")
        if kind.time_zone is None:
            raise CandleError(f"column {name!r} has times without a zone; say it with .dt.replace_time_zone('UTC')")


def _check_keys(frame: pl.DataFrame) -> None:
    for name in KEYS:
        if frame[name].null_count():
            raise CandleError(f"{name} is unknown in {frame[name].null_count():,} rows; every candle needs its {name}")
    series = frame.filter(~_same_series()).select("market", "interval").unique(maintain_order=True)
    for market in series["market"].unique(maintain_order=True):
        parse_market(market)
    for interval in series["interval"].unique(maintain_order=True):
        wrong = pl.col("close_time") != add_intervals(pl.col("open_time"), interval, 1)
        if series["interval"].n_unique() > 1:
            wrong &= pl.col("interval") == interval
        _refuse_where(frame, wrong, f"does not close one {interval} after it opens")


def _refuse_where(frame: pl.DataFrame, wrong: pl.Expr, complaint: str) -> None:
    """Raise `CandleError` for the first of the rows, with its own values in the complaint."""
    rows = frame.select(wrong.fill_null(False).arg_true()).to_series()
    if rows.len() == 0:
        return
    first = frame.row(rows[0], named=True)
    more = f" ({rows.len():,} candles in all)" if rows.len() > 1 else ""
    time = f"{first['open_time']:%Y-%m-%d %H:%M} UTC"
    raise CandleError(
        f"the {first['interval']} candle of {first['market']} that opens {time} {complaint.format(**first)}{more}"
    )
