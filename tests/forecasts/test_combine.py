"""Ensembles against means taken by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from coincast.forecasts.combine import add_ensembles, failed_runs
from coincast.forecasts.table import check_forecasts


def make_run(model: str, run: int, values: list[float | None], *, until: int = 0) -> pl.DataFrame:
    start = datetime(2020, 1, 10, tzinfo=UTC)
    rows = [
        {
            "market": "made:UP/USD",
            "interval": "1d",
            "model": model,
            "run": run,
            "quantity": "price",
            "trained_until": start - timedelta(days=5 - until),
            "origin": start + timedelta(days=i // 2),
            "step": 1 + i % 2,
            "target_time": start + timedelta(days=i // 2 + 1 + i % 2),
            "value": value,
            "actual": 10.0 + i,
            "last_close": 9.0 + i,
        }
        for i, value in enumerate(values)
    ]
    return pl.DataFrame(rows)


def test_an_ensemble_is_the_mean_of_the_runs_at_each_origin_and_step() -> None:
    values = np.random.default_rng(0).random((25, 6))
    runs = [make_run("lstm", i, list(row), until=i % 3) for i, row in enumerate(values, start=1)]
    table = add_ensembles(pl.concat(runs).sample(fraction=1, shuffle=True, seed=1))
    found = table.filter(pl.col("model") == "lstm.ensemble")
    assert found["value"].to_list() == pytest.approx(values.mean(axis=0).tolist(), rel=1e-14)
    assert set(found["run"]) == {0}
    assert found["trained_until"].max() == found["trained_until"].min() == pl.concat(runs)["trained_until"].max()
    assert found["actual"].to_list() == runs[0]["actual"].to_list()
    assert table.filter(pl.col("run") > 0).equals(check_forecasts(pl.concat(runs)))


def test_single_runs_and_baselines_have_no_ensemble() -> None:
    table = pl.concat([make_run("lstm", 1, [1.0, 2.0]), make_run("naive", 0, [1.0, 2.0])])
    assert add_ensembles(table).equals(check_forecasts(table))


def test_a_failed_run_is_left_out_wholly() -> None:
    bad = [make_run("lstm", 3, [9.0, None]), make_run("lstm", 4, [np.inf, 9.0])]
    table = pl.concat([make_run("lstm", 1, [1.0, 2.0]), make_run("lstm", 2, [3.0, 4.0]), *bad])
    ensemble = add_ensembles(table).filter(pl.col("model") == "lstm.ensemble")
    assert ensemble["value"].to_list() == [2.0, 3.0]
    assert failed_runs(table).select("run", "rows").rows() == [(3, 1), (4, 1)]


def test_a_baseline_never_counts_as_a_failed_run() -> None:
    assert failed_runs(make_run("ar", 0, [1.0, None])).height == 0


def test_where_every_run_failed_there_is_no_ensemble() -> None:
    table = pl.concat([make_run("lstm", 1, [None, 1.0]), make_run("lstm", 2, [None, 1.0])])
    assert set(add_ensembles(table)["model"]) == {"lstm"}


def test_adding_twice_changes_nothing_and_replaces_what_is_stale() -> None:
    table = pl.concat([make_run("lstm", 1, [1.0, 2.0]), make_run("lstm", 2, [3.0, 4.0])])
    once = add_ensembles(table)
    assert add_ensembles(once).equals(once)
    stale = once.with_columns(value=pl.when(pl.col("run") == 0).then(99.0).otherwise("value"))
    assert add_ensembles(stale).equals(once)
