"""Binance klines: the twelve columns of its interface and of its archive, with or without names.

    timestamp,open,high,low,close,volume,close_time,quote_av,trades,tb_base_av,tb_quote_av,ignore
    2021-04-08 13:00:00,57472.08,57710.66,57256.81,57437.92,2879.673829,1617890399999,165417922.00,76531,...

The first column is the first moment of a candle, UTC: text, or epoch milliseconds, in the archive from 2025 on
microseconds. `close_time` is the last moment before the next candle opens; the interval follows from the two. A halt of
the exchange can cut a candle short; it still stands for its interval, so its `open_time` counts.
"""

from __future__ import annotations

import polars as pl

from coincast.candles.table import INTERVALS
from coincast.errors import CellError
from coincast.sources.formats.columns import (
    PRICES,
    count_rows,
    find_names,
    holds_mostly,
    is_epoch,
    is_headless,
    list_times,
    look_at,
    read_epochs,
    read_numbers,
    read_times,
    refuse_other_order,
    zone_notes,
)
from coincast.sources.formats.form import Format, Reading, ReadOptions

_NAMES = {
    "open_time": ("opentime", "timestamp", "date", "time", "datetime"),
    **{price: (price,) for price in PRICES},
    "volume": ("volume",),
    "close_time": ("closetime",),
    "quote_volume": ("quotevolume", "quoteav", "quoteassetvolume"),
    "trades": ("trades", "count", "numberoftrades"),
    "taker_buy_volume": ("takerbuyvolume", "tbbaseav", "takerbuybaseassetvolume", "takerbuybase"),
    "taker_buy_quote_volume": ("takerbuyquotevolume", "tbquoteav", "takerbuyquoteassetvolume", "takerbuyquote"),
}
"""Name in the candle table -> names in files, in the order of the columns; a twelfth column is of no use."""


def _find_columns(table: pl.DataFrame) -> dict[str, str]:
    """Name in the candle table -> name in this table; empty where this is no table of klines."""
    if is_headless(table, 12):
        return {name: f"column_{i}" for i, name in enumerate(_NAMES, 1)}
    plain = find_names(table)
    found = {name: [plain[known] for known in names if known in plain] for name, names in _NAMES.items()}
    is_complete = all(len(columns) == 1 for columns in found.values())
    extra = table.width - len(found)
    if not is_complete or extra > 1 or (extra == 1 and "ignore" not in plain):
        return {}
    return {name: columns[0] for name, columns in found.items()}


def _recognises(table: pl.DataFrame) -> bool:
    found = _find_columns(table)
    if not found or not is_headless(table, 12):
        return bool(found)
    first = look_at(table)
    if first is None:
        return False
    length = pl.col("column_7") - pl.col("column_1")
    return holds_mostly(first, pl.col("column_1").is_between(1e11, 1e17) & (length > 0) & (pl.col("column_9") % 1 == 0))


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    found = _find_columns(table)
    opens, open_note = _read_moments(table[found["open_time"]])
    closes, _ = _read_moments(table[found["close_time"]])
    notes = [open_note] if open_note else []
    length = int((closes - opens).dt.total_milliseconds().mode().sort()[0]) + 1
    notes += _check_ends(opens, closes, length)
    numbers = {column: name for name, column in found.items() if name not in ("open_time", "close_time")}
    columns = pl.DataFrame([opens.alias("open_time"), *read_numbers(table, numbers)])
    if is_headless(table, 12):
        refuse_other_order(columns)
    return Reading(columns, interval=_find_interval(length), notes=(*notes, *zone_notes(options)))


def _read_moments(series: pl.Series) -> tuple[pl.Series, str | None]:
    return read_epochs(series) if is_epoch(series) else (read_times(series), None)


def _check_ends(opens: pl.Series, closes: pl.Series, length: int) -> list[str]:
    """A candle may end early, for a halt, and never before it opens or when it is over.

    Raises:
        CellError: one does.
    """
    lengths = (closes - opens).dt.total_milliseconds() + 1
    is_month = 28 <= length / INTERVALS["1d"] <= 31
    longest = 31 * INTERVALS["1d"] if is_month else length
    wrong = ((lengths < 1) | (lengths > longest)).arg_true()
    if wrong.len():
        row = wrong[0]
        raise CellError(
            f"open and close time, row {row + 1}: a candle that opens {opens[row]:%Y-%m-%d %H:%M:%S} does not close "
            f"{closes[row]:%Y-%m-%d %H:%M:%S} ({count_rows(wrong.len())} like it in all); correct such rows",
            wrong.to_list(),
        )
    cut = opens.filter(lengths < (28 * INTERVALS["1d"] if is_month else length))
    if not cut.len():
        return []
    return [f"cut short by a halt of the exchange: {count_rows(cut.len())} ({list_times(cut)}); open_time counts"]


def _find_interval(length: int) -> str | None:
    if 28 <= length / INTERVALS["1d"] <= 31:
        return "1M"
    return next((interval for interval, known in INTERVALS.items() if known == length), None)


FORM = Format(
    name="binance",
    description="Binance klines, twelve columns, with or without names; times as text, milliseconds or microseconds",
    source="binance",
    quote=None,
    recognises=_recognises,
    read=_read,
)
