"""Pictures of article 2 whose words must not lie on one another, however large or many the figures are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

from coincast.articles.huang.pictures_fair import MOST_TOLD, draw_months
from coincast.articles.huang.pictures_study import draw_raw_boxes
from coincast.articles.huang.regularisers import NONE, SETTINGS
from coincast.reports.palette import LIGHT, NOT_DISTINGUISHABLE
from coincast.reports.reflow import narrow
from coincast.reports.study_pictures import NARROW


def assert_that_words_stand_apart(figure: Any) -> None:
    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = [text for axes in figure.axes for text in axes.texts]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    touching = [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if Bbox.intersection(one, other) is not None]
    assert not touching
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for _, box in boxes)


def test_a_large_median_stands_clear_of_its_verdict() -> None:
    errors = 150_000_000.0 * np.random.default_rng(5).lognormal(0, 0.3, 9)
    one = pl.DataFrame({"term": "kernel", "repeat": range(9), "error": errors})
    study = pl.concat([one.with_columns(setting=pl.lit(name)) for name in SETTINGS])
    words = dict.fromkeys(set(SETTINGS) - {NONE}, NOT_DISTINGUISHABLE)
    figure = draw_raw_boxes(study, "kernel", 20_000.0, words, "USD\u00b2", LIGHT, title="T", caption="C")
    assert sum(len(axes.texts) for axes in figure.axes) == 3 * len(SETTINGS) + len(("median", "last close"))
    assert_that_words_stand_apart(figure)
    narrow(figure, NARROW)
    assert_that_words_stand_apart(figure)


@pytest.mark.parametrize("months", [1, MOST_TOLD, MOST_TOLD + 1, 100])
def test_figures_of_months_stand_apart_on_a_page_and_a_phone(months: int) -> None:
    skill = np.random.default_rng(6).normal(0, 0.2, months)
    begin = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=28 * month) for month in range(months)]
    table = pl.DataFrame({"forecast from": begin, "skill, %": skill})
    figure = draw_months(table, LIGHT, title="T", caption="C")
    [axes] = figure.axes
    *figures, _ = axes.texts  # the last one is the name of the axis
    assert 1 <= len(figures) == len(axes.get_xticks()) <= MOST_TOLD
    assert_that_words_stand_apart(figure)
    narrow(figure, NARROW)
    assert_that_words_stand_apart(figure)


def test_a_month_without_a_skill_has_no_figure() -> None:
    begin = [datetime(2020, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
    table = pl.DataFrame({"forecast from": begin, "skill, %": [0.4, float("nan"), -0.2]})
    [axes] = draw_months(table, LIGHT, title="T", caption="C").axes
    *figures, _ = [text.get_text() for text in axes.texts]
    assert figures == ["+0.4", "\N{MINUS SIGN}0.2"]
    assert len(axes.get_xticks()) == 3
