"""An empty store and an empty ledger: every page says what to do next, with the exact command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

COMMANDS = {
    "now": "coincast watch",
    "track-record": "coincast watch",
    "leaderboard": "coincast compare",
    "runs": "coincast demo",
    "fool-yourself": "coincast import",
    "data": "coincast download",
}


@pytest.mark.parametrize("window", ["phone", "desktop"])
def test_every_page_says_what_to_do_next(empty: Any, read: Callable[..., Any], window: str) -> None:
    reader = read(empty, window=window)
    for name, command in COMMANDS.items():
        panel = reader.open(name)
        panel.locator("code", has_text=command).first.wait_for()
        assert panel.locator("h1").count() == 1
    reader.open("judge").locator(".drop").wait_for()
    assert reader.faults == []


def test_nothing_stands_on_its_side_while_it_is_fetched(empty: Any, read: Callable[..., Any]) -> None:
    reader = read(empty)
    reader.page.route("**/api/v1/**", lambda route: None)
    reader.page.goto(f"{reader.address}/")
    reader.page.locator("#panel-now .skeleton").wait_for()
    assert reader.page.locator("#panel-now .skeleton").bounding_box()["height"] > 500
