"""coincast import, data list | check | export | resample, and commands that read the store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import typer

import coincast as cc
from coincast.candles.store import read_stored, write_candles, write_series
from coincast.cli.options import offer_download
from coincast.errors import NotStoredError
from coincast.experiments.gather import download_line

Run = Callable[..., Any]
DAYS = pl.date_range(pl.date(2031, 1, 1), pl.date(2031, 3, 31), eager=True)


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """Ninety days of bitcoin, one of them missing."""
    table = pl.DataFrame({"date": DAYS, "close": [100.0 + day % 7 for day in range(90)]})
    path = tmp_path / "btc-eur.csv"
    table.filter(pl.int_range(90) != 40).write_csv(path)
    return path


def test_a_file_is_told_then_stored_then_listed_and_checked(coincast: Run, prices: Path) -> None:
    told = coincast("import", prices)
    assert told.code == 0
    assert told.out.splitlines()[:2] == [
        "btc-eur.csv: file:BTC/EUR 1d, form table, zone UTC",
        "  89 candles, the first opens 2031-01-01 00:00, the last 2031-03-31 00:00 UTC",
    ]
    assert "1 gap, 1 candle missing" in told.out
    assert told.out.splitlines()[-1].startswith("stored: 89 new candles, 0 known before")
    assert coincast("import", prices).out.splitlines()[-1].startswith("stored: 0 new candles, 89 known before")
    (market,) = coincast("data", "list", "--json").json["markets"]
    assert (market["market"], market["interval"], market["rows"], market["gaps"]) == ("file:BTC/EUR", "1d", 89, 1)
    assert "file:BTC/EUR" in coincast("data", "list").out
    checked = coincast("data", "check", "file:BTC/EUR")
    assert checked.code == 0
    assert checked.out.startswith("file:BTC/EUR 1d: 89 candles\n")
    assert [row["kind"] for row in coincast("data", "check", "--json").json["findings"]][:1] == ["unknown volume"]


def test_check_stores_nothing(coincast: Run, prices: Path) -> None:
    answer = coincast("import", prices, "--check")
    assert "checked: 1 of 1 can be stored; nothing was (--check)" in answer.out
    assert coincast("data", "list").out.startswith("the store is empty")


def test_a_refused_file_stands_in_the_way_of_no_other(coincast: Run, prices: Path, tmp_path: Path) -> None:
    bad = tmp_path / "eth.csv"
    bad.write_text("date,close\n2031-01-01,5\n2031-01-02,0\n2031-01-03,6\n")
    answer = coincast("import", bad, prices, tmp_path / "gone.csv")
    assert answer.code == 3
    assert answer.err.splitlines() == [
        "coincast: eth.csv: 1 row cannot be true: row 2 (2031-01-02: close 0.0)",
        "leave such rows out with --on-bad drop, or keep what can stand with --on-bad keep",
        f"coincast: no such file: {tmp_path / 'gone.csv'}; check the name, or give the whole path",
    ]
    assert read_stored("file:BTC/EUR", "1d").height == 89
    dropped = coincast("import", bad, "--on-bad", "drop", "--json").json["files"][0]
    assert (dropped["rows"], dropped["left_out"][0]["row"]) == (2, 2)


def test_another_price_is_refused_unless_it_shall_replace(coincast: Run, prices: Path) -> None:
    coincast("import", prices)
    prices.write_text(prices.read_text().replace("2031-01-02,101.0", "2031-01-02,150.0"))
    answer = coincast("import", prices)
    assert answer.code == 3
    assert "the 1d candle of file:BTC/EUR that opens 2031-01-02 00:00 UTC is stored with the close 101" in answer.err
    assert coincast("import", prices, "--replace", "--json").json["files"][0]["revised"] == 1
    assert read_stored("file:BTC/EUR", "1d")["close"][1] == 150


def test_the_export_is_the_store(coincast: Run, prices: Path, tmp_path: Path) -> None:
    coincast("import", prices)
    stored = read_stored("file:BTC/EUR", "1d")
    for ending in ("csv", "parquet"):
        assert coincast("data", "export", "file:BTC/EUR", "--out", tmp_path / f"btc.{ending}").code == 0
        assert cc.read_candles(tmp_path / f"btc.{ending}").equals(stored)
    coincast("data", "export", "file:BTC/EUR", "--since", "2031-02-01", "--out", tmp_path / "BTC_EUR-1d.feather")
    feather = pl.read_ipc(tmp_path / "BTC_EUR-1d.feather")
    assert feather.columns == ["date", "open", "high", "low", "close", "volume"]
    assert feather["close"].to_list() == stored.filter(pl.col("open_time").dt.month() > 1)["close"].to_list()
    before = (tmp_path / "btc.csv").read_bytes()
    export = ("data", "export", "file:BTC/EUR", "--until", "2031-01-05", "--out", tmp_path / "btc.csv")
    again = coincast(*export)
    assert (again.code, (tmp_path / "btc.csv").read_bytes()) == (2, before)
    assert again.err == (
        f"coincast: {tmp_path / 'btc.csv'} is there already; write to another file, or replace it with --replace\n"
    )
    assert coincast(*export, "--replace").code == 0
    assert cc.read_candles(tmp_path / "btc.csv").height == 5
    wrong = coincast("data", "export", "file:BTC/EUR", "--out", tmp_path / "btc.xlsx")
    assert (wrong.code, "allowed: .csv, .parquet, .feather" in wrong.err) == (2, True)


def test_longer_candles_are_made_in_the_store(coincast: Run) -> None:
    hours = cc.simulate("walk", candles=49, interval="1h")
    write_candles(hours, source="simulated", on_conflict="refuse")
    answer = coincast("data", "resample", "simulated:WALK1/USD", "--interval", "1h", "--to", "1d")
    assert answer.out.splitlines() == [
        "left out: 2015-01-03 00:00, 1 of 24 candles are there",
        "simulated:WALK1/USD 1d: 2 candles stored, 1 incomplete left out",
    ]
    assert read_stored("simulated:WALK1/USD", "1d")["close"].to_list() == hours["close"].to_list()[23:48:24]


def test_stored_longer_candles_are_not_replaced_unless_the_user_says_so(coincast: Run) -> None:
    hours, market = cc.simulate("walk", candles=48, interval="1h"), "simulated:WALK1/USD"
    write_candles(hours, source="simulated", on_conflict="refuse")
    days = cc.resample(hours, "1d").candles
    downloaded = days.with_columns(pl.col("close") * 1.5, pl.col("high") * 2)
    write_candles(downloaded, source="binance REST", on_conflict="refuse")
    resample = ("data", "resample", market, "--interval", "1h", "--to", "1d")
    answer = coincast(*resample)
    assert (answer.code, answer.out) == (3, "")
    assert "is stored with the" in answer.err
    assert "nothing of it was written" in answer.err
    assert "--replace" in answer.err
    assert read_stored(market, "1d").equals(downloaded)
    assert coincast(*resample, "--replace").code == 0
    assert read_stored(market, "1d").equals(days)
    assert coincast(*resample).code == 0  # the same again is no conflict


def test_a_broken_file_of_the_store_is_an_answer_of_no(coincast: Run, prices: Path, own_store: Path) -> None:
    coincast("import", prices)
    (file,) = own_store.rglob("2031.parquet")
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 255  # among the values: the description is whole
    file.write_bytes(data)
    write_candles(cc.simulate("walk", candles=9), source="simulated", on_conflict="refuse")
    answer = coincast("data", "check")
    assert answer.code == 5
    assert "2031.parquet is broken: its checksum is not that of its content" in answer.err
    assert answer.out.splitlines()[-1] == "file:BTC/EUR 1d: cannot be read"
    assert "simulated:WALK1/USD 1d: 9 candles" in answer.out
    assert "89 candles" not in answer.out
    assert coincast("data", "check", "simulated:WALK1/USD").code == 0


def test_what_cannot_be_read_hides_nothing_else(coincast: Run, own_store: Path) -> None:
    write_candles(cc.simulate("walk", candles=9), source="simulated", on_conflict="refuse")
    days = pl.datetime_range(pl.datetime(2031, 1, 1), pl.datetime(2031, 1, 9), "1d", time_zone="UTC", eager=True)
    tweets = pl.DataFrame({"date": days, "known_at": days, **{f"column_{n}": float(n) for n in range(40)}})
    write_series("tweets", tweets, source="tweets.csv")
    (own_store / "series" / "foreign.parquet").write_bytes(b"PAR1 no table PAR1")
    place = own_store / "candles" / "simulated-WALK1_USD"
    shutil.copytree(place, own_store / "candles" / "a copy of it")
    (place / "1h").mkdir()
    (place / "1h" / "2015-01.parquet").write_bytes(b"cut")
    listed = coincast("data", "list")
    assert listed.code == 3
    assert [line.split()[:3] for line in listed.out.splitlines()] == [
        *(["market", "interval", "rows"], ["simulated:WALK1/USD", "1d", "9"]),
        *(["name", "rows", "first"], ["tweets", "9", "2031-01-01"]),
    ]
    assert listed.out.splitlines()[-1].split()[4:6] == ["40", "tweets.csv"]
    complaints = listed.err.splitlines()
    assert [line.partition(": ")[0] for line in complaints] == ["coincast"] * 3
    for line, words in zip(complaints, ("a copy of it is no folder of a market", "2015-01", "foreign"), strict=True):
        assert words in line
    document = coincast("data", "list", "--json")
    assert (document.code, len(document.json["broken"])) == (3, 3)
    assert len(document.json["series"][0]["columns"]) == 40
    checked = coincast("data", "check")
    assert (checked.code, checked.err) == (5, listed.err)
    assert checked.out.splitlines()[-4:] == [
        "tweets: outside series, 9 values",
        "a copy of it 1d: cannot be read",
        "simulated:WALK1/USD 1h: cannot be read",
        "foreign outside series: cannot be read",
    ]


def test_what_is_not_there_to_be_checked_is_said(coincast: Run) -> None:
    assert coincast("data", "check").out.startswith("the store is empty; fill it")
    write_candles(cc.simulate("walk", candles=9), source="simulated", on_conflict="refuse")
    for arguments, code, words in (
        (("--interval", "9d"), 2, "unknown interval '9d'; known: 1m 3m"),
        (("--interval", "1h"), 3, "no 1h candles are stored; there are 1d"),
        (("simulated:WALK1/USD", "--interval", "1h"), 3, "no 1h candles of simulated:WALK1/USD are stored; of this"),
        (("simulated:WALK2/USD",), 2, "did you mean 'simulated:WALK1/USD'"),
    ):
        answer = coincast("data", "check", *arguments)
        assert (answer.code, answer.out) == (code, "")
        assert words in answer.err


def test_an_experiment_reads_the_store_and_joins_outside_series(coincast: Run, tmp_path: Path) -> None:
    candles = cc.simulate("walk", candles=300)
    write_candles(candles, source="simulated", on_conflict="refuse")
    mood = pl.DataFrame({"date": candles["open_time"].dt.date(), "mood": [float(day % 11) for day in range(300)]})
    mood.write_csv(tmp_path / "mood.csv")
    (tmp_path / "spec.toml").write_text(
        '[samples]\nfeatures = ["close", "fear_mood"]\n[[models]]\nname = "ar"\n[split]\ntest = 0.3\n'
    )
    answer = coincast(
        *("compare", tmp_path / "spec.toml", "--market", "simulated:WALK1/USD", "--interval", "1d"),
        *("--outside", f"fear={tmp_path / 'mood.csv'}", "--json", "--out", tmp_path / "run"),
    )
    assert answer.code == 0, answer.err
    assert "simulated:WALK1/USD 1d, 300 candles from 2015-01-01 to 2015-10-27, from the store" in answer.err
    assert [next(iter(fact)) for fact in answer.json["files"]] == ["store", "outside"]
    assert "fear_mood" in str(answer.json["inputs"])


@pytest.mark.parametrize("command", [("compare", "--market"), ("forecast",)])
def test_what_the_store_lacks_is_named_with_the_line_that_fetches_it(coincast: Run, command: tuple[str, ...]) -> None:
    answer = coincast(*command, "binance:BTC/USDT", "--interval", "1h")
    assert answer.code == 3
    assert answer.err.splitlines() == [
        f"coincast: no 1h candles of binance:BTC/USDT are stored; {answer.err.splitlines()[0].partition('; ')[2]}",
        "fetch them: coincast download BTC/USDT --exchange binance --interval 1h",
    ]


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_at_a_terminal_is_asked_whether_to_fetch(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    commands: list[str] = []
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: True, write=lambda text: None, flush=lambda: None))
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: answer)
    monkeypatch.setattr("coincast.cli.app", lambda args, **_: commands.append(" ".join(["coincast", *args])))
    line = download_line("binance:BTC/USDT", "1d")
    assert offer_download(NotStoredError("no candles", remedies=[line])) == answer
    assert commands == [line] * answer


def test_nobody_is_asked_where_there_is_no_terminal_or_no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: pytest.fail("nobody can answer"))
    assert not offer_download(NotStoredError("no candles", remedies=[download_line("binance:BTC/USDT", "1d")]))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    assert not offer_download(NotStoredError("no candles", remedies=[download_line("file:BTC/USD", "1d")]))
