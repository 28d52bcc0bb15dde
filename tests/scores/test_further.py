"""All the further tests at once, over every kind of table."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from coincast.scores.further import FURTHER, Finding, Options, examine_further
from coincast.scores.verdict import deciding_rows, score_forecasts

OPTIONS = Options(repetitions=100)


def noisy(share: float, seed: int):
    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        noise = np.exp(0.01 * np.random.default_rng(seed).standard_normal(last.size))
        return last * (actual / last) ** share * noise

    return forecast


def make_runs(make_forecasts, *, n: int = 160, steps: int = 2) -> pl.DataFrame:
    """Two markets, an ensemble of three runs, two baselines and naive."""
    return pl.concat(
        make_forecasts(forecast, n=n, steps=steps, market=market, seed=seed, model=model, run=run)
        for seed, market in enumerate(("made:A/USD", "made:B/USD"))
        for model, run, forecast in (
            ("naive", 0, lambda last, actual: last),
            ("drift", 0, noisy(0.0, 1)),
            ("ar", 0, noisy(0.3, 2)),
            *(("net", run, noisy(0.1, 2 + run)) for run in (1, 2, 3)),
        )
    )


def numbers(table: pl.DataFrame) -> np.ndarray:
    columns = [name for name, dtype in table.schema.items() if dtype == pl.Float64]
    return table.select(columns).to_numpy().ravel()


def test_every_test_has_its_finding_and_none_tests_a_single_run(make_forecasts) -> None:
    table = make_runs(make_forecasts)
    scores = score_forecasts(table)
    before = scores.clone()
    found = examine_further(table, scores, options=OPTIONS)
    assert list(found) == list(FURTHER)
    for name, finding in found.items():
        assert isinstance(finding, Finding)
        assert all(note and not note.endswith(".") for note in finding.notes), name
        if name != "refits":
            assert not finding.table.is_empty(), name
            assert set(finding.table["model"].unique()) <= {"naive", "drift", "ar", "net.ensemble"}, name
    assert scores.equals(before)
    assert deciding_rows(scores)["verdict"].to_list() == deciding_rows(before)["verdict"].to_list()


def test_no_figure_is_nan_or_infinite(make_forecasts) -> None:
    table = make_runs(make_forecasts)
    odd = table.with_columns(value=pl.when(pl.col("model") == "drift").then(-1.0).otherwise("value"))
    still = table.with_columns(actual=pl.col("last_close"))
    for given in (table, odd, still):
        for name, finding in examine_further(given, score_forecasts(given), options=OPTIONS).items():
            figures = numbers(finding.table).astype(float)
            is_null = np.concatenate(
                [finding.table[c].is_null().to_numpy() for c, d in finding.table.schema.items() if d == pl.Float64]
                or [[]]
            ).astype(bool)
            assert np.isfinite(figures).sum() == (~is_null).sum(), name


@pytest.mark.parametrize("n", [1, 5, 30])
def test_short_tables_get_lines_instead_of_figures(make_forecasts, n: int) -> None:
    table = make_runs(make_forecasts, n=n)
    found = examine_further(table, score_forecasts(table), options=OPTIONS)
    for name in ("confidence_set", "bootstrap", "fluctuation", "clark_west"):
        assert found[name].table.is_empty(), name
        assert any("needs at least" in note for note in found[name].notes), name
    assert found["pooled"].table["verdict"].unique().to_list() == ["too few"]


def test_the_same_options_give_the_same_findings(make_forecasts) -> None:
    table = make_runs(make_forecasts)
    scores = score_forecasts(table)
    first, second = (examine_further(table.reverse(), scores, options=OPTIONS) for _ in range(2))
    for name in FURTHER:
        assert first[name].table.equals(second[name].table), name
        assert first[name].notes == second[name].notes


def test_a_missing_package_costs_its_own_tests_only(make_forecasts, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "arch.bootstrap", None)
    table = make_runs(make_forecasts)
    found = examine_further(table, score_forecasts(table), options=OPTIONS)
    for name in ("confidence_set", "bootstrap"):
        assert found[name].table.is_empty()
        assert "arch is not installed" in found[name].notes[0]
    assert found["pooled"].table.height == 3


def to_direction(table: pl.DataFrame) -> pl.DataFrame:
    """The same forecasts as probabilities of a rise, against a majority of rises in training."""
    ups = {name: pl.col(name) > pl.col("last_close") for name in ("actual", "value")}
    return table.with_columns(
        quantity=pl.lit("direction"), naive=pl.lit(1.0), **{name: is_up.cast(pl.Float64) for name, is_up in ups.items()}
    )


def to_volatility(table: pl.DataFrame) -> pl.DataFrame:
    """Moves as realised volatilities, forecast by noise about their middle."""
    move = (pl.col("actual") / pl.col("last_close")).log().abs() + 0.01
    noise = (pl.col("value") / pl.col("last_close")).log()
    return table.filter(pl.col("step") == 2).with_columns(
        quantity=pl.lit("volatility"), actual=move, value=0.04 * noise.exp(), naive=pl.lit(0.05)
    )


@pytest.mark.parametrize("change", [to_direction, to_volatility])
def test_directions_and_volatilities_are_tested_too(make_forecasts, change) -> None:
    table = change(make_runs(make_forecasts)).filter(pl.col("model") != "naive")
    scores = score_forecasts(table)
    found = examine_further(table, scores, options=OPTIONS)
    for name in ("pooled", "confidence_set", "bootstrap", "fluctuation", "fluctuation_path", "years"):
        assert not found[name].table.is_empty(), name
    assert found["clark_west"].table.is_empty()  # no change is no special case of them
    losses = dict(
        found["confidence_set"].table.filter(pl.col("market") == "made:A/USD").select("model", "loss").iter_rows()
    )
    board = deciding_rows(scores).filter(pl.col("market") == "made:A/USD")
    assert losses.pop("naive") == pytest.approx(board["naive"][0])
    assert losses == pytest.approx(dict(board.select("model", "value").iter_rows()))


def test_naive_forecasts_that_differ_are_told(make_forecasts) -> None:
    table = to_direction(make_runs(make_forecasts)).filter(pl.col("model") != "naive")
    table = table.with_columns(naive=pl.when(pl.col("model") == "ar").then(0.0).otherwise(1.0))
    notes = FURTHER["confidence_set"](table, score_forecasts(table), OPTIONS).notes
    told = (
        "the models of made:A/USD have naive forecasts that differ, as their training spans do; that of ar stands for"
    )
    assert f"{told} all" in notes
