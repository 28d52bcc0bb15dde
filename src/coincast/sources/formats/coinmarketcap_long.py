"""CoinMarketCap's daily history of many coins in one long table.

    slug,symbol,name,date,ranknow,open,high,low,close,volume,market,close_ratio,spread
    bitcoin,BTC,Bitcoin,28/4/2013,1,135.3,135.98,132.1,134.21,0,1500520000,0.5438,3.88

Days are UTC and named by their first moment. Dates are day/month/year, ISO in other editions: the whole column tells.
`volume` is the turnover of the last 24 hours in USD, `market` the market cap in USD; 0 means unknown in both, for the
edition of 2018 has `-` in the same cells. `close_ratio` and `spread` follow from the prices, and `ranknow` is the rank
on the day of the download, which nobody knew before: all three are left out.

Coins are told by `symbol`. Where several coins share one, its rows of the best rank are the coin that people mean, and
those of the others are left out.
"""

from __future__ import annotations

import polars as pl

from coincast.sources.formats.columns import find_names, read_numbers, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions
from coincast.tabular import parse_numbers, parse_times

_COLUMNS = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "quote_volume",
    "market": "market_cap",
}
_UNKNOWN_AT_ZERO = ("quote_volume", "market_cap")


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if not {"slug", "symbol", "date", "ranknow", *_COLUMNS} <= set(names):
        return False
    dates = table[names["date"]]
    return dates.dtype.is_temporal() or dates.dtype == pl.String


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    days = parse_times(table[names["date"]], day_first=options.day_first).times
    numbers = read_numbers(table, {names[plain]: name for plain, name in _COLUMNS.items()})
    known = [number.replace(0.0, None) if number.name in _UNKNOWN_AT_ZERO else number for number in numbers]
    symbols = table[names["symbol"]].cast(pl.String)
    columns = pl.DataFrame([days.alias("open_time"), *known, symbols.alias("symbol")])
    zeros = sum(after.null_count() - before.null_count() for before, after in zip(numbers, known, strict=True))
    notes = [
        "volume is turnover in USD: read as quote_volume; volume in coins is unknown",
        "ranknow is left out: it is the rank on the day of the download",
    ]
    if zeros:
        notes.append(f"cells of volume and market that are 0, read as unknown: {zeros:,}")
    return Reading(columns, interval="1d", notes=(*notes, *zone_notes(options)), left_out=_find_namesakes(table, names))


def _find_namesakes(table: pl.DataFrame, names: dict[str, str]) -> dict[int, str]:
    """Rows of coins whose symbol is that of a coin of better rank, and why they are left out."""
    ranks = parse_numbers(table[names["ranknow"]], names["ranknow"]).alias("rank")
    coins = pl.DataFrame([table[names["symbol"]].alias("symbol"), table[names["slug"]].alias("slug"), ranks])
    meant = pl.col("slug").sort_by("rank", "slug", nulls_last=True).first().over("symbol")
    others = coins.with_row_index().filter(pl.col("slug") != meant).select("index", "slug", "symbol")
    return {row: f"{slug} shares its symbol {symbol} with a coin of better rank" for row, slug, symbol in others.rows()}


FORM = Format(
    name="coinmarketcap_long",
    description="CoinMarketCap daily history of many coins in one table: slug, symbol, name, date, ranknow, open, "
    "high, low, close, volume, market, close_ratio, spread",
    source="coinmarketcap",
    quote="USD",
    recognises=_recognises,
    read=_read,
)
