"""Pages: self-contained, well-formed, escaped, and every figure on them a row of the score table."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.reports.charts import as_data, chart_forecast, plain
from coincast.reports.html import render_report, write_report
from coincast.reports.numbers import amount, percent
from coincast.reports.reading import deciding_rows
from coincast.reports.rows import Axis, seed_rows, shift_rows, skill_rows
from coincast.reports.story import Story
from coincast.reports.wording import headline


@pytest.fixture(scope="module")
def page(read_page: Any, story: Story) -> Any:
    return read_page(render_report(story))


def test_the_page_fetches_nothing(page: Any) -> None:
    page.refuse_connections(scripts=2)


def test_style_and_own_script_name_no_address(story: Story) -> None:
    folder = Path(__import__("coincast.reports.html", fromlist=["TEMPLATES"]).TEMPLATES)
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")  # a name, never fetched
        assert not re.search(r"https?:|//cdn|url\(|@import", text), path


def test_links_find_their_places(page: Any) -> None:
    assert {a["href"][1:] for _, a in page.tags if a.get("href")} <= set(page.ids)  # type: ignore[index]


def test_page_is_accessible(page: Any) -> None:
    assert ("html", {"lang": "en"}) in page.tags
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    for tag, attributes in page.tags:
        if attributes.get("role") in {"img", "region"} or tag == "nav":
            assert attributes.get("aria-label"), (tag, attributes)


def test_every_forecast_chart_has_the_naive_line(page: Any) -> None:
    charts = page.data
    names = [name for name in charts if name.endswith(("forecast", "outlook", "errors", "balance"))]
    assert len(names) == 8
    for name in names:
        naive = [trace for trace in charts[name]["traces"] if trace["role"] == "naive"]
        assert len(naive) == 1, name
        assert len(naive[0]["y"]) > 1


def test_charts_hold_the_forecasts(story: Story, page: Any) -> None:
    section = story.sections()[0]
    assert section.forecasts is not None
    own = section.forecasts.filter(pl.col("model") == "lstm.ensemble").sort("target_time")
    traces = {trace["role"]: trace for trace in page.data["m0-forecast"]["traces"]}
    for role, column in (("model", "value"), ("price", "actual"), ("naive", "last_close")):
        np.testing.assert_allclose(traces[role]["y"], own[column].to_numpy(), rtol=1e-5)
    assert traces["price"]["x"][0] == "2017-06-11"  # the day that the candle covers, not the midnight of its close
    assert traces["price"]["x"][-1] == "2017-11-21"


def test_figures_on_the_page_are_rows_of_the_score_table(story: Story, page: Any) -> None:
    text = page.text.replace("\u00a0", " ")
    for row in deciding_rows(story.scores).filter(pl.col("model") != "naive").iter_rows(named=True):
        assert percent(row["skill"], signed=True) in text
        assert percent(row["value"], digits=2) in text
        assert row["verdict"] in text
    for row in story.scores.filter(pl.col("model") == "lstm.ensemble", pl.col("metric") == "mae").iter_rows(named=True):
        if row["step"] == 0 and row["subset"] == "all":
            assert f"{amount(row['value'], 'USD')}mean error; naive {amount(row['naive'])}" in text
    assert "Not financial advice" in text


def test_headline_and_verdict_words(story: Story, page: Any) -> None:
    text = page.text.replace("\u00a0", " ")
    for section in story.sections():
        line = headline(section)
        assert line.text in text
        assert line.word in {"better", "worse", "not distinguishable"}
    assert headline(story).text in text


def test_names_from_outside_are_escaped(read_page: Any, judged: Story) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    rename = pl.col("model").replace({"mine": evil})
    assert judged.forecasts is not None
    story = replace(
        judged,
        scores=judged.scores.with_columns(rename, market=pl.lit(f"file:{evil}/USD")),
        forecasts=judged.forecasts.with_columns(rename, market=pl.lit(f"file:{evil}/USD")),
        title=evil,
        command=evil,
        headline=evil,
        reasons=(evil,),
        notes=(evil,),
        facts={evil: evil},
        spec_toml=evil,
    )
    text = render_report(story)
    assert "<script>alert" not in text
    assert "<img" not in text.replace(_plotly_source(), "")
    page = read_page(text)
    assert len(page.scripts) == 3
    assert evil in page.text


def _plotly_source() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def test_judgement_has_no_training_and_no_candles(read_page: Any, judged: Story) -> None:
    page = read_page(render_report(judged))
    assert set(page.data) == {"m0-forecast", "m0-errors", "m0-balance"}
    for word in ("This line is yesterday's price: not distinguishable from it.", *judged.reasons, *judged.notes):
        assert word in page.text
    assert "How the runs learnt" not in page.text


def test_stories_that_lack_almost_everything(read_page: Any, story: Story) -> None:
    empty = Story(title="nothing", command="", scores=story.scores.clear())
    assert "nothing to judge" in render_report(empty)
    assert len(read_page(render_report(empty)).scripts) == 0
    only_scores = Story(title="scores", command="", scores=story.scores)
    assert "better" in read_page(render_report(only_scores)).text
    only_naive = Story(title="naive", command="", scores=story.scores.filter(pl.col("model") == "naive"))
    assert "nothing to judge" in read_page(render_report(only_naive)).text
    cleared = replace(
        story, **{name: getattr(story, name).clear() for name in ("history", "shift", "outlook", "parts")}
    )
    read_page(render_report(cleared))


def test_single_run_and_too_few(read_page: Any, make_story) -> None:
    few = make_story(("file:X/Y",), rows=45, train=20, seeds=1, edges=(0.1,), outlook=False)
    page = read_page(render_report(few))
    assert "There are too few forecasts for a verdict." in page.text
    assert "skill" in page.text


def test_report_is_written_whole(judged: Story, tmp_path: Path) -> None:
    path = write_report(judged, tmp_path / "deep" / "report.html")
    assert path.read_bytes().decode().startswith("<!doctype html>")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_thousands_of_points_are_thinned_with_their_extremes(make_story) -> None:
    story = make_story(("file:X/Y",), rows=9000, train=1000, seeds=1, edges=(0.0,), outlook=False)
    section = story.sections()[0]
    chart = chart_forecast(section)
    assert chart is not None
    assert section.forecasts is not None
    own = section.forecasts.filter(pl.col("model") == "lstm")
    for trace in chart.traces:
        assert len(trace["y"]) <= 1600
        column = {"model": "value", "price": "actual", "naive": "last_close"}[trace["role"]]
        assert max(trace["y"]) == pytest.approx(own[column].max(), rel=1e-5)
        assert min(trace["y"]) == pytest.approx(own[column].min(), rel=1e-5)


def test_rows_stand_where_their_figures_are(story: Story) -> None:
    section = story.sections()[1]
    chart = skill_rows(section)
    assert chart is not None
    axis_per_skill = [(row.marks[-1].left, row.figure) for row in chart.rows if row.word in {"worse", "better"}]
    assert axis_per_skill == sorted(axis_per_skill, key=lambda pair: -pair[0])
    ticks = {word: place for place, word in chart.ticks}
    assert ticks["naive"] == chart.zero
    seeds = seed_rows(section)
    assert seeds is not None
    assert sum(mark.kind == "seed" for mark in seeds.rows[0].marks) == 25


@pytest.mark.parametrize(("low", "high"), [(-0.5, 0.1), (-0.003, 0.002), (-3.0, 0.4)])
def test_axis_ticks_are_round_and_hold_zero(low: float, high: float) -> None:
    axis = Axis(low, high)
    ticks = axis.ticks()
    assert 0.0 in ticks
    assert 3 <= len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)
    assert axis.place(low) == 0
    assert axis.place(high) == 100
    assert axis.place(high + 9) == 100


@pytest.mark.parametrize("skill", [0.01, 0.02, 0.06, 0.07, 0.1, 0.3])
def test_ticks_of_the_skill_axis_stand_where_they_say(story: Story, skill: float) -> None:
    section = story.sections()[0]
    scale = pl.col("skill", "low", "high") * skill
    chart = skill_rows(replace(section, scores=section.scores.with_columns(scale)))
    assert chart is not None
    ticks = [
        (place, float(word.replace("\u2212", "-").removesuffix(" %"))) for place, word in chart.ticks if word != "naive"
    ]
    slopes = [(place - chart.zero) / value for place, value in ticks]
    assert slopes == pytest.approx([slopes[0]] * len(slopes), rel=0.01)


@pytest.mark.parametrize("scale", [0.01, 0.03, 0.1, 0.3])
def test_ticks_of_the_shift_axis_are_exact(story: Story, scale: float) -> None:
    assert story.shift is not None
    shift = story.shift.with_columns(pl.col("share_below", "share_above", "share_outside") * scale)
    chart = shift_rows(replace(story, shift=shift).sections()[0])
    assert chart is not None
    ticks = [(place, float(word.removesuffix(" %"))) for place, word in chart.ticks]
    slopes = [abs(place - chart.zero) / value for place, value in ticks if value]
    assert slopes == pytest.approx([slopes[0]] * len(slopes), rel=0.01)


def test_every_figure_links_to_its_own_row(read_page: Any, rivalry: Story) -> None:
    names = {"insider": "\u65e5\u672c", "lstm.ensemble": "\u4e2d\u56fd", "lstm": "\u4e2d"}
    rename = pl.col("model").replace(names)
    assert rivalry.forecasts is not None
    story = replace(
        rivalry, scores=rivalry.scores.with_columns(rename), forecasts=rivalry.forecasts.with_columns(rename)
    )
    page = read_page(render_report(story))
    places = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(places) == len(set(places))
    text = render_report(story)
    target = re.search(r'class="figures">.*?href="#([^"]+)"', text, re.DOTALL)
    assert target is not None
    row = re.search(rf'<tr id="{target[1]}">(.*?)</tr>', text)
    assert row is not None
    assert "\u65e5\u672c" in row[1]
    assert "abs_log_error" in row[1]


def test_links_hold_where_there_are_hundreds_of_models(read_page: Any, rivalry: Story) -> None:
    whole = rivalry.scores.filter(pl.col("model") == "lstm.ensemble")
    many = pl.concat([whole.with_columns(model=pl.lit(f"a{number}")) for number in range(70)])
    page = read_page(render_report(replace(rivalry, scores=pl.concat([many, rivalry.scores]))))
    places = {attributes["id"] for _, attributes in page.tags if attributes.get("id")}
    links = {a["href"][1:] for _, a in page.tags if a.get("href")}  # type: ignore[index]
    assert links
    assert links <= places


def test_every_market_is_named_with_its_sentence(read_page: Any, story: Story) -> None:
    first, second = story.sections()
    told = replace(
        story,
        sentences={
            (first.market, "lstm.ensemble"): "This line is yesterday's price.",
            (first.market, "ar"): "So is that one.",
        },
    )
    text = render_report(told)
    cards = re.findall(r'class="market">(.*?)</span>.*?class="said">(.*?)</span>', text, re.DOTALL)
    assert [market for market, _ in cards] == [first.market, second.market]
    assert cards[0][1] == "This line is yesterday&#39;s price."
    assert cards[1][1].startswith("The LSTM ensemble misses by ")
    assert "So is that one." in read_page(text).text
    assert "Every model in a sentence" in text


def test_plotly_reads_no_markup_and_no_template(section: Story) -> None:
    market = "file:<b>e</b>/<i>%{x} &amp;"
    names = {"lstm.ensemble": "<b>m</b>.ensemble", "lstm": "<b>m</b>"}
    assert section.forecasts is not None
    strange = replace(
        section,
        scores=section.scores.with_columns(pl.col("model").replace(names), market=pl.lit(market)),
        forecasts=section.forecasts.with_columns(pl.col("model").replace(names), market=pl.lit(market)),
        history=None,
    )
    chart = chart_forecast(strange)
    assert chart is not None
    data = as_data(chart)
    words = [
        data["layout"]["y"],
        *(trace[name] for trace in data["traces"] for name in ("name", "unit") if name in trace),
    ]
    assert any("&lt;i&gt;" in word for word in words)
    assert not any(sign in word for word in words for sign in ("<", ">", "%{"))
    assert plain("a & b") == "a &amp; b"


def test_what_comes_next_stands_first(read_page: Any, section: Story) -> None:
    text = render_report(section)
    page = read_page(text)
    assert text.index('id="m0-outlook"') < text.index("Skill of every model") < text.index('id="m0-forecast"')
    assert section.outlook is not None
    for row in section.outlook.iter_rows(named=True):
        for name in ("value", "naive"):
            assert amount(row[name]) in page.text
    assert "2017-11-22" in page.text
    assert "2017-11-28" in page.text


def test_large_figures_are_set_smaller(section: Story) -> None:
    scores = section.scores.with_columns(value=pl.when(pl.col("metric") == "mae").then(123456789.0).otherwise("value"))
    assert '<dd class="long">' in render_report(replace(section, scores=scores))
