"""Made-up prices in the shapes of the articles; NumPy alone, so that every peer can make them in its own process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

ECHO = -0.4
"""Share of a return that comes back in the next one, so that there is something to learn."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a set of windows.

    Attributes:
        lookback, horizon: past and future candles of a window.
        features: inputs of a candle.
        windows: how many are trained on.
        stride: rows from one window to the next.
        validation: windows after them that are not trained on.
    """

    lookback: int
    horizon: int
    features: int
    windows: int
    stride: int = 1
    validation: int = 0


SHAPES = {
    "article-0": Shape(lookback=10, horizon=1, features=8, windows=507, validation=164),
    "article-1": Shape(lookback=7, horizon=1, features=4, windows=634),
    "article-2": Shape(lookback=256, horizon=16, features=1, windows=884, stride=272),
}


@dataclass(frozen=True)
class Windows:
    """A table and its windows, targets scaled, inputs not yet.

    Attributes:
        table: one row per candle.
        relative: columns that a network sees relative to the first value of their window.
        starts, targets: first row and scaled targets of the training windows.
        validation_starts, validation_targets: the same for the windows after them.
    """

    shape: Shape
    table: Floats
    relative: NDArray[np.bool_]
    starts: Rows
    targets: Floats
    validation_starts: Rows
    validation_targets: Floats

    def pasts(self, starts: Rows) -> NDArray[np.float32]:
        """Scaled inputs of windows (window, lookback, feature), as a peer holds them in memory."""
        windows = self.table[starts[:, None] + np.arange(self.shape.lookback)]
        first = np.where(self.relative, windows[:, :1], 1.0)
        return (windows / first - np.where(self.relative, 1.0, 0.0)).astype(np.float32)


def make_windows(name: str) -> Windows:
    """The windows of a name of `SHAPES`."""
    return make_shape(SHAPES[name])


def make_shape(shape: Shape, *, seed: int = 0) -> Windows:
    """Windows of any sizes.

    One feature, as in article 2: a price, scaled to [0, 1] over all rows; the targets are the next values of it.
    Several, as in articles 0 and 1: two coins, prices and volumes relative to the first of the window; the target is
    the next price of the first coin relative to it.
    """
    rng = np.random.default_rng(seed)
    count = shape.windows + shape.validation
    starts = np.arange(count) * shape.stride
    rows = int(starts[-1]) + shape.lookback + shape.horizon
    if shape.features == 1:
        price = _prices(rng, rows, spread=0.002)
        price = (price - price.min()) / (price.max() - price.min())
        table, relative = price[:, None], np.array([False])
        targets = price[starts[:, None] + shape.lookback + np.arange(shape.horizon)]
    else:
        per_coin = shape.features // 2
        table = np.column_stack([_coin(rng, rows)[:, :per_coin] for _ in range(2)])
        relative = np.array(([True, True, False, False][:per_coin]) * 2)
        targets = (table[starts + shape.lookback, 0] / table[starts, 0] - 1)[:, None]
    learnt, held = slice(0, shape.windows), slice(shape.windows, count)
    return Windows(shape, table, relative, starts[learnt], targets[learnt], starts[held], targets[held])


def _coin(rng: np.random.Generator, rows: int) -> Floats:
    """Close, volume, close off high and volatility of a day."""
    close, volume = _prices(rng, rows, spread=0.03), rng.lognormal(18, 0.5, rows)
    return np.column_stack([close, volume, rng.uniform(-1, 1, rows), rng.lognormal(-3, 0.5, rows)])


def _prices(rng: np.random.Generator, rows: int, *, spread: float) -> Floats:
    returns = rng.normal(0, spread, rows)
    for row in range(1, rows):
        returns[row] += ECHO * returns[row - 1]
    return 100 * np.exp(np.cumsum(returns))
