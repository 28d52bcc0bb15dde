"""The page on live forecasts does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

import coincast as cc


def test_the_code_of_the_page_runs(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    candles = cc.simulate("echo", skill=0.1, candles=340, start="2017-01-01", seed=5)
    candles.select(pl.col("open_time").dt.date().alias("date"), "close", "volume").write_csv("btc.csv")
    text = (project / "docs" / "live-forecasts.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S):
        exec(compile(block, "live-forecasts.md", "exec"), names)
    assert (tmp_path / "models" / "btc" / "model.json").is_file()
    assert (tmp_path / "models" / "live" / "live.json").is_file()
