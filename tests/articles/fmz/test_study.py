"""The whole study on a small simulated walk, where nothing can be forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.fmz import published
from coincast.articles.fmz.chapters_fair import tell_gain
from coincast.articles.fmz.fair import AUTOREGRESSIONS, NAME
from coincast.articles.fmz.hours import LENGTH
from coincast.articles.fmz.networks import ARTICLE, Learnt
from coincast.articles.fmz.study import study
from coincast.articles.fmz.work import Work, work
from coincast.experiments.run import Stopwatch
from coincast.forecasts.combine import ENSEMBLE
from coincast.reports.study import Study
from coincast.sources.simulated import simulate

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("steady_code")]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    candles = simulate("walk", candles=1_300, interval="1h", seed=5)
    return Bench(candles, tmp_path_factory.mktemp("fmz"), size="quick")


@pytest.fixture(scope="module")
def made(bench: Bench) -> Work:
    return work(bench, Stopwatch())


@pytest.fixture(scope="module")
def told(bench: Bench, made: Work) -> Study:
    """Told from what `made` left in the folder: nothing is trained twice."""
    return study(bench)


def test_the_fair_verdict_on_a_walk_is_not_better(told: Study) -> None:
    [outcome] = told.outcomes
    assert outcome.verdict in ("not distinguishable", "worse")
    assert outcome.headline is None  # not the article's candles
    assert outcome.verdict in told.finding
    assert outcome.n > 200
    assert outcome.seconds == pytest.approx(sum(told.seconds.values()))


def test_every_figure_has_a_yardstick_of_its_own_kind(told: Study, made: Work) -> None:
    """The formula beside a copy by the formula; moves counted one by one beside one direction said every time."""
    [outcome] = told.outcomes
    hours = made.hours
    starts = hours.scored_starts()
    target, last = hours.close[starts + LENGTH], hours.close[starts + LENGTH - 1]
    copied = (target[1:] > target[:-1]) == (last[1:] > target[:-1])
    assert outcome.naive == pytest.approx(copied.mean())
    assert made.learnt is not None
    assert outcome.faithful == pytest.approx(np.median(made.shares(made.learnt)))
    forecast = made.fair_prices()
    went, hits = [], []
    for origin in hours.test_origins:
        move = hours.close[origin + 1] - hours.close[origin]
        if move != 0:
            went.append(move > 0)
            hits.append((forecast[origin - LENGTH + 1] > hours.close[origin]) == (move > 0))
    known = np.diff(hours.close[: hours.first_origin])
    rises = (known > 0).sum() >= (known < 0).sum()
    assert (outcome.fair, outcome.n) == (pytest.approx(np.mean(hits)), len(hits))
    assert outcome.fair_naive == pytest.approx(np.mean(went) if rises else 1 - np.mean(went))


def test_autoregressions_stand_beside_the_network(made: Work) -> None:
    """Their skill beside the last close is that of the score table; each has as many origins as the network."""
    assert made.answer is not None
    rivals, answer = made.answer.rivals, made.answer
    assert set(rivals["rival"]) == set(AUTOREGRESSIONS)
    assert rivals["rival_skill"].is_sorted(descending=True)
    assert set(rivals["n"]) == {len(made.hours.test_origins)}
    board = dict(answer.result.leaderboard.select("model", "skill").iter_rows())
    for row in rivals.iter_rows(named=True):
        assert row["rival_skill"] == pytest.approx(board[row["rival"]])
        own = 1 - (1 - answer.price_row["skill"]) / (1 - row["rival_skill"])
        assert row["skill"] == pytest.approx(own)
    assert answer.steps.group_by("model").len()["len"].to_list() == [10] * 5


def test_no_network_is_needed_only_where_the_autoregression_gains_too(made: Work) -> None:
    assert made.answer is not None
    answer, best = made.answer, made.answer.rivals["rival"][0]
    alike = answer.rivals.with_columns(verdict=pl.lit("not distinguishable"))
    for better, begins in (([NAME], "Beside the best"), ([NAME, best], "It takes no network")):
        is_better = pl.col("model").str.strip_suffix(ENSEMBLE).is_in(better) & pl.col("verdict").is_not_null()
        verdict = pl.when(is_better).then(pl.lit("better")).otherwise(pl.lit("worse"))
        result = replace(answer.result, scores=answer.result.scores.with_columns(verdict=verdict))
        assert tell_gain(replace(answer, result=result, rivals=alike)).startswith(begins)


def test_what_was_trained_is_kept_and_read_back(bench: Bench, made: Work) -> None:
    assert made.learnt is not None
    again = work(replace(bench, say=lambda words: pytest.fail(words) if words != "fair" else None), Stopwatch())
    assert again.learnt is not None
    assert (again.learnt.prices == made.learnt.prices).all()
    assert made.learnt.parameters == 1_571
    assert made.learnt.losses.shape == (2, 60)


def test_names_are_unique_and_every_picture_can_be_drawn(told: Study, check_exhibits: Callable[[Study], None]) -> None:
    check_exhibits(told)


@pytest.mark.parametrize("way", ["faithful", "fair"])
def test_either_way_alone_shows_nothing_of_the_other(
    bench: Bench, told: Study, way: str, check_exhibits: Callable[[Study], None]
) -> None:
    alone = study(replace(bench, faithful=way == "faithful", fair=way == "fair"))
    [outcome], [both] = alone.outcomes, told.outcomes
    shown = {exhibit.name: exhibit.side for exhibit in (*alone.pictures(), *alone.sheets())}
    assert set(shown.values()) == {way, "both"}
    assert {("formula", "rivals")[way == "fair"], "shapes", "span"} <= set(shown)
    assert set(shown) < {exhibit.name for exhibit in (*told.pictures(), *told.sheets())}
    assert (outcome.faithful is None, outcome.fair is None) == (way == "fair", way == "faithful")
    assert (outcome.verdict, outcome.fair_naive) == (
        (None, None) if way == "faithful" else (both.verdict, both.fair_naive)
    )
    assert outcome.naive == both.naive
    assert len(alone.flaws) == len(told.flaws) == 10
    check_exhibits(alone)


def test_the_finding_fits_a_headline(bench: Bench, told: Study) -> None:
    assert len(told.finding.split()) <= 12
    assert len(study(replace(bench, fair=False)).finding.split()) <= 12


def test_a_network_that_copies_scores_what_the_copy_scores(made: Work) -> None:
    copy = made.simple["copying the last close"]
    learnt = Learnt(ARTICLE, np.stack([copy, copy]), np.ones((2, 3)), 1_571, 10)
    assert made.shares(learnt) == pytest.approx(np.full(2, made.naive_share))
    assert made.distances(learnt) == pytest.approx(np.zeros(2))


def test_the_headline_is_162_of_199() -> None:
    assert round(published.HEADLINE, 3) == 0.814
    assert pytest.approx(162) == published.HEADLINE * published.PAIRS
