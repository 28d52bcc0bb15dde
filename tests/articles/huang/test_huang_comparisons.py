"""The tests between runs, against slow ones, second libraries and what articles.md calculates."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pytest

from coincast.articles.huang.chapters_study import tell_count
from coincast.articles.huang.combinations import Searched, compare_last, rank_settings
from coincast.articles.huang.comparisons import (
    compare_paired,
    describe_scores,
    fewest_seeds,
    list_paired,
    rank_test,
    welch,
    welch_of_figures,
)
from coincast.articles.huang.published import BIAS, COLUMNS, KERNEL, REPEATS
from coincast.articles.huang.regularisers import (
    NONE,
    SETTINGS,
    TERMS,
    article_label,
    choose_fairly,
    compare_settings,
    describe_file,
    describe_term,
    strengths_of,
)
from coincast.articles.huang.sentences import follow_moves


def test_the_published_winner_is_not_significant() -> None:
    """2.9 item 7: Welch t = 0.95 with 30 runs each; the kernel's control is lower than the winner."""
    t, p = welch_of_figures(*BIAS["L2 0.01"][:2], *BIAS[NONE][:2], REPEATS)
    assert round(t, 2) == 0.95
    assert p > 0.3
    assert KERNEL[NONE][0] < BIAS["L2 0.01"][0]
    assert BIAS[NONE][4] < BIAS["L2 0.01"][4]


def test_the_published_boxes_are_those_of_describe() -> None:
    """2.9 item 6: quartiles 36,013 / 119,273 / 186,651 of the eight rows of "none", bias."""
    rows = [REPEATS, *BIAS[NONE]]
    assert len(rows) == len(COLUMNS) + 1
    assert np.quantile(rows, (0.25, 0.5, 0.75)) == pytest.approx([36_013, 119_273, 186_651], abs=1)


def test_describe_is_that_of_pandas() -> None:
    scores = np.random.default_rng(1).lognormal(10, 1, 30)
    assert list(describe_scores(scores).values()) == pytest.approx(pd.Series(scores).describe().tolist())


def test_welch_from_scores_and_from_figures() -> None:
    rng = np.random.default_rng(2)
    scores, control = rng.normal(5, 1, 30), rng.normal(6, 3, 30)
    figures = scores.mean(), scores.std(ddof=1), control.mean(), control.std(ddof=1)
    assert welch(scores, control) == pytest.approx(welch_of_figures(*figures, 30))
    assert welch(scores, control)[0] > 0  # lower than the control
    assert welch(np.ones(3), np.ones(3))[1] == 1


def test_the_paired_test_is_the_exact_one() -> None:
    """All 2^n signs: Wilcoxon's p is the share of them that are as far out."""
    scores, others = np.array([1.0, 2.0, 3.0, 4.0, 9.0]), np.array([1.1, 2.5, 2.9, 5.0, 11.0])
    logs = np.log(scores / others)
    ranks = np.argsort(np.argsort(np.abs(logs))) + 1
    sums = np.array([ranks[np.array(signs)].sum() for signs in product([True, False], repeat=5)])
    least = min(ranks[logs > 0].sum(), ranks[logs < 0].sum())
    found = compare_paired(scores, others)
    assert found.p == pytest.approx(min(1.0, 2 * float(np.mean(sums <= least))))
    assert (found.wins, found.seeds) == (4, 5)
    assert found.ratio == pytest.approx(float(np.exp(np.median(logs))))


def test_how_many_seeds_a_test_needs() -> None:
    seeds = fewest_seeds()
    for count, is_enough in ((seeds, True), (seeds - 1, False)):
        found = compare_paired(np.arange(1, count + 1) / 2, np.arange(1, count + 1) ** 1.1)
        assert (found.p < 0.05) == is_enough


def test_equal_and_failed_scores() -> None:
    assert compare_paired(np.ones(4), np.ones(4)).p == 1
    found = compare_paired(np.array([1.0, np.nan, np.inf, 2.0]), np.array([2.0, 1.0, 1.0, 4.0]))
    assert (found.seeds, found.ratio) == (2, pytest.approx(0.5))
    assert compare_paired(np.array([np.nan]), np.array([1.0])).seeds == 0


def test_holm_over_a_family() -> None:
    rng = np.random.default_rng(3)
    base = rng.lognormal(0, 0.1, 12)
    table = list_paired({"better": (base / 2, base), "same": (base, base * rng.lognormal(0, 0.01, 12))})
    assert table["p_holm"][0] == pytest.approx(min(1, 2 * table["p"][0]))
    assert table["word"].to_list() == ["better", "not distinguishable"]


def test_ranks_count_pairs() -> None:
    scores, control = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0])
    pairs = [(a < b) + 0.5 * (a == b) for a in scores for b in control]
    assert rank_test(scores, control)[0] == pytest.approx(np.mean(pairs))
    assert rank_test(np.ones(3), np.ones(4)) == (0.5, 1.0)


def test_following_a_path() -> None:
    path = np.random.default_rng(4).normal(0, 1, (5, 16)).cumsum(axis=1)
    assert follow_moves(2 * path + 7, path) == pytest.approx(1)
    assert follow_moves(-path, path) == pytest.approx(-1)
    assert follow_moves(np.zeros_like(path), path) == 0


