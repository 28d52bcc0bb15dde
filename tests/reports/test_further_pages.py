"""Pages with the whole judgement: what stands where, in whose words, and never as a price what is none."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.reports.cells import HINTS
from coincast.reports.charts_further import FURTHER_CHARTS
from coincast.reports.figures import FIGURES
from coincast.reports.html import render_report
from coincast.reports.page_tables import market_tables
from coincast.reports.page_tables_further import pooled_table
from coincast.reports.quantities import say_for, value_axis
from coincast.reports.reading import forecast_lines, rivals
from coincast.reports.rows import cover_rows, period_rows, pooled_rows, skill_rows
from coincast.reports.story import Story
from coincast.reports.wording import headline, reasons

ODD = "<b>ar</b>&{x}"


class Words(HTMLParser):
    """The words of a page, and its charts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside = ""
        self.words: list[str] = []
        self.charts: dict[str, Any] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script" and data.startswith("{"):
            self.charts = json.loads(data)
        elif self.inside not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words)).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def page(examined: Story) -> Words:
    return Words(render_report(examined))


def test_every_further_chart_is_there_with_its_naive_line(page: Words) -> None:
    for name in FURTHER_CHARTS:
        chart = page.charts[f"m0-{name}"]
        assert any(trace["role"] == "naive" for trace in chart["traces"]), name
        for trace in chart["traces"]:
            assert len(trace["x"]) == len(trace["y"])


def test_charts_hold_no_number_that_is_none(page: Words) -> None:
    assert "NaN" not in json.dumps(page.charts)
    assert "Infinity" not in json.dumps(page.charts)


def test_pooled_test_stands_above_several_markets_only(examined: Story, page: Words) -> None:
    assert page.text.count("All markets together, in figures") == 1
    alone = Words(render_report(replace(examined.sections()[0], further=examined.further)))
    assert "All markets together" not in alone.text
    rows, table = pooled_rows(examined), pooled_table(examined)
    assert rows is not None
    assert table is not None
    found = examined.found("pooled")
    assert {row.word for row in rows.rows} == set(found["verdict"])
    assert len(table.lines) == found.height


def test_best_of_how_many_stands_below_the_headline(page: Words) -> None:
    told = "Best of 14 configurations judged on this test span"
    assert page.text.index(told) < page.text.index("Skill of every model")


def test_leaderboard_has_what_further_tests_add(examined_section: Story, section: Story) -> None:
    heads = market_tables(examined_section, "m0")[0].heads
    assert heads[:6] == ("model", "skill", "95 % interval", "verdict", "may be the best", "could show")
    assert "bootstrap" in heads
    assert not {"may be the best", "bootstrap", "hint"} & set(market_tables(section, "m0")[0].heads)


def test_the_set_is_told_by_yes_and_no_and_its_p_on_hover(examined_section: Story, page: Words) -> None:
    table = market_tables(examined_section, "m0")[0]
    place = table.heads.index("may be the best")
    held = examined_section.further["confidence_set"]
    told = {line.cells[0].text.lower().replace(" ", "."): line.cells[place] for line in table.lines}
    assert set(told) == set(held["model"])
    for row in held.iter_rows(named=True):
        cell = told[row["model"]]
        assert cell.text == ("yes" if row["in_set"] else "no")
        assert cell.note == ("p < 0.001" if row["p_mcs"] < 0.001 else f"p {row['p_mcs']:.3f}")
    titles = {attributes.get("title") for tag, attributes in page.tags if tag == "td"}
    assert {cell.note for cell in told.values()} <= titles


def test_a_hint_wears_no_colour_of_a_verdict(examined_section: Story) -> None:
    hints = examined_section.further["clark_west"].with_columns(hint=pl.lit(True))
    story = replace(examined_section, further={**examined_section.further, "clark_west": hints})
    table = market_tables(story, "m0")[0]
    cells = [cell for line in table.lines for cell in line.cells if cell.text == "hint of signal"]
    assert cells
    assert all(cell.role == "" for cell in cells)
    rows = skill_rows(story)
    assert rows is not None
    assert any("hint of signal" in row.note for row in rows.rows)
    assert not any("hint" in row.word for row in rows.rows)


