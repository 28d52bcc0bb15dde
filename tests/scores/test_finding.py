"""What further tests hand back: options that are refused, lines that say what was left out, words of a family."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests

from coincast.errors import UsageError
from coincast.scores.finding import Options, Shortage, add_words, tell_lost, tell_shortages


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"repetitions": 10}, "repetitions is 10; allowed: 100 to 1,000,000 draws"),
        ({"repetitions": 10**20}, "repetitions is 1(0{20}); allowed: 100 to 1,000,000 draws"),
        ({"block": 0}, "block is 0; allowed: 1 to 1,000,000 origins"),
        ({"block": 10**20}, "block is 1(0{20}); allowed: 1 to 1,000,000 origins"),
        ({"seed": -1}, "seed is -1; allowed: 0 to 2,147,483,647"),
        ({"seed": 10**20}, "seed is 1(0{20}); allowed: 0 to 2,147,483,647"),
        ({"cost": 1.0}, "cost is 1.0; allowed: a share of the price"),
        ({"window_share": 0.25}, "window_share is 0.25; allowed, as published: 0.1, 0.2"),
    ],
)
def test_options_that_cannot_be_are_refused(given: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Options(**given)


def test_shortages_are_told_in_one_line_per_need() -> None:
    shortages = [Shortage(f"m{k} on made:UP/USD", 40, 100) for k in range(7)] + [
        Shortage("ar on made:UP/USD", 150, 200)
    ]
    first, second = tell_shortages("the test", shortages)
    assert first.startswith("the test needs at least 100 forecasts and is left out for m0 on made:UP/USD (40), m1 on")
    assert first.endswith("m4 on made:UP/USD (40) and 2 more")
    assert second == "the test needs at least 200 forecasts and is left out for ar on made:UP/USD (150)"


def test_lost_origins_are_told_only_where_some_are_lost() -> None:
    told = tell_lost("the test", {(0, 50): ["ar"], (3, 50): ["ets", "theta"]}, "market")
    assert told == ("the test leaves out 3 of 50 origins of ets, theta: not every market has them",)


def test_words_follow_holm_over_the_rows_that_were_tested() -> None:
    p = [0.001, 0.02, None, 0.04, 0.9]
    table = pl.DataFrame(
        {"p": p, "loss": [1.0, 3.0, 1.0, 1.0, 1.0], "naive": 2.0, "is_too_few": [False, False, True, False, False]},
        schema_overrides={"p": pl.Float64},
    )
    found = add_words(table)
    known = multipletests([0.001, 0.02, 0.04, 0.9], method="holm")[1]
    assert found["p_holm"].drop_nulls().to_numpy() == pytest.approx(known)
    words = ["better", "not distinguishable", "too few", "not distinguishable", "not distinguishable"]
    assert found["verdict"].to_list() == words
    assert not np.isnan(found["p_holm"].drop_nulls().to_numpy()).any()


def test_nothing_tested_gives_no_word() -> None:
    schema = {"p": pl.Float64, "loss": pl.Float64, "naive": pl.Float64, "is_too_few": pl.Boolean}
    found = add_words(pl.DataFrame([{"p": None, "loss": 1.0, "naive": 2.0, "is_too_few": False}], schema=schema))
    assert found["verdict"].to_list() == [None]
    assert add_words(pl.DataFrame(schema=schema)).height == 0
