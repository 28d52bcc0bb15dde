"""Every error a user can make: exit code 2 or 3, one or two lines, what was given, what is allowed, what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coincast as cc

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, btc: Path) -> Path:
    """A folder with what a user may hand over by mistake."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "btc.csv").write_bytes(btc.read_bytes())
    (folder / "empty.csv").write_bytes(b"")
    (folder / "picture.csv").write_bytes(PNG)
    (folder / "btc_opens.csv").write_text("date,open\n2024-01-01,5\n2024-01-02,6\n", encoding="utf-8")
    cc.simulate("walk", candles=60, start="2020-01-01").write_csv(folder / "later.csv")
    (folder / "folder").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "thesis.txt").write_text("mine", encoding="utf-8")
    for name, text in SPECS.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


SPECS = {
    "misspelt": "[training]\nlearning_rat = 0.01\n",
    "broken": "this is [not toml",
    "ltsm": '[[models]]\nname = "ltsm"\n',
    "dropout": '[[models]]\nname = "lstm"\ndropout = 2.5\n',
    "baselines": 'models = ["drift", "ar"]\n',
    "oracle": 'models = ["oracle"]\n',
}


def refused(coincast: Callable[..., Any], *arguments: object) -> tuple[int, str]:
    """Exit code and message of a command that must fail in at most two lines, on stderr alone."""
    answer = coincast(*arguments)
    lines = answer.err.splitlines()
    assert answer.out == ""
    assert 1 <= len(lines) <= 2, answer.err
    assert lines[0].startswith("coincast: ")
    assert "Traceback" not in answer.err
    return answer.code, answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--candles", "nowhere.csv"], 3, ["no such file: nowhere.csv", "check the name"]),
        (["--candles", "empty.csv"], 3, ["empty.csv is empty", "a table is a CSV"]),
        (["--candles", "picture.csv"], 3, ["picture.csv is a PNG picture", "a table is a CSV"]),
        (["--candles", "folder"], 3, ["folder is a folder"]),
        (["--candles", "btc_opens.csv"], 3, ["closing prices", "--column close=NAME", "date, open"]),
        (["--candles", "btc.csv", "--column", "close=Kurs"], 3, ["no column 'Kurs'", "volume"]),
        (["--candles", "btc.csv", "--column", "close"], 2, ["--column 'close'", "close=Price"]),
        (["--candles", "btc.csv", "--interval", "7d"], 2, ["unknown interval '7d'", "1d"]),
        (["--candles", "btc.csv", "--zone", "Mars/Base"], 2, ["unknown time zone 'Mars/Base'"]),
        ([], 2, ["no candles were given", "--candles btc.csv"]),
        (["ltsm.toml", "--candles", "btc.csv"], 2, ["unknown model 'ltsm'", "did you mean 'lstm'", "known: "]),
        (["dropout.toml", "--candles", "btc.csv"], 2, ["dropout is 2.5", "allowed: from 0 to below 1"]),
        (
            ["misspelt.toml", "--candles", "btc.csv"],
            2,
            ["training.learning_rat;", "did you mean training.learning_rate"],
        ),
        (["broken.toml", "--candles", "btc.csv"], 3, ["broken.toml cannot be read as a spec in TOML"]),
        (["folder", "--candles", "btc.csv"], 3, ["folder cannot be read as a spec in TOML"]),
        (["nowhere.toml", "--candles", "btc.csv"], 3, ["no such spec: nowhere.toml"]),
        (["btc.csv"], 3, ["a file of candles is given as --candles btc.csv"]),
        (["oracle.toml", "--candles", "btc.csv"], 3, ["the oracle exists on simulated markets only"]),
        (["--frobnicate"], 2, ["No such option: --frobnicate", "--help"]),
        (["a.toml", "b.toml"], 2, ["unexpected extra argument", "--help"]),
        (["--candles", "btc.csv", "--seed", "x"], 2, ["--seed", "integer"]),
        (["--candles", "btc.csv", "--seed", "-3"], 2, ["training.seed is -3", "allowed"]),
        (["--candles", "btc.csv", "--out", "btc.csv"], 2, ["--out btc.csv is a file", "name a folder"]),
        (["--candles", "btc.csv", "--out", "full"], 2, ["holds other files", "name a folder"]),
        (["--candles", "btc.csv", "--out", "~nobody9/x"], 2, ["~nobody9/x", "no such user", "whole path"]),
        (["baselines.toml", "--candles", "btc.csv", "--out", "btc.csv/x"], 2, ["cannot write btc.csv/x"]),
        (
            ["--candles", "btc.csv", "--candles", "later.csv", "--set", "samples.inputs=all"],
            3,
            ["no candle in common", "covers 2015-01-01 to", "covers 2020-01-01 to"],
        ),
    ],
)
def test_compare(
    coincast: Callable[..., Any],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    says: list[str],
) -> None:
    monkeypatch.chdir(place)
    ended, message = refused(coincast, "compare", "--quiet", *arguments)
    assert ended == code
    assert all(part in message for part in says), message
    assert (place / "full" / "thesis.txt").read_text(encoding="utf-8") == "mine"
    assert not (place / "coincast-runs").exists() or not any((place / "coincast-runs").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("lstm.units", 2, "write section.key=value"),
        ("units=3", 2, "write section.key=value"),
        ("ltsm.units=3", 2, "did you mean 'lstm'"),
        ("lstm.units=many", 2, "lstm.units is 'many'; allowed: a whole number"),
        ("lstm.units=0", 2, "units is 0; allowed: 1 or more"),
        ("lstm.dropout=nan", 2, "dropout is nan; allowed"),
        ("training.epochs=1.5", 2, "training.epochs is 1.5; allowed"),
        ("training.seeds=0", 2, "training.seeds is 0; allowed"),
        ("training.batch_size=0", 2, "training.batch_size is 0; allowed"),
        ("training.learning_rate=nan", 2, "training.learning_rate is nan; allowed"),
        ("training.learning_rate=inf", 2, "training.learning_rate is inf; allowed"),
        ("training.seed=99999999999999999999", 2, "training.seed is 99999999999999999999; allowed"),
        ("training.loss=hubert", 2, "unknown loss 'hubert'; did you mean 'huber'"),
        ("samples.lookback=5000", 3, "need 5001 candles in a row"),
        ("samples.horizon=0", 2, "samples.horizon is 0; allowed"),
        ("samples.features=['cloze']", 2, "did you mean 'close'"),
        ("samples.target=prize", 2, "did you mean 'price'"),
        ("samples.scaling=big", 2, "unknown scaling 'big'"),
        ("split.test=2030-01-01", 3, "the test span has no rows"),
        ("split.test=soon", 2, "split.test is 'soon'; allowed: a date"),
        ("split.test=true", 2, "split.test is True; allowed: a date such as"),
        ("split.gap=-1", 2, "split.gap is -1; allowed"),
        ("data.since=2030-01-01", 3, "the candles that were given open from 2015-01-01"),
        ("data.interval=1h", 2, "unknown interval in these candles '1h'; known: 1d"),
        ("data.markets=['x']", 2, "unknown market 'x'; known: file:BTC/USD"),
        ("training.l1_bias=-1", 2, "training.l1_bias is -1.0; allowed: 0 or more"),
        ("training.optimiser=adm", 2, "unknown optimiser 'adm'; did you mean 'adam'"),
        ("training.patience=3", 2, "set for example split.validation = 0.2"),
        ("training.memory=-1", 2, "training.memory is -1; allowed: GB of memory"),
        ("grid.lstm.units=[2, 'x']", 2, "grid.lstm.units is 'x'; allowed: a whole number"),
        ("grid.samples.horizon=[3, 4]", 2, "grid.samples.horizon cannot vary"),
        ("grid.training.learning_rate=['a']", 2, "allowed: a number"),
    ],
)
def test_settings(coincast: Callable[..., Any], btc: Path, elsewhere: Path, change: str, code: int, says: str) -> None:
    ended, message = refused(coincast, "compare", "--quiet", "--candles", btc, "--set", change)
    assert ended == code
    assert says in message
    assert len(message.splitlines()) == 1
    assert not any(elsewhere.rglob("*.parquet"))


