"""Minutes of the Kaggle set "Bitcoin historical data" as it was until 2021.

    Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price
    1325317920,4.39,4.39,4.39,4.39,0.45558087,2.0000000193,4.39
    1325317980,NaN,NaN,NaN,NaN,NaN,NaN,NaN

`Timestamp` is the first moment of a minute in epoch seconds. A minute without trades is a row without numbers, and no
candle. The exchange (Bitstamp, Coinbase and others) and the currency stand in the file's name only.
"""

from __future__ import annotations

import polars as pl

from coincast.sources.formats.columns import PRICES, count_rows, find_names, read_numbers, read_times, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions


def _find_coin(names: dict[str, str]) -> str | None:
    """The coin that stands in the name of its volume, in lower case."""
    others = names.keys() - {"timestamp", *PRICES, "volumecurrency", "weightedprice"}
    if len(names) != 8 or len(others) != 1:
        return None
    (volume,) = others
    return volume.removeprefix("volume") if volume.startswith("volume") else None


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    return bool(_find_coin(names)) and "volumecurrency" in names and "weightedprice" in names


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    coin = _find_coin(names) or ""
    wanted = {price: price for price in PRICES}
    wanted |= {f"volume{coin}": "volume", "volumecurrency": "quote_volume", "weightedprice": "weighted_average"}
    numbers = read_numbers(table, {names[plain]: name for plain, name in wanted.items()})
    times = read_times(table[names["timestamp"]])
    columns = pl.DataFrame([times.alias("open_time"), *numbers]).with_columns(symbol=pl.lit(coin.upper()))
    idle = columns["close"].null_count()
    notes = [f"minutes without trades are empty in this form and no candles: {count_rows(idle)}"] if idle else []
    return Reading(columns, notes=(*notes, *zone_notes(options)))


FORM = Format(
    name="kaggle_minutes",
    description="Kaggle minutes until 2021: Timestamp, prices, Volume_(BTC), Volume_(Currency), Weighted_Price",
    source="kaggle",
    quote=None,
    recognises=_recognises,
    read=_read,
    tells_exchange=True,
)
