"""Words, numbers, colours and thinning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.reports.cells import interval_cell
from coincast.reports.numbers import (
    amount,
    base_currency,
    capped,
    file_stem,
    file_stems,
    glued,
    model_name,
    percent,
    quote_currency,
    share_shown,
    skill_span,
    things,
    tick_digits,
)
from coincast.reports.palette import DARK, LIGHT, Palette
from coincast.reports.pictures_models import forecasts_text
from coincast.reports.reading import forecast_lines, judged_span, subject_row
from coincast.reports.story import Story
from coincast.reports.thinning import thin
from coincast.reports.wording import four_figures, headline, opponent, reasons
from coincast.scores.verdict import score_forecasts


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
        (-212.907, {"signed": True}, "−21,291 %"),
        (1e306, {"signed": True}, "+1.0e+308 %"),
        (None, {}, "–"),
        (float("nan"), {}, "–"),
    ],
)
def test_percent(value: float | None, options: dict[str, Any], expected: str) -> None:
    assert percent(value, **options) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (13.04, "13.04 USD"),
        (45123.4, "45,123 USD"),
        (0.0001234, "0.0001234 USD"),
        (-9.4321, "−9.432 USD"),
        (1.5e300, "1.500e+300 USD"),
        (None, "–"),
    ],
)
def test_amount(value: float | None, expected: str) -> None:
    assert amount(value, "USD") == expected


def test_names() -> None:
    assert model_name("lstm(lookback=20).ensemble") == "LSTM(lookback=20) ensemble"
    assert model_name("random_walk") == "random walk"
    assert model_name("MyNet(a_b=1)") == "MyNet(a_b=1)"
    assert model_name("oracle", "simulated:ECHO/USD") == "oracle (the best anyone could do)"
    assert model_name("oracle", "binance:BTC/USDT") == "oracle"
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
            {"verdict": "not distinguishable", "p": 1.0, "statistic": 0.0, "skill": 0.0, "detectable": None},
            "This forecast is yesterday's price, nothing more.",
        ),
    ],
)
def test_headlines(section: Story, changes: dict[str, Any], expected: str) -> None:
    assert headline(row_with(section, **changes)).text == expected


def test_headline_over_markets(story: Story) -> None:
    words = {section.market: subject_row(section)["verdict"] for section in story.sections()}  # type: ignore[index]
    assert sorted(words.values()) == ["better", "worse"]
    some = headline(story)
    assert some.text == "The forecast is better than the last known price on 1 of 2 markets."
    assert (some.word, some.role) == ("better", "muted")
    assert headline(row_with(story, verdict="better")).role == "better"
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
    oracle = section.scores.with_columns(
        pl.col("model").replace({"drift": "oracle"}), market=pl.lit("simulated:ETH/USD")
    )
    renamed = replace(section, scores=oracle)
    assert any("best anyone could do" in sentence or "nobody could do" in sentence for sentence in reasons(renamed))
    only = replace(renamed, scores=renamed.scores.filter(pl.col("model").is_in(["naive", "oracle"])))
    assert subject_row(only) is None


@pytest.mark.parametrize(
    ("step", "digits"), [(0.2, 0), (0.05, 0), (0.025, 1), (0.01, 0), (0.0025, 2), (0.001, 1), (0.00025, 3), (2.5, 0)]
)
def test_ticks_read_as_what_they_are(step: float, digits: int) -> None:
    assert tick_digits(step) == digits
    for number in range(-4, 5):
        shown = percent(step * number, digits=tick_digits(step)).replace("−", "-").replace(",", "").removesuffix(" %")
        assert float(shown) == pytest.approx(100 * step * number)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.0003, 0.032, "−0.0 to +3.2"),
        (0.0003, 0.032, "+0.0 to +3.2"),
        (-0.032, 0.0004, "−3.2 to +0.0"),
        (-0.02, -0.0004, "−2.0 to −0.0"),
        (0.0, 0.0, "0.0 to 0.0"),
        (-0.2, 3.0, "−20.0 to +100.0"),
    ],
)
def test_an_interval_is_seen_to_hold_zero_or_not(low: float, high: float, expected: str) -> None:
    assert skill_span(low, high) == expected
    assert interval_cell(low, high) == f"{expected} %"
    assert skill_span(low, high, minus="-") == expected.replace("−", "-")
    assert percent(low / 1e9, signed=True) == "0.0 %"


def test_small_words() -> None:
    assert [things(number, "forecast") for number in (0, 1, 2000)] == ["0 forecasts", "1 forecast", "2,000 forecasts"]
    assert [share_shown(share) for share in (0.0007, 0.09, None)] == ["0.07 %", "9.0 %", "–"]
    assert [capped(skill) for skill in (120.8, 0.3, None)] == [1.0, 0.3, None]
    assert file_stems(["a/b", "a-b", "A:B", "c"]) == ["a-b", "a-b-2", "A-B-3", "c"]


def test_a_small_detectable_skill_is_not_zero(section: Story) -> None:
    tiny = row_with(section, verdict="not distinguishable", p=0.2, p_holm=0.4, detectable=0.0007)
    assert "Only a skill of about 0.07 % would have shown reliably here." in reasons(tiny)
    assert four_figures(tiny)[2].text == "0.07 %"


def test_no_difference_on_average_is_no_copy(section: Story) -> None:
    even = row_with(section, verdict="not distinguishable", p=1.0, statistic=0.0, skill=0.0, detectable=0.2)
    assert "nothing more" not in headline(even).text


def test_headline_reasons_and_figures_speak_of_one_model(rivalry: Story) -> None:
    row = subject_row(rivalry)
    assert row is not None
    assert row["model"] == "insider"
    assert headline(rivalry).text == "The best of 2 models is better than yesterday's price."
    assert reasons(rivalry)[0].startswith("The insider forecast misses by ")
    assert four_figures(rivalry)[0].text == percent(row["skill"], signed=True)
    lines = forecast_lines(rivalry)
    assert lines is not None
    assert lines.model == "insider"


def test_given_sentences_stand_for_their_own_model(story: Story) -> None:
    first, second = story.sections()
    told = replace(
        story, sentences={(first.market, "lstm.ensemble"): "It is an old price.", (first.market, "ar"): "No."}
    )
    first, second = told.sections()
    assert reasons(first)[0] == "It is an old price."
    assert reasons(second)[0].startswith("The LSTM ensemble misses by ")


def test_given_sentences_are_left_where_they_could_mean_two_rows(two_quantities: Story) -> None:
    told = replace(two_quantities, sentences={("file:ETH/USD", "ar"): "Of which of both?"})
    assert [reasons(section)[0] for section in told.sections()] != ["Of which of both?"] * 2
    assert not any("both?" in text for section in told.sections() for text in reasons(section))


def test_one_model_of_two_quantities_is_not_two_models(two_quantities: Story) -> None:
    returns, price = two_quantities.sections()
    assert (returns.quantity, price.quantity) == ("log_return", "price")
    assert [headline(section).text.startswith("This forecast is ") for section in (returns, price)] == [True, True]
    assert "count" in headline(two_quantities).text
    row = subject_row(returns)
    assert row is not None
    assert four_figures(returns)[1].text == amount(row["value"])
    assert four_figures(returns)[1].caption.startswith("mean error of the log return; naive ")
    lines = forecast_lines(returns)
    assert lines is not None
    np.testing.assert_array_equal(lines.naive, 0.0)


def test_spans_are_those_of_judged_forecasts(rivalry: Story) -> None:
    assert rivalry.forecasts is not None
    times = rivalry.forecasts["target_time"].unique().sort()
    unknown = pl.col("target_time") < times[3]
    table = rivalry.forecasts.with_columns(last_close=pl.when(unknown).then(None).otherwise("last_close"))
    cut = replace(rivalry, forecasts=table, scores=score_forecasts(table))
    assert forecasts_text(cut) == f"{times.len() - 3} forecasts, {times[3]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}."
    lines = forecast_lines(cut)
    assert lines is not None
    assert lines.time.size == times.len() - 3


def test_dates_of_outside_forecasts_are_their_own(rivalry: Story) -> None:
    assert rivalry.forecasts is not None
    last = rivalry.forecasts["target_time"].max()
    own, shifted = judged_span(rivalry), judged_span(replace(rivalry, dates_are_targets=False))
    assert own is not None
    assert shifted is not None
    assert str(own[1].astype("datetime64[D]")) == f"{last:%Y-%m-%d}"
    assert (own[1] - shifted[1]).astype("timedelta64[D]") == np.timedelta64(1, "D")


def test_an_outside_model_named_oracle_is_a_model(section: Story) -> None:
    named = section.scores.with_columns(pl.col("model").replace({"lstm.ensemble": "oracle"}))
    known = named.filter(pl.col("model").is_in(["naive", "oracle"]))
    outside = replace(section, scores=known, history=None)
    assert headline(outside).text.startswith("This forecast is ")
    simulated = replace(outside, scores=known.with_columns(market=pl.lit("simulated:ECHO/USD")))
    assert headline(simulated).text == "There is nothing to judge here."
