"""Bitstamp's minutes in the Kaggle set "Bitcoin historical data", as it has been since 2024.

    Timestamp,Open,High,Low,Close,Volume
    1325412060.0,4.58,4.58,4.58,4.58,0.0

`Timestamp` is the first moment of a minute in epoch seconds, written with a decimal point; prices are in dollars and
cents, volume in coins. A minute without trades repeats the last close with volume 0. The names could be anybody's, so
the spelling of the cells tells.
"""

from __future__ import annotations

import polars as pl

from coincast.sources.formats.columns import (
    LOOK,
    PRICES,
    count_rows,
    find_names,
    holds_mostly,
    look_at,
    read_numbers,
    read_times,
    zone_notes,
)
from coincast.sources.formats.form import Format, Reading, ReadOptions


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if names.keys() != {"timestamp", *PRICES, "volume"}:
        return False
    first = look_at(table.select(names["timestamp"]))
    if first is None or not holds_mostly(first, pl.nth(0).is_between(1e8, 1e11) & (pl.nth(0) % 60 == 0)):
        return False
    cells = table.head(LOOK).select(pl.all().cast(pl.String))
    has_point = pl.col(names["timestamp"]).str.contains(r"^\d+\.0$")
    in_cents = pl.all_horizontal(pl.col(names[price]).str.contains(r"^\d+(\.\d{1,2})?$") for price in PRICES)
    return holds_mostly(cells, has_point & in_cents)


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    times = read_times(table[names["timestamp"]])
    wanted = {names[name]: name for name in (*PRICES, "volume")}
    columns = pl.DataFrame([times.alias("open_time"), *read_numbers(table, wanted)])
    idle = int((columns["volume"] == 0).sum())
    notes = (
        [f"minutes without trades carry the last close on in this form: {count_rows(idle)} with volume 0"]
        if idle
        else []
    )
    return Reading(columns, notes=(*notes, *zone_notes(options)))


FORM = Format(
    name="bitstamp",
    description="Bitstamp minutes of the Kaggle set since 2024: Timestamp (unix seconds with a point), prices, Volume",
    source="bitstamp",
    quote=None,
    recognises=_recognises,
    read=_read,
    tells_exchange=True,
)
