"""Rows of six numbers without names: freqtrade's JSON, which is what ccxt gives.

    [[1680363900000,28366.61,28405.31,28358.14,28400.07,218.07574], ...]

Epoch milliseconds of the first moment of a candle; open, high, low, close; volume in coins. Exchange and pair stand in
the names of folder and file only. Some exchanges give six numbers in another order, which is refused.
"""

from __future__ import annotations

import polars as pl

from coincast.sources.formats.columns import (
    holds_mostly,
    is_headless,
    look_at,
    read_numbers,
    read_times,
    refuse_other_order,
    zone_notes,
)
from coincast.sources.formats.form import Format, Reading, ReadOptions

_COLUMNS = {"column_2": "open", "column_3": "high", "column_4": "low", "column_5": "close", "column_6": "volume"}


def _recognises(table: pl.DataFrame) -> bool:
    first = look_at(table) if is_headless(table, 6) else None
    return first is not None and holds_mostly(first, pl.col("column_1").is_between(1e11, 1e14))


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    times = read_times(table["column_1"])
    columns = pl.DataFrame([times.alias("open_time"), *read_numbers(table, _COLUMNS)])
    refuse_other_order(columns)
    return Reading(columns, notes=tuple(zone_notes(options)))


FORM = Format(
    name="freqtrade_json",
    description="freqtrade JSON, as ccxt gives rows: [[unix milliseconds, open, high, low, close, volume], ...]",
    source="freqtrade",
    quote=None,
    recognises=_recognises,
    read=_read,
    tells_exchange=True,
)
