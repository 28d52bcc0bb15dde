"""`coincast simulate`, and a comparison on what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_was_simulated_is_compared_with_its_oracle(
    coincast: Callable[..., Any], elsewhere: Path, ending: str
) -> None:
    file = elsewhere / f"echo.{ending}"
    answer = coincast("simulate", "echo", "--skill", 0.1, "--candles", 800, "--seed", 1, "--out", file)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"{file}: 800 candles of simulated:ECHO1/USD, 1d\n"
    expected = cc.simulate("echo", skill=0.1, candles=800, seed=1)
    assert cc.read_candles(file).equals(expected)
    (elsewhere / "mine.toml").write_text('models = ["oracle", "average"]\n', encoding="utf-8")
    document = coincast("compare", "mine.toml", "--candles", file, "--set", "split.test=0.6", "--json").json
    assert document["leaderboard"][0]["model"] == "oracle"
    assert document["verdict"] == "better"


def test_one_json_document(coincast: Callable[..., Any], elsewhere: Path) -> None:
    run = ["simulate", "walk", "--candles", 50, "--coins", 2, "--interval", "1h", "--out", "walk.csv", "--json"]
    assert coincast(*run).json == {
        "file": "walk.csv",
        "markets": ["simulated:WALK1/USD", "simulated:WALK2/USD"],
        "interval": "1h",
        "rows": 100,
        "seed": 0,
    }
    assert pl.read_csv(elsewhere / "walk.csv").height == 100


def test_quiet_prints_nothing(coincast: Callable[..., Any], elsewhere: Path) -> None:
    answer = coincast("simulate", "walk", "--candles", 50, "--out", "new/folder/walk.csv", "--quiet")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert [path.name for path in (elsewhere / "new" / "folder").iterdir()] == ["walk.csv"]


def test_an_ending_may_be_in_capitals(coincast: Callable[..., Any], elsewhere: Path) -> None:
    assert coincast("simulate", "walk", "--candles", 20, "--out", "WALK.CSV").code == 0
    assert cc.read_candles(elsewhere / "WALK.CSV", market="simulated:WALK1/USD").height == 20
