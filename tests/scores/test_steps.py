"""Verdicts per step: the tests of the score table under a Holm adjustment of their own."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests

from coincast.scores.further import Options
from coincast.scores.significance import compare_losses
from coincast.scores.steps import judge_steps
from coincast.scores.verdict import score_forecasts


def knowing(share: float, seed: int = 1):
    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        noise = np.exp(0.01 * np.random.default_rng(seed).standard_normal(last.size))
        return last * (actual / last) ** share * noise

    return forecast


def judge(table: pl.DataFrame):
    return judge_steps(table, score_forecasts(table), Options())


def test_every_step_is_tested_and_holm_runs_over_markets_models_and_steps(make_forecasts) -> None:
    table = pl.concat(
        make_forecasts(knowing(share, seed), n=200, steps=3, model=model, market=market, seed=seed)
        for seed, market in enumerate(("made:A/USD", "made:B/USD"))
        for model, share in (("good", 0.5), ("bad", -0.3), ("noise", 0.02))
    )
    found = judge(table).table
    assert found.height == 2 * 3 * 3
    assert found["p_holm"].to_numpy() == pytest.approx(multipletests(found["p"].to_numpy(), method="holm")[1])
    words = dict(found.group_by("model").agg(pl.col("verdict").unique()).iter_rows())
    assert (words["good"], words["bad"]) == (["better"], ["worse"])


def test_a_step_equals_the_decisive_test_on_its_own_losses(make_forecasts) -> None:
    table = make_forecasts(knowing(0.1), n=200, steps=3)
    rows = table.filter(pl.col("step") == 3)
    value, actual, last = (np.log(rows[name].to_numpy()) for name in ("value", "actual", "last_close"))
    compared = compare_losses(np.abs(value - actual), np.abs(last - actual), overlapping=3)
    found = judge(table).table.row(2, named=True)
    for name in ("skill", "low", "high", "p"):
        assert found[name] == pytest.approx(getattr(compared, name))


def test_naive_gets_no_row_and_too_few_no_test(make_forecasts) -> None:
    """With 3 steps, the first needs 20 forecasts and the third 60."""
    naive = make_forecasts(lambda last, actual: last, n=40, steps=3, model="naive")
    found = judge(pl.concat([naive, make_forecasts(knowing(0.1), n=40, steps=3)])).table
    assert found["model"].unique().to_list() == ["model"]
    assert found.row(2, named=True)["verdict"] == "too few"
    assert found["p"].is_null().to_list() == [False, False, True]
    assert found["p_holm"].is_null().to_list() == [False, False, True]


def test_one_step_has_nothing_to_tell_apart(make_forecasts) -> None:
    found = judge(make_forecasts(knowing(0.1)))
    assert found.table.is_empty()
    assert found.notes == ()
