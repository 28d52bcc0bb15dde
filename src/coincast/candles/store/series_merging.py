"""A stored series and a new one, united: what is added, what differs, what is another series."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from coincast.candles.store.merging import count_crowded, unite
from coincast.candles.store.revisions import revision_schema
from coincast.candles.store.writing import Written
from coincast.errors import DataError

NEAR = 0.6
"""Part of the usual spacing of its dates within which a series has no other date."""

SERIES_KEYS = ("date", "known_at")
"""What names a row of a series."""

_REVISIONS = pl.Schema(revision_schema(SERIES_KEYS))


class MergedSeries(NamedTuple):
    """A series as it will be.

    Attributes:
        table: its rows, in order.
        dates: of the rows that are new or not as they were.
        revisions: numbers that were replaced or taken out: `date, known_at, column, before, after`.
        moved: `date` and both `known_at` of a stored and a new row where the date is known from another time on.
        written: numbers of rows.
    """

    table: pl.DataFrame
    dates: pl.Series
    revisions: pl.DataFrame
    moved: pl.DataFrame
    written: Written


def merge_series(old: pl.DataFrame, new: pl.DataFrame) -> MergedSeries:
    """Unite two series; stored rows that the new one has with another `known_at` only are taken out."""
    names = list(dict.fromkeys([*old.columns[2:], *new.columns[2:]]))
    old, new = _with_columns(old, names), _with_columns(new, names)
    taken_out, moved = _find_moved(old, new)
    united = unite(old.join(taken_out, on=SERIES_KEYS, how="anti"), new, SERIES_KEYS, names)
    revisions = pl.concat([united.revisions, *_list_taken_out(taken_out, names)]).sort(SERIES_KEYS, maintain_order=True)
    changed = moved.select("date", pl.col("known_at_right").alias("known_at")).unique()
    is_changed = united.kinds.join(changed, on=SERIES_KEYS, how="semi").height
    written = Written(
        added=united.count("added") - is_changed,
        same=united.count("same"),
        completed=united.count("completed"),
        revised=united.count("revised") + is_changed,
        revisions=revisions,
    )
    return MergedSeries(united.table, united.touched["date"], revisions, moved, written)


def _with_columns(table: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in names if name not in table.columns]
    return table.with_columns(absent).select(*SERIES_KEYS, *names)


def _find_moved(old: pl.DataFrame, new: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Stored rows that the new table has with another `known_at` only, and their keys beside those of the new rows."""
    lost = old.join(new, on=SERIES_KEYS, how="anti")
    gained = new.join(old, on=SERIES_KEYS, how="anti").select(SERIES_KEYS)
    pairs = lost.select(SERIES_KEYS).join(gained, on="date").sort("date", "known_at", "known_at_right")
    return lost.join(gained, on="date", how="semi"), pairs


def _list_taken_out(rows: pl.DataFrame, names: list[str]) -> list[pl.DataFrame]:
    """Known numbers of rows that are no longer there, as revisions."""
    return [
        rows.filter(pl.col(name).is_not_null())
        .select(*SERIES_KEYS, pl.lit(name).alias("column"), pl.col(name).alias("before"), pl.lit(None).alias("after"))
        .cast(_REVISIONS)
        for name in names
    ]


# ---------------------------------------------------------------- refusals


def refuse_another(old: pl.DataFrame, new: pl.DataFrame, path: Path) -> None:
    """A table with no column of the stored one, or with dates between the stored ones, is another series."""
    if old.is_empty():
        return
    remedy = f"give it another name with --series NAME, or move {path} away first"
    if not set(old.columns[2:]) & set(new.columns[2:]):
        raise DataError(
            f"the stored series {path.stem} has no column of the new one ({', '.join(new.columns[2:][:3])}); "
            f"nothing was written: {remedy}"
        )
    stored, fresh = (table.select(pl.col("date").unique(), pl.lit(0.0).alias("at")) for table in (old, new))
    dates = unite(stored, fresh, ["date"], ["at"])
    spacing = stored["date"].sort().diff().median()
    least = spacing * NEAR if isinstance(spacing, timedelta) else None
    crowded = count_crowded(dates.kinds, "date", least)
    if crowded > max(2, dates.count("same")):
        raise DataError(
            f"the dates of the new series {path.stem} lie between those of the stored one, in {crowded:,} places; "
            f"nothing was written: {remedy}"
        )


def refuse_changes(merged: MergedSeries, name: str) -> None:
    """Refuse to replace a number, or the time from which on it is known."""
    remedy = 'another name with --series NAME, or replace what is stored with --replace (on_conflict="replace")'
    if merged.moved.height:
        date, before, after = map(_spell, merged.moved.row(0))
        more = _more(merged.moved["date"].n_unique(), "dates differ")
        raise DataError(
            f"the value of {date} in the series {name} is stored as known from {before} UTC on, and the new one "
            f"is known from {after} UTC on{more}; nothing was written: give the same --lag, {remedy}\n"
            "a file of revisions must hold the values that were revised, too"
        )
    if merged.revisions.height:
        first = merged.revisions.row(0, named=True)
        raise DataError(
            f"the {first['column']} of {_spell(first['date'])} in the series {name} is stored as "
            f"{first['before']:.15g}, and the new one is {first['after']:.15g}"
            f"{_more(merged.written.revised, 'rows differ')}; nothing was written: give it {remedy}"
        )


def _more(count: int, words: str) -> str:
    return f" ({count:,} {words} in all)" if count > 1 else ""


def _spell(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
