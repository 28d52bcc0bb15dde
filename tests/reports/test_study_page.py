"""The page of studies: self-contained, well-formed, the finding first, each published picture beside its fair twin."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.reports.canvas import add_axes, legend, name_axes, new_figure
from coincast.reports.palette import Palette
from coincast.reports.study import Cell, Chapter, Flaw, Outcome, Panel, Picture, Sheet, Study, Widget
from coincast.reports.study_claims import claim_line, conclude, split_words
from coincast.reports.study_page import number_names, render_studies, write_studies
from coincast.reports.study_pictures import DRAWN, Drawing, draw_for_page, draw_pictures

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def draw(theme: Palette) -> Any:
    """A price, its copy and a forecast."""
    figure = new_figure("What it said", "164 forecasts. Band: all runs.", theme=theme)
    axes = add_axes(figure, theme)
    x = np.arange(164.0)
    price = 300 + 20 * np.sin(x / 9)
    lines = [
        *axes.plot(x, price, color=theme.price, label="price"),
        *axes.plot(x[1:], price[:-1], color=theme.naive, dashes=(4, 2), label="naive"),
        *axes.plot(x, price + 1, color=theme.model, label="LSTM"),
    ]
    name_axes(axes, theme, y="USD")
    legend(axes, theme, lines)
    return figure


def outcome(market: str = "made:UP/USD", *, verdict: str | None = "worse", fair: float | None = 0.0445) -> Outcome:
    says = f"On {market} it is no better than a copy."
    return Outcome("made", market, "MAE", "share of a price", 0.0531, 0.0484, 0.0417, fair, 164, verdict, 3.0, says)


WIDGET = Widget(
    name="seeds",
    title="Move the seed",
    caption="Eleven walks.",
    label="seed",
    choices=(200, 201, 202),
    chosen=201,
    panels=(
        Panel(
            title="Full interval",
            unit="USD",
            dates=("2017-06-01", "2017-06-02"),
            fixed={"price": (1.0, 2.0), "naive": (1.0, float("nan"))},
            chosen={"walk": ((1.0, 1.5), (1.0, 951.777777), (1.0, 2.5))},
        ),
    ),
)
SCORES = pl.DataFrame({"model": ["LSTM", "lag"], "MAE": [0.0531, None], "verdict": ["worse", None]})


@pytest.fixture
def study() -> Study:
    exhibits = (
        Picture("test", "Test fit", "One day ahead, 164 forecasts.", draw, "faithful", "test single point"),
        Picture("test-fair", "Test fit, judged", "One day ahead.", draw, "fair"),
        Picture("price", "Price", "691 days.", draw),
        Sheet("scores", "Scores", "Share of a price.", SCORES, "faithful", "results table"),
    )
    return Study(
        article="made",
        title="A made-up article",
        author="Nobody",
        published="2017-11-20",
        claim="A network sees tomorrow.",
        finding="The forecast is worse than copying the last price.",
        reasons=("It copies, and adds noise.",),
        outcomes=(outcome(),),
        chapters=(Chapter("What did it say?", ("It said little.",), exhibits), Chapter("Which seed?", widget=WIDGET)),
        flaws=(Flaw("No opponent stands beside it.", "Copying scores 0.0417."),),
        data="691 made-up days.",
        notes=("Nothing was cut.",),
    )


@cache
def drawing(name: str, prefix: str) -> Drawing:
    """All pictures here are one, so that each is drawn once."""
    return draw_for_page(draw(DRAWN), name=prefix)


def render(*studies: Study) -> str:
    drawings = [
        {one.name: drawing(one.name, f"d{number}{one.name}") for one in study.pictures()}
        for number, study in enumerate(studies)
    ]
    return render_studies(studies, drawings, command="coincast reproduce made", facts={"fingerprint": "3f9ac2d1"})


def test_the_page_fetches_nothing_and_has_a_script_for_its_slider_only(read_page: Any, study: Study) -> None:
    read_page(render(study)).refuse_connections(scripts=1)
    read_page(render(replace(study, chapters=study.chapters[:1]))).refuse_connections(scripts=0)


def test_everything_that_is_pointed_at_is_there_once(read_page: Any, study: Study) -> None:
    text = render(study, replace(study, article="other"), study)
    page = read_page(text)
    ids = page.ids
    pointed = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"|aria-labelledby="([^"]+)"|for="([^"]+)"', text))
    assert {"".join(found) for found in pointed} <= set(ids)
    assert {"made", "other", "made-2"} <= set(ids)


def test_the_finding_comes_first_and_its_word_wears_its_colour(read_page: Any, study: Study) -> None:
    text = render(study)
    assert '<h1>The forecast is <em class="worse">worse</em> than copying the last price.</h1>' in text
    page = read_page(text)
    order = ["The forecast is worse", "It copies", "A network sees tomorrow.", "as published: MAE", "What did it say?"]
    order += ["What was wrong", "691 made-up days.", "coincast reproduce made", "Not financial advice."]
    places = [page.text.index(words, page.text.index("It copies") * (number > 2)) for number, words in enumerate(order)]
    assert places == sorted(places)
    assert [tag for tag, _ in page.tags].count("h1") == 1


def test_twins_stand_side_by_side_and_others_have_the_page_for_themselves(read_page: Any, study: Study) -> None:
    text = render(study)
    [pair] = re.findall(r'<div class="pair twins">(.*?)</figure>\s*</div>', text, re.S)
    assert [words in pair for words in ("as published</span> Test fit", "have been</span> Test fit, judged")] == [
        True
    ] * 2
    assert text.count('class="card drawn whole"') == 1
    alone = render(replace(study, chapters=(Chapter("One way", exhibits=study.chapters[0].exhibits[:1]),)))
    assert "pair twins" not in alone
    assert alone.count('class="card drawn whole"') == 1
    assert "In the article: test single point." in read_page(alone).text


def test_code_stands_with_what_it_printed_before_the_exhibits(study: Study) -> None:
    cells = (Cell("x = 1\nprint(x)", "1\n", "One is set."), Cell("y = 2", ""))
    text = render(replace(study, chapters=(replace(study.chapters[0], cells=cells),)))
    code = ["<p>One is set.</p>", "<code>x = 1\nprint(x)</code>", ">1</pre>", "<code>y = 2</code>", "<figure"]
    places = [text.index(words, text.index("It said little.")) for words in code]
    assert places == sorted(places)
    assert text.count('class="printed"') == 1


def test_the_fair_figure_may_have_a_yardstick_of_its_own(read_page: Any, study: Study) -> None:
    own = replace(outcome(fair=0.03), fair_metric="directions missed", fair_naive=0.06)
    text = read_page(render(replace(study, outcomes=(own,)))).text
    assert "directions missed; naive 0.0600" in text
    line = claim_line(own)
    assert [mark.left < 50 for mark in line.marks] == [False, False, True]
    assert claim_line(outcome(fair=0.03)).aside == ""
    assert claim_line(replace(own, fair=None)).aside == ""


def test_tables_of_several_studies_are_in_folders_of_their_own(read_page: Any, study: Study) -> None:
    rows = replace(
        study, chapters=(Chapter("Rows", exhibits=(Sheet("a:b", "Rows", "", pl.DataFrame({"x": range(200)})),)),)
    )
    assert "all stand in tables/a-b.csv." in read_page(render(rows)).text
    words = read_page(render(rows, rows)).text
    assert "all stand in made/tables/a-b.csv." in words
    assert "all stand in made-2/tables/a-b.csv." in words


def test_a_caption_says_what_only_the_drawing_said(study: Study) -> None:
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", render(study), re.S)
    assert captions[0].startswith("One day ahead, 164 forecasts. Band: all runs.")


def test_drawings_have_the_colours_of_the_page(study: Study) -> None:
    text = render(study)
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, re.S))
    assert drawn.count("<svg") >= 2 + 2 * 1 + 3 * 3
    assert not re.search("|".join(colour for _, colour in DRAWN.roles()), drawn)
    for role in ("price", "naive", "model", "muted", "rule"):
        assert f"var(--{role})" in drawn


def test_names_from_outside_are_escaped(read_page: Any, study: Study) -> None:
    outcomes = (replace(outcome(EVIL), says=EVIL, metric=EVIL, unit=EVIL),)
    sheet, cells = Sheet("t", EVIL, EVIL, pl.DataFrame({EVIL: [EVIL]}), repeats=EVIL), (Cell(EVIL, EVIL, EVIL),)
    chapter = Chapter(EVIL, (EVIL,), (sheet,), cells=cells)
    named = dict.fromkeys(("title", "author", "claim", "finding", "data"), EVIL)
    flaws, panel = (Flaw(EVIL, EVIL),), replace(WIDGET.panels[0], title=EVIL, fixed={EVIL: (1.0, 2.0)})
    widget = replace(WIDGET, title=EVIL, caption=EVIL, label=EVIL, panels=(panel,))
    text = render(replace(study, outcomes=outcomes, chapters=(replace(chapter, widget=widget),), flaws=flaws, **named))
    assert "<script>alert" not in text
    assert "<img" not in text
    assert EVIL in read_page(text).text


def test_several_studies_begin_with_a_table_and_links(read_page: Any, study: Study) -> None:
    other = replace(study, article="other", title="Another", outcomes=(outcome("made:DOWN/USD", verdict="better"),))
    page = read_page(render(study, other))
    assert page.text.index("a network is on 1 of 2 markets better") < page.text.index("A made-up article")
    links = [str(a["href"]) for tag, a in page.tags if tag == "a"]
    assert links[:2] == ["#made", "#other"]
    assert page.text.count("made:DOWN/USD") >= 2


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (["worse", "not distinguishable"], "Trained fairly, none of the networks is better than its naive forecast."),
        (["better"], "Trained fairly, a network is on one market better than its naive forecast."),
        (
            ["better", "worse", "better"],
            "Trained fairly, a network is on 2 of 3 markets better than its naive forecast.",
        ),
        ([None, None], "Well-known articles, each repeated as it was published."),
    ],
)
def test_several_studies_are_summed_up(study: Study, verdicts: list[str | None], sentence: str) -> None:
    outcomes = tuple(outcome(f"made:M{number}/USD", verdict=word) for number, word in enumerate(verdicts))
    pieces = conclude([replace(study, outcomes=outcomes), replace(study, outcomes=())])
    assert "".join(piece.text for piece in pieces) == sentence


def test_only_verdicts_that_were_given_are_coloured() -> None:
    sentence = "Not better than a copy: worse on A, not distinguishable on B."
    outcomes = [outcome(verdict="worse"), outcome(verdict="not distinguishable")]
    coloured = [(piece.text, piece.role) for piece in split_words(sentence, outcomes) if piece.role]
    assert coloured == [("worse", "worse"), ("not distinguishable", "undecided")]


def test_a_study_of_one_way_leaves_the_other_out(read_page: Any, study: Study) -> None:
    page = read_page(render(replace(study, outcomes=(outcome(verdict=None, fair=None),))))
    figures = [words for _, a in page.tags if "long" in (words := a.get("class") or "")]
    assert figures == []
    text = page.text
    assert "0.0484" in text
    assert "0.0445" not in text


def test_a_first_look_says_so(study: Study) -> None:
    assert "A first look" not in render(study)
    assert render(replace(study, is_quick=True)).count("A first look") == 1
    assert render(study, replace(study, article="other", is_quick=True)).count("A first look") == 1


def test_the_slider_has_its_lines_and_starts_where_it_should(read_page: Any, study: Study) -> None:
    page = read_page(render(study))
    widget = page.data["made-seeds"]
    assert (widget["choices"], widget["chosen"], widget["label"]) == ([200, 201, 202], 1, "seed")
    assert widget["panels"][0]["chosen"]["walk"][1] == [1.0, 951.778]
    assert widget["panels"][0]["fixed"]["naive"] == [1.0, None]
    [slide] = [attributes for tag, attributes in page.tags if tag == "input"]
    assert [slide[name] for name in ("type", "min", "max", "value")] == ["range", "0", "2", "1"]


def test_the_page_is_written_whole(study: Study, tmp_path: Path) -> None:
    drawings = draw_pictures(study, tmp_path / "figures")
    path = write_studies([study], [drawings], tmp_path / "deep" / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(file.name for file in (tmp_path / "figures").iterdir()) == ["price.png", "test-fair.png", "test.png"]
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_studies_of_one_article_are_told_apart() -> None:
    assert number_names(["huang", "fmz", "huang", "huang"]) == ["huang", "fmz", "huang-2", "huang-3"]
