"""Subsets of origins against a slow reading of their definition."""

from __future__ import annotations

import numpy as np
import polars as pl

from coincast.scores.panel import find_subsets, make_panels
from coincast.scores.verdict import score_forecasts


def test_jumps_are_the_outer_tenths_of_the_moves_into_an_origin(make_forecasts) -> None:
    panel = next(make_panels(make_forecasts(lambda last, actual: last, n=101)))
    subsets = find_subsets(panel)
    moves = [np.log(panel.last_close[i, 0] / panel.last_close[i - 1, 0]) for i in range(1, 101)]
    ranked = np.argsort(moves) + 1
    assert set(np.flatnonzero(subsets["after_jump_down"])) == set(ranked[:10])
    assert set(np.flatnonzero(subsets["after_jump_up"])) == set(ranked[-10:])


def test_calm_and_wild_are_the_outer_thirds_of_the_trailing_mean_move(make_forecasts) -> None:
    panel = next(make_panels(make_forecasts(lambda last, actual: last, n=70)))
    subsets = find_subsets(panel)
    close = panel.last_close[:, 0]
    trailing = {i: np.mean([abs(np.log(close[j] / close[j - 1])) for j in range(i - 9, i + 1)]) for i in range(10, 70)}
    ranked = sorted(trailing, key=trailing.get)
    assert set(np.flatnonzero(subsets["calm"])) == set(ranked[:20])
    assert set(np.flatnonzero(subsets["wild"])) == set(ranked[-20:])


def test_a_move_over_a_gap_is_unknown(make_forecasts) -> None:
    table = make_forecasts(lambda last, actual: last, n=101)
    gap = table.filter(~pl.int_range(pl.len()).is_between(40, 60))
    panel = next(
        make_panels(gap.with_columns(last_close=pl.when(pl.int_range(pl.len()) < 40).then(1.0).otherwise(9.0)))
    )
    assert not find_subsets(panel)["after_jump_up"].any()


def test_subsets_are_rows_of_their_own_without_a_word(make_forecasts) -> None:
    table = make_forecasts(lambda last, actual: 0.99 * last, n=300)
    panel = next(make_panels(table))
    scores = score_forecasts(table)
    for subset, mask in find_subsets(panel).items():
        row = scores.filter((pl.col("subset") == subset) & (pl.col("metric") == "bias")).row(0, named=True)
        assert row["n"] == mask.sum()
        assert row["value"] == np.mean((panel.value - panel.actual)[mask])
        assert row["verdict"] is None


def test_a_flat_price_has_no_jumps(make_forecasts) -> None:
    flat = make_forecasts(lambda last, actual: last).with_columns(last_close=pl.lit(5.0))
    subsets = find_subsets(next(make_panels(flat)))
    assert not subsets["after_jump_up"].any()
    assert not subsets["after_jump_down"].any()
