"""The picture of what lies beyond the last candle: candles, bands, and naive with its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.reports.charts import chart_outlook
from coincast.reports.page_tables import ahead_table
from coincast.reports.pictures_outlook import draw_outlook, outlook_text
from coincast.reports.reading_outlook import look_ahead
from coincast.reports.story import Story

WIDTHS = {"05": -0.09, "10": -0.06, "25": -0.02, "50": 0.0, "75": 0.02, "90": 0.06, "95": 0.09}


@pytest.fixture
def banded(section: Story) -> Story:
    """An outlook with its interval, and a naive one twice as wide."""
    assert section.outlook is not None
    own = [(pl.col("value") * np.exp(width)).alias(f"q{level}") for level, width in WIDTHS.items()]
    naive = [(pl.col("naive") * np.exp(2 * width)).alias(f"naive_q{level}") for level, width in WIDTHS.items()]
    return replace(section, outlook=section.outlook.with_columns(*own, *naive))


def test_the_bands_are_the_quantiles(banded: Story) -> None:
    ahead, outlook = look_ahead(banded), banded.outlook
    assert ahead is not None
    assert outlook is not None
    assert [words for words, _, _ in ahead.bands] == ["90", "80", "50"]
    _, low, high = ahead.bands[0]
    assert low[1:].tolist() == outlook["q05"].to_list()
    assert high[1:].tolist() == outlook["q95"].to_list()
    assert low[0] == high[0] == ahead.past[-1]  # they open at the last close
    assert ahead.naive_bands[0][2][1:].tolist() == outlook["naive_q95"].to_list()


def test_the_picture_shows_candles_bands_and_both_lines(banded: Story) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    figure = draw_outlook(banded)
    assert figure is not None
    (axes,) = figure.axes
    bands = [one for one in axes.collections if isinstance(one, PolyCollection)]
    assert len(bands) == 3
    assert len([one for one in axes.collections if isinstance(one, LineCollection)]) == 3  # wicks, bodies, hollows
    assert [line.get_gid() for line in axes.lines].count("naive_band") == 2
    assert {"model", "naive"} <= {line.get_gid() for line in axes.lines}
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        *("candles", "LSTM ensemble", "50, 80, 90 %", "naive", "naive, 90 %")
    ]


def test_the_words_give_both_intervals_at_the_end(banded: Story) -> None:
    ahead = look_ahead(banded)
    assert ahead is not None
    text = outlook_text(ahead, banded)
    assert "Its bands hold the price in 50, 80 and 90 of 100 cases, if its errors stay as they were." in text
    assert text.count("(90 %: ") == 2
    table = ahead_table(banded)
    assert table is not None
    assert table.heads[4:6] == ("90 % interval", "90 % of naive")


def test_an_interval_without_end_leaves_a_gap(banded: Story) -> None:
    assert banded.outlook is not None
    endless = replace(banded, outlook=banded.outlook.with_columns(q05=pl.lit(0.0), q95=pl.lit(np.inf)))
    ahead = look_ahead(endless)
    assert ahead is not None
    assert np.isnan(ahead.bands[0][2][1:]).all()
    assert outlook_text(ahead, endless).count("(90 %: ") == 1
    assert draw_outlook(endless) is not None


def test_closes_alone_are_a_line(banded: Story) -> None:
    assert banded.candles is not None
    unknown = replace(banded, candles=banded.candles.with_columns(high=pl.lit(None, dtype=pl.Float64)))
    figure = draw_outlook(unknown)
    assert figure is not None
    assert figure.axes[0].lines[0].get_label() == "price"


def test_the_page_has_the_same(banded: Story) -> None:
    chart: Any = chart_outlook(banded)
    roles = [trace["role"] for trace in chart.traces]
    assert (roles.count("band"), roles.count("muted"), roles.count("naive")) == (6, 2, 1)
    assert ("muted", "naive, 90 %") in chart.key
