"""Files from the web end, whatever the other side does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from coincast.errors import ExchangeError
from coincast.sources.http import fetch_file
from coincast.sources.retry import Patience
from exchange_server.faults import Fault
from exchange_server.server import Answer, ExchangeServer

PATH = "/data/spot/monthly/klines/BTCUSDT/1d/BTCUSDT-1d-2024-01.zip"


def fetch(exchange: ExchangeServer, deadline: float = 0.3, most_bytes: int = 10**7) -> bytes | None:
    return fetch_file(exchange.url + PATH, most_bytes=most_bytes, patience=Patience(attempts=1, deadline=deadline))


def seconds_of(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


@pytest.mark.parametrize("kind", ["drip_head", "drip", "delay"])
def test_a_slow_answer_ends(exchange: ExchangeServer, kind: str) -> None:
    exchange.plan(Fault(kind, on="archive", delay=5 * (kind == "delay")))

    def run() -> None:
        with pytest.raises(ExchangeError, match="the last answer was no answer in time"):
            fetch(exchange)

    assert 0.25 < seconds_of(run) < 2
    assert fetch(exchange, 20) is not None


def test_the_words_of_an_error_may_drip_too(exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "answer", lambda *_: Answer(500, b"x" * 3000))
    exchange.plan(Fault("drip", on="archive"))

    def run() -> None:
        with pytest.raises(ExchangeError, match="no answer in time"):
            fetch(exchange)

    assert seconds_of(run) < 2


def test_nobody_is_followed_to_another_address(exchange: ExchangeServer) -> None:
    """Its answer never ends, and is not read."""
    exchange.plan(Fault("redirect", on="archive", pause=0.001))

    def run() -> None:
        with pytest.raises(ExchangeError, match=r"sends the request on to another address \(HTTP 302\)"):
            fetch(exchange, 20)

    assert seconds_of(run) < 2
    assert len(exchange.requests) == 1


def test_a_large_file_has_more_time(exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six seconds of bytes at the slowest speed that is allowed, in a little more than the deadline."""
    body = b"x" * 6 * 2**14
    monkeypatch.setattr("exchange_server.server._Handler._drip", send_in_parts)
    exchange.files[PATH] = body
    exchange.plan(Fault("drip", on="archive"))
    assert fetch(exchange, 1.0) == body


def send_in_parts(handler: Any, body: bytes, *_: object) -> None:
    for start in range(0, len(body), 2**12):
        handler.wfile.write(body[start : start + 2**12])
        time.sleep(0.05)
