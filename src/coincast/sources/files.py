"""Candles from files and frames."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from coincast.candles.quality import find_gaps, find_outside_range
from coincast.candles.table import KEYS, Market, check_candles, check_interval, make_candles, parse_market
from coincast.errors import CandleError, ColumnError, DataError, TooFewRowsError, UnknownNameError, UsageError
from coincast.sources.coins import Pair, find_coin, read_symbol
from coincast.sources.formats import FORMATS, Format, Reading, ReadOptions
from coincast.tabular import expand_home, parse_numbers, parse_times, read_table


@dataclass(frozen=True)
class CandleFile:
    """What was read from one file or frame, and how.

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
        sha256: of the file's bytes; of a frame, of its candles as CSV.
        path: the file; None for a frame.
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
    sha256: str
    path: Path | None


def read_candles(
    source: Any,
    *,
    market: str | None = None,
    interval: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    day_first: bool | None = None,
    format: str | None = None,
) -> pl.DataFrame:
    """Read candles from a file or a frame; see `read_candle_file`, which also says how they were read.

    Example:
        >>> import polars as pl
        >>> days = pl.DataFrame({"date": ["2024-01-01", "2024-01-02", "2024-01-03"], "price": [42.0, 43.0, 41.5]})
        >>> read_candles(days, market="file:BTC/USD")["close"].to_list()
        [42.0, 43.0, 41.5]
    """
    return read_candle_file(
        source, market=market, interval=interval, columns=columns, zone=zone, day_first=day_first, format=format
    ).candles


def read_candle_file(
    source: Any,
    *,
    market: str | None = None,
    interval: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    day_first: bool | None = None,
    format: str | None = None,
) -> CandleFile:
    """Read the candles of one market from a file or a frame.

    The form is told by the content. It fixes source and quote; the coin comes from the content, else from the file's
    name, else from `market`. A table that is in candle form already is checked and nothing else. A candle that has not
    closed yet is left out: its close is not known.

    Args:
        source: path of a CSV or Parquet file, or a pandas or polars frame.
        market: `source:BASE/QUOTE`; wins over what content and name say, and chooses one of several markets.
        interval: default: fixed by the form, else the most common spacing of the times.
        columns: name in the candle table -> name in the file, where names do not tell: `{"close": "My price"}`.
        zone: zone of times that name none; default: that of the form, else UTC.
        day_first: whether 03/04/2017 is the 3rd of April; needed only where no row tells.
        format: name of a file form in `FORMATS`; default: the first that recognises the table.

    Raises:
        UsageError: the coin is not told, `market` contradicts the form, an unknown interval, zone or form.
        DataError: the file cannot be read, a column is missing, the candles cannot be true.
    """
    if market is not None:
        parse_market(market)
    if interval is not None:
        check_interval(interval)
    table = read_table(source)
    path = expand_home(source) if isinstance(source, str | os.PathLike) else None
    given = path.name if path else "the frame"
    options = ReadOptions(columns=columns or {}, zone=zone, day_first=day_first)
    try:
        if not columns and format is None and set(KEYS) <= set(table.columns):
            read = _read_candle_form(table, market, interval, zone)
        else:
            read = _read_form(table, _choose_form(table, format, options), options, path, market, interval)
    except DataError as error:
        raise type(error)(f"{given}: {error}") from None
    content = path.read_bytes() if path else read.candles.write_csv().encode()
    return replace(read, path=path, sha256=hashlib.sha256(content).hexdigest())


