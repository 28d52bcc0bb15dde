"""Stored rows and new ones of the same span, united: what is added, what is the same, what differs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import polars as pl

from coincast.candles.table import INTERVALS, KEYS, ROUNDING, add_intervals


class United(NamedTuple):
    """Two tables as one, with a row for each key.

    Attributes:
        table: keys and numbers, in order of the keys.
        kinds: the keys, and of each row whether it was `stored`, whether it is `new`, and whether it was `added`,
            `completed` (an unknown number became known), `revised` (another number stood there), or the `same`.
        revisions: numbers that were replaced: the keys, `column, before, after`.
    """

    table: pl.DataFrame
    kinds: pl.DataFrame
    revisions: pl.DataFrame

    @property
    def touched(self) -> pl.DataFrame:
        """Rows that are new or not as they were."""
        return self.table.filter(self.kinds.select(pl.any_horizontal("added", "revised", "completed")).to_series())

    def count(self, kind: str) -> int:
        """Rows of a kind."""
        return int(self.kinds[kind].sum())


class Merged(NamedTuple):
    """A file of candles as it will be.

    Attributes:
        table: its candles.
        touched: those of them that are new or not as they were.
        revisions: numbers that were replaced: `open_time, column, before, after`.
        added, same, completed, revised: numbers of candles, as in `Written`.
        crowded: places where a new candle overlaps a stored one.
    """

    table: pl.DataFrame
    touched: pl.DataFrame
    revisions: pl.DataFrame
    added: int
    same: int
    completed: int
    revised: int
    crowded: int


def merge(old: pl.DataFrame, new: pl.DataFrame) -> Merged:
    """Unite two candle tables of the same market, interval and columns."""
    interval, names = new["interval"][0], new.columns[len(KEYS) :]
    united = unite(old, new, ["open_time"], names)
    keys = (pl.lit(new["market"][0]).alias("market"), pl.lit(interval).alias("interval"))
    closes = add_intervals(pl.col("open_time"), interval, 1).alias("close_time")
    least = None if interval == "1M" else timedelta(milliseconds=INTERVALS[interval])
    return Merged(
        table=united.table.select(*keys, "open_time", closes, *names),
        touched=united.touched.select(*keys, "open_time", closes, *names),
        revisions=united.revisions,
        added=united.count("added"),
        same=united.count("same"),
        completed=united.count("completed"),
        revised=united.count("revised"),
        crowded=count_crowded(united.kinds, "open_time", least),
    )


def unite(old: pl.DataFrame, new: pl.DataFrame, keys: Sequence[str], names: Sequence[str]) -> United:
    """Unite two tables with the same columns and no key twice: the new number counts, a known one before an unknown."""
    fresh = {name: f"{name}:new" for name in names}
    joined = (
        old.select(*keys, *names, pl.lit(True).alias(":old"))
        .join(
            new.select(*keys, pl.col(names).name.suffix(":new"), pl.lit(True).alias(":new")),
            on=keys,
            how="full",
            coalesce=True,
        )
        .sort(keys)
        .with_columns(pl.col(":old", ":new").fill_null(False))
        .with_columns(*(_differs(name, fresh[name]).alias(f"{name}:differs") for name in names))
    )
    differs = pl.any_horizontal(f"{name}:differs" for name in names)
    gains = pl.any_horizontal(pl.col(name).is_null() & pl.col(fresh[name]).is_not_null() for name in names)
    both = pl.col(":old") & pl.col(":new")
    kinds = joined.select(
        *keys,
        pl.col(":old").alias("stored"),
        pl.col(":new").alias("new"),
        (~pl.col(":old")).alias("added"),
        (both & differs).alias("revised"),
        (both & ~differs & gains).alias("completed"),
        (both & ~differs & ~gains).alias("same"),
    )
    values = (
        pl.when(f"{name}:differs").then(fresh[name]).otherwise(pl.coalesce(name, fresh[name])).alias(name)
        for name in names
    )
    return United(joined.select(*keys, *values), kinds, _list_revisions(joined, keys, names))


def count_crowded(kinds: pl.DataFrame, time: str, least: timedelta | None) -> int:
    """Neighbours of which one is stored and the other is new, and that stand nearer than they may.

    Args:
        kinds: `stored` and `new` of each time, in order.
        time: the column of times.
        least: how far apart neighbours must be; None where that is not known.
    """
    if least is None:
        return 0
    is_near = pl.col(time).diff() < least
    is_other = (pl.col("stored") != pl.col("stored").shift(1)) & (pl.col("new") != pl.col("new").shift(1))
    return int(kinds.select((is_near & is_other).fill_null(False).sum()).item())


def _differs(before: str, after: str) -> pl.Expr:
    old, new = pl.col(before), pl.col(after)
    distance, size = (old - new).abs(), pl.min_horizontal(old.abs(), new.abs())
    return ((old != new) & (distance > size * ROUNDING)).fill_null(False)


def _list_revisions(joined: pl.DataFrame, keys: Sequence[str], names: Sequence[str]) -> pl.DataFrame:
    found = [
        joined.filter(pl.col(f"{name}:differs")).select(
            *keys,
            pl.lit(name).alias("column"),
            pl.col(name).alias("before"),
            pl.col(f"{name}:new").alias("after"),
        )
        for name in names
    ]
    return pl.concat(found).sort(keys, maintain_order=True)
