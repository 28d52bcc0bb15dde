"""The candles of an experiment: from files or from the store, with outside series joined to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from coincast.candles.join import join_outside
from coincast.candles.store import read_provenance, read_stored
from coincast.candles.table import interval_milliseconds, parse_market
from coincast.errors import NotStoredError, UsageError
from coincast.experiments.fingerprint import hash_table
from coincast.experiments.sections import DataSection
from coincast.sources.exchange.symbols import is_exchange
from coincast.sources.files import CandleFile, read_candle_files
from coincast.sources.outside import find_outside

DEFAULT_INTERVAL = "1d"


@dataclass(frozen=True)
class Gathered:
    """The candles of an experiment, and where they come from.

    Attributes:
        candles: the candle table, with the columns of outside series.
        facts: one entry for each file, stored market and outside series, for `data.json`.
        lines: the same for a person.
    """

    candles: pl.DataFrame
    facts: tuple[dict[str, Any], ...]
    lines: tuple[str, ...]


def gather_candles(
    data: DataSection,
    files: Sequence[str] = (),
    *,
    interval: str | None = None,
    columns: Mapping[str, str] | None = None,
    zone: str | None = None,
    day_first: bool | None = None,
    on_bad: str = "refuse",
) -> Gathered:
    """Read the files that are given, else those of the spec, else its markets from the store; join outside series.

    Args:
        data: the section `[data]` of a spec.
        files: each `FILE` or `MARKET=FILE`; they count before those of the spec.
        interval: of the candles; default: that of the spec, for the store `1d`.
        columns, zone, day_first, on_bad: as for `coincast.sources.files.read_candle_file`.

    Raises:
        UsageError: neither a file nor a market is named.
        NotStoredError: a market is not in the store; its message holds the line that fetches it.
        DataError: a file cannot be read.
    """
    sources = list(files) or data.candles
    if sources:
        candles, read = read_candle_files(
            sources, interval=interval, columns=columns, zone=zone, day_first=day_first, on_bad=on_bad
        )
        facts, lines = [_file_facts(file) for file in read], [line for file in read for line in _tell_file(file)]
    elif data.markets:
        candles, facts, lines = _read_store(data, interval or data.interval or DEFAULT_INTERVAL)
    else:
        raise UsageError(
            "no candles were given; name a file: --candles btc.csv, "
            "or a market of the store: --market binance:BTC/USDT --interval 1d"
        )
    joined = add_outside(candles, data.outside)
    return Gathered(joined.candles, (*facts, *joined.facts), (*lines, *joined.lines))


def add_outside(candles: pl.DataFrame, outside: Sequence[str]) -> Gathered:
    """Join outside series, each the name of a stored one, `FILE` or `NAME=FILE`, as of when they were known."""
    facts: list[dict[str, Any]] = []
    lines: list[str] = []
    for given in outside:
        series = find_outside(given)
        joined = join_outside(candles, series.table, prefix=series.name)
        candles, notes = joined.candles, [*series.notes, *joined.notes]
        facts.append({"outside": series.name, "rows": series.rows, "sha256": series.sha256, "notes": notes})
        span = f"from {series.first:%Y-%m-%d} to {series.last:%Y-%m-%d}"
        lines += [f"{series.name}: outside series, {series.rows:,} values {span}", *(f"  {note}" for note in notes)]
    return Gathered(candles, tuple(facts), tuple(lines))


def read_stored_markets(
    markets: Sequence[str], interval: str, *, since: datetime | None = None, until: datetime | None = None
) -> list[pl.DataFrame]:
    """Stored candles of each market that open in a span.

    Raises:
        NotStoredError: some are not there; its message holds the lines that fetch them.
    """
    tables: list[pl.DataFrame] = []
    missing: list[NotStoredError] = []
    for market in markets:
        try:
            tables.append(read_stored(market, interval, since=since, until=until))
        except NotStoredError as error:
            missing.append(error)
    if missing:
        remedies = [download_line(str(error.market), interval) for error in missing]
        told = "; ".join(str(error) for error in missing)
        message = f"{told}\nfetch them: {' && '.join(remedies)}"
        raise NotStoredError(message, market=missing[0].market, interval=interval, remedies=remedies)
    return tables


def download_line(market: str, interval: str) -> str:
    """The command that fetches what is missing in the store."""
    parsed = parse_market(market)
    pair = str(parsed).partition(":")[2]
    if is_exchange(parsed.source):
        return f"coincast download {pair} --exchange {parsed.source} --interval {interval}"
    return f"coincast import FILE --market {market}"


def _read_store(data: DataSection, interval: str) -> tuple[pl.DataFrame, list[dict[str, Any]], list[str]]:
    tables = read_stored_markets(data.markets, interval)
    facts: list[dict[str, Any]] = []
    lines: list[str] = []
    for market, table in zip(data.markets, tables, strict=True):
        first, last = table["open_time"][0], table["open_time"][-1]
        facts.append(
            {
                "store": market,
                "interval": interval,
                "rows": table.height,
                "first": first.isoformat(),
                "last": last.isoformat(),
                "sha256": hash_table(table).hex(),
                "sources": read_provenance(market, interval).to_dicts(),
            }
        )
        lines.append(
            f"{market} {interval}, {table.height:,} candles from {first:%Y-%m-%d} to {last:%Y-%m-%d}, from the store"
        )
        lines += _tell_age(market, interval, table["close_time"][-1])
    return pl.concat(tables, how="diagonal"), facts, lines


def _tell_age(market: str, interval: str, closed: datetime) -> list[str]:
    """What to do where candles have closed since the last one that is stored."""
    age = (datetime.now(UTC) - closed).total_seconds() * 1000
    if age < interval_milliseconds(interval) or not is_exchange(parse_market(market).source):
        return []
    return [
        f"  the last stored candle closed {closed:%Y-%m-%d %H:%M} UTC; newer ones: {download_line(market, interval)}"
    ]


def _file_facts(file: CandleFile) -> dict[str, Any]:
    return {
        "file": file.path.name if file.path else "frame",
        "form": file.form,
        "market": file.market,
        "interval": file.interval,
        "rows": file.rows,
        "first": file.first.isoformat(),
        "last": file.last.isoformat(),
        "sha256": file.sha256,
        "notes": [*file.notes, *file.defects],
    }


def _tell_file(file: CandleFile) -> list[str]:
    name = file.path.name if file.path else "frame"
    return [
        f"{name}: {file.market} {file.interval}, {file.rows:,} candles from {file.first:%Y-%m-%d} to "
        f"{file.last:%Y-%m-%d}, form {file.form}",
        *(f"  {note}" for note in (*file.notes, *file.defects)),
    ]