def read_candle_files(
    sources: Sequence[Any],
    *,
    interval: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    day_first: bool | None = None,
    format: str | None = None,
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
    files = []
    for source in sources:
        market, content = parse_candle_option(source) if isinstance(source, str) else (None, source)
        files.append(
            read_candle_file(
                content,
                market=market,
                interval=interval,
                columns=columns,
                zone=zone,
                day_first=day_first,
                format=format,
            )
        )
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


def _read_candle_form(table: pl.DataFrame, market: str | None, interval: str | None, zone: str | None) -> CandleFile:
    """A candle table, perhaps as text."""
    zones = [parse_times(table[name], zone=zone) for name in ("open_time", "close_time")]
    numbers = [parse_numbers(table[name], name) for name in table.columns if name not in KEYS]
    candles = check_candles(table.select("market", "interval", *(parsed.times for parsed in zones), *numbers))
    for name, wanted in (("market", market), ("interval", interval)):
        if wanted is not None and wanted not in candles[name]:
            raise UnknownNameError(f"{name} in this table", wanted, candles[name].unique())
        candles = candles.filter(pl.col(name) == wanted) if wanted is not None else candles
    return _describe(candles, table.height, form="candles", zone=zones[0].zone_assumed, notes=())


def _choose_form(table: pl.DataFrame, format: str | None, options: ReadOptions) -> Format:
    """The form that the user names; the general one where columns are named; else the first that recognises it."""
    if format is not None and format not in FORMATS:
        raise UnknownNameError("file form", format, FORMATS)
    if format is not None and format != "table" and not FORMATS[format].recognises(table):
        raise ColumnError(
            f"this is not of the form {format} ({FORMATS[format].description}); its columns: {', '.join(table.columns)}"
        )
    if format is not None or options.columns:
        return FORMATS[format or "table"]
    return next((form for form in FORMATS.values() if form.recognises(table)), FORMATS["table"])


def _read_form(
    table: pl.DataFrame,
    form: Format,
    options: ReadOptions,
    path: Path | None,
    market: str | None,
    interval: str | None,
) -> CandleFile:
    reading = form.read(table, options)
    if interval and reading.interval not in (None, interval):
        raise UsageError(f"candles of the form {form.name} are {reading.interval}, and interval {interval} was asked")
    name, how = _decide_market(form, reading, path, market)
    columns = _select_coin(reading.columns, name)
    candles = make_candles(columns, market=str(name), interval=interval or reading.interval)
    return _describe(candles, columns.height, form=form.name, zone=reading.zone, notes=(how, *reading.notes))


def _decide_market(form: Format, reading: Reading, path: Path | None, said: str | None) -> tuple[Market, str]:
    """The market, and a sentence that says where its name comes from."""
    known = f"{form.name} form" if form.quote else "no known form"
    if said is not None:
        market = parse_market(said)
        if form.quote and (market.source, market.quote) != (form.source, form.quote):
            raise UsageError(
                f"market {said} contradicts the form {form.name}, which fixes source {form.source} and quote "
                f"{form.quote}; say {form.source}:{market.base}/{form.quote}, or format='table'"
            )
        return market, f"read as {market}: {known}, market as given"
    content, by_name = _coin_of_content(form, reading), find_coin(path.stem) if path else None
    found = content or by_name
    if found is None:
        example = f"{form.source}:BTC/{form.quote or 'USD'}"
        given = path.name if path else "the frame"
        raise UsageError(
            f"{given} does not tell its coin, neither by a column nor by the file's name; "
            f"say it, such as --candles {example}={path or 'FILE'} or market={example!r}"
        )
    quote = form.quote or found.quote or (by_name.quote if by_name else None)
    market = Market(form.source, found.base, quote or "USD")
    origin = "coin from its content" if content else "coin from its name"
    return market, f"read as {market}: {known}, {origin}" + ("" if quote else ", quote USD assumed")


def _coin_of_content(form: Format, reading: Reading) -> Pair | None:
    """The coin of the symbol column, where it names one."""
    pairs = sorted(set(_pairs_by_symbol(reading.columns).values()), key=str)
    if len(pairs) > 1:
        listed = ", ".join(pair.base for pair in pairs[:8]) + (", ..." if len(pairs) > 8 else "")
        example = f"{form.source}:{pairs[0].base}/{form.quote or pairs[0].quote or 'USD'}"
        raise UsageError(
            f"this table holds {len(pairs)} coins or pairs ({listed}); "
            f"choose one, such as --candles {example}=FILE or market={example!r}"
        )
    return pairs[0] if pairs else None


def _select_coin(columns: pl.DataFrame, market: Market) -> pl.DataFrame:
    """Rows of the market's coin, where a symbol column names several."""
    pairs = _pairs_by_symbol(columns)
    if len(set(pairs.values())) > 1:
        own = [s for s, pair in pairs.items() if pair.base == market.base and pair.quote in (None, market.quote)]
        if not own:
            known = {f"{pair.base}/{pair.quote}" if pair.quote else pair.base for pair in pairs.values()}
            raise UnknownNameError("coin in this table", f"{market.base}/{market.quote}", known)
        columns = columns.filter(pl.col("symbol").is_in(own))
    return columns.drop("symbol", strict=False)


def _pairs_by_symbol(columns: pl.DataFrame) -> dict[str, Pair]:
    """What each different cell of the symbol column names; cells that name no coin are left out."""
    if "symbol" not in columns.columns:
        return {}
    pairs = {symbol: read_symbol(symbol) for symbol in columns["symbol"].drop_nulls().unique()}
    return {symbol: pair for symbol, pair in pairs.items() if pair}


def _describe(
    candles: pl.DataFrame, rows_given: int, *, form: str, zone: str | None, notes: tuple[str, ...]
) -> CandleFile:
    told = [*notes]
    if zone is not None:
        told.append(f"times have no zone: read as {zone}")
    running = _is_running(datetime.now(UTC))
    if unfinished := candles.filter(running).height:
        told.append(f"{_count(unfinished, 'candle')} not closed yet: left out")
        candles = candles.filter(~running)
        rows_given -= unfinished
    if candles.is_empty():
        raise TooFewRowsError("its only candle has not closed yet; give candles that have")
    if form != "candles" and candles.height < rows_given:
        told.append(f"{_count(rows_given - candles.height, 'repeated row')} left out")
    gaps = find_gaps(candles)
    if gaps.height:
        told.append(f"{_count(gaps.height, 'gap')}, {_count(int(gaps['missing'].sum()), 'candle')} missing")
    unknown = [name for name in ("open", "high", "low") if candles[name].null_count() == candles.height]
    if unknown:
        told.append(f"unknown: {', '.join(unknown)}")
    if doubtful := find_outside_range(candles).height:
        told.append(f"open or close outside low to high in {_count(doubtful, 'candle')}")
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
        sha256="",
        path=None,
    )


def _is_running(now: datetime) -> pl.Expr:
    """Candles that have opened and not closed yet; those of a simulated market are whole at any time."""
    is_simulated = pl.col("market").str.starts_with("simulated:")
    return (pl.col("open_time") <= now) & (pl.col("close_time") > now) & ~is_simulated


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
