"""Pictures of every page for the documents: drawn anew where COINCAST_SCREENSHOTS is set, else only looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PATIENCE = 1500
"""Milliseconds in which everything is drawn that is drawn a little later."""

LAST = {"runs": "form", "fool-yourself": ".shares li", "judge": "#judged"}
"""What is there last."""


@pytest.mark.parametrize("window", ["phone", "desktop"])
def test_the_documents_show_every_page(
    request: pytest.FixtureRequest, project: Path, names: tuple[str, ...], window: str
) -> None:
    folder = project / "docs" / "images"
    themes = [(name, "light", folder / f"{name}-{window}.png") for name in names]
    themes.append(("now", "dark", folder / f"now-{window}-dark.png"))
    if os.environ.get("COINCAST_SCREENSHOTS"):
        pages, read = request.getfixturevalue("pages"), request.getfixturevalue("read")
        for name, theme, picture in themes:
            reader = read(pages, window=window, color_scheme=theme, reduced_motion="reduce")
            panel = reader.open(name)
            if name == "judge":
                reader.drop(pages.live.forecasts_of_another(0.012))
            panel.locator(LAST.get(name, "h1")).first.wait_for()
            reader.page.wait_for_timeout(PATIENCE)
            picture.parent.mkdir(parents=True, exist_ok=True)
            reader.page.evaluate("scrollTo(0, 0)")
            reader.page.screenshot(path=picture, full_page=True)
    missing = [picture.name for _, _, picture in themes if not picture.is_file()]
    assert not missing, "run this test with COINCAST_SCREENSHOTS=1"
