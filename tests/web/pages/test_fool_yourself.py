"""The seed slider of article 0, on the article's own candles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ENDS = "951.78"
"""Where the article's slider ends at seed 205, in USD."""


@pytest.fixture
def article(shared_data: Path, serve_home: Callable[..., Any]) -> Iterator[Any]:
    """Pages whose store holds the article's ETH."""

    def fill(home: Path) -> None:
        from coincast.sources.importing import import_files

        import_files([shared_data / "cmc" / "kaggle2018" / "ethereum_price.csv"])

    with serve_home(fill) as pages:
        yield pages


def test_the_slider_ends_where_article_0_does(article: Any, read: Callable[..., Any]) -> None:
    reader = read(article)
    reader.open("fool-yourself")
    slider, end = reader.page.locator("#seed"), reader.page.locator("#walk-end")
    assert slider.input_value() == "205"
    end.filter(has_text=ENDS).wait_for()
    slider.press("ArrowRight")
    end.filter(has_not_text=ENDS).wait_for()
    slider.press("ArrowLeft")
    end.filter(has_text=ENDS).wait_for()
    reader.page.locator("#free-seed").fill("7")
    reader.page.get_by_role("button", name="Draw").click()
    end.filter(has_not_text=ENDS).wait_for()
    reader.page.locator(".shares li").first.wait_for()
    assert reader.faults == []