def test_columns_are_explained(page: Words) -> None:
    heads = [attributes for tag, attributes in page.tags if tag == "th" and attributes.get("title")]
    assert len(heads) > 20
    assert "What the columns mean" in page.text
    for hint in HINTS.values():
        assert hint[-1] != "."


def test_every_table_is_as_wide_as_its_heads(examined_section: Story) -> None:
    tables = market_tables(examined_section, "m0")
    titles = [table.title for table in tables]
    for title in ("Step by step", "Three views of several steps", "Skill by year", "Skill by refit", "Direction"):
        assert title in titles
    for table in tables:
        assert all(len(line.cells) == len(table.heads) for line in table.lines), table.title


def test_three_views_are_those_of_the_score_table(examined_section: Story) -> None:
    table = next(each for each in market_tables(examined_section, "m0") if each.title.startswith("Three views"))
    assert table.heads[-1] == "whole span, one origin, no test"
    assert table.hint(table.heads[-1]).startswith("skill of one forecast of the whole test span")
    line = next(line for line in table.lines if line.cells[0].text == "LSTM ensemble")
    whole = examined_section.scores.filter(
        pl.col("model") == "lstm.ensemble", pl.col("view") == "full_interval", pl.col("metric") == "abs_log_error"
    )
    assert line.cells[-1].text == f"{100 * whole['skill'][0]:+.1f} %".replace("-", "\N{MINUS SIGN}")
    assert len(line.cells) == 8


def test_years_and_refits_are_rows(examined_section: Story) -> None:
    refits = period_rows(examined_section, "refits")
    assert refits is not None
    assert len(refits.rows) == 2
    assert all(row.word == "" for row in refits.rows)
    cover = cover_rows(examined_section)
    assert cover is not None
    assert [row.name for row in cover.rows][:3] == ["90 % interval", "80 % interval", "50 % interval"]
    assert all(0 <= mark.left <= 100 for row in cover.rows for mark in row.marks)


def test_a_year_of_a_few_forecasts_stands_in_the_table_only(examined_section: Story) -> None:
    years = examined_section.further["years"].filter(pl.col("model") == rivals(examined_section)[0]).head(1)
    counts = (("2015", 9), ("2016", 100), ("2017", 90))
    told = pl.concat(years.with_columns(subset=pl.lit(f"year={year}"), n=pl.lit(n, pl.Int64)) for year, n in counts)
    story = replace(examined_section, further={"years": told})
    rows = period_rows(story, "years")
    assert rows is not None
    assert [row.name for row in rows.rows] == ["2016", "2017"]
    table = next(each for each in market_tables(story, "m0") if each.title == "Skill by year")
    assert [line.cells[1].text for line in table.lines] == ["2015", "2016", "2017"]


def test_many_markets_are_folded(examined: Story, examined_section: Story) -> None:
    def repeat(table: pl.DataFrame) -> pl.DataFrame:
        return pl.concat(table.with_columns(market=pl.lit(f"made:C{number}/USD")) for number in range(4))

    further = {name: repeat(examined_section.further[name]) for name in ("years", "refits")}
    many = Story(title="many", command="", scores=repeat(examined_section.scores), further=further)
    folded = [tag for tag, attributes in Words(render_report(many)).tags if attributes.get("class") == "more"]
    assert folded == ["details"] * 4
    assert 'class="more"' not in render_report(examined)


