"""A model beside rivals: the decisive test with another forecast in the naive one's place."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from coincast.articles.rivals import compare_with_rivals, list_steps, say_beside_rival
from coincast.scores.significance import adjust_holm, compare_losses
from coincast.scores.verdict import score_forecasts

ORIGINS, STEPS = 400, 2
SHARES = {"net": 0.5, "near": 0.52, "far": 0.9, "naive": 1.0}
"""How much of the coming move each of them misses, roughly."""


@pytest.fixture(scope="module")
def forecasts() -> pl.DataFrame:
    """Two runs of a network, two rivals and naive, all of the same moves."""
    rng = np.random.default_rng(1)
    moves = rng.normal(0, 0.01, (ORIGINS, STEPS)).cumsum(axis=1)
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    rows = []
    for model, run in (("net", 1), ("net", 2), ("near", 0), ("far", 0), ("naive", 0)):
        noise = 0.0 if model == "naive" else 0.001
        said = (1 - SHARES[model]) * moves + noise * rng.normal(0, 1, moves.shape)
        for origin in range(ORIGINS):
            for step in range(STEPS):
                moment = begin + timedelta(hours=STEPS * origin)
                rows.append(
                    {
                        **{"market": "file:X/USD", "interval": "1h", "model": model, "run": run, "quantity": "price"},
                        **{"trained_until": begin, "origin": moment, "step": step + 1},
                        "target_time": moment + timedelta(hours=step + 1),
                        "value": 100 * float(np.exp(said[origin, step])),
                        "actual": 100 * float(np.exp(moves[origin, step])),
                        "last_close": 100.0,
                    }
                )
    return pl.DataFrame(rows).with_columns(pl.col("trained_until", "origin", "target_time").dt.cast_time_unit("ms"))


def losses_of(forecasts: pl.DataFrame, model: str) -> np.ndarray:
    """|ln(mean of the runs / truth)|, mean over the steps, by origin: the slow way."""
    own = forecasts.filter(pl.col("model") == model)
    mean = own.group_by("origin", "step").agg(pl.col("value").mean(), pl.col("actual").first())
    loss = mean.with_columns(loss=(pl.col("value") / pl.col("actual")).log().abs())
    return loss.group_by("origin").agg(pl.col("loss").mean()).sort("origin")["loss"].to_numpy()


def test_the_rival_takes_the_place_of_the_naive_forecast(forecasts: pl.DataFrame) -> None:
    table = compare_with_rivals(forecasts, "net", ["far", "near"])
    assert table["rival"].to_list() == ["near", "far"]  # the best one first
    own = losses_of(forecasts, "net")
    p_values = []
    for row in table.to_dicts():
        other = losses_of(forecasts, row["rival"])
        expected = compare_losses(own, other, overlapping=1)
        assert row["skill"] == pytest.approx(1 - own.mean() / other.mean())
        assert (row["low"], row["high"], row["p"]) == pytest.approx((expected.low, expected.high, expected.p))
        assert row["rival_skill"] == pytest.approx(1 - other.mean() / losses_of(forecasts, "naive").mean())
        assert (row["loss"], row["n"]) == (pytest.approx(other.mean()), ORIGINS)
        p_values.append(row["p"])
    assert table["p_holm"].to_list() == pytest.approx(adjust_holm(np.array(p_values)).tolist())
    assert table["verdict"].to_list() == ["better", "better"]
    assert compare_with_rivals(forecasts, "far", ["net"])["verdict"].to_list() == ["worse"]


def test_a_rival_that_says_the_same(forecasts: pl.DataFrame) -> None:
    same = forecasts.filter(pl.col("model") == "far").with_columns(model=pl.lit("twin"))
    table = compare_with_rivals(pl.concat([forecasts, same]), "far", ["twin"])
    assert (table["skill"][0], table["verdict"][0]) == (0.0, "not distinguishable")
    assert "cannot be told apart" in say_beside_rival("far", 0.1, table)


def test_the_sentence_says_who_is_ahead(forecasts: pl.DataFrame) -> None:
    skill = 1 - losses_of(forecasts, "net").mean() / losses_of(forecasts, "naive").mean()
    ahead = say_beside_rival("NET", skill, compare_with_rivals(forecasts, "net", ["far"]))
    assert "the NET is better by" in ahead
    behind = say_beside_rival("FAR", 0.1, compare_with_rivals(forecasts, "far", ["net"]))
    assert "the FAR is worse by" in behind
    assert f"{100 * skill:.1f} %" in ahead
    assert f"{100 * skill:.1f} %" in behind


def test_too_few_origins_get_no_word(forecasts: pl.DataFrame) -> None:
    few = forecasts.filter(pl.col("origin") < pl.col("origin").min() + pl.duration(hours=2 * 10))
    table = compare_with_rivals(few, "net", ["near"])
    assert (table["n"][0], table["verdict"][0], table["p"][0]) == (10, "too few", None)
    assert "None" not in say_beside_rival("net", 0.1, table)


def test_a_price_that_stands_still_gives_no_number(forecasts: pl.DataFrame) -> None:
    still = pl.lit(100.0)
    exact = forecasts.with_columns(
        actual=still, value=pl.when(pl.col("model") == "net").then(pl.col("value")).otherwise(still)
    )
    table = compare_with_rivals(exact, "net", ["near"])
    assert (math.isnan(table["rival_skill"][0]), table["skill"][0]) == (True, None)
    assert "None" not in say_beside_rival("net", math.nan, table)


def test_every_step_has_a_test_of_its_own(forecasts: pl.DataFrame) -> None:
    steps = list_steps(score_forecasts(forecasts), ["net", "near"])
    assert steps.select("model", "step").rows() == [("net", 1), ("net", 2), ("near", 1), ("near", 2)]
    for row in steps.to_dicts():
        own, naive = (
            losses_of(forecasts.filter(pl.col("step") == row["step"]), model) for model in (row["model"], "naive")
        )
        assert row["skill"] == pytest.approx(1 - own.mean() / naive.mean())
        assert row["p_holm"] >= compare_losses(own, naive, overlapping=1).p
    assert set(steps["verdict"]) == {"better"}
