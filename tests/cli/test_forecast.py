"""`coincast forecast` from the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def answers(
    coincast: Callable[..., Any], btc: Path, quick: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    """The same forecast as words and, shown again, as JSON."""
    run = ["forecast", "--candles", btc, "--horizon", 2, *quick, "--out", tmp_path_factory.mktemp("runs") / "run"]
    return coincast(*run), coincast(*run, "--json")


def test_dated_rows_with_naive_and_the_verdict(answers: tuple[Any, Any]) -> None:
    words, _ = answers
    assert words.code == 0
    lines = [line.rstrip() for line in words.out.splitlines()]
    assert lines[0] == "file:BTC/USD · lstm.ensemble"
    assert [line.split()[0] for line in lines[2:4]] == ["2015-06-11", "2015-06-12"]
    assert all("%" in line for line in lines[2:4])
    after = lines[lines.index("The same settings on the latest test span:") + 1]
    assert after.startswith("The LSTM ensemble ")
    assert lines[-1].startswith("report: ")
    assert "training 4 runs of lstm" in words.err  # two that are judged, two that know everything


def test_one_json_document(answers: tuple[Any, Any], btc: Path) -> None:
    words, answer = answers
    document = answer.json
    assert document["was_finished"] is True
    rows = document["forecasts"]
    # The last candle opens on 9 June: it closes on the 10th, where the forecast starts.
    assert [row["origin"] for row in rows] == ["2015-06-10T00:00:00+00:00"] * 2
    assert [row["target_time"] for row in rows] == ["2015-06-11T00:00:00+00:00", "2015-06-12T00:00:00+00:00"]
    last = float(btc.read_text(encoding="utf-8").splitlines()[-1].split(",")[4])
    assert [row["naive"] for row in rows] == [last, last]
    assert document["sentence"] in words.out
    assert document["sentences"] == [document["sentence"]]
    assert Path(document["report"]).is_file()


def test_the_report_shows_the_outlook(answers: tuple[Any, Any]) -> None:
    folder = Path(answers[1].json["folder"])
    assert (folder / "outlook.parquet").is_file()
    assert (folder / "figures" / "outlook.png").is_file()


def test_seven_candles_and_settings_of_a_spec(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n[samples]\nhorizon = 3\n', encoding="utf-8")
    run = ["forecast", "--candles", btc, "--spec", "mine.toml", "--json", "--quiet"]
    assert len(coincast(*run).json["forecasts"]) == 3
    assert len(coincast(*run, "--horizon", 7).json["forecasts"]) == 7


def test_what_a_comparison_left_is_no_forecast(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n', encoding="utf-8")
    assert coincast("compare", "mine.toml", "--candles", btc, "--out", "run", "--quiet").code == 0
    answer = coincast("forecast", "--spec", "mine.toml", "--candles", btc, "--out", "run", "--quiet")
    assert answer.code == 2
    assert "holds another run" in answer.err
