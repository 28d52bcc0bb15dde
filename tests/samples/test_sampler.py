"""N/K windows: counts of article 2, exact multiples, and the slow way to cut them."""

from __future__ import annotations

import numpy as np
import pytest

from coincast.errors import TooFewRowsError, UsageError
from coincast.samples.sampler import count_share, cut_samples, sample_windows

# articles.md 2.2: 300,628 rows give 1,105 blocks, 884 to learn from and 221 held back; sliding n - 271.
ROWS, BLOCKS, LEARNT, HELD_BACK = 300_628, 1105, 884, 221


def test_the_counts_of_the_article() -> None:
    blocks = sample_windows(ROWS)
    assert (len(blocks), blocks.lookback, blocks.horizon) == (BLOCKS, 256, 16)
    assert (count_share(blocks), BLOCKS - count_share(blocks)) == (LEARNT, HELD_BACK)
    assert len(sample_windows(ROWS, sliding=True)) == ROWS - 271


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize("rows", [7, 13, 14, 15, 20, 21])
def test_windows_are_those_of_a_loop(rows: int, sliding: bool) -> None:
    """Sevens: 14 and 21 rows are exact multiples, whose last block must be there."""
    values = np.arange(rows)[:, None]
    expected = [values[start : start + 7] for start in range(0, rows - 6, 1 if sliding else 7)]
    past, future = cut_samples(values, sample_windows(rows, lookback=5, horizon=2, sliding=sliding))
    assert past.shape == (len(expected), 5, 1)
    assert future.shape == (len(expected), 2, 1)
    assert np.array_equal(np.concatenate([past, future], axis=1), np.stack(expected))


def test_blocks_share_no_row() -> None:
    windows = sample_windows(1000, lookback=20, horizon=5)
    rows = np.concatenate([windows.past_rows, windows.future_rows], axis=1).ravel()
    assert np.array_equal(rows, np.arange(1000))


def test_times_are_cut_like_prices() -> None:
    times = np.arange(30, dtype=np.int64)[:, None] * 300
    past, future = cut_samples(times, sample_windows(30, lookback=4, horizon=2))
    assert past.dtype == np.int64
    assert (future[:, 0] - past[:, -1] == 300).all()


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(TooFewRowsError, match="271 rows hold no window of 256 past and 16 future rows"):
        sample_windows(271)
    for lookback, horizon in ((0, 16), (256, 0)):
        with pytest.raises(UsageError, match="allowed: 1 row or more"):
            sample_windows(1000, lookback=lookback, horizon=horizon)
    assert len(sample_windows(272)) == 1


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_leaves_both_parts_something(share: float) -> None:
    with pytest.raises(UsageError, match="leaves a part without any"):
        count_share(sample_windows(2 * 272), share)
