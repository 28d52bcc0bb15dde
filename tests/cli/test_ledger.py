"""coincast ledger show | verify | anchor | export | add."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.candles.store import write_candles
from coincast.live.ledger import (
    CAUTION,
    Ledger,
    LiveForecast,
    LiveStep,
    append_forecast,
    append_outage,
    append_score,
    submission,
)
from coincast.live.places import live_places

Run = Callable[..., Any]
HOUR = 3_600_000
BEGUN = 1_700_000_000_000 // HOUR * HOUR
MARKET = "simulated:SIMBTC/USDT"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def fill(ledger: Path, count: int = 30) -> None:
    with Ledger.open(ledger, write=True, now=BEGUN) as opened:
        for number in range(count):
            origin, price = BEGUN + number * HOUR, 100.0 + number % 7
            if number:
                append_score(opened, MARKET, "1h", origin, price, origin + 900)
            for model in ("lstm", "alice (given)"):
                step = LiveStep(1, origin + HOUR, price + 0.5, {"q10": price - 1, "q90": price + 1})
                source = "outside:alice" if model == "alice (given)" else "coincast"
                one = LiveForecast(MARKET, "1h", model, origin, 180_000, origin, price, (step,), source)
                append_forecast(opened, one, origin + 1500)
        span = {"since": origin, "until": origin + HOUR, "now": origin + HOUR}
        append_outage(opened, reason="network", words="no answer", missed=[origin], **span)


def test_show(coincast: Run) -> None:
    fill(live_places().ledger)
    answer = coincast("ledger", "show", "--last", 4)
    assert (answer.code, answer.err) == (0, "")
    assert max(map(len, answer.out.splitlines())) <= 130
    assert answer.out.count("alice (given)") >= 3
    for words in (
        "better",
        "The LSTM forecast misses by",
        "network, all markets, forecasts missed: 1",
        "91 entries in",
        CAUTION,
    ):
        assert words in answer.out
    document = coincast("ledger", "show", "--json", "--market", MARKET, "--last", 2).json
    assert [row["model"] for row in document["forecasts"]] == ["lstm", "alice (given)"]
    assert document["head"]["count"] == 91
    assert {row["n"] for row in document["verdicts"]} == {29}
    assert document["anchor"].startswith("coincast-anchor v1 count=91 ")
    assert document["caution"] == CAUTION
    unknown = coincast("ledger", "show", "--market", "binance:BTC/USDT")
    assert (unknown.code, MARKET in unknown.err) == (2, True)


def test_without_a_ledger(coincast: Run) -> None:
    for command in (["show"], ["verify"], ["anchor"], ["export", "--out", "x.csv"]):
        answer = coincast("ledger", *command)
        assert answer.code == 3
        assert "there is no ledger at" in answer.err


def test_simulated_time_says_so(coincast: Run) -> None:
    fill(live_places(simulated=True).ledger, 2)
    assert coincast("ledger", "show").code == 3
    answer = coincast("ledger", "show", "--simulated")
    assert answer.out.startswith("Simulated time: prices made by this program")
    assert coincast("ledger", "show", "--ledger", live_places(simulated=True).ledger).code == 0


def test_verify_with_and_without_an_anchor(coincast: Run, tmp_path: Path) -> None:
    ledger = live_places().ledger
    fill(ledger)
    answer = coincast("ledger", "verify")
    assert (answer.code, answer.out) == (0, "consistent, not anchored; entries: 91\n")
    line = coincast("ledger", "anchor").out
    (tmp_path / "anchor.txt").write_text(line)
    for given in (line, tmp_path / "anchor.txt"):
        answer = coincast("ledger", "verify", "--anchor", given)
        assert answer.code == 0
        assert answer.out.startswith("consistent up to the anchor of 2023-11-1")
    with closing(sqlite3.connect(ledger)) as connection:
        for name in ("never_changed", "never_deleted"):
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM entries WHERE number > 80")
        connection.execute("UPDATE entries SET made_at = made_at + 1 WHERE number = 7")
        connection.commit()
    answer = coincast("ledger", "verify", "--anchor", line)
    assert answer.code == 5
    for words in (
        "not consistent",
        "'never_changed' is missing",
        "entry 7: it is not what",
        "entry 81: it and all up to",
    ):
        assert words in answer.out
    document = coincast("ledger", "verify", "--json").json
    assert (document["ok"], document["entries"]) == (False, 80)
    assert coincast("ledger", "verify", "--anchor", "nonsense").code == 2


def test_export(coincast: Run, elsewhere: Path) -> None:
    fill(live_places().ledger, 5)
    answer = coincast("ledger", "export", "--out", "f.csv", "--on-time")
    assert (answer.code, answer.out) == (0, "f.csv: 10 rows of forecasts\n")
    assert pl.read_csv(elsewhere / "f.csv")["actual"].null_count() == 2
    assert coincast("ledger", "export", "--out", "f.csv").code == 2
    document = coincast("ledger", "export", "--out", "e.jsonl", "--what", "entries", "--json").json
    assert (document["rows"], document["what"]) == (16, "entries")


@pytest.fixture
def today(tmp_path: Path) -> Path:
    """A table with a forecast from the last close of a daily market that is stored, and the one before."""
    candles = cc.simulate("walk", candles=120, seed=3)
    day = 86_400_000
    last = int(candles["close_time"].dt.epoch("ms")[-1])
    shift = int(time.time() * 1000) // day * day - last
    moved = candles.with_columns(pl.col("open_time", "close_time") + pl.duration(milliseconds=shift))
    write_candles(moved, source="simulated", on_conflict="refuse")
    days = [datetime.fromtimestamp((last + shift + k * day) / 1000, UTC).date() for k in (-1, 0, 1)]
    path = tmp_path / "mine.csv"
    path.write_text(f"origin,target_time,predicted\n{days[0]},{days[1]},100\n{days[1]},{days[2]},101\n")
    return path


def test_add(coincast: Run, today: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "PATIENCE_SECONDS", 0.0)
    given = ["ledger", "add", today, "--name", "alice", "--market", "simulated:WALK1/USD", "--interval", "1d"]
    answer = coincast(*given)
    assert answer.code == 0
    assert answer.out.splitlines()[-1].startswith("2 forecasts entered, ")
    assert coincast(*given, "--json").json["known"] == 2
    with Ledger.open(live_places().ledger, write=True):
        answer = coincast(*given)
        assert "2 forecasts handed to the process that writes" in answer.out
    assert len(list(live_places().inbox.glob("*.json"))) == 1
    assert coincast("ledger", "verify").code == 0
    shown = coincast("ledger", "show", "--json").json["forecasts"]
    assert {row["model"] for row in shown} == {"alice (given)"}
    assert coincast(*given, "--simulated").code == 2
    refused = coincast(*given[:-3], "simulated:OTHER/USD", "--interval", "1d")
    assert refused.code == 3
    assert "coincast download" in refused.err
