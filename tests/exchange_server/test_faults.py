"""Faults come when they were planned and are what they say."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from exchange_server.faults import Fault, Plan, read_faults
from exchange_server.server import ExchangeServer
from exchange_server.world import DAY, moment

JANUARY = moment("2024-01-01")
KLINES = f"/api/v3/klines?symbol=BTCUSDT&interval=1d&startTime={JANUARY}&limit=10"


def get(exchange: ExchangeServer, path: str = KLINES) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(exchange.url + path, timeout=3) as response:
            return response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def opens(exchange: ExchangeServer) -> list[int]:
    return [(row[0] - JANUARY) // DAY for row in json.loads(get(exchange)[1])]


def test_the_nth_request_of_a_kind_is_hit() -> None:
    plan = Plan()
    plan.add(Fault("drop", at=2, times=2), Fault("html", on="symbol=ETH"), Fault("empty", at=5, times=None))
    asked = [("candles", "?symbol=BTC")] * 2 + [("markets", "/time"), ("candles", "?symbol=ETH")]
    asked += [("candles", "?symbol=BTC")] * 3
    found = [plan.next(kind, path) for kind, path in asked]
    assert [fault and fault.kind for fault in found] == [None, "drop", None, "drop", None, "empty", "empty"]


def test_a_status_brings_its_header_and_the_words_of_the_venue(exchange: ExchangeServer) -> None:
    exchange.plan(
        Fault("status", status=429, retry_after=3), Fault("status", status=502, at=2), Fault("maintenance", at=3)
    )
    status, body, headers = get(exchange)
    assert (status, json.loads(body)["code"], headers["Retry-After"]) == (429, -1003, "3")
    status, body, headers = get(exchange)
    assert (status, body[:6], "Retry-After" in headers) == (502, b"<html>", False)
    status, body, _ = get(exchange)
    assert (status, b"maintenance" in body) == (503, True)
    assert get(exchange)[0] == 200


def test_content_that_is_wrong(exchange: ExchangeServer) -> None:
    right = list(range(10))
    kinds = ["empty", "repeat", "short", "shuffle", "duplicate"]
    exchange.plan(*(Fault(kind, at=number + 2) for number, kind in enumerate(kinds)))
    assert opens(exchange) == right
    assert opens(exchange) == []
    exchange.world.now = JANUARY + 8 * DAY
    assert opens(exchange) == right  # what was there before
    assert opens(exchange) == right[:8]
    exchange.world.now = JANUARY + 11 * DAY
    shuffled = opens(exchange)
    assert (sorted(shuffled), shuffled == right) == (right, False)
    rows = json.loads(get(exchange)[1])
    [again] = [row for row, after in zip(rows[1:], rows, strict=False) if row[0] == after[0]]
    assert next(row[4] for row in rows if row[0] == again[0]) != again[4]
    assert opens(exchange) == right


@pytest.mark.parametrize(("where", "missing"), [("start", 0), ("middle", 5), ("end", 9)])
def test_a_page_one_short(exchange: ExchangeServer, where: str, missing: int) -> None:
    exchange.plan(Fault("short", where=where))
    assert sorted(set(range(10)) - set(opens(exchange))) == [missing]


def test_transport_that_breaks(exchange: ExchangeServer) -> None:
    kinds = ("cut", "drop", "broken_json", "html")
    exchange.plan(*(Fault(kind, at=number + 1) for number, kind in enumerate(kinds)))
    with pytest.raises(http.client.IncompleteRead):
        get(exchange)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected, urllib.error.URLError)):
        get(exchange)
    with pytest.raises(json.JSONDecodeError):
        json.loads(get(exchange)[1])
    assert b"<html>" in get(exchange)[1]
    assert [request.fault for request in exchange.requests] == list(kinds)


def test_what_is_slow(exchange: ExchangeServer) -> None:
    exchange.plan(Fault("delay", delay=0.2), Fault("drip", at=2, pause=0.001))
    began = time.monotonic()
    assert get(exchange)[0] == 200
    assert time.monotonic() - began > 0.2
    body = get(exchange, KLINES.replace("limit=10", "limit=2"))[1]
    assert len(json.loads(body)) == 2
    assert time.monotonic() - began > 0.2 + 0.001 * len(body)


def test_requests_are_counted_also_those_at_the_same_time(exchange: ExchangeServer) -> None:
    exchange.plan(Fault("delay", delay=0.2, times=None))
    threads = [threading.Thread(target=get, args=(exchange,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    get(exchange, "/api/v3/time")
    assert exchange.most_at_once == 3
    assert [request.kind for request in exchange.requests] == ["candles"] * 3 + ["markets"]
    assert [request.rows for request in exchange.candle_requests()] == [10] * 3


def test_a_server_ends_although_a_client_holds_on_and_another_drinks_drops(exchange: ExchangeServer) -> None:
    idle = http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=3)
    idle.request("GET", "/api/v3/time")
    idle.getresponse().read()
    exchange.plan(Fault("drip", pause=5))
    slow = http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=3)
    slow.request("GET", KLINES)
    began = time.monotonic()
    exchange.stop()
    exchange.stop = lambda: None  # type: ignore[method-assign]
    assert time.monotonic() - began < 1
    idle.close()
    slow.close()


def test_a_script_that_is_wrong_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown fault 'explode'"):
        read_faults([{"kind": "explode"}])
    with pytest.raises(ValueError, match="unknown key"):
        read_faults([{"kind": "drop", "when": 3}])


def test_it_runs_as_a_program(project: Path, tmp_path: Path) -> None:
    world = {"listings": [{"symbol": "BTC/USDT", "since": "2024-01-03"}], "outages": [["2024-01-05", "2024-01-07"]]}
    (tmp_path / "world.json").write_text(json.dumps(world))
    (tmp_path / "faults.json").write_text(json.dumps([{"kind": "status", "status": 418, "retry_after": 60}]))
    command = [sys.executable, str(project / "tests" / "exchange_server"), "--now", "2024-01-09"]
    command += ["--world", str(tmp_path / "world.json"), "--script", str(tmp_path / "faults.json")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with pytest.raises(urllib.error.HTTPError, match="418") as caught:
                urllib.request.urlopen(url + KLINES, timeout=3)
            caught.value.close()
            with urllib.request.urlopen(url + KLINES, timeout=3) as response:
                rows = json.load(response)
        finally:
            _, _ = process.communicate("", timeout=5)
    assert [(row[0] - JANUARY) // DAY + 1 for row in rows] == [3, 4, 7, 8, 9]
    assert process.returncode == 0
