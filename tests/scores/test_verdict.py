"""The score table: which rows there are, what they hold, and who gets which word."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests

from coincast.errors import ForecastError, UsageError
from coincast.forecasts.combine import add_ensembles
from coincast.scores.significance import compare_losses
from coincast.scores.verdict import (
    IS_DECIDING,
    SCORE_COLUMNS,
    count_origins,
    count_tests,
    deciding_rows,
    score_forecasts,
    summarise_runs,
)


def noisy(share: float, seed: int = 1):
    """A forecast that knows a share of the move, and errs by three percent."""

    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        noise = np.exp(0.01 * np.random.default_rng(seed).standard_normal(last.size))
        return last * (actual / last) ** share * noise

    return forecast


def naive(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
    return last


def test_columns_and_types_are_those_of_the_design(make_forecasts) -> None:
    scores = score_forecasts(make_forecasts(noisy(0.5)))
    assert dict(scores.schema) == SCORE_COLUMNS
    expected = "market interval model level run quantity view subset step metric unit value naive skill low high "
    expected += "statistic p p_holm dm p_dm n detectable verdict"
    assert scores.columns[:-1] == expected.split()


@pytest.mark.parametrize(("share", "word"), [(0.5, "better"), (-0.5, "worse"), (0.0, "worse"), (1.0, "better")])
def test_words(make_forecasts, share: float, word: str) -> None:
    board = deciding_rows(score_forecasts(make_forecasts(noisy(share), n=400)))
    assert board["verdict"].to_list() == [word]


def test_a_difference_that_may_be_chance_gets_no_better_word(make_forecasts) -> None:
    """Naive above and below by turns, drawn apart from the move: exactly the null."""
    signs = np.sign(np.random.default_rng(4).standard_normal(200))
    board = deciding_rows(score_forecasts(make_forecasts(lambda last, actual: last * np.exp(0.001 * signs), n=200)))
    assert board["verdict"].to_list() == ["not distinguishable"]
    assert board["low"][0] < 0 < board["high"][0]


def test_the_deciding_row_equals_the_comparison_of_losses_made_by_hand(make_forecasts) -> None:
    table = make_forecasts(noisy(0.2), n=150, steps=5)
    losses, base = [], []
    for rows in table.sort("origin", "step").partition_by("origin", maintain_order=True):
        losses.append((rows["value"] / rows["actual"]).log().abs().mean())
        base.append((rows["last_close"] / rows["actual"]).log().abs().mean())
    expected = compare_losses(np.array(losses), np.array(base), overlapping=5)
    row = deciding_rows(score_forecasts(table)).row(0, named=True)
    for name in ("skill", "low", "high", "p", "dm", "p_dm", "detectable", "n"):
        assert row[name] == pytest.approx(getattr(expected, name), rel=1e-9)
    assert row["value"] == pytest.approx(np.mean(losses))
    assert row["naive"] == pytest.approx(np.mean(base))


def test_there_is_one_deciding_row_per_market_and_model(make_forecasts) -> None:
    parts = [make_forecasts(noisy(0.1, run), model="lstm", run=run, steps=3) for run in (1, 2, 3)]
    parts += [
        make_forecasts(noisy(0.1), model="ar", steps=3),
        make_forecasts(noisy(0.1), model="single", run=1, steps=3),
    ]
    parts += [make_forecasts(noisy(0.1), model="ar", steps=3, market="made:DOWN/USD")]
    scores = score_forecasts(pl.concat(parts))
    deciding = scores.filter(IS_DECIDING)
    assert deciding.select("market", "model", "run").rows() == [
        ("made:DOWN/USD", "ar", 0),
        ("made:UP/USD", "ar", 0),
        ("made:UP/USD", "lstm.ensemble", 0),
        ("made:UP/USD", "single", 1),
    ]
    assert scores.filter(pl.col("verdict").is_not_null()).height == 4
    runs = scores.filter(pl.col("level") == "run")
    assert set(runs["model"]) == {"lstm"}
    assert set(runs["step"]) == {0}
    assert set(runs["metric"]) == {"abs_log_error", "mae", "rmse", "mape", "bias", "mae_relative"}
    assert runs.height == 3 * 6


def test_every_step_has_its_own_rows(make_forecasts) -> None:
    table = make_forecasts(noisy(0.3), steps=4)
    scores = score_forecasts(table).filter(
        (pl.col("metric") == "mae") & (pl.col("subset") == "all") & (pl.col("view") == "every_origin")
    )
    assert scores["step"].to_list() == [0, 1, 2, 3, 4]
    for step in (1, 2, 3, 4):
        rows = table.filter(pl.col("step") == step)
        row = scores.filter(pl.col("step") == step).row(0, named=True)
        assert row["value"] == pytest.approx((rows["value"] - rows["actual"]).abs().mean())
        assert row["overlap"] == step


@pytest.mark.parametrize(("steps", "stride", "overlap"), [(1, 1, 1), (5, 1, 5), (5, 2, 3), (5, 5, 1)])
def test_overlap_follows_steps_and_stride(make_forecasts, steps: int, stride: int, overlap: int) -> None:
    scores = score_forecasts(make_forecasts(noisy(0.3), steps=steps, stride=stride))
    assert scores.filter(IS_DECIDING)["overlap"].to_list() == [overlap]


def test_holm_holds_all_markets_and_models_together_without_naive_and_too_few(make_forecasts) -> None:
    parts = [
        make_forecasts(noisy(0.05, seed), model=f"m{seed}", market=f"made:{coin}/USD", seed=ord(coin))
        for seed in range(4)
        for coin in "AB"
    ]
    parts += [make_forecasts(naive, model="naive", market="made:A/USD", seed=ord("A"))]
    parts += [make_forecasts(noisy(0.5), model="short", n=19, market="made:A/USD", seed=ord("A"))]
    scores = score_forecasts(pl.concat(parts))
    deciding = scores.filter(IS_DECIDING)
    family = deciding.filter(pl.col("model").str.starts_with("m"))
    assert count_tests(scores) == family.height == 8
    assert family["p_holm"].to_list() == pytest.approx(multipletests(family["p"].to_list(), method="holm")[1].tolist())
    assert deciding.filter(pl.col("model") == "naive")["verdict"].to_list() == [None]
    short = deciding.filter(pl.col("model") == "short").row(0, named=True)
    assert short["verdict"] == "too few"
    assert short["skill"] is not None
    assert all(short[name] is None for name in ("statistic", "p", "p_holm", "low", "high", "detectable", "dm", "p_dm"))


def test_the_word_follows_the_adjusted_p(make_forecasts) -> None:
    alone = make_forecasts(noisy(0.28, 3), model="only", n=60)
    p = deciding_rows(score_forecasts(alone))["p"][0]
    assert 0.005 < p < 0.05
    others = [make_forecasts(noisy(0.2, 9), model=f"x{i}", n=60) for i in range(11)]
    others = [frame.with_columns(value=pl.col("last_close")) for frame in others]
    board = deciding_rows(score_forecasts(pl.concat([alone, *others]))).filter(pl.col("model") == "only")
    assert board["p"][0] == p
    assert board["p_holm"][0] == pytest.approx(min(12 * p, 1))
    assert board["verdict"][0] == "not distinguishable"
    assert deciding_rows(score_forecasts(alone))["verdict"][0] == "better"


def test_only_complete_origins_count(make_forecasts) -> None:
    table = make_forecasts(noisy(0.3), n=60, steps=3)
    holes = table.with_row_index().filter(pl.col("index") != 10).drop("index")
    holes = holes.with_columns(
        actual=pl.when((pl.col("step") == 2) & (pl.int_range(pl.len()) > 160)).then(None).otherwise("actual"),
        value=pl.when(pl.int_range(pl.len()) == 30).then(np.inf).otherwise("value"),
    )
    whole = count_origins(holes).row(0, named=True)
    broken = holes.filter((pl.col("step") == 2) & pl.col("actual").is_null()).height
    assert whole["judged"] == 60 - 2 - broken == deciding_rows(score_forecasts(holes))["n"][0]
    assert whole["dropped"] == 2 + broken
    assert whole["reasons"] == (f"steps missing: 1, actual value unknown: {broken}, forecast missing or not finite: 1")


def test_dropping_an_origin_drops_it_for_naive_too(make_forecasts) -> None:
    table = make_forecasts(noisy(0.3), n=60)
    missing = table.with_columns(value=pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise("value"))
    rest = table.filter(pl.int_range(pl.len()) != 5)
    row, expected = (score_forecasts(each).filter(IS_DECIDING).row(0, named=True) for each in (missing, rest))
    assert row == expected


def test_a_price_at_or_below_zero_is_scored_as_one_percent_and_counted(make_forecasts) -> None:
    table = make_forecasts(noisy(0.3), n=60)
    low = table.with_columns(value=pl.when(pl.int_range(pl.len()) == 5).then(-1.0).otherwise("value"))
    one = table.with_columns(
        value=pl.when(pl.int_range(pl.len()) == 5).then(0.01 * pl.col("last_close")).otherwise("value")
    )
    assert count_origins(low)["floored"].to_list() == [1]
    found, expected = (deciding_rows(score_forecasts(each))["value"][0] for each in (low, one))
    assert found == expected


def test_a_failed_run_is_left_out(make_forecasts) -> None:
    runs = [make_forecasts(noisy(0.2, run), model="lstm", run=run) for run in (1, 2, 3)]
    broken = runs[2].with_columns(value=pl.when(pl.int_range(pl.len()) == 5).then(np.nan).otherwise("value"))
    scores = score_forecasts(pl.concat([*runs[:2], broken]))
    assert set(scores.filter(pl.col("level") == "run")["run"]) == {1, 2}
    both = score_forecasts(pl.concat(runs[:2])).filter(IS_DECIDING)
    assert scores.filter(IS_DECIDING).equals(both)


def test_scores_are_the_same_whether_ensembles_are_there_or_not(make_forecasts) -> None:
    table = pl.concat([make_forecasts(noisy(0.2, run), model="lstm", run=run) for run in (1, 2, 3)])
    assert score_forecasts(table).equals(score_forecasts(add_ensembles(table)))


def test_runs_are_summarised_as_a_description(make_forecasts) -> None:
    shares = [0.3, 0.2, -0.3, -0.4]
    table = pl.concat([make_forecasts(noisy(s, i), model="lstm", run=i) for i, s in enumerate(shares, start=1)])
    scores = score_forecasts(table)
    row = summarise_runs(scores).filter(pl.col("metric") == "mae").row(0, named=True)
    errors = [(rows["value"] - rows["actual"]).abs().mean() for rows in table.partition_by("run", maintain_order=True)]
    base = (table["last_close"] - table["actual"]).abs().mean()
    assert row["runs"] == 4
    assert row["mean"] == pytest.approx(np.mean(errors))
    assert row["sd"] == pytest.approx(np.std(errors, ddof=1))
    assert (row["best"], row["worst"]) == pytest.approx((min(errors), max(errors)))
    assert row["better"] == sum(error < base for error in errors)


def test_a_log_return_is_judged_against_no_change(make_forecasts) -> None:
    table = make_forecasts(noisy(0.4), n=200).with_columns(
        quantity=pl.lit("log_return"),
        value=(pl.col("value") / pl.col("last_close")).log(),
        actual=(pl.col("actual") / pl.col("last_close")).log(),
    )
    row = deciding_rows(score_forecasts(table)).row(0, named=True)
    assert row["metric"] == "abs_error"
    assert row["naive"] == pytest.approx(table["actual"].abs().mean())
    assert row["value"] == pytest.approx((table["value"] - table["actual"]).abs().mean())
    assert row["verdict"] == "better"


def test_a_quantity_that_cannot_be_judged_is_refused(make_forecasts) -> None:
    with pytest.raises(UsageError, match="'volume' cannot be judged"):
        score_forecasts(make_forecasts(naive).with_columns(quantity=pl.lit("volume")))


def test_nothing_to_judge_is_an_error_that_says_why(make_forecasts) -> None:
    table = make_forecasts(naive).with_columns(actual=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(ForecastError, match=r"no origin that can be judged: actual value unknown \(120\)"):
        score_forecasts(table)
    only = make_forecasts(naive, run=1, model="lstm").with_columns(value=pl.lit(np.nan))
    with pytest.raises(ForecastError, match="no forecast to score; failed: lstm"):
        score_forecasts(only)