def test_since_after_until(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    changes = ["--set", "data.since=2015-04-01", "--set", "data.until=2015-02-01"]
    ended, message = refused(coincast, "compare", "--quiet", "--candles", btc, *changes)
    assert ended == 3
    assert "no candles from 2015-04-01 to 2015-02-01" in message


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["forecast"], 2, "no candles were given"),
        (["forecast", "--candles", "btc.csv", "--horizon", "0"], 2, "horizon is 0; allowed"),
        (["forecast", "--candles", "btc.csv", "--horizon", "500"], 3, "candles in a row"),
        (["judge"], 2, "Missing argument 'FORECASTS'"),
        (["judge", "nowhere.csv"], 3, "no such file: nowhere.csv"),
        (["judge", "picture.csv"], 3, "is a PNG picture"),
        (["judge", "btc.csv"], 3, "predicted"),
        (["judge", "btc.csv", "--column", "predicted"], 2, "write MEANING=NAME"),
        (["describe", "nowhere.toml"], 3, "no such spec"),
        (["describe", "baselines.toml"], 2, "no network to describe"),
        (["describe", "--set", "samples.inputs=all"], 2, "name them in data.markets or give --candles"),
        (["describe", "--set", "lstm.units=2", "--out", "btc.csv"], 2, "cannot write btc.csv/lstm.png"),
        (["describe", "--set", "lstm.units=200000"], 2, "make it smaller"),
        (["simulate", "crash", "--out", "x.csv"], 2, "unknown simulated market 'crash'; known: echo, walk"),
        (["simulate", "walk"], 2, "Missing option '--out'"),
        (["simulate", "walk", "--out", "x.xlsx"], 2, "allowed: .csv or .parquet"),
        (["simulate", "walk", "--out", "x.csv", "--candles", "0"], 2, "at least 2"),
        (["simulate", "echo", "--out", "x.csv", "--skill", "2"], 2, "skill 2.0 cannot be planted"),
        (["simulate", "walk", "--out", "btc.csv/x.csv"], 2, "cannot write btc.csv/x.csv"),
        (["demo", "--seed", "-1"], 2, "--seed"),
        (["demo", "--out", "full"], 2, "holds other files"),
    ],
)
def test_other_commands(
    coincast: Callable[..., Any],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(place)
    quiet = ["--quiet"] if arguments[0] == "forecast" else []
    ended, message = refused(coincast, *arguments, *quiet)
    assert ended == code
    assert says in message


def test_python_says_the_same(btc: Path) -> None:
    with pytest.raises(cc.UsageError, match="unknown model 'ltsm'; did you mean 'lstm'"):
        cc.compare(btc, models=["ltsm"])
    with pytest.raises(cc.UsageError, match=r"dropout is 2.5; allowed"):
        cc.LSTM(dropout=2.5)


def test_a_process_ends_with_the_code(coincast_process: Callable[..., Any], tmp_path: Path) -> None:
    answer = coincast_process("compare", "--candles", "nowhere.csv", cwd=tmp_path)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err == "coincast: no such file: nowhere.csv; check the name, or give the whole path\n"
