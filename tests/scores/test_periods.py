"""Skill by year and by refit: the decisive test's figures on a part of the origins."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.scores.further import Options
from coincast.scores.periods import judge_refits, judge_years
from coincast.scores.significance import compare_losses

NOTHING = pl.DataFrame()


def noisy(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
    return last * (actual / last) ** 0.1 * np.exp(0.01 * np.random.default_rng(1).standard_normal(last.size))


def compare_slowly(table: pl.DataFrame, overlapping: int):
    value, actual, last = (np.log(table[name].to_numpy()) for name in ("value", "actual", "last_close"))
    shape = (-1, overlapping)
    losses, naive = np.abs(value - actual).reshape(shape), np.abs(last - actual).reshape(shape)
    return compare_losses(losses.mean(axis=1), naive.mean(axis=1), overlapping=overlapping)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_year_is_the_decisive_test_on_its_origins(make_forecasts, steps: int) -> None:
    """Daily origins from 2020-01-01 on: 366, 365 and 9 of them."""
    table = make_forecasts(noisy, n=740, steps=steps)
    found = judge_years(table, NOTHING, Options())
    assert found.table["subset"].to_list() == ["year=2020", "year=2021", "year=2022"]
    assert found.table["n"].to_list() == [366, 365, 9]
    for row in found.table.iter_rows(named=True):
        part = table.filter(pl.col("origin").dt.year() == int(row["subset"].removeprefix("year=")))
        compared = compare_slowly(part, steps)
        for name in ("loss", "naive", "skill", "low", "high", "p"):
            assert row[name] == pytest.approx(getattr(compared, name)), name
    assert found.table["p"].is_null().to_list() == [False, False, True]
    assert found.notes == (
        f"skill by year: p and the interval need at least {20 * steps} forecasts and are left out for every year with "
        "fewer",
    )


def test_every_refit_of_a_walk_has_its_skill(make_forecasts) -> None:
    table = make_forecasts(noisy, n=120)
    ends = table["origin"].gather(np.arange(120) // 50 * 50)
    refitted = table.with_columns(trained_until=ends)
    found = judge_refits(refitted, NOTHING, Options()).table
    assert found["trained_until"].to_list() == table["origin"].gather([0, 50, 100]).to_list()
    assert found["n"].to_list() == [50, 50, 20]
    for row in found.iter_rows(named=True):
        compared = compare_slowly(refitted.filter(pl.col("trained_until") == row["trained_until"]), 1)
        assert (row["skill"], row["p"]) == pytest.approx((compared.skill, compared.p))


def test_what_is_fitted_once_or_at_every_origin_has_no_refits(make_forecasts) -> None:
    always = make_forecasts(noisy, model="always")
    once = make_forecasts(noisy, model="once").with_columns(trained_until=pl.col("origin").min())
    assert judge_refits(pl.concat([always, once]), NOTHING, Options()).table.is_empty()


def test_refits_follow_the_ensemble_over_unsorted_rows_and_lost_origins(make_forecasts) -> None:
    """The last run's later end of training is the ensemble's; an origin without truth is not counted."""
    rows = []
    for run in (1, 2):
        table = make_forecasts(noisy, n=60, model="net", run=run)
        rows.append(table.with_columns(trained_until=table["origin"].gather(np.arange(60) // 30 * 30)))
    table = pl.concat(rows).sample(fraction=1.0, shuffle=True, seed=0)
    first = table["origin"].min()
    found = judge_refits(
        table.with_columns(actual=pl.when(pl.col("origin") > first).then("actual")), NOTHING, Options()
    ).table
    assert found["model"].unique().to_list() == ["net.ensemble"]
    assert found["n"].to_list() == [29, 30]
