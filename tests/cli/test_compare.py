"""`coincast compare` from the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.experiments.folder import load_result

JSON_KEYS = {
    *("market", "rows", "train_rows", "train_windows", "test_rows", "test_windows", "parameters", "train_loss"),
    *("verdict", "sentence", "sentences", "markets", "inputs", "leaderboard", "scores", "seconds", "files", "notes"),
    *("fingerprint", "folder", "report", "was_finished", "further", "trials", "winners"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("läuft hier")


@pytest.fixture(scope="module")
def first(coincast: Callable[..., Any], btc: Path, quick: tuple[str, ...], place: Path) -> Any:
    """The first run, without --out, in an empty working directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        return coincast("compare", "--candles", btc, *quick)


def test_leaderboard_verdict_and_report_are_printed(first: Any, place: Path) -> None:
    assert first.code == 0
    lines = first.out.splitlines()
    [row] = [line for line in lines if line.startswith("LSTM ensemble")]
    assert any(word in row for word in ("better", "not distinguishable", "worse"))
    assert any(line.startswith("naive") and "the yardstick" in line for line in lines)
    assert any(line.startswith("The LSTM ensemble misses by") for line in lines)
    [report] = [line.removeprefix("report: ") for line in lines if line.startswith("report: ")]
    assert (place / report).is_file()
    sentences = ("The LSTM", "report: ", "note: ")
    assert all(len(line) <= 100 for line in lines if not line.startswith(sentences) and "been judged" not in line)


def test_progress_and_what_was_read_go_to_stderr(first: Any) -> None:
    assert "btc.csv: file:BTC/USD 1d, 160 candles from 2015-01-01 to 2015-06-09, form table" in first.err
    assert "training 2 runs of lstm: epoch 2/2, loss " in first.err
    assert "training" not in first.out


def test_nothing_is_written_anywhere_else(first: Any, place: Path, btc: Path) -> None:
    assert [path.name for path in place.iterdir()] == ["coincast-runs"]
    [folder] = (place / "coincast-runs").iterdir()
    assert folder.name.startswith("experiment-")
    assert [path.name for path in btc.parent.iterdir()] == ["btc.csv"]