# ---------------------------------------------------------------- the study's tables


@pytest.fixture(scope="module")
def study() -> pl.DataFrame:
    """Scores as of a study in which one penalty ruins everything, one helps, and the others do nothing."""
    rng = np.random.default_rng(5)
    rows = []
    for term, setting, repeat in product(TERMS, SETTINGS, range(20)):
        level = {("kernel", "L1 0.1"): 50.0, ("bias", "L2 0.01"): 0.2}.get((term, setting), 1.0)
        halves = 1000 * level * rng.lognormal(0, 0.3, 2)
        rows.append((term, setting, repeat, float(halves.mean()), *map(float, halves)))
    names = ["term", "setting", "repeat", "error", "first_half", "second_half"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_the_nine_settings_and_their_labels() -> None:
    """2.6."""
    assert len(SETTINGS) == 9
    assert article_label("L1 0.1") == "l1 0.1000,l2 0.0000"
    assert article_label(NONE) == "l1 0.0000,l2 0.0000"
    assert set(BIAS) == set(KERNEL) == set(SETTINGS)


def test_strengths_go_where_they_are_meant() -> None:
    """Keras summed a penalty on the activity over the batch of 8."""
    given = strengths_of({"bias": "L2 0.01", "activity": "L1 0.001"})
    assert {name: value for name, value in given.items() if value} == {"l2_bias": 0.01, "l1_activity": 0.008}


def test_ranks_find_what_is_there(study: pl.DataFrame) -> None:
    table = compare_settings(study)
    assert table.height == 32
    told = {(row["term"], row["setting"]): row["word"] for row in table.to_dicts()}
    assert told.pop(("kernel", "L1 0.1")) == "worse"
    assert told.pop(("bias", "L2 0.01")) == "better"
    assert set(told.values()) == {"not distinguishable"}


def test_the_tables_of_a_term(study: pl.DataFrame) -> None:
    table = describe_term(study, "bias")
    raw = study.filter((pl.col("term") == "bias") & (pl.col("setting") == "L2 0.01"))["error"].to_pandas()
    row = table.filter(pl.col("setting") == "L2 0.01").row(0, named=True)
    assert [row[name] for name in ("count", *COLUMNS)] == pytest.approx(raw.describe().tolist())
    assert row["published 50 %"] == BIAS["L2 0.01"][4]
    file = describe_file(study, "bias")
    assert file.columns == ["statistic", *map(article_label, SETTINGS)]
    assert file["l1 0.0000,l2 0.0100"].to_list() == pytest.approx(raw.describe().tolist())


def test_where_the_number_of_repeats_lies_in_the_published_boxes(study: pl.DataFrame) -> None:
    """Scores of dollars squared are far above it; those of a coin counted in Bitcoin are far below."""
    assert tell_count(study, "bias") == "Its lowest point is the number of repeats, 20."
    small = study.with_columns(error=pl.col("error") / 1e9)
    assert tell_count(small, "bias") == "One of its points is the number of repeats, 20."


def test_what_is_chosen_on_one_half_is_looked_at_on_the_other(study: pl.DataFrame) -> None:
    table = choose_fairly(study)
    assert table["chosen on the first half"][0] == "L2 0.01"
    second = study.filter((pl.col("term") == "bias") & (pl.col("setting") == "L2 0.01"))["second_half"].median()
    assert table["its median on the second half"][0] == pytest.approx(second)
    changed = study.with_columns(second_half=pl.col("second_half") * pl.int_range(pl.len()))
    assert choose_fairly(changed)["chosen on the first half"].equals(table["chosen on the first half"])


def test_the_last_settings_are_ranked_by_the_first_half() -> None:
    rng = np.random.default_rng(6)
    rows = []
    for place, names in enumerate([("L2 0.01", NONE, NONE, NONE), (NONE,) * 4, (NONE, "L1 0.1", NONE, NONE)]):
        levels = 10.0 ** (place - 1) * rng.lognormal(0, 0.1, 30)
        rows += [(*names, repeat, 1.0, 1.0 + place, level) for repeat, level in enumerate(levels.tolist())]
    final = pl.DataFrame(rows, schema=[*TERMS, "repeat", "error", "first_half", "second_half"], orient="row")
    assert rank_settings(final)["chosen_by"].to_list() == [1.0, 2.0, 3.0]
    table = compare_last(final)
    assert table["chance"].to_list() == [1.0, None, 0.0]
    assert (table["Holm p"] < 0.05).to_list() == [True, None, True]
    # The control is no hypothesis: Holm's adjustment is over the two others.
    assert table["Holm p"][0] == pytest.approx(2 * table["rank p"][0])


def test_whether_no_penalty_is_among_the_last() -> None:
    settings = [("L2 0.01", NONE, NONE, NONE), (NONE,) * 4, (NONE, "L1 0.1", NONE, NONE)]
    final = pl.DataFrame(settings, schema=list(TERMS), orient="row")
    assert [Searched(final, final, final, last).kept_control for last in (2, 3)] == [False, True]
