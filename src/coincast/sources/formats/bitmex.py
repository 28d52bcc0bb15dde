"""BitMEX's bucketed trades.

    symbol,timestamp,open,high,low,close,volume,vwap
    XBTUSD,2017-12-09T23:00:00.000Z,15024,15024.5,14892,14983.5,6632432,14965.5792

`timestamp` is the END of a candle, UTC. `open` is the close before it, so it may lie outside low to high. `volume`
counts contracts: of XBTUSD and the older futures on it one is a dollar, so there it is read as `quote_volume`; of
others it is kept as `contracts`. Volume in coins is unknown unless the file carries `homeNotional`: dividing by `vwap`,
which is rounded, would only be near it.
"""

from __future__ import annotations

import polars as pl

from coincast.sources.formats.columns import (
    PRICES,
    find_names,
    holds_mostly,
    look_at,
    read_numbers,
    read_times,
    zone_notes,
)
from coincast.sources.formats.form import Format, Reading, ReadOptions

_NEEDED = {"symbol", "timestamp", *PRICES, "volume", "vwap"}
_NOTIONAL = {"homenotional", "foreignnotional"}
_DOLLAR_CONTRACTS = r"^XBT(USD|[FGHJKMNQUVXZ]\d\d)$"


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if not (names.keys() >= _NEEDED and names.keys() <= _NEEDED | _NOTIONAL | {"trades", "lastsize", "turnover"}):
        return False
    contracts = look_at(table.select(names["volume"]))
    if contracts is None or not holds_mostly(contracts, pl.nth(0) % 1 == 0):
        return False
    symbols = table.select(pl.col(names["symbol"]).cast(pl.String)).head(contracts.height)
    return names.keys() >= _NOTIONAL or holds_mostly(symbols, pl.nth(0).str.contains("^XBT"))


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    wanted = {price: price for price in PRICES} | {
        "volume": "contracts",
        "vwap": "weighted_average",
        "trades": "trades",
    }
    wanted |= {"homenotional": "volume", "foreignnotional": "quote_volume"}
    numbers = read_numbers(table, {names[plain]: name for plain, name in wanted.items() if plain in names})
    ends = read_times(table[names["timestamp"]]).alias("close_time")
    columns = pl.DataFrame([ends, *numbers, table[names["symbol"]].cast(pl.String).alias("symbol")])
    notes = ["timestamps are the ends of candles"]
    if "quote_volume" not in columns.columns:
        columns, note = _place_contracts(columns)
        notes.append(note)
    return Reading(columns, notes=(*notes, *zone_notes(options)))


def _place_contracts(columns: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Contracts of one dollar as turnover; others stay what they are."""
    is_dollar = pl.col("symbol").str.contains(_DOLLAR_CONTRACTS).fill_null(False)
    placed = columns.with_columns(
        pl.when(is_dollar).then("contracts").alias("quote_volume"),
        pl.when(~is_dollar).then("contracts").alias("contracts"),
    )
    dollars = columns.select(is_dollar.sum()).item()
    if dollars == columns.height:
        return placed.drop("contracts"), "volume counts contracts of 1 USD: read as quote_volume; coins are unknown"
    if dollars == 0:
        return columns, "volume counts contracts, which are neither coins nor money: kept as contracts"
    return placed, "volume counts contracts: read as quote_volume where one is 1 USD, elsewhere kept as contracts"


FORM = Format(
    name="bitmex",
    description="BitMEX bucketed trades: symbol, timestamp (the END), open, high, low, close, volume (contracts), vwap",
    source="bitmex",
    quote=None,
    recognises=_recognises,
    read=_read,
)
