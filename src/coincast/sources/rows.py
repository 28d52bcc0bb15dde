"""Rows of a file to candles of a market, and what became of every row."""

from __future__ import annotations

import polars as pl

from coincast.candles.faults import clear_faults
from coincast.candles.quality import count_mixed_up
from coincast.candles.table import Market, infer_interval, make_candles
from coincast.errors import CandleError, CellError, TooFewRowsError
from coincast.sources.formats import Format, Reading, ReadOptions

LEFT_OUT = {"row": pl.Int64(), "time": pl.Datetime("ms", "UTC"), "reason": pl.String(), "done": pl.String()}
"""Columns of `CandleFile.left_out`."""
_UNPRICED = "no close"
_TOLD = 5
"""Rows that are told one by one."""


def read_rows(
    table: pl.DataFrame, form: Format, options: ReadOptions, on_bad: str
) -> tuple[Reading, pl.Series, list[tuple[int, str]]]:
    """The reading, the position of each of its rows in the table, and the rows that have an unreadable cell.

    Such a row is a fault: it is left out only where the user says what shall be done about faults.
    """
    rows = pl.int_range(table.height, eager=True)
    unread: list[tuple[int, str]] = []
    while True:
        try:
            return form.read(table, options), rows, unread
        except CellError as error:
            if on_bad == "refuse" or not 0 < len(set(error.rows)) < table.height:
                raise
            reason = f"a cell of {str(error).partition(', row')[0]} cannot be read"
            unread += [(int(rows[row]), reason) for row in sorted(set(error.rows))]
            is_read = ~pl.int_range(table.height, eager=True).is_in(list(error.rows))
            table, rows = table.filter(is_read), rows.filter(is_read)


def leave_out(
    columns: pl.DataFrame, reading: Reading, unread: list[tuple[int, str]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that the form leaves out, and those with unreadable cells."""
    is_out = pl.int_range(columns.height, eager=True).is_in(list(reading.left_out))
    rows = [*unread, *((int(columns["row"][row]), reason) for row, reason in reading.left_out.items())]
    listed = [{"row": row + 1, "time": None, "reason": reason, "done": "left out"} for row, reason in rows]
    return columns.filter(~is_out) if reading.left_out else columns, pl.DataFrame(listed, schema=LEFT_OUT)


def make_market(
    columns: pl.DataFrame, market: Market, interval: str | None, on_bad: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Candles of one market out of its rows, and the rows that are none or were changed."""
    unpriced = columns["close"].is_null()
    time = "open_time" if "open_time" in columns.columns else "close_time"
    without = columns.filter(unpriced).select(
        pl.col("row") + 1,
        pl.col(time).alias("time"),
        pl.lit(_UNPRICED).alias("reason"),
        pl.lit("left out").alias("done"),
    )
    priced = columns.filter(~unpriced) if without.height else columns
    if priced.is_empty():
        raise TooFewRowsError(f"no row of {market} has a price; name the column of prices: --column close=NAME")
    candles, faults = _make_checked(priced, market, interval, on_bad)
    if on_bad == "refuse":
        _refuse_mixed_columns(candles)
    return candles, pl.concat([without, faults])


def clear_rows(candles: pl.DataFrame, on_bad: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of a candle table without faults, and what was done about them."""
    cleared, done = clear_faults(candles, on_bad)
    return cleared, done.select(pl.col("row") + 1, "time", pl.col("detail").alias("reason"), "done")


def _make_checked(
    columns: pl.DataFrame, market: Market, interval: str | None, on_bad: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Candles, and what was done about faults; they are looked for only where there are some, for that takes time."""
    try:
        return make_candles(columns.drop("row"), market=str(market), interval=interval), pl.DataFrame(schema=LEFT_OUT)
    except (CandleError, TooFewRowsError):
        cleared, done = clear_faults(columns.drop("row"), on_bad, rows=columns["row"])
        if done.is_empty():
            raise
    if cleared.is_empty():
        raise TooFewRowsError(f"no row of {market} is left, for none can be true")
    faults = done.select(pl.col("row") + 1, "time", pl.col("detail").alias("reason"), "done")
    times = columns["open_time" if "open_time" in columns.columns else "close_time"]
    return make_candles(cleared, market=str(market), interval=interval or infer_interval(times)), faults


def _refuse_mixed_columns(candles: pl.DataFrame) -> None:
    """Refuse candles most of which close or open outside low to high: their columns are not what their names say."""
    if outside := count_mixed_up(candles):
        raise CandleError(
            f"{outside:,} of {candles.height:,} candles open or close outside low to high: "
            "columns seem to be mixed up;\nsay which is which (--column close=NAME), or take them with --on-bad keep"
        )


def tell_left_out(rows: pl.DataFrame) -> list[str]:
    unpriced = rows["reason"] == _UNPRICED
    told = [f"rows without a price, left out: {unpriced.sum():,}"] if unpriced.any() else []
    others = rows.filter(~unpriced)
    for row, time, reason, done in others.head(_TOLD).iter_rows():
        when = f" ({time:%Y-%m-%d %H:%M})".replace(" 00:00", "") if time else ""
        told.append(f"row {row:,}{when}: {reason}: {done}")
    if others.height > _TOLD:
        told.append(f"and {count(others.height - _TOLD, 'row')} more like these")
    return told


def tell_repeated(own: pl.DataFrame, changed: pl.DataFrame, candles: pl.DataFrame) -> list[str]:
    gone = changed.filter(done="left out")["row"].n_unique()
    repeated = own.height - gone - candles.height
    return [f"{count(repeated, 'repeated row')} left out"] if repeated > 0 else []


def count(number: int, noun: str) -> str:
    """`1 candle`, `2 candles`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
