"""Every page in a real browser: it loads, it can be reached by keyboard, it tells what changes, and it is safe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

EVIL = "<img src=x onerror=document.title='taken'>"


@pytest.mark.parametrize("window", ["phone", "desktop"])
def test_every_page_loads(pages: Any, read: Callable[..., Any], names: tuple[str, ...], window: str) -> None:
    reader = read(pages, window=window)
    for name in names:
        panel = reader.open(name)
        panel.locator("h1").first.wait_for()
        assert reader.page.locator(f"#tab-{name}").get_attribute("aria-selected") == "true"
        assert reader.page.locator("[role=tabpanel]:visible").count() == 1
        wide = reader.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} dots wider than the window"
    assert reader.faults == []


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_no_serious_fault(pages: Any, read: Callable[..., Any], names: tuple[str, ...], theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    reader = read(pages, color_scheme=theme, reduced_motion="reduce")
    for name in names:
        reader.open(name).locator("h1").first.wait_for()
        found = axe.run(reader.page).response["violations"]
        grave = [
            (name, one["id"], one["nodes"][0]["html"][:200])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert grave == []


def test_a_forecast_appears_without_reload(pages: Any, read: Callable[..., Any]) -> None:
    reader = read(pages)
    said = reader.open("now").locator(".market .said").first
    reader.page.evaluate("window.stayed = true")
    reader.page.locator("#pulse:not([data-state=waiting])").wait_for()
    value = pages.live.close_candle()
    said.filter(has_text=f"{value:,.2f}" if value >= 10 else f"{value:.4g}").wait_for()
    assert reader.page.evaluate("window.stayed")
    assert "Too few" not in reader.page.locator("#panel-now h1").inner_text()


def test_a_dropped_csv_is_judged(pages: Any, read: Callable[..., Any]) -> None:
    reader = read(pages)
    reader.open("judge")
    reader.drop(pages.live.forecasts_of_another(0.001))
    reader.page.locator("#judged em.better").wait_for()
    assert reader.page.locator("#judgement svg").count() >= 1
    assert reader.page.locator("#judgement .figures dd").count() == 4


def test_text_from_data_stays_text(pages: Any, read: Callable[..., Any]) -> None:
    reader = read(pages)
    reader.open("judge")
    lines = [f"2024-{1 + day // 28:02}-{1 + day % 28:02},{100 + day},{101 + day},{EVIL}" for day in range(60)]
    reader.drop("target_time,actual,predicted,model\n" + "\n".join(lines), name=f"{EVIL}.csv")
    reader.page.locator("#judgement .eyebrow", has_text="onerror").wait_for()
    assert reader.page.locator("#judgement img").count() == 0
    assert "taken" not in reader.page.title()


def test_what_cannot_be_judged_is_told_in_the_judges_words(pages: Any, read: Callable[..., Any]) -> None:
    reader = read(pages)
    reader.open("judge")
    reader.drop("a,b\n1,2\n")
    told = reader.page.locator("#judgement [role=alert]")
    told.wait_for()
    assert "target_time" in told.inner_text()


def test_the_keyboard_reaches_everything(pages: Any, read: Callable[..., Any]) -> None:
    reader = read(pages)
    reader.open("now")
    page = reader.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator("#tab-now").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#panel-data[data-ready]")
    assert page.evaluate("document.activeElement.id") == "tab-data"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    heading = page.locator("#panel-leaderboard thead button", has_text="p (Holm)")
    heading.focus()
    assert "tests" in page.locator(".tip").inner_text().lower()
    page.locator("#tab-now").focus()
    page.keyboard.press("Enter")
    chart = page.locator("#panel-now [role=slider]").first
    chart.wait_for()
    newest = chart.get_attribute("aria-valuetext")
    chart.press("ArrowLeft")
    assert chart.get_attribute("aria-valuetext") != newest


@pytest.mark.long
def test_a_comparison_runs_to_its_leaderboard(pages: Any, read: Callable[..., Any]) -> None:
    reader = read(pages)
    reader.page.set_default_timeout(240_000)
    panel = reader.open("runs")
    panel.locator("input[name=model]").first.wait_for()
    for box in panel.locator("input[name=model]:checked").all():
        box.uncheck()
    panel.locator("input[name=model][value=lstm]").check()
    panel.locator("input[name=epochs]").fill("2")
    panel.locator("input[name=seeds]").fill("2")
    panel.get_by_role("button", name="Start the comparison").click()
    panel.locator("[data-job][data-state=finished]").wait_for()
    panel.get_by_role("link", name="See what it found").first.click()
    panel.locator("#run-board .rows li", has_text="LSTM ensemble").wait_for()
    assert panel.locator("#run-detail svg").count() >= 1
    assert reader.faults == []
