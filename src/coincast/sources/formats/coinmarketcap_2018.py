"""CoinMarketCap's daily table as it was until 2018, and the collections made from it.

    Date,Open,High,Low,Close,Volume,Market Cap
    "Feb 20, 2018",11231.80,11958.50,11231.80,11403.70,"9,926,540,000","189,536,000,000"

Days are UTC and named by their first moment; the newest comes first; `-` means unknown. Volume is the turnover of the
last 24 hours in USD over all exchanges, so it is read as `quote_volume`, and `volume`, in coins, is unknown.
"""

from __future__ import annotations

import polars as pl

from coincast.sources.formats.columns import LOOK, holds_mostly
from coincast.sources.formats.form import Format, Reading, ReadOptions, plain_name
from coincast.tabular import parse_numbers, parse_times

_COLUMNS = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "quote_volume",
    "marketcap": "market_cap",
}


def _recognises(table: pl.DataFrame) -> bool:
    names = {plain_name(name): name for name in table.columns}
    if set(names) != {"date", *_COLUMNS}:
        return False
    dates = table[names["date"]]
    if dates.dtype.is_temporal():
        return True
    if dates.dtype != pl.String:
        return False
    return holds_mostly(table.head(LOOK), pl.col(dates.name).str.contains(r"^[A-Z][a-z]{2} \d{1,2}, \d{4}$"))


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = {plain_name(name): name for name in table.columns}
    days = parse_times(table[names["date"]]).times
    numbers = [parse_numbers(table[names[plain]], names[plain]).alias(name) for plain, name in _COLUMNS.items()]
    notes = ["Volume is turnover in USD: read as quote_volume; volume in coins is unknown"]
    if options.zone not in (None, "UTC"):
        notes.append(f"zone {options.zone} is not used: the days of this form are UTC")
    return Reading(pl.DataFrame([days.alias("open_time"), *numbers]), interval="1d", notes=tuple(notes))


FORM = Format(
    name="coinmarketcap_2018",
    description="CoinMarketCap daily table until 2018: Date, Open, High, Low, Close, Volume, Market Cap",
    source="coinmarketcap",
    quote="USD",
    recognises=_recognises,
    read=_read,
)
