"""N past rows, K future rows: from every row on, or block after block (article 2's sampler)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Shaped

from coincast.errors import TooFewRowsError, UsageError
from coincast.samples.windows import Windows

Table = Shaped[np.ndarray, "row channel"]
Past = Shaped[np.ndarray, "window lookback channel"]
Future = Shaped[np.ndarray, "window horizon channel"]


def sample_windows(rows: int, *, lookback: int = 256, horizon: int = 16, sliding: bool = False) -> Windows:
    """Windows of `lookback` past rows followed by `horizon` future ones, as article 2 cuts them.

    Sliding: every start, `rows - (lookback + horizon) + 1` windows. Else blocks one after the other that share no row,
    `rows // (lookback + horizon)` of them; rows that fill no block are left over at the end. A number of rows that is
    an exact multiple gives its last block, too.

    Rows are only counted: whether one is missing between two of them is not asked, nor did the article ask.
    `make_windows` knows of gaps.

    Args:
        rows: of the table.
        lookback: N, past rows.
        horizon: K, future rows.
        sliding: every start, instead of blocks.

    Raises:
        UsageError: lookback or horizon below 1.
        TooFewRowsError: not one window fits.

    Example:
        >>> len(sample_windows(300_628)), len(sample_windows(300_628, sliding=True))
        (1105, 300357)
    """
    if lookback < 1 or horizon < 1:
        raise UsageError(f"a window of {lookback} past and {horizon} future rows; allowed: 1 row or more of each")
    size = lookback + horizon
    if rows < size:
        raise TooFewRowsError(
            f"{rows} rows hold no window of {lookback} past and {horizon} future rows, which needs {size}; give more "
            "candles, or ask for a shorter window"
        )
    starts = np.arange(rows - size + 1) if sliding else np.arange(rows // size) * size
    return Windows(starts, lookback, horizon)


def cut_samples(values: Table, windows: Windows) -> tuple[Past, Future]:
    """The past and the future rows of each window, one array for each: prices, times, or whatever a table holds."""
    return values[windows.past_rows], values[windows.future_rows]


def count_share(windows: Windows, share: float = 0.8) -> int:
    """How many windows the first part has: the integer part of the share, in order of time (article 2: 884 of 1,105).

    Raises:
        UsageError: a share that leaves one of the two parts empty.
    """
    first = int(share * len(windows))
    if not 0 < first < len(windows):
        raise UsageError(
            f"a share of {share:g} of {len(windows)} windows leaves a part without any; take another share, or give "
            "more candles"
        )
    return first
