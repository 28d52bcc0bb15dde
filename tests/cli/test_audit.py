"""`coincast audit` from the shell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coincast.samples.features import FEATURES


@pytest.fixture
def naive_spec(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text('[samples]\nlookback = 3\nfeatures = ["day_diff"]\n[[models]]\nname = "naive"\n', encoding="utf-8")
    return path


def test_a_clean_experiment_ends_with_one_sentence(coincast: Callable[..., Any], btc: Path, naive_spec: Path) -> None:
    answer = coincast("audit", naive_spec, "--candles", btc, "--since", "2015-04-21", "--minutes", 0.02, "--quiet")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[-1].startswith("No value in this experiment knows its future: ")
    assert lines[0].split() == ["kind", "item", "market", "rows", "probed", "result", "warm-up"]
    assert "planted: centred window: caught" in lines


def test_a_leak_is_the_answer_no(
    coincast: Callable[..., Any], btc: Path, naive_spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaky = dataclasses.replace(FEATURES["day_diff"], compute=lambda frame: frame["close"].shift(-1))
    monkeypatch.setitem(FEATURES, "day_diff", leaky)
    answer = coincast(
        "audit", naive_spec, "--candles", btc, "--since", "2015-04-21", "--minutes", 0.02, "--quiet", "--json"
    )
    assert (answer.code, answer.err) == (5, "")
    document = answer.json
    assert (document["passed"], document["void"]) == (False, False)
    assert {"kind", "item", "horizon", "reach", "first_row", "first_time", "size", "coverage"} <= set(
        document["leaks"][0]
    )
    assert [leak["horizon"] for leak in document["leaks"] if leak["kind"] == "column"] == [1]


def test_without_candles_it_says_what_to_give(coincast: Callable[..., Any]) -> None:
    answer = coincast("audit")
    assert answer.code == 2
    assert "--candles" in answer.err
