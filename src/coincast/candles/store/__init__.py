"""The store: candles as Parquet, one folder per market and interval; outside series beside them.

    home/candles/binance-BTC_USDT/1m/2021-03.parquet    a month of candles shorter than a day
    home/candles/binance-BTC_USDT/1d/2021.parquet       a year of days and longer candles; 1M lies in the folder 1mo
    home/candles/binance-BTC_USDT/1d.revisions.csv      what was stored and is no longer
    home/series/fear_greed.parquet                      an outside series
    home/series/fear_greed.revisions.csv                what was stored of it and is no longer

A file is written whole or not at all, by one writer at a time; readers need no lock. It carries where its rows came
from and a checksum. Anybody can read it: `polars.read_parquet(".../1d/*.parquet")`, or the same in DuckDB. Why it is
so: docs/decisions/0007-store.md.
"""

from coincast.candles.store.places import Broken, candles_folder
from coincast.candles.store.reading import last_open_time, list_stored, read_provenance, read_stored
from coincast.candles.store.revisions import read_revisions
from coincast.candles.store.series import list_series, read_series, read_series_revisions, write_series
from coincast.candles.store.writing import Written, write_candles

__all__ = [
    "Broken",
    "Written",
    "candles_folder",
    "last_open_time",
    "list_series",
    "list_stored",
    "read_provenance",
    "read_revisions",
    "read_series",
    "read_series_revisions",
    "read_stored",
    "write_candles",
    "write_series",
]
