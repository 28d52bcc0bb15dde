"""CoinMarketCap's own download of historical data, since 2023, parted by semicolons.

    timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;circulatingSupply;timestamp
    "2024-01-02T00:00:00.000Z";"2024-01-02T23:59:59.999Z";...;"2781";44187.1;45899.7;44176.9;44957.9;39335274536.2;...

`timeOpen` is the first moment of a day, UTC. `name` is the number of the currency that prices are in, 2781 for USD.
Volume is the turnover of the last 24 hours over all exchanges, so it is read as `quote_volume`; 0 means unknown, as it
does for the market cap.
"""

from __future__ import annotations

import polars as pl

from coincast.errors import CellError
from coincast.sources.formats.columns import find_names, read_numbers, read_times, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions

_COLUMNS = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "quote_volume",
    "marketcap": "market_cap",
    "circulatingsupply": "circulating_supply",
}
_NEEDED = {
    "timeopen",
    "timeclose",
    "timehigh",
    "timelow",
    "name",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "marketcap",
}
_DOLLAR = "2781"


def _recognises(table: pl.DataFrame) -> bool:
    return set(find_names(table)) >= _NEEDED


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    _refuse_other_money(table[names["name"]])
    numbers = read_numbers(table, {names[plain]: name for plain, name in _COLUMNS.items() if plain in names})
    known = [
        number if number.name in ("open", "high", "low", "close") else number.replace(0.0, None) for number in numbers
    ]
    columns = pl.DataFrame([read_times(table[names["timeopen"]]).alias("open_time"), *known])
    notes = ("Volume is turnover in USD: read as quote_volume; volume in coins is unknown", *zone_notes(options))
    return Reading(columns, interval="1d", notes=notes)


def _refuse_other_money(money: pl.Series) -> None:
    cells = money.cast(pl.String).str.strip_chars().str.strip_suffix(".0")
    others = (cells != _DOLLAR).fill_null(True).arg_true()
    if others.len():
        raise CellError(
            f"column {money.name!r}, row {others[0] + 1}: {cells[others[0]]!r} is not the number of the US dollar "
            f"({_DOLLAR}); download the prices in USD",
            others.to_list(),
        )


FORM = Format(
    name="coinmarketcap_download",
    description="CoinMarketCap's download of historical data since 2023: timeOpen;timeClose;...;close;volume;marketCap",
    source="coinmarketcap",
    quote="USD",
    recognises=_recognises,
    read=_read,
)
