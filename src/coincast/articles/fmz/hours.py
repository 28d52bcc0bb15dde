"""The candles of the article as its arrays: jumping windows, targets at every step, and where training ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from coincast.articles.drawn import drawn_times
from coincast.articles.fmz import published
from coincast.articles.remains import are_own_candles
from coincast.errors import CandleError, TooFewRowsError
from coincast.samples.scaling import InputScale
from coincast.samples.windows import find_stretches, stretch_firsts

COLUMNS = ("open", "high", "low", "close")
VOLUMES = ("volume", "quote_volume")
FEWEST_WINDOWS = 40
"""Of jumping windows; with fewer there is nothing to score."""
LENGTH = published.LENGTH


@dataclass(frozen=True)
class Hours:
    """One market as the article takes it.

    A window is named by the row it starts at, `start`. It ends at row `start + 9`, where its forecast is made, and the
    target of its last step is the close of row `start + 10`.

    Attributes:
        market, interval: of the candles.
        candles: one row for each row of `inputs`.
        names: of the inputs.
        inputs: open, high, low, close and volume, as far as they are known, unscaled.
        training: how many of the jumping windows are learnt from.
        scored: how many of those after them the article's formula looks at.
    """

    market: str
    interval: str
    candles: pl.DataFrame = field(repr=False)
    names: tuple[str, ...]
    inputs: Float[np.ndarray, "row feature"] = field(repr=False)
    training: int
    scored: int

    @property
    def close(self) -> Float[np.ndarray, "row"]:
        return self.inputs[:, self.names.index("close")]

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Where each row is drawn."""
        return drawn_times(self.candles["close_time"], self.interval)

    @property
    def noun(self) -> str:
        """A candle, in a word; where some are missing a number of candles is none of hours."""
        return "candle" if self.gaps else {"1m": "minute", "1h": "hour", "1d": "day"}.get(self.interval, "candle")

    @property
    def every_start(self) -> Int[np.ndarray, "start"]:
        """Starts of all windows whose target is known, one for every row."""
        return np.arange(len(self.inputs) - LENGTH)

    @property
    def first_origin(self) -> int:
        """First row from which a forecast is no fit: the newest close that training knows."""
        return LENGTH * self.training

    @property
    def highest_learnt(self) -> float:
        """Highest close of the training rows."""
        return float(self.close[: self.first_origin].max())

    @property
    def test_origins(self) -> Int[np.ndarray, "origin"]:
        """Rows from which the next close is forecast when the question is asked fairly.

        All of them but those whose window, with what its first return is counted from, or whose target lies across a
        gap.
        """
        rows = np.arange(self.first_origin, len(self.inputs) - 1)
        return np.asarray(rows[self._stretch_first[rows + 1] <= rows - LENGTH])

    @property
    def is_move(self) -> Bool[np.ndarray, "move"]:
        """Whether the way from each close to the next one is a move of one candle, and not one across a gap."""
        return np.asarray(self._stretch_first[1:] < np.arange(1, len(self.inputs)))

    @property
    def training_moves(self) -> Float[np.ndarray, "move"]:
        """From each close of the training rows to the next one, gaps left out."""
        return np.asarray(np.diff(self.close[: self.first_origin])[self.is_move[: self.first_origin - 1]])

    @property
    def test_moves(self) -> Float[np.ndarray, "origin"]:
        """From the close of each of `test_origins` to the next one."""
        return np.asarray(self.close[self.test_origins + 1] - self.close[self.test_origins])

    @property
    def scored_moves(self) -> Float[np.ndarray, "move"]:
        """From each close to the next one over the rows that the article's formula looks at."""
        starts = self.scored_starts()
        return np.diff(self.close[starts[0] : starts[-1] + LENGTH + 1])

    def jumping_starts(self, phase: int = 0) -> Int[np.ndarray, "window"]:
        """Starts of the article's windows, which share no row; other phases begin so many rows later."""
        return jumping_starts(len(self.inputs) - 1, phase=phase)

    def scored_starts(self, phase: int = 0) -> Int[np.ndarray, "window"]:
        """Windows 800 to 999 of the article."""
        return self.jumping_starts(phase)[self.training : self.training + self.scored]

    def scale(self, *, fair: bool) -> InputScale:
        """Mean and sample deviation of every input: over all rows, as published, or fairly over the training rows."""
        rows = self.inputs[: self.first_origin] if fair else self.inputs
        spread = rows.std(axis=0, ddof=1)
        still = np.zeros(len(self.names), dtype=bool)
        return InputScale(still, rows.mean(axis=0), np.where(spread > 0, spread, 1.0))

    def scale_close(self, *, fair: bool) -> tuple[float, float]:
        """Centre and spread of the close."""
        scale, place = self.scale(fair=fair), self.names.index("close")
        return float(scale.centre[place]), float(scale.spread[place])

    @property
    def is_published(self) -> bool:
        """Whether these are the article's own hours, so that its figures can be held against them."""
        return are_own_candles(self.candles, coins=["BTC"], rows=published.ROWS, mean_close=published.MEAN_CLOSE)

    @property
    def gaps(self) -> int:
        """How often a candle does not open where the one before it closed; the article's windows run across."""
        return len(np.unique(self._stretch_first)) - 1

    @property
    def missing(self) -> int:
        """Candles that would fill the gaps."""
        opens, closes = self._milliseconds
        return round(int(closes[-1] - opens[0]) / float(np.median(closes - opens))) - len(opens)

    @property
    def broken(self) -> int:
        """How many of the article's windows, their last target included, run across a gap."""
        starts = self.jumping_starts()
        return int((self._stretch_first[starts + LENGTH] > starts).sum())

    @property
    def _milliseconds(self) -> tuple[Int[np.ndarray, "row"], Int[np.ndarray, "row"]]:
        """When each candle opens and closes, since 1970."""
        opens, closes = (self.candles[name].dt.epoch("ms").to_numpy() for name in ("open_time", "close_time"))
        return opens, closes

    @cached_property
    def _stretch_first(self) -> Int[np.ndarray, "row"]:
        """First row of the gap-free stretch that each row lies in."""
        return stretch_firsts(find_stretches(*self._milliseconds))


