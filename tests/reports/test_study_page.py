"""The page of studies: self-contained, well-formed, the finding first, each published picture beside its fair twin."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.reports.canvas import add_axes, legend, name_axes, new_figure
from coincast.reports.palette import Palette
from coincast.reports.study import Chapter, Flaw, Outcome, Panel, Picture, Sheet, Study, Widget
from coincast.reports.study_page import conclude, number_names, render_studies, split_words, write_studies
from coincast.reports.study_pictures import DRAWN, Drawing, draw_for_page, draw_pictures

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "use", "rect", "circle", "image"}
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What a test wants to know of a page; refuses tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words)).replace("\N{WORD JOINER}", "")

    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.tags if attributes.get("id")]


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


def test_the_page_fetches_nothing_and_allows_just_its_script(study: Study) -> None:
    page = Page(render(study))
    assert {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"} == set()
    targets = [attributes[name] for _, attributes in page.tags for name in ("href", "src") if name in attributes]
    assert all(str(target).startswith("#") for target in targets)
    policy = str(next(a["content"] for _, a in page.tags if a.get("http-equiv")))
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    [code] = [script for script in page.scripts if not script.startswith("{")]
    assert re.findall(r"'sha256-([^']+)'", policy) == [
        base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    ]


def test_without_a_slider_there_is_no_script(study: Study) -> None:
    page = Page(render(replace(study, chapters=study.chapters[:1])))
    assert page.scripts == []
    assert any("script-src 'none'" in str(a.get("content")) for _, a in page.tags)


def test_everything_that_is_pointed_at_is_there_once(study: Study) -> None:
    text = render(study, replace(study, article="other"), study)
    page = Page(text)
    ids = page.ids()
    assert len(ids) == len(set(ids))
    pointed = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"|aria-labelledby="([^"]+)"|for="([^"]+)"', text))
    assert {"".join(found) for found in pointed} <= set(ids)
    assert {"made", "other", "made-2"} <= set(ids)


def test_the_finding_comes_first_and_its_word_wears_its_colour(study: Study) -> None:
    text = render(study)
    assert '<h1>The forecast is <em class="worse">worse</em> than copying the last price.</h1>' in text
    page = Page(text)
    order = ["The forecast is worse", "It copies", "A network sees tomorrow.", "as published: MAE", "What did it say?"]
    order += ["What was wrong", "691 made-up days.", "coincast reproduce made", "Not financial advice."]
    places = [page.text.index(words, page.text.index("It copies") * (number > 2)) for number, words in enumerate(order)]
    assert places == sorted(places)
    assert [tag for tag, _ in page.tags].count("h1") == 1


def test_twins_stand_side_by_side_and_others_have_the_page_for_themselves(study: Study) -> None:
    text = render(study)
    [pair] = re.findall(r'<div class="pair twins">(.*?)</figure>\s*</div>', text, re.S)
    assert [words in pair for words in ("as published</span> Test fit", "have been</span> Test fit, judged")] == [
        True
    ] * 2
    assert text.count('class="card drawn whole"') == 1
    alone = render(replace(study, chapters=(Chapter("One way", exhibits=study.chapters[0].exhibits[:1]),)))
    assert "pair twins" not in alone
    assert alone.count('class="card drawn whole"') == 1
    assert "In the article: test single point." in Page(alone).text


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


def test_names_from_outside_are_escaped(study: Study) -> None:
    outcomes = (replace(outcome(EVIL), says=EVIL, metric=EVIL, unit=EVIL),)
    chapter = Chapter(EVIL, (EVIL,), (Sheet("t", EVIL, EVIL, pl.DataFrame({EVIL: [EVIL]}), repeats=EVIL),))
    named = dict.fromkeys(("title", "author", "claim", "finding", "data"), EVIL)
    flaws, panel = (Flaw(EVIL, EVIL),), replace(WIDGET.panels[0], title=EVIL, fixed={EVIL: (1.0, 2.0)})
    widget = replace(WIDGET, title=EVIL, caption=EVIL, label=EVIL, panels=(panel,))
    text = render(replace(study, outcomes=outcomes, chapters=(replace(chapter, widget=widget),), flaws=flaws, **named))
    assert "<script>alert" not in text
    assert "<img" not in text
    assert EVIL in Page(text).text


def test_several_studies_begin_with_a_table_and_links(study: Study) -> None:
    other = replace(study, article="other", title="Another", outcomes=(outcome("made:DOWN/USD", verdict="better"),))
    page = Page(render(study, other))
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


def test_a_study_of_one_way_leaves_the_other_out(study: Study) -> None:
    page = Page(render(replace(study, outcomes=(outcome(verdict=None, fair=None),))))
    figures = [words for _, a in page.tags if "long" in (words := a.get("class") or "")]
    assert figures == []
    text = page.text
    assert "0.0484" in text
    assert "0.0445" not in text


def test_a_first_look_says_so(study: Study) -> None:
    assert "A first look" not in render(study)
    assert render(replace(study, is_quick=True)).count("A first look") == 1
    assert render(study, replace(study, article="other", is_quick=True)).count("A first look") == 1


def test_the_slider_has_its_lines_and_starts_where_it_should(study: Study) -> None:
    page = Page(render(study))
    [data] = [json.loads(script) for script in page.scripts if script.startswith("{")]
    widget = data["made-seeds"]
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
