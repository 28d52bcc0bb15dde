"""Windows against a slow loop over all starts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincast.errors import TooFewRowsError
from coincast.samples.samples import make_samples
from coincast.samples.splits import Part
from coincast.samples.windows import Windows, find_stretches, make_windows, stretch_firsts

Make = Callable[..., pl.DataFrame]


@st.composite
def rows_with_gaps(draw: st.DrawFn) -> tuple[list[int], list[bool]]:
    """Days on the calendar, some left out, and which rows are usable."""
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 3]), min_size=1, max_size=25))
    days = np.cumsum(steps).tolist()
    usable = draw(st.lists(st.sampled_from([True] * 9 + [False]), min_size=len(days), max_size=len(days)))
    return days, usable


def is_gap_free(days: list[int], first: int, end: int) -> bool:
    return all(days[row] - days[row - 1] == 1 for row in range(first + 1, end))


def times(days: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(days) * 86_400_000, (np.array(days) + 1) * 86_400_000


@given(rows_with_gaps(), st.integers(1, 5), st.integers(1, 3))
@settings(deadline=None, max_examples=200)
def test_windows_are_those_that_a_loop_finds(rows: tuple[list[int], list[bool]], lookback: int, horizon: int) -> None:
    days, usable = rows
    found = make_windows(np.array(usable), find_stretches(*times(days)), lookback=lookback, horizon=horizon)
    expected = [
        start
        for start in range(len(days) - lookback + 1)
        if all(usable[start : start + lookback]) and is_gap_free(days, start, start + lookback)
    ]
    assert found.starts.tolist() == expected
    assert found.origin_rows.tolist() == [start + lookback - 1 for start in expected]
    assert found.past_rows.tolist() == [list(range(start, start + lookback)) for start in expected]
    future = [list(range(start + lookback, start + lookback + horizon)) for start in expected]
    assert found.future_rows.tolist() == future


@given(rows_with_gaps(), st.integers(1, 4), st.integers(1, 3), st.integers(0, 25), st.booleans())
@settings(deadline=None, max_examples=60)
def test_windows_in_a_part_are_those_that_a_loop_finds(
    make: Make, rows: tuple[list[int], list[bool]], lookback: int, horizon: int, border: int, reach_back: bool
) -> None:
    days, usable = rows
    volume = [1.0 + row if row_is_usable else None for row, row_is_usable in enumerate(usable)]
    candles = make([10.0 + row for row in range(len(days))], days=days, volume=pl.Series(volume, dtype=pl.Float64))
    settings = {"market": "made:UP/USD", "inputs": ["made:UP/USD"], "features": ["volume"], "target": "log_return"}
    needed = lookback + horizon
    if not any(is_gap_free(days, first, first + needed) for first in range(len(days) - needed + 1)):
        with pytest.raises(TooFewRowsError, match="candles in a row"):
            make_samples(candles, **settings, lookback=lookback, horizon=horizon)
        return
    if not any(usable):
        return
    samples = make_samples(candles, **settings, lookback=lookback, horizon=horizon)
    part = Part(min(border, len(days)), len(days))
    expected = [
        start
        for start in range(len(days) - needed + 1)
        if all(usable[start : start + lookback])
        and is_gap_free(days, start, start + needed)
        and start + (lookback if reach_back else 0) >= part.first
    ]
    assert samples.windows_in(part, reach_back=reach_back).starts.tolist() == expected
    before = Part(0, part.first)
    inside = [start for start in samples.windows.starts[samples.known] if start + needed <= part.first]
    assert samples.windows_in(before, reach_back=reach_back).starts.tolist() == inside


def test_stretches_end_at_gaps() -> None:
    assert find_stretches(*times([0, 1, 2])) == [(0, 3)]
    assert find_stretches(*times([0, 2, 3, 9])) == [(0, 1), (1, 3), (3, 4)]
    assert stretch_firsts([(0, 1), (1, 3), (3, 4)]).tolist() == [0, 1, 1, 3]


def test_a_longer_candle_than_the_others_is_no_gap() -> None:
    """Months have their own length: what counts is that a candle opens where the one before closes."""
    edges = np.cumsum([0, 31, 28, 31])
    assert find_stretches(edges[:-1], edges[1:]) == [(0, 3)]


def test_selecting_keeps_lengths() -> None:
    windows = Windows(np.arange(4), lookback=3, horizon=2)
    chosen = windows.select(np.array([True, False, False, True]))
    assert (chosen.starts.tolist(), chosen.lookback, chosen.horizon, len(chosen)) == ([0, 3], 3, 2, 2)