def jumping_starts(rows: int, *, phase: int = 0) -> Int[np.ndarray, "window"]:
    """Starts of windows that share no row, by the article's loop: while the start is below `rows - 10`.

    Where the rows are a multiple of ten its last window is lost.

    Args:
        rows: with a target, one fewer than there are candles.
        phase: start of the first window.
    """
    return np.arange(phase, max(phase, rows - LENGTH), LENGTH)


def take_hours(candles: pl.DataFrame) -> Hours:
    """The first market of a candle table.

    Raises:
        TooFewRowsError: fewer than `FEWEST_WINDOWS` jumping windows.
        CandleError: all moves from close to close that are scored are the same, such as 0.
    """
    market = candles["market"][0]
    own = candles.filter(pl.col("market") == market).sort("open_time")
    volume = next((name for name in VOLUMES if name in own.columns and not own[name].null_count()), None)
    names = [name for name in COLUMNS if not own[name].null_count()]
    names += [] if volume is None else [volume]
    starts = jumping_starts(own.height - 1)
    if len(starts) < FEWEST_WINDOWS:
        raise TooFewRowsError(
            f"{market} has {own.height:,} candles, which make {len(starts)} windows of {LENGTH} that share none; this "
            f"article needs {FEWEST_WINDOWS}, so {LENGTH * (FEWEST_WINDOWS + 1)} candles: take a longer span"
        )
    training = round(len(starts) * published.TRAINING_WINDOWS / published.WINDOWS)
    hours = Hours(
        market=market,
        interval=own["interval"][0],
        candles=own,
        names=tuple(names),
        inputs=own.select(names).to_numpy().astype(np.float64),
        training=training,
        scored=min(published.SCORED_WINDOWS, len(starts) - training),
    )
    moves = hours.scored_moves
    if np.ptp(moves) == 0:
        raise CandleError(
            f"{market}: each of the {len(moves):,} moves that are scored is {moves[0]:g}, so that there is no "
            "direction to tell; take another market or another span"
        )
    return hours
