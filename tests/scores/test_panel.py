"""Subsets of origins against a slow reading of their definition."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.errors import ForecastError
from coincast.scores.panel import find_subsets, make_panels
from coincast.scores.verdict import count_origins, deciding_rows, score_forecasts


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


def directions(make_forecasts, said: np.ndarray, *, model: str = "model") -> pl.DataFrame:
    """Probabilities of a rise on a walk; the majority of its training rows rose."""
    table = make_forecasts(lambda last, actual: last, n=said.size, model=model)
    rise = (pl.col("actual") > pl.col("last_close")).cast(pl.Float64)
    told = {"quantity": pl.lit("direction"), "actual": rise, "value": pl.Series(said), "naive": pl.lit(1.0)}
    return table.with_columns(**told)


def test_a_probability_of_one_half_names_no_direction(make_forecasts) -> None:
    said = np.random.default_rng(2).uniform(size=120)
    half = np.arange(120) % 3 == 0
    table = directions(make_forecasts, np.where(half, 0.5, said))
    panel = next(make_panels(table))
    assert panel.dropped == {"names no direction": 40}
    assert score_forecasts(table).equals(score_forecasts(table.filter(~pl.Series(half))))
    counted = count_origins(table).row(0, named=True)
    assert (counted["judged"], counted["dropped"], counted["reasons"]) == (80, 40, "names no direction: 40")


def test_one_half_is_no_truth_and_no_naive_forecast_either(make_forecasts) -> None:
    table = directions(make_forecasts, np.full(40, 0.7))
    row = pl.int_range(pl.len())
    table = table.with_columns(
        actual=pl.when(row < 5).then(0.5).otherwise("actual"), naive=pl.when(row >= 30).then(0.5).otherwise("naive")
    )
    dropped = {"no direction: a tie, or not known yet": 5, "naive forecast unknown": 10}
    assert next(make_panels(table)).dropped == dropped


def test_a_model_that_never_names_a_direction_gets_no_word(make_forecasts) -> None:
    halves = directions(make_forecasts, np.full(120, 0.5), model="copy")
    other = directions(make_forecasts, np.full(120, 0.3), model="bear")
    with pytest.raises(ForecastError, match="copy on made:UP/USD names no direction: every probability of a rise"):
        score_forecasts(halves)
    assert deciding_rows(score_forecasts(pl.concat([halves, other])))["model"].to_list() == ["bear"]
