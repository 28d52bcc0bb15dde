"""Words, numbers, colours and thinning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.reports.numbers import amount, base_currency, file_stem, glued, model_name, percent, quote_currency
from coincast.reports.palette import DARK, LIGHT, Palette
from coincast.reports.reading import subject_row
from coincast.reports.story import Story
from coincast.reports.thinning import thin
from coincast.reports.wording import four_figures, headline, opponent, reasons


def luminance(colour: str) -> float:
    """Relative luminance of sRGB, WCAG 2.2."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("ground", ["paper", "card"])
@pytest.mark.parametrize("role", ["ink", "muted", "model", "better", "worse", "undecided", "few"])
def test_text_can_be_read(theme: Palette, ground: str, role: str) -> None:
    light, dark = sorted((luminance(getattr(theme, role)), luminance(getattr(theme, ground))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        (0.0912, {}, "9.1 %"),
        (-0.0912, {"signed": True}, "−9.1 %"),
        (0.0912, {"signed": True}, "+9.1 %"),
        (-0.0004, {"signed": True}, "0.0 %"),
        (-12.5, {"digits": 0}, "−1,250 %"),
        (-0.5, {"minus": "-", "digits": 0}, "-50 %"),
        (None, {}, "–"),
        (float("nan"), {}, "–"),
    ],
)
def test_percent(value: float | None, options: dict[str, Any], expected: str) -> None:
    assert percent(value, **options) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(13.04, "13.04 USD"), (45123.4, "45,123 USD"), (0.0001234, "0.0001234 USD"), (-9.4321, "−9.432 USD"), (None, "–")],
)
def test_amount(value: float | None, expected: str) -> None:
    assert amount(value, "USD") == expected


def test_names() -> None:
    assert model_name("lstm(lookback=20).ensemble") == "LSTM(lookback=20) ensemble"
    assert model_name("random_walk") == "random walk"
    assert model_name("MyNet(a_b=1)") == "MyNet(a_b=1)"
    assert model_name("oracle") == "oracle (the best anyone could do)"
    assert (base_currency("binance:BTC/USDT:USDT"), quote_currency("binance:BTC/USDT:USDT")) == ("BTC", "USDT")
    assert file_stem("binance:BTC/USDT:USDT-1d") == "binance-BTC-USDT-USDT-1d"
    assert file_stem("../..") == "market"
    assert glued("9 % of 5 %") == "9\u00a0% of 5\u00a0%"
    assert glued("to 2017-11-21") == "to 2017-\u206011-\u206021"


def test_thinning_keeps_extremes_and_ends() -> None:
    rng = np.random.default_rng(1)
    line, other = rng.standard_normal(20_000), rng.standard_normal(20_000)
    line[777], line[778], other[15_001] = 50.0, -50.0, 99.0
    kept = thin(line, other, most=1000)
    assert kept.size <= 1010
    assert np.all(np.diff(kept) > 0)
    assert {0, 777, 778, 15_001, 19_999} <= set(kept.tolist())
    for values in (line, other):
        for bucket in np.array_split(values, 10):
            assert bucket.max() in values[kept]
            assert bucket.min() in values[kept]


def test_thinning_leaves_short_lines_and_unknowns() -> None:
    np.testing.assert_array_equal(thin(np.arange(5.0), most=10), np.arange(5))
    holes = np.full(5000, np.nan)
    holes[4000] = 1.0
    assert 4000 in thin(holes, most=100)


def row_with(story: Story, **changes: Any) -> Story:
    decided = (pl.col("model") == "lstm.ensemble") & pl.col("verdict").is_not_null()
    types = story.scores.schema
    values = {name: pl.when(decided).then(pl.lit(v, types[name])).otherwise(name) for name, v in changes.items()}
    return replace(story, scores=story.scores.with_columns(**values))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"verdict": "better"}, "This forecast is better than yesterday's price."),
        ({"verdict": "worse"}, "This forecast is worse than yesterday's price."),
        ({"verdict": "not distinguishable"}, "This forecast is not distinguishable from yesterday's price."),
        ({"verdict": "too few"}, "There are too few forecasts for a verdict."),
        (
            {"verdict": "not distinguishable", "p": 1.0, "statistic": 0.0, "skill": 0.0},
            "This forecast is yesterday's price, nothing more.",
        ),
    ],
)
def test_headlines(section: Story, changes: dict[str, Any], expected: str) -> None:
    assert headline(row_with(section, **changes)).text == expected


def test_headline_over_markets(story: Story) -> None:
    words = {section.market: subject_row(section)["verdict"] for section in story.sections()}  # type: ignore[index]
    assert sorted(words.values()) == ["better", "worse"]
    assert headline(story).text == "The forecast is better than the last known price on 1 of 2 markets."
    assert headline(row_with(story, verdict="worse")).text == (
        "On both markets the forecast is worse than the last known price."
    )


def test_yesterday_is_said_of_days_only(section: Story) -> None:
    hourly = section.scores.with_columns(interval=pl.lit("1h"))
    assert opponent(replace(section, scores=hourly)) == "the last known price"
    assert section.forecasts is not None
    longer = section.forecasts.with_columns(step=pl.lit(7, pl.Int64))
    assert opponent(replace(section, forecasts=longer)) == "the last known price"


def test_reasons_and_figures_come_from_the_scores(section: Story) -> None:
    row = subject_row(section)
    assert row is not None
    said = reasons(section)
    assert said[0].startswith("The LSTM ensemble misses by ")
    assert said[0].endswith(f": {row['verdict']}.")
    assert "None of the 25 runs is better on its own." in said
    figures = four_figures(section)
    assert [figure.text for figure in figures][::3] == [percent(row["skill"], signed=True), "0 of 25"]
    unsure = reasons(row_with(section, verdict="not distinguishable", p=0.2, p_holm=0.4, detectable=0.123))
    assert "Only a skill of about 12 % would have shown reliably here." in unsure


def test_oracle_is_mentioned_but_never_the_subject(section: Story) -> None:
    renamed = replace(section, scores=section.scores.with_columns(pl.col("model").replace({"drift": "oracle"})))
    assert any("best anyone could do" in sentence or "nobody could do" in sentence for sentence in reasons(renamed))
    only = replace(renamed, scores=renamed.scores.filter(pl.col("model").is_in(["naive", "oracle"])))
    assert subject_row(only) is None
