"""Searches among penalties: how many trainings, which settings are left, and a few of them in earnest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.huang.blocks import Blocks, make_blocks
from coincast.articles.huang.combinations import (
    SearchPlan,
    compare_last,
    halve_grid,
    search_all,
    search_pairs,
)
from coincast.articles.huang.durations import spell_duration
from coincast.articles.huang.found import FIRST_SEARCH
from coincast.articles.huang.regularisers import NONE, SETTINGS, TERMS

MakeBench = Callable[..., Bench]
pytestmark = pytest.mark.usefixtures("steady_code")


def test_trainings_of_the_whole_search() -> None:
    """6 pairs of terms x 8 x 8 penalties x 5 repeats; 9^4 settings halved, then 30 repeats of ten and the control."""
    left, rounds = 6561, []
    while left > 10:
        rounds.append(left)
        left = max(10, left // 2)
    plan = SearchPlan()
    assert [one.settings for one in plan.rounds] == rounds == [6561, 3280, 1640, 820, 410, 205, 102, 51, 25, 12]
    assert [one.epochs for one in plan.rounds] == [3, 4, 6, 9, 13, 19, 28, 30, 30, 30]
    halved = sum(one.settings * one.repeats for one in plan.rounds)
    epochs = sum(one.settings * one.repeats * one.epochs for one in plan.rounds)
    assert plan.count() == (6 * 64 * 5 + halved + 330, 6 * 64 * 5 * 30 + epochs + 330 * 30)


def test_durations_in_words() -> None:
    assert [spell_duration(seconds) for seconds in (1.2, 40, 720, 9000)] == [
        *("1 second", "40 seconds", "12 minutes", "2.5 hours")
    ]


def test_halving_ends_with_the_best_of_the_grid(
    walk: pl.DataFrame, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores that say which setting is best: it must be left, by the first half of the blocks alone."""
    asked: list[tuple[int, int, int]] = []

    def score(
        bench: Bench, name: str, blocks: Blocks, chosen: Any, repeats: int, epochs: int, *, first_seed: int
    ) -> Any:
        asked.append((len(chosen), repeats, epochs))
        rows = []
        for names in chosen:
            full = dict.fromkeys(TERMS, NONE) | names
            first = sum(list(SETTINGS).index(full[term]) * 10.0**place for place, term in enumerate(TERMS))
            rows += [
                {**full, "repeat": r, "error": -first, "first_half": first, "second_half": r + 1.0, "seconds": 0.5}
                for r in range(repeats)
            ]
        return pl.DataFrame(rows)

    monkeypatch.setattr("coincast.articles.huang.combinations.score_settings", score)
    plan = SearchPlan(settings=("L1 0.1", "L2 0.1", "L2 0.01"), last=10, last_repeats=3, repeats=2)
    rounds, final = halve_grid(make_bench(walk), make_blocks(walk), plan)
    assert rounds["settings"].to_list() == [81, 40, 20]
    assert rounds["epochs"].to_list() == [3, 4, 6]
    assert rounds["seconds"].to_list() == [40.5, 20, 10]
    assert final.select(TERMS).n_unique() == 11
    assert asked[-1] == (11, 3, 30)
    best = final.filter(pl.col(TERMS[0]) != NONE).sort("first_half").row(0, named=True)
    assert [best[term] for term in TERMS] == ["L1 0.1"] * 4
    pairs = search_pairs(make_bench(walk), make_blocks(walk), plan)
    assert pairs.select(TERMS).n_unique() == 6 * 9
    assert pairs.height == 6 * 9 * 2


@pytest.mark.long
def test_a_few_are_trained_and_told_and_read_back(walk: pl.DataFrame, make_bench: MakeBench) -> None:
    """What `--quick` tries: its time is said before, every piece tells its progress, and nothing is trained twice."""
    said: list[str] = []
    told: set[str] = set()
    bench = make_bench(walk, say=said.append, on_progress=lambda name, progress: told.add(name))
    found = search_all(bench, make_blocks(walk), FIRST_SEARCH, pace=20.0)
    trainings, epochs = FIRST_SEARCH.count()
    assert said[0] == f"combinations of penalties: {trainings} trainings, about {20 * epochs / 60:.0f} minutes"
    assert told == {"pairs-piece-1-of-1", "halving-1-piece-1-of-1", "halving-last-piece-1-of-1"}
    assert found.pairs.height == 6
    assert found.rounds["settings"].to_list() == [16]
    assert found.final["error"].is_finite().all()
    assert compare_last(found.final).height in (FIRST_SEARCH.last, FIRST_SEARCH.last + 1)
    assert found.pair_seconds > 0
    assert found.grid_seconds > 0
    told.clear()
    again = search_all(bench, make_blocks(walk), FIRST_SEARCH, pace=20.0)
    assert not told
    assert again.final.equals(found.final)
    assert again.pair_seconds == found.pair_seconds