def test_names_are_escaped_everywhere(examined: Story) -> None:
    def rename(table: pl.DataFrame) -> pl.DataFrame:
        if "model" not in table.columns:
            return table
        return table.with_columns(
            pl.col("model").replace({"drift": ODD, "lstm": ODD, "lstm.ensemble": f"{ODD}.ensemble"})
        )

    tables = {
        name: rename(getattr(examined, name))
        for name in ("scores", "forecasts", "intervals", "calibration", "full_interval")
    }
    tables["scores"] = tables["scores"].filter(pl.col("model") != "ar")
    odd = replace(
        examined, **tables, further={name: rename(table) for name, table in examined.further.items()}, trials=3
    )
    text = render_report(odd)
    assert "<b>ar" not in text
    charts = Words(text).charts
    names = [trace["name"] for chart in charts.values() for trace in chart["traces"] if "name" in trace]
    assert any("&lt;b&gt;" in name for name in names)
    assert not any("<" in name or "{" in name for name in names)


@pytest.mark.parametrize("quantity", ["volatility", "direction"])
def test_what_is_no_price_is_not_told_as_one(quantity: str, request: pytest.FixtureRequest) -> None:
    story: Story = request.getfixturevalue(quantity)
    words = Words(render_report(story))
    said = words.text.split("How to read it")[0]
    for phrase in ("yesterday", "the price stays"):
        assert phrase not in said, phrase
    # Directions are judged from that price; a volatility has nothing to do with it.
    assert ("last known price" in said) is (quantity == "direction")
    section = story.sections()[0]
    assert "price" not in headline(section).text
    assert not any("price stays" in sentence for sentence in reasons(section))
    assert words.charts["m0-forecast"]["layout"]["y"] == value_axis(section)
    assert not {"m0-lag", "m0-fan", "m0-span"} & set(words.charts)


def test_volatility_is_drawn_in_percent_beside_its_own_naive(volatility: Story) -> None:
    section = volatility.sections()[0]
    assert value_axis(section) == "realised volatility over 5 candles, %"
    lines = forecast_lines(section, "har")
    assert lines is not None
    np.testing.assert_allclose(lines.naive, 5.0)
    assert section.forecasts is not None
    own = section.forecasts.filter(pl.col("model") == "har").sort("target_time")
    np.testing.assert_allclose(lines.actual, 100 * own["actual"].to_numpy())
    # Without naive's own rows the column of that name tells it.
    alone = replace(section, forecasts=own)
    known = forecast_lines(alone, "har")
    assert known is not None
    np.testing.assert_allclose(known.naive, 5.0)


def test_ewma_is_no_rival_of_itself(volatility: Story) -> None:
    section = volatility.sections()[0]
    assert rivals(section) == ["har"]
    only = section.scores.filter(pl.col("model") != "har")
    assert rivals(replace(section, scores=only)) == ["ewma_volatility"]
    assert "EWMA" in headline(replace(section, scores=only)).text


def test_direction_is_drawn_as_dots_without_its_ties(direction: Story) -> None:
    section = direction.sections()[0]
    lines = forecast_lines(section)
    assert lines is not None
    assert lines.time.size == 258
    assert set(lines.actual) == {0.0, 100.0}
    assert set(lines.naive) == {100.0}
    charts = Words(render_report(direction)).charts
    roles = {trace["role"]: trace.get("mode") for trace in charts["m0-forecast"]["traces"]}
    assert roles["truth"] == "markers"
    assert not any(trace["role"] == "dots" for trace in charts["m0-errors"]["traces"])


@pytest.mark.parametrize("quantity", ["volatility", "direction"])
def test_pictures_of_other_quantities_are_drawn(quantity: str, request: pytest.FixtureRequest) -> None:
    section = request.getfixturevalue(quantity).sections()[0]
    for name in ("skill", "forecast", "errors", "fluctuation"):
        figure = FIGURES[name](section)
        assert figure is not None, name
        figure.canvas.draw()


def test_sentences_of_prices_stay_as_they_are() -> None:
    said = 'The AR forecast misses by 2 % less than "the price stays where it is": better.'
    assert say_for("price", said) == said == say_for("log_return", said)
    assert say_for("volatility", said).endswith("than the usual estimate from past volatility (EWMA): better.")


def test_pages_without_further_tests_are_as_before(section: Story) -> None:
    plain = Words(render_report(section))
    for title in ("Error by step", "Skill over time", "Is it an old price?", "How sure it was", "Best of"):
        assert title not in plain.text
