"""The deciding losses that further tests work on."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.scores import series
from coincast.scores.series import deciding_series, group_by_market, keep_common, keep_ensembles
from coincast.scores.verdict import losses_per_origin


def noisy(seed: int):
    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        return last * np.exp(0.01 * np.random.default_rng(seed).standard_normal(last.size))

    return forecast


def test_losses_are_those_of_a_slow_loop(make_forecasts) -> None:
    table = make_forecasts(noisy(1), n=30, steps=3)
    (one,) = deciding_series(table)
    rows = table.rows(named=True)
    for place in range(30):
        steps = rows[3 * place : 3 * place + 3]
        assert one.losses[place] == pytest.approx(np.mean([abs(np.log(r["value"] / r["actual"])) for r in steps]))
        assert one.naive[place] == pytest.approx(np.mean([abs(np.log(r["last_close"] / r["actual"])) for r in steps]))
    assert (one.steps, one.overlapping, one.name) == ((1, 2, 3), 3, "model on made:UP/USD")
    assert one.keys == {"market": "made:UP/USD", "interval": "1d", "quantity": "price", "model": "model"}


def test_single_runs_of_several_are_never_tested(make_forecasts) -> None:
    runs = [make_forecasts(noisy(run), model="net", run=run) for run in (1, 2, 3)]
    table = pl.concat([*runs, make_forecasts(noisy(9), model="single", run=1)])
    assert [one.panel.model for one in deciding_series(table)] == ["net.ensemble", "single"]
    kept = keep_ensembles(table)
    assert kept.equals(keep_ensembles(kept))


def test_common_origins_and_how_many_are_lost(make_forecasts) -> None:
    first, second = make_forecasts(noisy(1), n=40, model="a"), make_forecasts(noisy(2), n=40, model="b")
    both = deciding_series(pl.concat([first[5:], second[:30]]))
    common, lost = keep_common(both)
    assert lost == 15
    assert [one.origins.tolist() for one in common] == [both[0].origins[:25].tolist()] * 2
    assert common[1].losses == pytest.approx(both[1].losses[5:])


def test_models_with_other_steps_are_not_compared(make_forecasts) -> None:
    table = pl.concat([make_forecasts(noisy(1), model="a"), make_forecasts(noisy(2), model="b", steps=2)])
    assert len(group_by_market(deciding_series(table))) == 2


def test_a_copy_of_naive_is_known(make_forecasts) -> None:
    copy = make_forecasts(lambda last, actual: last * (1 + 1e-9), model="naive")
    (one,) = deciding_series(copy)
    assert one.is_copy
    assert one.is_own_naive


def test_losses_that_are_no_number_are_left_to_the_decisive_test(make_forecasts, monkeypatch) -> None:
    table = pl.concat([make_forecasts(noisy(1), model="a"), make_forecasts(noisy(2), model="wild")])

    def lose(panel, metric):
        losses, naive = losses_per_origin(panel, metric)
        return np.where(panel.model == "wild", np.inf, losses), naive

    monkeypatch.setattr(series, "losses_per_origin", lose)
    assert [one.panel.model for one in deciding_series(table)] == ["a"]
