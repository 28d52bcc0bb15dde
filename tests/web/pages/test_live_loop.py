"""The page beside a real loop in simulated time, from an empty home to forecasts that were scored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FIRST_MINUTES = 120_000
"""Milliseconds in which a reader who starts from nothing must have seen a forecast that was scored."""


@contextmanager
def watching(project: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The loop of the example, at sixty times the speed of time; killed where nobody ended it."""
    command = [sys.executable, "-m", "coincast", "watch", "examples/live.toml", "--simulate", "60", "--quiet"]
    with subprocess.Popen(command, cwd=project, env=dict(os.environ), stdin=subprocess.DEVNULL) as loop:
        try:
            yield loop
        finally:
            loop.kill()


@pytest.mark.long
def test_a_reader_sees_live_forecasts_scored(
    project: Path, serve_home: Callable[..., Any], read: Callable[..., Any]
) -> None:
    with serve_home(lambda home: None) as pages, watching(project) as loop:
        reader = read(pages)
        reader.page.set_default_timeout(FIRST_MINUTES)
        panel = reader.open("now")
        reader.page.evaluate("window.stayed = true")
        panel.locator(".market").nth(2).wait_for()
        panel.locator(".market .said", has_text="Skill").first.wait_for()
        assert reader.page.locator("#pulse").get_attribute("data-state") in ("running", "troubled")
        panel.locator("summary", has_text="Ask a saved model").click()
        panel.get_by_role("button", name="Ask", exact=True).click()
        panel.locator("#asked tbody tr").nth(2).wait_for()
        assert reader.page.evaluate("window.stayed")
        record = reader.open("track-record")
        record.locator("#looked-at-again").wait_for()
        assert not record.locator(".eyebrow").first.inner_text().startswith("0 ")
        loop.send_signal(signal.SIGTERM)
        assert loop.wait(60) == 0
        reader.page.locator("#pulse[data-state=stopped]").wait_for()
        assert reader.faults == []
