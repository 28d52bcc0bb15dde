"""CoinMarketCap's daily history as collected in 2021, one file for each coin.

    SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap
    1,Bitcoin,BTC,2013-04-29 23:59:59,147.488,134.0,134.444,144.54,0.0,1603768864.5

A stamp of 23:59:59 is the END of its day, so the candle opens at the midnight before it; dates without a clock name the
day. Days are UTC. Volume is the turnover of the last 24 hours in USD over all exchanges, so it is read as
`quote_volume`. A volume or market cap of 0 means unknown: the edition of 2018 has `-` on the same days (all before
2013-12-27 for the oldest coins), and a coin that has a price on an exchange has been traded.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from coincast.errors import CellError
from coincast.sources.formats.columns import find_names, read_numbers, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions
from coincast.tabular import parse_times

_COLUMNS = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "quote_volume",
    "marketcap": "market_cap",
}
_UNKNOWN_AT_ZERO = ("quote_volume", "market_cap")


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if not {"name", "symbol", "date", *_COLUMNS} <= set(names):
        return False
    dates = table[names["date"]]
    return dates.dtype.is_temporal() or dates.dtype == pl.String


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    days = _find_days(parse_times(table[names["date"]]).times)
    numbers = read_numbers(table, {names[plain]: name for plain, name in _COLUMNS.items()})
    known = [number.replace(0.0, None) if number.name in _UNKNOWN_AT_ZERO else number for number in numbers]
    symbols = table[names["symbol"]].cast(pl.String)
    columns = pl.DataFrame([days.alias("open_time"), *known, symbols.alias("symbol")])
    zeros = sum(after.null_count() - before.null_count() for before, after in zip(numbers, known, strict=True))
    notes = ["Volume is turnover in USD: read as quote_volume; volume in coins is unknown"]
    if zeros:
        notes.append(f"cells of Volume and Marketcap that are 0, read as unknown: {zeros:,}")
    return Reading(columns, interval="1d", notes=(*notes, *zone_notes(options)))


def _find_days(times: pl.Series) -> pl.Series:
    """First moment of each day out of its last second, or out of its date where no row has a clock."""
    days = times.dt.truncate("1d")
    is_date = times == days
    is_end = times.dt.truncate("1s") == days + timedelta(days=1, seconds=-1)
    is_odd = (~(is_date if is_date.all() else is_end)).fill_null(False)
    if is_odd.any():
        rows = is_odd.arg_true()
        raise CellError(
            f"column {times.name!r}, row {rows[0] + 1}: {times[rows[0]]:%Y-%m-%d %H:%M:%S} is not the end of a day; "
            f"times of this form are 23:59:59 ({rows.len():,} rows are not)",
            rows.to_list(),
        )
    return days


FORM = Format(
    name="coinmarketcap_2021",
    description="CoinMarketCap daily history of 2021: SNo, Name, Symbol, Date (23:59:59), High, Low, Open, Close, "
    "Volume, Marketcap",
    source="coinmarketcap",
    quote="USD",
    recognises=_recognises,
    read=_read,
)
