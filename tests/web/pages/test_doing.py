"""What a reader does on the page: asks, orders, sorts, touches, prints; and what he does wrong is told in a line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest


def test_a_saved_model_is_asked(pages: Any, read: Callable[..., Any]) -> None:
    reader = read(pages)
    panel = reader.open("now")
    panel.locator("summary", has_text="Ask a saved model").click()
    panel.get_by_role("button", name="Ask", exact=True).click()
    asked = panel.locator("#asked")
    asked.locator("em.worse").wait_for()
    last = pages.live.candles["close"][pages.live.next - 1]
    assert [f"{price:,.2f}" in asked.inner_text() for price in (last, 1.01 * last)] == [True, True]
    assert asked.locator("tbody tr").count() == 3
    assert asked.locator("svg").count() == 1
    assert reader.faults == []


def test_a_reproduction_is_refused_started_and_cancelled(pages: Any, read: Callable[..., Any]) -> None:
    panel = read(pages).open("runs")
    panel.get_by_label("Reproduction of an article").check()
    panel.locator("select[name=article]").select_option("fmz")
    start = panel.get_by_role("button", name="Start the reproduction")
    start.click()
    panel.locator(".message.worse").wait_for()
    panel.locator("input[name=market]").check()
    start.click()
    job = panel.locator(
        "[data-job]", has_text="coincast reproduce fmz --market simulated:WALK1/USD --interval 1h --quick"
    )
    job.get_by_role("button", name="Cancel").click()
    panel.locator("[data-job][data-state=cancelled]").wait_for()


def test_what_is_missing_is_sorted_last_both_ways(pages: Any, read: Callable[..., Any]) -> None:
    panel = read(pages).open("leaderboard")
    place = panel.locator("thead th").all_inner_texts().index("p (Holm)") + 1
    for way in ("descending", "ascending"):
        panel.locator("thead button", has_text="p (Holm)").click()
        assert panel.locator(f"thead th:nth-child({place})").get_attribute("aria-sort") == way
        cells = panel.locator(f"tbody tr > :nth-child({place})").all_inner_texts()
        assert [cell == "\u2013" for cell in cells] == [False] * (len(cells) - 1) + [True]


@pytest.mark.long
def test_a_list_stays_where_it_was_scrolled_to(pages: Any, read: Callable[..., Any]) -> None:
    panel = read(pages).open("track-record")
    misses, count = panel.locator("[data-key=misses-table]"), panel.locator(".eyebrow").first
    misses.evaluate("node => node.scrollTo(0, 100)")
    before = count.inner_text()
    pages.live.close_candle()
    count.filter(has_not_text=before).wait_for()
    assert panel.page.evaluate("document.querySelector('[data-key=misses-table]').scrollTop") == 100


def test_a_touch_tells_a_value_and_leaves_it_there(pages: Any, read: Callable[..., Any]) -> None:
    panel = read(pages, window="phone").open("now")
    chart = panel.locator("[role=slider]:not([aria-valuemax='0'])").first
    newest = chart.get_attribute("aria-valuetext")
    chart.tap(position={"x": 120, "y": 150})
    assert chart.get_attribute("aria-valuetext") != newest


def close_before_a_witness(pages: Any, witness: Any) -> str:
    """Close a candle and wait until another reader was told; the first value that is forecast from its close."""
    value = f"{pages.live.close_candle():,.2f}"
    witness.page.locator(".market .said", has_text=value).first.wait_for()
    return value


@pytest.mark.long
def test_what_was_missed_while_the_line_was_broken_is_fetched(pages: Any, read: Callable[..., Any]) -> None:
    reader, witness = read(pages), read(pages)
    witness.open("now")
    is_broken = threading.Event()
    is_broken.set()
    reader.page.clock.install()
    reader.page.route(
        "**/api/v1/events", lambda route: route.fulfill(status=503) if is_broken.is_set() else route.continue_()
    )
    said = reader.open("now").locator(".market .said").first
    reader.page.locator("#pulse[data-state=offline]").wait_for()
    value = close_before_a_witness(pages, witness)
    is_broken.clear()
    reader.page.clock.fast_forward(31_000)
    said.filter(has_text=value).wait_for()


@pytest.mark.long
def test_a_window_that_nobody_looks_at_rests_and_catches_up(pages: Any, read: Callable[..., Any]) -> None:
    reader, witness = read(pages), read(pages)
    witness.open("now")
    page = reader.page
    said = reader.open("now").locator(".market .said").first
    page.locator("#pulse[data-state=running]").wait_for()
    look = """(isHidden) => {
      Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/events")):
        page.evaluate(look, True)
    value = close_before_a_witness(pages, witness)
    page.evaluate(look, False)
    said.filter(has_text=value).wait_for()


def test_a_running_verdict_says_that_it_is_looked_at_again(pages: Any, read: Callable[..., Any]) -> None:
    said = read(pages).open("track-record").locator("#looked-at-again").inner_text()
    assert "again and again" in said
    assert "fixed beforehand" in said


def test_an_unknown_market_in_the_address_leaves_the_list(pages: Any, read: Callable[..., Any]) -> None:
    panel = read(pages).open("data/m0000000000000000")
    panel.locator("#market-detail [role=alert]").wait_for()
    assert panel.locator("tbody tr").count() == 1


def test_files_that_cannot_be_judged_are_not_sent(pages: Any, read: Callable[..., Any]) -> None:
    reader = read(pages)
    reader.open("judge")
    sent: list[str] = []
    reader.page.on("request", lambda request: "/judge" in request.url and sent.append(request.url))
    told = reader.page.locator("#judgement [role=alert]")
    assert reader.drop("a", "b", place="header"), "the browser would have opened the file"
    told.filter(has_text="2 files were dropped; drop one CSV.").wait_for()
    reader.drop("x" * 4_200_000)
    told.filter(has_text="mine.csv has 4.2 MB; at most 4.0 MB.").wait_for()
    assert sent == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([None], "There are too few scored forecasts for a verdict."),
        (["better", "worse", None], "1 of 2 models is better than"),
        (["worse", "not distinguishable"], "No model is shown to be better: not distinguishable from"),
        (["worse", "worse"], "Every model is worse than"),
        (["worse", "too few"], "Every model with a verdict is worse than"),
    ],
)
def test_many_verdicts_in_one_sentence(pages: Any, read: Callable[..., Any], words: list[str], said: str) -> None:
    page = read(pages).page
    page.goto(f"{pages.address}/static/verdicts.js")
    script = "async (words) => (await import('/static/verdicts.js')).overall(words, 'model')[0]"
    assert page.evaluate(script, words).startswith(said)


@pytest.mark.long
def test_every_page_fits_on_paper(pages: Any, read: Callable[..., Any], names: tuple[str, ...]) -> None:
    reader = read(pages, window="paper", color_scheme="dark")
    reader.page.emulate_media(media="print")
    for name in names:
        panel = reader.open(name)
        panel.locator("h1").first.wait_for()
        wide = reader.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} dots wider than the paper"
        assert reader.page.locator("form:visible, .drop:visible, input[type=range]:visible").count() == 0
        assert reader.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert reader.page.locator("#panel-data thead button").first.is_visible(), "headings are buttons, and are printed"
