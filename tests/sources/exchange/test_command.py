"""`coincast download`: what it prints, its exit codes, Ctrl-C, and a short proof with kills."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from coincast.__main__ import main
from coincast.candles.store import read_stored
from exchange_server.faults import Fault
from exchange_server.server import ExchangeServer
from exchange_server.world import DAY, moment


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of its own for each test."""
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def command(exchange: ExchangeServer) -> list[str]:
    return ["download", "--exchange", "binance", "--base-url", exchange.url, "--since", "2024-01-01"]


def test_a_line_for_each_market(
    command: list[str], exchange: ExchangeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "BTC/USDT", "ETH", "NEW/USDT"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "binance:BTC/USDT 1d: 60 added; 60 from 2024-01-01 to 2024-02-29; no gaps",
        "binance:ETH/USDT 1d: 60 added; 60 from 2024-01-01 to 2024-02-29; no gaps",
        "binance:NEW/USDT 1d: 51 added; 51 from 2024-01-10 to 2024-02-29; no gaps",
    ]
    assert err == ""
    exchange.world.revisions["BTC/USDT", "1d", moment("2024-02-29")] = 100
    assert main([*command, "BTC/USDT"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "binance:BTC/USDT 1d: nothing new, 1 revised; 60 from 2024-01-01 to 2024-02-29; no gaps"
    assert re.fullmatch(r"  revised 2024-02-29: open [\d.]+ is [\d.]+ now, high .*, close [\d.]+ is [\d.]+ now", second)


def test_one_json_document(command: list[str], exchange: ExchangeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "DOGE/USDT", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (market,) = document["markets"]
    assert (document["interval"], market["market"], market["error"]) == ("1d", "binance:DOGE/USDT", None)
    right = exchange.world.truth("DOGE/USDT", "1d", moment("2024-01-01"))
    assert (market["added"], market["candles"]) == (len(right), len(right))
    assert moment(market["first"].removesuffix("+00:00")) == right[0][0]
    assert market["missing"] == (right[-1][0] - right[0][0]) // DAY + 1 - len(right)


def test_what_came_is_kept_and_the_worst_error_is_the_exit_code(
    command: list[str], exchange: ExchangeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange.plan(Fault("status", on="symbol=ETHUSDT", status=400, times=None))
    assert main([*command, "BTC/USDT", "ETH/USDT", "--quiet"]) == 4
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("binance:BTC/USDT 1d: 60 added")
    assert out.splitlines()[1] == "binance:ETH/USDT 1d: no candles"
    assert err.startswith("coincast: binance:ETH/USDT: binance refuses the request: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["BTC/UDST"], 2, "unknown market of binance 'BTC/UDST'; did you mean 'BTC/USDT'?"),
        (["BTC/USDT", "--interval", "2d"], 2, "unknown interval '2d'"),
        (["kraken:BTC/USD"], 2, "--exchange binance was asked"),
        ([], 2, "MARKET"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: list[str], code: int, words: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("coincast: ")
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_country_that_is_refused(
    command: list[str], exchange: ExchangeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange.plan(Fault("status", on="markets", status=451, times=None))
    assert main([*command, "BTC/USDT", "--no-archive"]) == 4
    err = capsys.readouterr().err
    assert err.startswith("coincast: binance: the exchange refuses your server's country (HTTP 451)")
    assert len(err.splitlines()) == 1


# ---------------------------------------------------------------- ends


@pytest.fixture
def slow(exchange: ExchangeServer) -> list[str]:
    """A command that takes many pages, each a moment late."""
    exchange.plan(Fault("delay", delay=0.2, times=None))
    arguments = ["download", "BTC/USDT", "--exchange", "binance", "--base-url", exchange.url, "--no-archive"]
    return [sys.executable, "-m", "coincast", *arguments, "--interval", "1m", "--since", "2024-02-01"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT between processes")
def test_ctrl_c_ends_at_once_and_keeps_what_was_stored(slow: list[str], exchange: ExchangeServer, home: Path) -> None:
    process = subprocess.Popen(slow, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not list(home.rglob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 1.5
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1].startswith("coincast: interrupted; what was finished is kept")
    assert "Traceback" not in err
    kept = read_stored("binance:BTC/USDT", "1m")
    right = exchange.world.truth("BTC/USDT", "1m", moment("2024-02-01"), moment("2024-02-01") + kept.height * 60_000)
    assert kept.select(pl.col("open_time").dt.epoch("ms"), "open", "high", "low", "close", "volume").rows() == right


@pytest.mark.slow
def test_the_proof_with_kills_in_small(project: Path) -> None:
    script = project / "proofs" / "kill_downloads.py"
    done = subprocess.run([sys.executable, script, "--kills", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kills, 0 stores differ" in done.stdout


# ---------------------------------------------------------------- progress


def test_progress_is_one_line_per_tenth_where_there_is_no_terminal(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coincast.cli.download.QUICK_SECONDS", 0.0)
    assert main([*command, "BTC/USDT", "--interval", "1h"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 10
    assert lines[-1] == "binance:BTC/USDT: 100%, 1,452 candles, at 2024-03-01"
    assert main([*command, "BTC/USDT", "--interval", "1h", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_progress_is_a_bar_for_each_market_on_a_terminal(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    assert main([*command, "BTC/USDT", "ETH/USDT", "--interval", "1h"]) == 0
    err = capsys.readouterr().err
    for words in ("binance:BTC/USDT", "binance:ETH/USDT", "candles", "100 %"):
        assert words in err
