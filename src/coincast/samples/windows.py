"""Windows of past and future candles as row numbers; nothing is copied."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

Rows = Int[np.ndarray, "row"]


def find_stretches(open_time: Int[np.ndarray, "row"], close_time: Int[np.ndarray, "row"]) -> list[tuple[int, int]]:
    """Gap-free stretches of candles: first row and row after the last, where each open is the close before it.

    Args:
        open_time: milliseconds since 1970, in time order.
        close_time: the same; half-open, so that `close_time[i] == open_time[i + 1]` without a gap.
    """
    breaks = np.flatnonzero(open_time[1:] != close_time[:-1]) + 1
    edges = [0, *breaks.tolist(), len(open_time)]
    return [(first, end) for first, end in pairwise(edges) if end > first]


def stretch_firsts(stretches: list[tuple[int, int]]) -> Int[np.ndarray, "row"]:
    """First row of the gap-free stretch that each row lies in."""
    return np.concatenate([np.full(end - first, first) for first, end in stretches])


@dataclass(frozen=True)
class Windows:
    """Windows of `lookback` past candles followed by `horizon` future ones, in time order.

    Attributes:
        starts: row of the first past candle of each window.
        lookback: past candles of a window.
        horizon: future candles of a window.
    """

    starts: Int[np.ndarray, "window"]
    lookback: int
    horizon: int

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def origin_rows(self) -> Int[np.ndarray, "window"]:
        """Row of the last candle that each window may see."""
        return self.starts + (self.lookback - 1)

    @property
    def past_rows(self) -> Int[np.ndarray, "window lookback"]:
        return self.starts[:, None] + np.arange(self.lookback)

    @property
    def future_rows(self) -> Int[np.ndarray, "window horizon"]:
        """Rows of the target candles; they may lie beyond the last row where the future is not known yet."""
        return self.starts[:, None] + self.lookback + np.arange(self.horizon)

    def select(self, mask: Bool[np.ndarray, "window"]) -> Windows:
        return Windows(self.starts[mask], self.lookback, self.horizon)


def make_windows(
    usable: Bool[np.ndarray, "row"], stretches: list[tuple[int, int]], *, lookback: int, horizon: int
) -> Windows:
    """All windows, stride 1, whose past is complete; whether the future is known is asked later.

    Args:
        usable: rows whose inputs are all known; a window with another row in its past is left out.
        stretches: gap-free stretches; no window's past straddles a gap.
        lookback: past candles of a window.
        horizon: future candles of a window.
    """
    starts: list[np.ndarray] = [np.empty(0, dtype=np.int64)]
    for first, end in stretches:
        unusable = np.concatenate([[0], np.cumsum(~usable[first:end])])
        candidates = np.arange(max(0, end - first - lookback + 1))
        complete = unusable[candidates + lookback] == unusable[candidates]
        starts.append(first + candidates[complete])
    return Windows(np.concatenate(starts), lookback, horizon)
