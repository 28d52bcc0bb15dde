"""Stored candles and new ones of the same span, united: what is added, what is the same, what differs."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from coincast.candles.table import INTERVALS, KEYS, ROUNDING, add_intervals


class Merged(NamedTuple):
    """A file as it will be.

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
    """Unite two tables of the same market, interval and columns."""
    interval, names = new["interval"][0], new.columns[len(KEYS) :]
    fresh = {name: f"{name}:new" for name in names}
    joined = (
        old.select("open_time", *names, pl.lit(True).alias(":old"))
        .join(
            new.select("open_time", pl.col(names).name.suffix(":new"), pl.lit(True).alias(":new")),
            on="open_time",
            how="full",
            coalesce=True,
        )
        .sort("open_time")
        .with_columns(pl.col(":old", ":new").fill_null(False))
        .with_columns(*(_differs(name, fresh[name]).alias(f"{name}:differs") for name in names))
    )
    differs = pl.any_horizontal(f"{name}:differs" for name in names)
    gains = pl.any_horizontal(pl.col(name).is_null() & pl.col(fresh[name]).is_not_null() for name in names)
    both = pl.col(":old") & pl.col(":new")
    kinds = joined.select(
        (~pl.col(":old")).alias("added"),
        (both & differs).alias("revised"),
        (both & ~differs & gains).alias("completed"),
        both.alias("both"),
        _is_crowded(interval).alias("crowded"),
    )
    added, revised, completed, twice, crowded = (int(kinds[name].sum()) for name in kinds.columns)
    values = (
        pl.when(f"{name}:differs").then(fresh[name]).otherwise(pl.coalesce(name, fresh[name])).alias(name)
        for name in names
    )
    table = joined.select(
        pl.lit(new["market"][0]).alias("market"),
        pl.lit(interval).alias("interval"),
        "open_time",
        add_intervals(pl.col("open_time"), interval, 1).alias("close_time"),
        *values,
    )
    touched = table.filter(kinds.select(pl.any_horizontal("added", "revised", "completed")).to_series())
    same = twice - revised - completed
    return Merged(table, touched, _list_revisions(joined, names), added, same, completed, revised, crowded)


def _differs(before: str, after: str) -> pl.Expr:
    old, new = pl.col(before), pl.col(after)
    distance, size = (old - new).abs(), pl.min_horizontal(old.abs(), new.abs())
    return ((old != new) & (distance > size * ROUNDING)).fill_null(False)


def _is_crowded(interval: str) -> pl.Expr:
    """Whether of two neighbours that overlap one is stored and the other is new."""
    apart = pl.col("open_time").diff() >= pl.duration(milliseconds=1) * INTERVALS[interval]
    other = (pl.col(":old") != pl.col(":old").shift(1)) & (pl.col(":new") != pl.col(":new").shift(1))
    return (~apart & other).fill_null(False) & (interval != "1M")


def _list_revisions(joined: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    found = [
        joined.filter(pl.col(f"{name}:differs")).select(
            "open_time",
            pl.lit(name).alias("column"),
            pl.col(name).alias("before"),
            pl.col(f"{name}:new").alias("after"),
        )
        for name in names
    ]
    return pl.concat(found).sort("open_time", maintain_order=True)
