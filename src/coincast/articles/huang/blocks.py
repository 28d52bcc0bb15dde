"""The article's data: one series of closes, scaled over all of its rows, cut into blocks, split in order of time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.articles.drawn import drawn_times
from coincast.articles.huang.published import BLOCK, HORIZON, LOOKBACK, SHARE
from coincast.errors import TooFewRowsError
from coincast.samples.hdf5 import SampleFile, make_samples_file, min_max
from coincast.samples.sampler import count_share, cut_samples, sample_windows
from coincast.samples.windows import Windows

if TYPE_CHECKING:
    from coincast.training.runs import Lessons, Span

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blocks:
    """A market as the article sees it.

    Attributes:
        market, interval: of the candles.
        close: of every row.
        open_time, close_time: of every row, milliseconds since 1970.
        times: where every row is drawn.
        windows: blocks that share no row, or every start.
        learnt: how many of them are learnt from; the others are the validation blocks, which are the article's test.
        low, reach: least close, and how far the largest is above it, over all rows: the article's scale.
        skipped: of those learnt from, how many of the oldest are left out for a first look.
        arrays: of the data file that all this was read from; None where it comes from candles.
    """

    market: str
    interval: str
    close: Floats = field(repr=False)
    open_time: NDArray[np.int64] = field(repr=False)
    close_time: NDArray[np.int64] = field(repr=False)
    times: NDArray[np.datetime64] = field(repr=False)
    windows: Windows = field(repr=False)
    learnt: int
    low: float
    reach: float
    skipped: int = 0
    arrays: SampleFile | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def held_back(self) -> int:
        """Validation blocks."""
        return len(self) - self.learnt

    @property
    def has_halves(self) -> bool:
        """Whether the validation blocks can be halved, so that what is chosen on one half is tried on the other."""
        return self.held_back > 1

    @property
    def training(self) -> Windows:
        return self.windows.select(self._is_learnt)

    @property
    def validation(self) -> Windows:
        return self.windows.select(np.arange(len(self)) >= self.learnt)

    @property
    def _is_learnt(self) -> NDArray[np.bool_]:
        place = np.arange(len(self))
        return (place >= self.skipped) & (place < self.learnt)

    def pieces(self, windows: Windows) -> tuple[Floats, Floats]:
        """Past (block, 256) and future (block, 16) closes."""
        past, future = cut_samples(self.close[:, None], windows)
        return past[..., 0], future[..., 0]

    def scale(self, prices: Floats) -> Floats:
        return (prices - self.low) / self.reach

    def unscale(self, scaled: Floats) -> Floats:
        return scaled * self.reach + self.low

    def newest(self, training: int | None) -> Blocks:
        """The same blocks, with only so many of the newest ones to learn from; all where None is given."""
        return self if training is None else replace(self, skipped=max(0, self.learnt - training))

    def span(self, *, validates: bool) -> Span:
        """What a run learns from, in the article's way: the scaled arrays of its data file, block after block.

        Only for blocks that share no row.
        """
        from coincast.samples.scaling import InputScale
        from coincast.training.runs import Span

        file = self.to_file()
        rows = np.concatenate([file.inputs, file.outputs], axis=1).reshape(-1, 1)
        as_they_are = InputScale(np.zeros(1, dtype=bool), np.zeros(1), np.ones(1))
        validation = self.validation if validates else self.validation.select(np.zeros(self.held_back, dtype=bool))
        return Span(rows, as_they_are, _lessons(file, self.training), _lessons(file, validation))

    def to_file(self) -> SampleFile:
        """The seven arrays of the article's data file, as they were read where they were."""
        return self.arrays or make_samples_file(self.close[:, None], self.open_time, self.windows)

    def of_file(self, file: SampleFile) -> Blocks:
        """The same blocks with closes, scale and arrays of a data file."""
        low, reach = file.fit_range()
        return replace(self, close=file.original_datas[:, 0], low=float(low[0]), reach=float(reach[0]), arrays=file)


def _lessons(file: SampleFile, windows: Windows) -> Lessons:
    from coincast.training.runs import Lessons

    return Lessons(windows.starts, file.outputs[windows.starts // BLOCK, :, 0])


def make_blocks(candles: pl.DataFrame, *, sliding: bool = False) -> Blocks:
    """Blocks of one market, gaps and bad ticks included: the article looks for neither.

    Args:
        candles: of one market, in order of time.
        sliding: every start, instead of blocks.

    Raises:
        TooFewRowsError: fewer than two blocks of 272.
        ColumnError: a close that never changes.
    """
    close = candles["close"].to_numpy().astype(np.float64)
    windows = sample_windows(len(close), lookback=LOOKBACK, horizon=HORIZON, sliding=sliding)
    if len(close) < 2 * BLOCK:
        raise TooFewRowsError(
            f"{len(close)} candles make one block of {BLOCK}, and two are needed, one to learn from and one to hold "
            f"back; give {2 * BLOCK} candles or more"
        )
    low, reach = min_max(close[:, None])
    open_time, close_time = (candles[name].dt.epoch("ms").to_numpy() for name in ("open_time", "close_time"))
    return Blocks(
        market=candles["market"][0],
        interval=candles["interval"][0],
        close=close,
        open_time=open_time,
        close_time=close_time,
        times=drawn_times(candles["close_time"], candles["interval"][0]),
        windows=windows,
        learnt=count_share(windows, SHARE),
        low=float(low[0]),
        reach=float(reach[0]),
    )
