"""Kraken's OHLCVT files: seven columns of numbers without names.

    1601503200,10709.7,10760.0,10709.7,10743.8,112.1868407,424

Epoch seconds of the first moment of a candle; open, high, low, close; volume in coins; number of trades. A time without
trades has no row. Market and interval stand in the file's name only (`XBTUSD_60.csv`); the spacing tells the interval.
"""

from __future__ import annotations

import polars as pl

from coincast.errors import ColumnError
from coincast.sources.formats.columns import (
    count_rows,
    holds_mostly,
    is_headless,
    look_at,
    read_numbers,
    read_times,
    refuse_other_order,
    zone_notes,
)
from coincast.sources.formats.form import Format, Reading, ReadOptions

_COLUMNS = {
    "column_2": "open",
    "column_3": "high",
    "column_4": "low",
    "column_5": "close",
    "column_6": "volume",
    "column_7": "trades",
}


def _recognises(table: pl.DataFrame) -> bool:
    first = look_at(table) if is_headless(table, 7) else None
    if first is None:
        return False
    time, trades = pl.col("column_1"), pl.col("column_7")
    return holds_mostly(first, time.is_between(1e8, 1e11) & (time % 60 == 0) & (trades % 1 == 0))


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    times = read_times(table["column_1"])
    columns = pl.DataFrame([times.alias("open_time"), *read_numbers(table, _COLUMNS)])
    refuse_other_order(columns)
    broken = int((columns["trades"] % 1 != 0).sum())
    if broken:
        raise ColumnError(
            f"the seventh column is no number of trades in {count_rows(broken)}, so these are not Kraken's columns; "
            "say what they are: columns={'open_time': 'column_1', 'close': 'column_5', ...}"
        )
    return Reading(columns, notes=("times without trades have no row in this form", *zone_notes(options)))


FORM = Format(
    name="kraken",
    description="Kraken OHLCVT without names: unix seconds, open, high, low, close, volume, trades",
    source="kraken",
    quote=None,
    recognises=_recognises,
    read=_read,
)
