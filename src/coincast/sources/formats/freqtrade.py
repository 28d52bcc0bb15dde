"""Candles as freqtrade stores them in Feather, Parquet and HDF5 files.

Columns `date` (a time, UTC, the first moment of a candle), `open`, `high`, `low`, `close`, `volume` (in coins). Which
exchange and pair it is stands in the names of folder and file (`binance/BTC_USDT-1h.feather`); HDF5 files carry the
pair inside. Exactly these names and a column of real times tell the form: text of dates could be anybody's.
"""

from __future__ import annotations

import polars as pl

from coincast.sources.formats.columns import PRICES, read_numbers, read_times, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions

_COLUMNS = {"date", *PRICES, "volume"}


def _recognises(table: pl.DataFrame) -> bool:
    names = set(table.columns)
    kind = table.schema.get("date")
    if not isinstance(kind, pl.Datetime) or not (_COLUMNS <= names <= _COLUMNS | {"symbol"}):
        return False
    return kind.time_zone == "UTC" or (kind.time_zone is None and "symbol" in names)


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    numbers = read_numbers(table, {name: name for name in (*PRICES, "volume")})
    columns = pl.DataFrame([read_times(table["date"]).alias("open_time"), *numbers])
    if "symbol" in table.columns:
        columns = columns.with_columns(table["symbol"].cast(pl.String))
    return Reading(columns, notes=tuple(zone_notes(options)))


FORM = Format(
    name="freqtrade",
    description="freqtrade Feather, Parquet or HDF5: date (a time in UTC), open, high, low, close, volume",
    source="freqtrade",
    quote=None,
    recognises=_recognises,
    read=_read,
    tells_exchange=True,
)
