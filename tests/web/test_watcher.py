"""What changes is told once, whoever changed it; what was there before is not."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coincast.candles.store import write_candles
from coincast.live.places import live_places
from coincast.sources.simulated import simulate
from coincast.web.ids import market_id
from coincast.web.site import Site
from coincast.web.watcher import RUNS_EVERY, Watcher

WALK = market_id("simulated:WALK1/USD", "1d")
DAY = 86_400_000
PRICES = [100.0, 101.0, 99.0, 100.0, 102.0]


@pytest.fixture
def heard(site: Site) -> Callable[[], list[tuple[str, Any]]]:
    """What a look tells."""
    watcher = Watcher(site)

    def look() -> list[tuple[str, Any]]:
        before = site.hub._last
        watcher.look()
        return [(event.kind, json.loads(event.data)) for event in site.hub._kept if event.number > before]

    return look


def test_a_new_candle_is_told(heard: Any, candles: Any) -> None:
    assert heard() == []
    assert heard() == []
    more = simulate("walk", candles=301, seed=3)
    write_candles(more, source="a test", on_conflict="replace")
    [(kind, told)] = heard()
    assert (kind, told["market_id"], told["close"]) == ("candle", WALK, more["close"][-1])
    assert told["close_time"] == more["close_time"].to_physical()[-1]
    assert heard() == []


def test_a_new_market_is_told(heard: Any, home: Path) -> None:
    assert heard() == []
    write_candles(simulate("walk", candles=50, seed=3), source="a test", on_conflict="replace")
    assert [(kind, told["market_id"]) for kind, told in heard()] == [("candle", WALK)]


def test_entries_of_the_ledger_are_told_in_their_order(heard: Any, write_ledger: Callable[..., Path]) -> None:
    write_ledger(PRICES[:3])
    assert heard() == []
    write_ledger(PRICES, late=True)
    told = heard()
    assert [kind for kind, _ in told] == ["forecast", "score", "forecast", "score", "outage", "forecast"]
    assert told[0][1]["origin"] == 3 * DAY
    assert told[1][1]["target_time"] == 4 * DAY
    assert {data["market_id"] for kind, data in told if kind != "outage"} == {WALK}
    numbers = [data["number"] for _, data in told]
    assert numbers == sorted(numbers)
    assert heard() == []


def test_another_ledger_in_its_place_is_told_once(heard: Any, write_ledger: Callable[..., Path]) -> None:
    write_ledger(PRICES, simulated=True)
    assert heard() == []
    write_ledger(PRICES)
    assert heard() == [("reload", {})]
    assert heard() == []


def test_a_sign_of_life_is_told(heard: Any, home: Path) -> None:
    assert heard() == []
    path = live_places().health
    path.parent.mkdir(parents=True)
    path.write_text('{"state": "running", "words": "well", "written_at": 1}', encoding="utf-8")
    [(kind, told)] = heard()
    assert (kind, told["state"]) == ("health", "stale")  # its time is long ago
    path.write_text("{", encoding="utf-8")
    assert [data["state"] for _, data in heard()] == ["unreadable"]
    path.write_text('{"state": "<script>", "words": "x", "written_at": 1}', encoding="utf-8")
    assert [data["state"] for _, data in heard()] == ["unreadable"] or heard() == []


def test_a_run_is_told_when_it_begins_and_when_it_ends(heard: Any, site: Site, home: Path) -> None:
    def looks() -> list[tuple[str, Any]]:
        return [event for _ in range(RUNS_EVERY) for event in heard()]

    assert looks() == []
    folder = home / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "fingerprint").write_text("x", encoding="utf-8")
    assert [data["state"] for _, data in looks()] == ["running"]
    (folder / "run.json").write_text("{}", encoding="utf-8")
    assert [data["state"] for _, data in looks()] == ["finished"]


def test_a_stream_tells_over_a_real_connection(serve: Callable[..., Any], candles: Any) -> None:
    served = serve()
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: old-1\r\n\r\n")
        said = b""
        while b"event: reload" not in said:
            said += connection.recv(4096)
        assert b"content-type: text/event-stream" in said
        assert said.index(b"event: hello") < said.index(b"event: reload")
        assert served.site.hub.reading == 1
        served.site.hub.publish("candle", {"close": 1.5})
        while b'"close": 1.5' not in said:
            said += connection.recv(4096)


def test_what_readers_will_ask_for_is_made_before_they_are_told(
    heard: Any, site: Site, candles: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard()
    write_candles(simulate("walk", candles=301, seed=3), source="a test", on_conflict="replace")
    order: list[str] = []
    monkeypatch.setattr(site.answers, "renew", lambda: order.append("made"))
    monkeypatch.setattr(site.hub, "publish", lambda kind, data: order.append(kind))
    heard()
    assert order == ["made", "candle"]


def test_a_part_that_fails_hinders_no_other_and_is_logged_once(
    heard: Any, site: Site, write_ledger: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail() -> None:
        raise ValueError("a fault")

    write_ledger(PRICES[:2])
    heard()
    monkeypatch.setattr(site.store, "refresh", fail)
    write_ledger(PRICES[:3])
    assert [kind for kind, _ in heard()] == ["forecast", "score"]
    heard()
    assert caplog.text.count("fault of ours while looking") == 1


def test_a_shorter_ledger_in_its_place_is_told(heard: Any, write_ledger: Callable[..., Path]) -> None:
    path = write_ledger(PRICES)
    assert heard() == []
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    write_ledger(PRICES[:2])
    assert heard() == [("reload", {})]