def test_the_same_command_shows_the_run(
    first: Any,
    coincast: Callable[..., Any],
    btc: Path,
    quick: tuple[str, ...],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    again = coincast("compare", "--candles", btc, *quick)
    assert "was finished before; it was not trained again (--fresh does)" in again.out
    assert "training" not in again.err
    shown = [line for line in again.out.splitlines() if not line.startswith("This run was finished")]
    assert shown == first.out.splitlines()
    quiet = coincast("compare", "--candles", btc, *quick, "--quiet")
    assert (quiet.err, "was finished" in quiet.out) == ("", False)
    document = coincast("compare", "--candles", btc, *quick, "--json").json
    assert document["was_finished"] is True


def test_one_json_document(
    first: Any,
    coincast: Callable[..., Any],
    btc: Path,
    quick: tuple[str, ...],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    answer = coincast("compare", "--candles", btc, *quick, "--json")
    document = answer.json
    assert set(document) == JSON_KEYS
    assert (document["rows"], document["train_rows"], document["test_rows"]) == (160, 112, 48)
    assert (document["train_windows"], document["test_windows"]) == (108, 48)
    result = load_result(Path(document["folder"]))
    assert document["parameters"] == 35
    last = result.history.filter(pl.col("epoch") == 2)["loss"]
    assert document["train_loss"] == pytest.approx(sum(last) / 2)
    assert len(document["scores"]) == result.scores.height
    assert {row["model"] for row in document["scores"]} == set(result.scores["model"])
    assert document["files"][0]["file"] == "btc.csv"
    assert len(document["files"][0]["sha256"]) == 64
    assert document["sentences"] == [document["sentence"]]
    assert Path(document["report"]).is_file()
    assert set(document["seconds"]) >= {"samples", "train", "opponents", "forecast", "score", "report"}


def test_options_change_the_spec(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    (elsewhere / "mine.toml").write_text('models = ["ar"]\n[samples]\nlookback = 4\n', encoding="utf-8")
    options = ["--set", "ar.order=2", "--set", "split.test=0.3", "--seed", "7", "--out", elsewhere / "run", "--json"]
    document = coincast("compare", "mine.toml", "--candles", btc, *options).json
    spec = cc.Spec.from_toml(elsewhere / "run" / "spec.toml")
    assert (spec.name, spec.models[0].settings.order, spec.samples.lookback, spec.training.seed) == ("mine", 2, 4, 7)
    assert document["parameters"] == 0
    assert document["train_loss"] is None


def test_a_spec_may_name_its_files(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    (elsewhere / "btc.csv").write_bytes(btc.read_bytes())
    text = 'models = ["drift"]\n[data]\ncandles = ["coinbase:BTC/EUR=btc.csv"]\n'
    (elsewhere / "mine.toml").write_text(text, encoding="utf-8")
    assert coincast("compare", "mine.toml", "--json").json["market"] == "coinbase:BTC/EUR"


@pytest.mark.parametrize("market", ["file:ETH/EUR", "file:BTC/USD"])
def test_a_market_may_be_named(coincast: Callable[..., Any], btc: Path, elsewhere: Path, market: str) -> None:
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n', encoding="utf-8")
    document = coincast("compare", "mine.toml", "--candles", f"{market}={btc}", "--json").json
    assert document["market"] == market
    assert document["sentence"].startswith("The drift forecast")


def test_two_markets_each_get_a_sentence(coincast: Callable[..., Any], elsewhere: Path) -> None:
    for kind in ("walk", "echo"):
        coincast("simulate", kind, "--candles", 120, "--out", elsewhere / f"{kind}.csv")
    (elsewhere / "mine.toml").write_text('models = ["drift", "oracle"]\n', encoding="utf-8")
    files = ["--candles", "walk.csv", "--candles", "echo.csv"]
    answer = coincast("compare", "mine.toml", *files)
    assert "\nsimulated:ECHO1/USD: The drift forecast" in answer.out
    assert "\nsimulated:WALK1/USD: The drift forecast" in answer.out
    document = coincast("compare", "mine.toml", *files, "--json").json
    assert [market["market"] for market in document["markets"]] == ["simulated:ECHO1/USD", "simulated:WALK1/USD"]
    assert len(document["sentences"]) == 2
    assert {"verdict", "sentence", "rows", "test_rows", "parameters", "train_loss"} <= set(document["markets"][1])


def test_a_winner_is_told_what_its_p_is_worth_after_so_many(
    coincast: Callable[..., Any], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINCAST_HOME", str(elsewhere / "home"))
    candles = cc.simulate("echo", skill=0.4, candles=400, seed=1)
    candles.select(pl.col("open_time").dt.date().alias("date"), "open", "high", "low", "close").write_csv("btc.csv")
    (elsewhere / "mine.toml").write_text('models = ["ar", "drift"]\n', encoding="utf-8")
    command = ["compare", "mine.toml", "--candles", "btc.csv"]
    line = "The AR forecast: the best of 2: its p of "
    assert f"\n{line}" in coincast(*command).out
    document = coincast(*command, "--json").json
    assert (document["verdict"], document["was_finished"]) == ("better", True)
    assert [winner.startswith(line) for winner in document["winners"]] == [True]


def test_a_long_label_leaves_the_leaderboard_100_columns(
    coincast: Callable[..., Any], btc: Path, elsewhere: Path
) -> None:
    label = "a drift whose label is far longer than any column of a terminal should ever be asked to hold"
    (elsewhere / "mine.toml").write_text(f'[[models]]\nname = "drift"\nlabel = "{label}"\n', encoding="utf-8")
    answer = coincast("compare", "mine.toml", "--candles", btc)
    board = answer.out.partition("\n\n")[0].splitlines()
    assert len(board) >= 4
    assert max(map(len, board)) <= 100
    assert label in coincast("compare", "mine.toml", "--candles", btc, "--json").out


def test_a_gap_is_told_on_both_ways(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    lines = btc.read_text(encoding="utf-8").splitlines(keepends=True)
    (elsewhere / "btc.csv").write_text("".join(lines[:50] + lines[51:]), encoding="utf-8")
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n', encoding="utf-8")
    answer = coincast("compare", "mine.toml", "--candles", "btc.csv")
    assert "1 gap, 1 candle missing" in answer.err
    assert "note: file:BTC/USD has 1 gap, 1 candle missing; no window reaches across a gap." in answer.out
