"""The whole study on a small simulated walk, where nothing can be forecast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coincast.articles.bench import Bench
from coincast.articles.fmz import published
from coincast.articles.fmz.networks import ARTICLE, Learnt
from coincast.articles.fmz.study import _chapters, _finding, _flaws, _outcome, study
from coincast.articles.fmz.work import Work, work
from coincast.reports.palette import DARK, LIGHT
from coincast.reports.study import Study
from coincast.sources.simulated import simulate

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def steady_code() -> Iterator[None]:
    """What is kept belongs to the code that made it; sources that are edited meanwhile must not change that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coincast.articles.bench.hash_code", lambda: b"steady")
        yield


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    candles = simulate("walk", candles=1_300, interval="1h", seed=5)
    return Bench(candles, tmp_path_factory.mktemp("fmz"), size="quick")


@pytest.fixture(scope="module")
def made(bench: Bench) -> Work:
    return work(bench)


@pytest.fixture(scope="module")
def told(bench: Bench, made: Work) -> Study:
    """Told from what `made` left in the folder: nothing is trained twice."""
    return study(bench)


def test_the_fair_verdict_on_a_walk_is_not_better(told: Study) -> None:
    [outcome] = told.outcomes
    assert outcome.verdict in ("not distinguishable", "worse")
    assert outcome.headline is None  # not the article's candles
    assert outcome.faithful is not None
    assert outcome.fair is not None
    assert 0.4 < outcome.fair < 0.6
    assert outcome.naive > 0.75  # the formula asks about nine known moves of ten
    assert outcome.n > 200
    assert outcome.verdict in told.finding


def test_what_was_trained_is_kept_and_read_back(bench: Bench, made: Work) -> None:
    assert made.learnt is not None
    again = work(replace(bench, say=lambda words: pytest.fail(words) if words != "fair" else None))
    assert again.learnt is not None
    assert (again.learnt.prices == made.learnt.prices).all()
    assert made.learnt.parameters == 1_571
    assert made.learnt.losses.shape == (2, 60)


def test_names_are_unique_and_every_picture_can_be_drawn(told: Study) -> None:
    pictures, sheets = told.pictures(), told.sheets()
    names = [shown.name for shown in (*pictures, *sheets)]
    assert len(set(names)) == len(names)
    for number, picture in enumerate(pictures):
        figure = picture.draw(DARK if number % 2 else LIGHT)
        assert figure.axes, picture.name
    assert all(sheet.table.height for sheet in sheets)


@pytest.mark.parametrize("way", ["faithful", "fair"])
def test_either_way_alone(made: Work, way: str) -> None:
    alone = replace(made, levels=None, answer=None) if way == "faithful" else replace(made, learnt=None, twins=())
    chapters, outcome = _chapters(alone), _outcome(alone, 1.0)
    assert (outcome.faithful is None, outcome.fair is None) == (way == "fair", way == "faithful")
    assert (outcome.verdict is None) == (way == "faithful")
    assert _finding(alone)
    assert len(_flaws(alone)) == 10
    sides = {shown.side for chapter in chapters for shown in chapter.exhibits if shown.name in ("loss", "fair-skill")}
    assert sides == {way}


def test_a_network_that_copies_scores_what_the_copy_scores(made: Work) -> None:
    copy = made.simple["copying the last close"]
    learnt = Learnt(ARTICLE, np.stack([copy, copy]), np.ones((2, 3)), 1_571, 10)
    assert made.shares(learnt) == pytest.approx(np.full(2, made.naive_share))
    assert made.distances(learnt) == pytest.approx(np.zeros(2))


def test_the_headline_is_162_of_199() -> None:
    assert round(published.HEADLINE, 3) == 0.814
    assert pytest.approx(162) == published.HEADLINE * published.PAIRS


def test_the_usual_size_is_the_articles(tmp_path: Path) -> None:
    bench = Bench(simulate("walk", candles=600, interval="1h"), tmp_path)
    assert bench.pick(60, published.EPOCHS) == 600
