"""Changed futures: the same candles up to a moment, and others after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from coincast.candles.join import join_outside
from coincast.candles.table import KEYS, PRICES

SAME_LENGTH = ("noise", "mirrored", "reversed")
"""Futures with as many rows as the true one."""
FUTURES = {
    "noise": "every later number is another one; prices, volume and extra columns move apart from one another",
    "mirrored": "the same noise with the opposite sign, so that a leak of a mere sign or threshold shows, too",
    "reversed": "the later rows in reversed order",
    "missing": "no later rows at all: the end is the row under test",
    "holes": "half of the later rows are missing, and all but the closes is unknown in the others",
}


@dataclass(frozen=True)
class World:
    """All that an experiment is made of.

    Attributes:
        candles: candle table, sorted by market and time, without outside series.
        outside: outside series by name, as `join_outside` takes them.
    """

    candles: pl.DataFrame
    outside: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    def join(self) -> pl.DataFrame:
        """The candles with the columns of the outside series, as of when they were known."""
        candles = self.candles
        for name, series in self.outside.items():
            candles = join_outside(candles, series, prefix=name).candles
        return candles

    @property
    def moments(self) -> Int[np.ndarray, "moment"]:
        """Every close time, milliseconds since 1970, in order."""
        return np.unique(milliseconds(self.candles["close_time"]))


def milliseconds(times: pl.Series) -> Int[np.ndarray, "row"]:
    """Times of a candle table as milliseconds since 1970, which is what they are: nothing is copied."""
    return times.to_physical().to_numpy()


@dataclass(frozen=True)
class Table:
    """A table whose rows become known one after the other, and what may stand in place of its later rows.

    Attributes:
        rows: the true rows; within a block in the order in which they become known.
        noise, mirrored: tables of the same shape.
        backwards: the rows of each block in reversed order, their keys as they are in `rows`.
        holed: the rows with nothing but their needed columns.
        is_kept: rows that a future with holes keeps.
        seen_from: first moment, in milliseconds, at which a row is known.
        blocks: first row, and row after the last, of each market.
        keys: columns that stay with their row.
    """

    rows: pl.DataFrame
    noise: pl.DataFrame
    mirrored: pl.DataFrame
    backwards: pl.DataFrame
    holed: pl.DataFrame
    is_kept: Bool[np.ndarray, "row"]
    seen_from: Int[np.ndarray, "row"]
    blocks: tuple[tuple[int, int], ...]
    keys: tuple[str, ...]

    def change(self, future: str, after: int, until: int | None = None) -> pl.DataFrame:
        """The table with another future after a moment, or between two moments."""
        pieces = []
        for first, end in self.blocks:
            seen = self.seen_from[first:end]
            cut = first + int(np.searchsorted(seen, after, side="right"))
            stop = end if until is None else max(cut, first + int(np.searchsorted(seen, until, side="right")))
            pieces += [self.rows[first:cut], self._later(future, (first, end), cut, stop), self.rows[stop:end]]
        return pl.concat([piece for piece in pieces if piece.height] or [self.rows[:0]], rechunk=True)

    def _later(self, future: str, block: tuple[int, int], first: int, end: int) -> pl.DataFrame:
        if future == "missing":
            return self.rows[:0]
        if future in ("noise", "mirrored"):
            return (self.noise if future == "noise" else self.mirrored)[first:end]
        if future == "holes":
            return self.holed[first:end].filter(self.is_kept[first:end])
        # Row r of a block stands at place `sum(block) - 1 - r` of the reversed block.
        values = self.backwards[sum(block) - end : sum(block) - first]
        return self.rows[first:end].select(self.keys).hstack(values).select(self.rows.columns)


@dataclass(frozen=True)
class Futures:
    """The futures that a world may have; drawn once, so that a cut costs no more than a few slices."""

    candles: Table
    outside: Mapping[str, Table]

    @classmethod
    def draw(cls, world: World, *, seed: int) -> Futures:
        rng = np.random.default_rng(seed)
        closes = milliseconds(world.candles["close_time"])
        candles = _draw_table(world.candles, closes, _blocks(world.candles["market"]), KEYS, ("close",), rng)
        outside = {}
        for name, series in world.outside.items():
            ordered = series.sort("known_at", "date")
            # A value is seen by candles that close after it was known, strictly.
            seen_from = ordered["known_at"].dt.epoch("ms").to_numpy() + 1
            keys = ("date", "known_at")
            outside[name] = _draw_table(ordered, seen_from, ((0, ordered.height),), keys, (), rng)
        return cls(candles, outside)

    def change(self, future: str, after: int, until: int | None = None) -> World:
        """The world with another future.

        Args:
            future: a name of `FUTURES`.
            after: what is known at this moment (milliseconds since 1970) stays as it is.
            until: what becomes known after this moment stays as it is, too; default: nothing does.
        """
        return World(
            self.candles.change(future, after, until),
            {name: table.change(future, after, until) for name, table in self.outside.items()},
        )


def _blocks(markets: pl.Series) -> tuple[tuple[int, int], ...]:
    starts = [0, *(np.flatnonzero((markets != markets.shift(1)).fill_null(False).to_numpy())).tolist(), markets.len()]
    return tuple((first, end) for first, end in pairwise(starts) if end > first)


def _draw_table(
    rows: pl.DataFrame,
    seen_from: Int[np.ndarray, "row"],
    blocks: tuple[tuple[int, int], ...],
    keys: Sequence[str],
    needed: Sequence[str],
    rng: np.random.Generator,
) -> Table:
    numbers = [name for name in rows.columns if name not in keys]
    noise: dict[str, pl.Series] = {}
    mirrored: dict[str, pl.Series] = {}
    for name in numbers:
        one, other = _noisy_pair(rows[name].to_numpy(), name in PRICES, rng)
        noise[name], mirrored[name] = (pl.Series(name, values).fill_nan(None) for values in (one, other))
    both = [_restore_range(rows.with_columns(columns.values())) for columns in (noise, mirrored)]
    values = rows.select(numbers)
    unknown = [pl.lit(None, dtype=rows.schema[name]).alias(name) for name in numbers if name not in needed]
    return Table(
        rows=rows.rechunk(),
        noise=both[0].rechunk(),
        mirrored=both[1].rechunk(),
        backwards=pl.concat([values[first:end].reverse() for first, end in blocks]),
        holed=rows.with_columns(unknown),
        is_kept=rng.random(rows.height) < 0.5,
        seen_from=seen_from,
        blocks=blocks,
        keys=tuple(keys),
    )


def _noisy_pair(
    values: Float[np.ndarray, "row"], is_price: bool, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "row"], Float[np.ndarray, "row"]]:
    """Two other versions of a column, on either side of the true one in every row; unknown stays unknown."""
    values = values.astype(np.float64)
    signs = rng.choice([-1.0, 1.0], len(values))
    known = values[np.isfinite(values)]
    if known.size and known.min() >= 0:
        # Moves far beyond what a candle does, so that whatever hangs on a threshold changes with one of the two.
        factor = np.exp(signs * rng.uniform(*((0.2, 1.0) if is_price else (0.5, 3.0)), len(values)))
        lift = 0.0 if is_price else 0.1 * float(known.mean())  # a zero must change, too
        return (values + lift) * factor, values / factor
    spread = float(known.std()) if known.size else 0.0
    step = (spread or 1.0) * signs * rng.uniform(1, 3, len(values))
    return values + step, values - step


def _restore_range(rows: pl.DataFrame) -> pl.DataFrame:
    """Candles whose high and low hold their open and close; where these are unknown they stay so."""
    if not {"open", "high", "low", "close"} <= set(rows.columns):
        return rows
    highest, lowest = (
        pl.max_horizontal("open", "high", "low", "close"),
        pl.min_horizontal("open", "high", "low", "close"),
    )
    return rows.with_columns(
        high=pl.when(pl.col("high").is_not_null()).then(highest), low=pl.when(pl.col("low").is_not_null()).then(lowest)
    )
