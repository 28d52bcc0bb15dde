"""`coincast ablate` from the shell."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc


@pytest.fixture
def ridge_spec(tmp_path: Path) -> Path:
    """Ridge regression on the day's own change; nothing is trained by gradient."""
    path = tmp_path / "mine.toml"
    text = '[samples]\nlookback = 3\nfeatures = ["day_diff"]\n[[models]]\nname = "ridge"\n[[models]]\nname = "ar"\n'
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def mood(tmp_path: Path) -> Path:
    """An outside series over the same days as the candles."""
    table = cc.simulate("walk", candles=160, seed=9)
    path = tmp_path / "mood.csv"
    table.select(date=pl.col("open_time").dt.date(), value="close").write_csv(path)
    return path


def test_every_input_gets_its_word(coincast: Callable[..., Any], btc: Path, ridge_spec: Path, mood: Path) -> None:
    answer = coincast(
        *("ablate", ridge_spec, "--candles", btc, "--outside", f"mood={mood}", "--features", "volume_change,log_range"),
        *("--training-rows", "60, 100", "--set", "split.test=0.3"),
    )
    assert answer.code == 0
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert lines[1] == "input model without with difference 95 % interval n verdict"
    assert any(line.startswith("mood ridge ") for line in lines)
    assert any(line.startswith("volume_change + ") for line in lines)
    assert any(line.startswith("ridge 60 ") for line in lines)
    assert sum(" The ridge forecast with " in line for line in lines) == 2
    assert "note: ar looks at none of the ablated inputs and is not compared" in lines
    assert any("configurations have been judged on this test span" in line for line in lines)


def test_json_and_files_say_the_same(
    coincast: Callable[..., Any], btc: Path, ridge_spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path / "home"))
    out = tmp_path / "out"
    command = ("ablate", ridge_spec, "--candles", btc, "--features", "volume_change", "--json", "--quiet")
    answer = coincast(*command, "--out", out)
    assert (answer.code, answer.err) == (0, "")
    document = answer.json
    assert pl.read_parquet(out / "comparisons.parquet").to_dicts() == document["comparisons"]
    assert document["comparisons"][0]["part"] == "volume_change"
    assert document["folder"] == str(out)
    # ridge without and with, and ar, whose forecasts are the same on both sides
    assert [(span["count"], span["new"]) for span in document["trials"]["spans"]] == [(3, 3)]
    assert [(span["count"], span["new"]) for span in coincast(*command).json["trials"]["spans"]] == [(3, 0)]
    assert os.listdir(tmp_path / "home" / "trials")


def test_help_has_examples(coincast: Callable[..., Any]) -> None:
    answer = coincast("ablate", "--help")
    assert answer.code == 0
    assert "Examples:" in answer.out
    assert "  coincast ablate --candles btc.csv --outside fear_greed_index.csv" in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "there is nothing to ablate; name an outside series (--outside FILE)"),
        (["--features", "volume,"], "--features 'volume,'; write names of features"),
        (["--features", "volum"], "unknown feature 'volum'; did you mean 'volume'?"),
        (["--training-rows", "250,many"], "--training-rows '250,many'; write whole numbers"),
        (["--training-rows", "5000"], "training_rows holds 5000; allowed: whole numbers from 1 to 128"),
        (["--features", "day_diff"], "without day_diff no input is left"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str], said: str, coincast: Callable[..., Any], btc: Path, ridge_spec: Path
) -> None:
    answer = coincast("ablate", ridge_spec, "--candles", btc, "--quiet", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1


def test_a_folder_in_use_is_refused_before_anything_is_read(coincast: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    answer = coincast("ablate", "--candles", "absent.csv", "--features", "volume", "--out", tmp_path)
    assert answer.code == 2
    assert "holds other files and no earlier ablation" in answer.err
