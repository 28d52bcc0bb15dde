"""Candles from files and frames."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from coincast.candles.faults import POLICIES
from coincast.candles.quality import find_gaps, find_outside_range
from coincast.candles.table import (
    KEYS,
    check_candles,
    check_interval,
    parse_market,
)
from coincast.errors import (
    CandleError,
    ColumnError,
    DataError,
    TooFewRowsError,
    UnknownNameError,
    UsageError,
)
from coincast.sources.formats import FORMATS, Format, ReadOptions
from coincast.sources.naming import decide_markets, only_market, read_symbols, rows_of_market
from coincast.sources.rows import (
    LEFT_OUT,
    clear_rows,
    count,
    leave_out,
    make_market,
    read_rows,
    tell_left_out,
    tell_repeated,
)
from coincast.tabular import Member, expand_home, list_names, parse_numbers, parse_times, read_members, read_table


@dataclass(frozen=True)
class CandleFile:
    """What was read of one market from one file or frame, and how.

    Attributes:
        candles: the checked candle table.
        form: name of the file form in `FORMATS`, or `candles` for a table that was in candle form already.
        market: name of the market; several (candle form only) are joined by a comma.
        interval: interval of the candles, several likewise.
        zone: zone in which times without one were read; None: every time said its own, or the form fixes it.
        rows: number of candles.
        first: open time of the first candle, UTC.
        last: open time of the last candle, UTC.
        notes: what a person should know about this reading, one sentence each.
        left_out: every row that is no candle or was changed, by its `row` in the file (counted from 1, the header
            apart), `time` (UTC, null where it has none), `reason` and `done`.
        sha256: of the file's bytes; of a frame, of its candles as CSV.
        path: the file, or archive and member; None for a frame.
    """

    candles: pl.DataFrame
    form: str
    market: str
    interval: str
    zone: str | None
    rows: int
    first: datetime
    last: datetime
    notes: tuple[str, ...]
    left_out: pl.DataFrame
    sha256: str
    path: Path | None

    @cached_property
    def defects(self) -> tuple[str, ...]:
        """What is missing or doubtful in the candles, at a glance; `examine` looks closer."""
        return tuple(_tell_defects(self.candles))


def read_candles(
    source: Any,
    *,
    market: str | None = None,
    interval: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    day_first: bool | None = None,
    format: str | None = None,
    on_bad: str = "refuse",
) -> pl.DataFrame:
    """Read candles from a file or a frame; see `read_candle_file`, which also says how they were read.

    Example:
        >>> import polars as pl
        >>> days = pl.DataFrame({"date": ["2024-01-01", "2024-01-02", "2024-01-03"], "price": [42.0, 43.0, 41.5]})
        >>> read_candles(days, market="file:BTC/USD")["close"].to_list()
        [42.0, 43.0, 41.5]
    """
    options = ReadOptions(columns=columns or {}, zone=zone, day_first=day_first)
    return _read_one(source, market, interval, options, format, on_bad).candles


def read_candle_file(
    source: Any,
    *,
    market: str | None = None,
    interval: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    day_first: bool | None = None,
    format: str | None = None,
    on_bad: str = "refuse",
) -> CandleFile:
    """Read the candles of one market from a file or a frame.

    The form is told by the content. It fixes source and quote; the coin comes from the content, else from the file's
    name, else from `market`. A table that is in candle form already is checked and nothing else. A candle that has not
    closed yet is left out: its close is not known. So is a row without a close: nothing was traded, or nothing known.

    Args:
        source: path of a file, as `coincast.tabular.read_table` takes it, or a pandas or polars frame.
        market: `source:BASE/QUOTE`; wins over what content and name say, and chooses one of several markets.
        interval: default: fixed by the form, else the most common spacing of the times.
        columns: name in the candle table -> name in the file, where names do not tell: `{"close": "My price"}`.
        zone: zone of times that name none; default: that of the form, else UTC.
        day_first: whether 03/04/2017 is the 3rd of April; needed only where no row tells.
        format: name of a file form in `FORMATS`; default: the first that recognises the table.
        on_bad: a name in `coincast.candles.faults.POLICIES`: what happens where rows cannot be true.

    Raises:
        UsageError: the coin is not told, `market` contradicts the form, an unknown interval, zone or form.
        DataError: the file cannot be read, a column is missing, the candles cannot be true.
    """
    options = ReadOptions(columns=columns or {}, zone=zone, day_first=day_first)
    return _read_one(source, market, interval, options, format, on_bad)


def read_markets(
    source: Any,
    *,
    table: pl.DataFrame | None = None,
    market: str | None = None,
    interval: str | None = None,
    options: ReadOptions | None = None,
    format: str | None = None,
    on_bad: str = "refuse",
) -> list[CandleFile]:
    """Read the candles of every market of one table; arguments and errors as for `read_candle_file`.

    Args:
        source: path, frame, or one member of an archive.
        table: what `read_table` gave for it, where that was done.
    """
    if market is not None:
        parse_market(market)
    if interval is not None:
        check_interval(interval)
    if on_bad not in POLICIES:
        raise UnknownNameError("policy for rows that cannot be true", on_bad, POLICIES)
    options = options or ReadOptions()
    path, content, sha256 = _open(source)
    table = read_table(content, typed=True) if table is None else table
    given = path.name if path else "the frame"
    try:
        if not options.columns and format is None and set(KEYS) <= set(table.columns):
            read = [_read_candle_form(table, market, interval, options.zone, on_bad)]
        else:
            chosen = choose_form(table, format, options)
            given += f" (form {chosen.name})" if chosen.name != "table" else ""
            read = _read_form(table, chosen, options, path, market, interval, on_bad)
    except DataError as error:
        raise type(error)(f"{given}: {error}") from None
    return [
        replace(one, path=path, sha256=sha256 or hashlib.sha256(one.candles.write_csv().encode()).hexdigest())
        for one in read
    ]


def read_candle_files(
    sources: Sequence[Any],
    *,
    interval: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    day_first: bool | None = None,
    format: str | None = None,
    on_bad: str = "refuse",
) -> tuple[pl.DataFrame, list[CandleFile]]:
    """Read several files (or frames) into one candle table.

    Args:
        sources: each a frame, a path, or text `MARKET=FILE` or `FILE` as on the command line; the rest as for
            `read_candle_file`. Files of one market may overlap where they agree.

    Returns:
        The candle table of all, and what was read from each.

    Raises:
        CandleError: two files give different candles for the same market and time.
    """
    options = ReadOptions(columns=columns or {}, zone=zone, day_first=day_first)
    files = []
    for source in sources:
        market, content = parse_candle_option(source) if isinstance(source, str) else (None, source)
        files.append(_read_one(content, market, interval, options, format, on_bad))
    if not files:
        raise UsageError("no candles were given; give at least one file: --candles FILE or --candles MARKET=FILE")
    try:
        return check_candles(pl.concat([file.candles for file in files], how="diagonal")), files
    except CandleError as error:
        raise CandleError(f"the files contradict each other: {error}") from None


def parse_candle_option(text: str) -> tuple[str | None, Path]:
    """Read `MARKET=FILE` or `FILE`; a file whose own name has `=` in it is a file.

    Example:
        >>> parse_candle_option("coinmarketcap:BTC/USD=prices.csv")[0]
        'coinmarketcap:BTC/USD'
    """
    left, equals, right = text.partition("=")
    if not equals or expand_home(text).exists():
        return None, Path(text)
    try:
        return str(parse_market(left)), Path(right)
    except UsageError:
        if expand_home(right).exists():
            raise
        return None, Path(text)


def choose_form(table: pl.DataFrame, format: str | None, options: ReadOptions) -> Format:
    """The form that the user names; the general one where columns are named; else the first that recognises it.

    Raises:
        UnknownNameError: no such form.
        ColumnError: the table is not of the form that was named.
    """
    if format is not None and format not in FORMATS:
        raise UnknownNameError("file form", format, FORMATS)
    if format is not None and format != "table" and not FORMATS[format].recognises(table):
        raise ColumnError(
            f"this is not of the form {format} ({FORMATS[format].description}); "
            f"its columns: {list_names(table.columns)}"
        )
    if format is not None or options.columns:
        return FORMATS[format or "table"]
    return next((form for form in FORMATS.values() if form.recognises(table)), FORMATS["table"])


def _open(source: Any) -> tuple[Path | None, Any, str]:
    """Path, content and hash of a source; a frame has neither the first nor the last."""
    if isinstance(source, Member):
        return Path(source.name), source, source.sha256
    if not isinstance(source, str | os.PathLike):
        return None, source, ""
    path = expand_home(source)
    members = read_members(path)
    return (path, members[0], members[0].sha256) if len(members) == 1 else (path, path, "")


def _read_one(
    source: Any, market: str | None, interval: str | None, options: ReadOptions, format: str | None, on_bad: str
) -> CandleFile:
    read = read_markets(source, market=market, interval=interval, options=options, format=format, on_bad=on_bad)
    if len(read) > 1:
        only_market([parse_market(one.market) for one in read])
    return read[0]


def _read_candle_form(
    table: pl.DataFrame, market: str | None, interval: str | None, zone: str | None, on_bad: str
) -> CandleFile:
    """A candle table, perhaps as text."""
    zones = [parse_times(table[name], zone=zone) for name in ("open_time", "close_time")]
    numbers = [parse_numbers(table[name], name) for name in table.columns if name not in KEYS]
    candles = table.select("market", "interval", *(parsed.times for parsed in zones), *numbers)
    candles, left_out = clear_rows(candles, on_bad)
    candles = check_candles(candles)
    for name, wanted in (("market", market), ("interval", interval)):
        if wanted is not None and wanted not in candles[name]:
            raise UnknownNameError(f"{name} in this table", wanted, candles[name].unique())
        candles = candles.filter(pl.col(name) == wanted) if wanted is not None else candles
    notes = tuple(tell_left_out(left_out))
    return _describe(candles, form="candles", zone=zones[0].zone_assumed, notes=notes, left_out=left_out)


def _read_form(
    table: pl.DataFrame,
    form: Format,
    options: ReadOptions,
    path: Path | None,
    said: str | None,
    interval: str | None,
    on_bad: str,
) -> list[CandleFile]:
    reading, rows, unread = read_rows(table, form, options, on_bad)
    if interval and reading.interval not in (None, interval):
        raise UsageError(f"candles of the form {form.name} are {reading.interval}, and interval {interval} was asked")
    columns = reading.columns.with_columns(rows.alias("row"))
    symbols = read_symbols(columns)
    markets = decide_markets(form, symbols, path, said)
    if said is None and path is None:
        only_market(list(markets))
    columns, left_out = leave_out(columns, reading, unread)
    read = []
    for market, how in markets.items():
        own = rows_of_market(columns, symbols, market)
        candles, changed = make_market(own, market, interval or reading.interval, on_bad)
        all_changed = pl.concat([left_out, changed]).sort("row", maintain_order=True)
        notes = (how, *reading.notes, *tell_left_out(all_changed), *tell_repeated(own, changed, candles))
        read.append(_describe(candles, form=form.name, zone=reading.zone, notes=notes, left_out=all_changed))
        left_out = left_out.clear()  # rows that belong to no market are told once
    return read


def _describe(
    candles: pl.DataFrame,
    *,
    form: str,
    zone: str | None,
    notes: tuple[str, ...],
    left_out: pl.DataFrame | None = None,
) -> CandleFile:
    told = [*notes]
    if zone is not None:
        told.append(f"times have no zone: read as {zone}")
    running = _is_running(datetime.now(UTC))
    if unfinished := candles.filter(running).height:
        told.append(f"{count(unfinished, 'candle')} not closed yet: left out")
        candles = candles.filter(~running)
    if candles.is_empty():
        raise TooFewRowsError("its only candle has not closed yet; give candles that have")
    return CandleFile(
        candles=candles,
        form=form,
        market=", ".join(candles["market"].unique(maintain_order=True)),
        interval=", ".join(candles["interval"].unique(maintain_order=True)),
        zone=zone,
        rows=candles.height,
        first=candles["open_time"].min(),  # type: ignore[arg-type]
        last=candles["open_time"].max(),  # type: ignore[arg-type]
        notes=tuple(told),
        left_out=pl.DataFrame(schema=LEFT_OUT) if left_out is None else left_out,
        sha256="",
        path=None,
    )


def _tell_defects(candles: pl.DataFrame) -> Iterator[str]:
    gaps = find_gaps(candles)
    if gaps.height:
        yield f"{count(gaps.height, 'gap')}, {count(int(gaps['missing'].sum()), 'candle')} missing"
    unknown = [name for name in ("open", "high", "low") if candles[name].null_count() == candles.height]
    if unknown:
        yield f"unknown: {', '.join(unknown)}"
    if early := candles.filter(pl.col("open_time") > datetime.now(UTC), ~_is_simulated()).height:
        yield f"{count(early, 'candle')} of the future: is the year, or the zone, right?"
    if doubtful := find_outside_range(candles).height:
        yield f"open or close outside low to high in {count(doubtful, 'candle')}"


def _is_running(now: datetime) -> pl.Expr:
    """Candles that have opened and not closed yet; those of a simulated market are whole at any time."""
    return (pl.col("open_time") <= now) & (pl.col("close_time") > now) & ~_is_simulated()


def _is_simulated() -> pl.Expr:
    return pl.col("market").str.starts_with("simulated:")
