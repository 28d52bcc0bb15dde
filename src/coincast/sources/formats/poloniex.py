"""Poloniex's candles as its old interface gave them, in any order of columns.

    "date","high","low","open","close","volume","quoteVolume","weightedAverage"
    1499988600,2345.09420438,2332.821,2339.8200001,2335.00000018,207816.97352595,88.83377558,2339.39143269

`date` is the first moment of a candle, UTC: epoch seconds or text. On Poloniex the pair USDT_BTC is named by its quote
first, and so are the volumes: `volume` is the turnover in USDT, read as `quote_volume`, and `quoteVolume` the coins,
read as `volume`. Where the file says otherwise (turnover / coins is `weightedAverage`) it is refused.
"""

from __future__ import annotations

import polars as pl

from coincast.errors import ColumnError
from coincast.sources.formats.columns import PRICES, find_names, read_numbers, read_times, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions

_COLUMNS = {
    **{price: price for price in PRICES},
    "volume": "quote_volume",
    "quotevolume": "volume",
    "weightedaverage": "weighted_average",
}


def _recognises(table: pl.DataFrame) -> bool:
    return find_names(table).keys() == {"date", *_COLUMNS}


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    numbers = read_numbers(table, {names[plain]: wanted for plain, wanted in _COLUMNS.items()})
    columns = pl.DataFrame([read_times(table[names["date"]]).alias("open_time"), *numbers])
    _refuse_other_volumes(columns, names)
    note = f"{names['volume']} is turnover: read as quote_volume; {names['quotevolume']} is in coins: read as volume"
    return Reading(columns, notes=(note, *zone_notes(options)))


def _refuse_other_volumes(columns: pl.DataFrame, names: dict[str, str]) -> None:
    """Refuse a file in which most rows say that `volume` is in coins: some copies were renamed."""
    coins, money, price = (pl.col(name) for name in ("volume", "quote_volume", "weighted_average"))
    traded = columns.filter((coins > 0) & (money > 0) & (price > 0))
    distance = traded.select(as_named=(money / coins / price).log().abs(), turned=(coins / money / price).log().abs())
    if 2 * (distance["turned"] < distance["as_named"]).sum() > traded.height:
        volume, turnover = names["volume"], names["quotevolume"]
        raise ColumnError(
            f"{volume!r} is in coins here and {turnover!r} is turnover, other than Poloniex names them;\n"
            f"say so: columns={{'volume': {volume!r}, 'quote_volume': {turnover!r}}} "
            f"or --column volume={volume} --column quote_volume={turnover}"
        )


FORM = Format(
    name="poloniex",
    description="Poloniex chart data: date, open, high, low, close, volume, quoteVolume, weightedAverage, in any order",
    source="poloniex",
    quote=None,
    recognises=_recognises,
    read=_read,
)
