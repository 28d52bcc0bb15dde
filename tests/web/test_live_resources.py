"""Forecasts, track record, ledger and leaderboard, beside what the ledger itself says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.live.ledger import Ledger, read_anchor, running, verify
from coincast.live.places import live_places
from coincast.web import answers, recent
from coincast.web.app import guard
from coincast.web.ids import market_id
from coincast.web.site import Site

MARKET, INTERVAL, DAY = "simulated:WALK1/USD", "1d", 86_400_000
PRICES = (100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, 60)))).tolist()


@pytest.fixture(scope="module")
def written(write_ledger: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of 59 scored forecasts, one late one and one outage; each entry waits for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCAST_HOME", str(tmp_path_factory.mktemp("written")))
        return write_ledger(PRICES, late=True)


@pytest.fixture
def ledger(written: Path, home: Path) -> Path:
    """A copy of it in a test's own home."""
    path = live_places().ledger
    path.parent.mkdir(parents=True)
    return Path(shutil.copy(written, path))


def test_the_newest_forecast_stands_beside_naive(client: Any, ledger: Path, candles: pl.DataFrame) -> None:
    [told] = client.json("forecasts")["items"]
    last = PRICES[-1]
    assert (told["market"], told["model"], told["is_late"]) == (MARKET, "lstm", True)
    assert told["market_id"] == market_id(MARKET, INTERVAL)
    [step] = told["steps"]
    assert (step["value"], step["naive"]) == pytest.approx((1.01 * last, last))
    assert step["target_time"] == told["origin"] + DAY
    assert step["quantiles"]["q05"] == pytest.approx(0.99 * 1.01 * last)
    assert step["naive_quantiles"]["q95"] is None  # it has no end
    assert step["actual"] is None
    with Ledger.open(ledger, write=False) as opened:
        [expected] = running(opened)
    assert (told["verdict"]["word"], told["verdict"]["n"]) == (expected.verdict, 59)
    assert told["verdict"]["sentence"] == expected.sentence


def test_the_record_counts_what_a_loop_counts(client: Any, ledger: Path) -> None:
    told = client.json("track-record")
    [record] = told["items"]
    pairs = list(pairwise(PRICES))
    missed = [actual for last, actual in pairs if not 0.99 * 1.01 * last <= actual <= 1.01 * 1.01 * last]
    assert record["misses_total"] == len(missed)
    assert [one["actual"] for one in record["misses"]] == pytest.approx(missed[::-1])
    error, naive = (np.mean([abs(np.log(v * a / b)) for a, b in pairs]) for v in (1.01, 1.0))
    assert record["skill"] == pytest.approx(1 - error / naive)
    ninety = next(one for one in record["coverage"] if one["percent"] == 90)
    assert ninety["covered"] == pytest.approx(1 - len(missed) / 59)
    assert record["over_time"]["n"][-1] == 59
    assert record["over_time"]["skill"][-1] == pytest.approx(record["skill"])
    assert (record["late_total"], told["outages_total"]) == (1, 1)
    assert told["outages"][0]["reason"] == "network"


def test_entries_come_in_pages_and_hold_what_was_hashed(client: Any, ledger: Path) -> None:
    numbers, cursor = [], None
    while True:
        page = client.json("ledger/entries", params={"limit": 50} | ({"cursor": cursor} if cursor else {}))
        numbers += [entry["number"] for entry in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert numbers == list(range(page["total"], 0, -1))
    first = client.json("ledger/entries", params={"kind": "forecast", "limit": 1})["items"][0]
    with Ledger.open(ledger, write=False) as opened:
        assert first["body"] == opened.entry(first["number"]).body  # type: ignore[union-attr]


def test_the_anchor_proves_the_ledger(client: Any, ledger: Path) -> None:
    told = client.json("ledger")
    assert verify(ledger, read_anchor(told["anchor"])).ok
    assert told["entries"] == client.json("health")["ledger"]["entries"]


def test_the_leaderboard_has_the_live_verdict_and_explains_itself(client: Any, ledger: Path) -> None:
    told = client.json("leaderboard")
    [row] = told["items"]
    assert (row["source"], row["model"], row["n"]) == ("ledger", "lstm", 59)
    explained = {column["name"] for column in told["columns"]}
    assert set(row) - {"sentence", "run_id", "run"} <= explained
    assert all(column["words"] for column in told["columns"])
    assert client.json("leaderboard", params={"source": "run"})["items"] == []


def test_a_real_ledger_is_shown_before_a_simulated_one(client: Any, write_ledger: Callable[..., Path]) -> None:
    write_ledger(PRICES[:5], simulated=True)
    told = client.json("health")
    assert told["simulated"]
    assert "imulated" in told["banner"]
    write_ledger(PRICES[:9])
    told = client.json("health")
    assert (told["simulated"], told["banner"]) == (False, None)
    assert client.json("track-record")["items"][0]["n"] == 8


def test_a_new_score_is_seen_at_once(
    client: Any, write_ledger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LONGEST_WAIT", 60.0)
    write_ledger(PRICES[:5])
    assert client.json("track-record")["items"][0]["n"] == 4
    write_ledger(PRICES[:6])  # what is there already is not entered again
    assert client.json("track-record")["items"][0]["n"] == 5


def test_nobody_waits_for_a_record_that_takes_long(
    site: Site, client: Any, write_ledger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LONGEST_WAIT", 0.0)
    write_ledger(PRICES[:5])
    assert client.json("track-record")["items"][0]["n"] == 4
    write_ledger(PRICES[:6])
    assert client.json("track-record")["items"][0]["n"] == 4  # the last one, while a new one is made
    deadline = time.monotonic() + 30
    while not any(event.kind == "record" for event in site.hub._kept):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert client.json("track-record")["items"][0]["n"] == 5


def test_a_damaged_ledger_is_as_none(client: Any, home: Path) -> None:
    path = live_places().ledger
    path.parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert client.json("health")["ledger"] is None
    assert client.json("forecasts")["items"] == []


def test_a_slow_reader_of_the_ledger_keeps_nobody_else(
    site: Site, client: Any, ledger: Path, candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ("health", "ledger", "ledger/entries", "forecasts", "leaderboard")
    told = {path: client.json(path) for path in paths}
    monkeypatch.setattr(recent, "FRESH_SECONDS", 60.0)
    narrow = replace(site.settings, limits=replace(site.settings.limits, answer_seconds=5.0))
    impatient = replace(client, app=guard(replace(site, settings=narrow)))
    with site.live.ledger():
        for path in paths:
            answer = impatient.json(path)
            assert answer | {"now": 0} == told[path] | {"now": 0}


@pytest.mark.parametrize("number", ["Infinity", "NaN", "1e999", "1" + 400 * "0", '"x"', "true"])
def test_a_health_file_with_odd_numbers_is_shown_without_them(client: Any, home: Path, number: str) -> None:
    path = live_places().health
    path.parent.mkdir(parents=True)
    facts = ", ".join(f'"{name}": {number}' for name in ("next_close", "now", "simulated"))
    written = round(1000 * time.time())
    path.write_text(f'{{"state": "running", "words": "x", "written_at": {written}, {facts}}}', encoding="utf-8")
    told = client.json("health")["watch"]
    assert (told["state"], told["next_close"], told["exchange_now"], told["speed"]) == ("running", None, None, None)
    path.write_text(f'{{"state": "running", "words": "x", "written_at": {number}}}', encoding="utf-8")
    assert client.json("health")["watch"]["state"] in ("unreadable", "stale")
