"""Opponents that are added to an experiment stand where they would stand if its spec had named them."""

from __future__ import annotations

import polars as pl
import pytest

import coincast as cc
from coincast.articles.opponents import add_opponents
from coincast.experiments.result import Result
from coincast.models.autoregressive import Autoregression
from coincast.models.robust import RobustAutoregression
from coincast.scores.verdict import count_tests, deciding_rows


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return cc.simulate("echo", skill=0.1, candles=500, seed=1)


def compare(candles: pl.DataFrame, *models: object) -> Result:
    return cc.compare(candles, models=list(models), test=0.4, horizon=2)


def test_forecasts_scores_and_words_are_those_of_one_experiment(candles: pl.DataFrame) -> None:
    both = compare(candles, "drift", "naive", {"name": "ar", "order": 3})
    added = add_opponents(compare(candles, "drift", "naive"), candles, {"ar": Autoregression(order=3)})
    keys = ["model", "origin", "step"]
    assert added.forecasts.sort(keys).equals(both.forecasts.sort(keys))
    assert deciding_rows(added.scores).equals(deciding_rows(both.scores))
    assert added.sentence == both.sentence


def test_what_is_added_counts_in_the_family_of_tests(candles: pl.DataFrame) -> None:
    plain = compare(candles, "drift", "naive")
    added = add_opponents(plain, candles, {"one": RobustAutoregression(2), "two": RobustAutoregression(4)})
    assert count_tests(added.scores) == count_tests(plain.scores) + 2
    assert added.leaderboard["model"].unique().sort().to_list() == ["drift", "naive", "one", "two"]
    assert added.spec == plain.spec
