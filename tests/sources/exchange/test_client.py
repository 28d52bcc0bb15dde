"""A connection: its addresses, its deadline, the words of its failures."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import ccxt
import pytest
import requests

from coincast.errors import CoincastError, ExchangeError, MaintenanceError, RefusedError, UsageError
from coincast.sources.exchange.client import find_base_url, rewrite_urls
from coincast.sources.exchange.failures import explain
from coincast.sources.exchange.web import Session
from coincast.sources.replies import Reply, give_up
from coincast.sources.retry import Patience, Stopped, TemporaryError
from exchange_server.faults import Fault
from exchange_server.server import ExchangeServer


def test_scheme_and_host_are_replaced_everywhere() -> None:
    urls = {"api": {"public": "https://api.{hostname}/v3", "deep": {"x": "wss://stream.example.com:9/ws?a=1"}}, "n": 1}
    assert rewrite_urls(urls, "http://127.0.0.1:8000") == {
        "api": {"public": "http://127.0.0.1:8000/v3", "deep": {"x": "http://127.0.0.1:8000/ws?a=1"}},
        "n": 1,
    }
    assert rewrite_urls("https://api.example.com/v3", "http://proxy/binance/") == "http://proxy/binance/v3"


@pytest.mark.parametrize("venue", ["binance", "okx", "bybit", "kucoin", "kraken", "gate", "bitstamp"])
def test_no_address_of_an_exchange_is_left(venue: str) -> None:
    found: list[str] = []

    def collect(urls: Any) -> None:
        found.extend([urls] if isinstance(urls, str) else [])
        for value in urls.values() if isinstance(urls, dict) else []:
            collect(value)

    collect(rewrite_urls(getattr(ccxt, venue)().urls["api"], "http://127.0.0.1:1"))
    assert found
    assert all(url.startswith("http://127.0.0.1:1/") or url == "http://127.0.0.1:1" for url in found)


def test_the_address_given_comes_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINCAST_BINANCE_URL", "http://there")
    assert find_base_url("binance", "http://here") == "http://here"
    assert find_base_url("binance", None) == "http://there"
    assert find_base_url("kraken", None) is None
    monkeypatch.setenv("COINCAST_BINANCE_URL", "there")
    with pytest.raises(UsageError, match="COINCAST_BINANCE_URL 'there' is no address"):
        find_base_url("binance", None)


# ---------------------------------------------------------------- the deadline


def test_a_dripping_answer_ends(exchange: ExchangeServer) -> None:
    session = Session(0.3)
    exchange.plan(Fault("drip", on="markets", pause=0.05))
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        session.request("GET", f"{exchange.url}/api/v3/exchangeInfo")
    assert time.monotonic() - began < 2
    assert session.reply is not None
    session.deadline = 20
    assert session.request("GET", f"{exchange.url}/api/v3/time").json()["serverTime"] == exchange.world.clock()


def test_a_silent_server_ends(exchange: ExchangeServer) -> None:
    exchange.plan(Fault("delay", on="markets", delay=1.0))
    session = Session(0.2)
    with pytest.raises(requests.Timeout):
        session.request("GET", f"{exchange.url}/api/v3/time")
    assert session.reply is None


def test_a_header_without_end_ends(exchange: ExchangeServer) -> None:
    """Also on a connection that was kept from the request before."""
    session = Session(20)
    session.request("GET", f"{exchange.url}/api/v3/time")
    exchange.plan(Fault("drip_head", on="markets", times=2))
    session.deadline = 0.3
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(requests.Timeout):
            session.request("GET", f"{exchange.url}/api/v3/time")
        assert time.monotonic() - began < 2
    session.deadline = 20
    assert session.request("GET", f"{exchange.url}/api/v3/time").ok


def test_nobody_is_followed_to_another_address(exchange: ExchangeServer, get: Callable[..., Any]) -> None:
    """Its answer never ends, and is not read."""
    exchange.plan(Fault("redirect", pause=0.001))
    began = time.monotonic()
    error = get(exchange, since="2024-02-01", patience=Patience(deadline=20)).markets[0].error
    assert isinstance(error, ExchangeError)
    assert "binance sends the request on to another address (HTTP 302), which is not followed" in str(error)
    assert time.monotonic() - began < 10
    assert len(exchange.candle_requests()) == 1


def test_a_header_without_end_ends_through_a_proxy_too(exchange: ExchangeServer) -> None:
    """The test server stands for a proxy that passes a request on."""
    exchange.plan(Fault("drip_head", on="markets", times=None))
    session, proxies = Session(0.3), {"http": exchange.url}
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(requests.Timeout):
            session.request("GET", "http://api.example.com/api/v3/time", proxies=proxies)
        assert time.monotonic() - began < 2


def test_a_web_page_is_a_broken_answer(exchange: ExchangeServer) -> None:
    exchange.plan(Fault("html", on="markets"))
    session = Session(5)
    with pytest.raises(requests.ConnectionError):
        session.request("GET", f"{exchange.url}/api/v3/time")
    assert session.reply is not None
    assert not session.reply.is_json


# ---------------------------------------------------------------- failures


NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


def reply(status: int, body: str = "{}", retry_after: str | None = None) -> Reply:
    return Reply(status, NOW, retry_after, body.encode(), 0.0)


@pytest.mark.parametrize(
    ("error", "answer", "kind", "words"),
    [
        (ccxt.ExchangeNotAvailable("451"), reply(451), RefusedError, "refuses your server's country .HTTP 451."),
        (ccxt.RestrictedLocation("no"), reply(200), RefusedError, "refuses your server's country;"),
        (
            ccxt.DDoSProtection("x"),
            reply(418, retry_after="3600"),
            RefusedError,
            "banned .* until 2024-03-01 13:00 UTC",
        ),
        (ccxt.DDoSProtection("x"), reply(418, retry_after="1e300"), RefusedError, "banned this address for good"),
        (ccxt.RateLimitExceeded("x"), reply(429, retry_after="121"), RefusedError, "no more requests .* until"),
        (ccxt.RateLimitExceeded("x"), reply(429, retry_after="120"), TemporaryError, "too many requests"),
        (ccxt.RateLimitExceeded("EAPI:Rate limit"), reply(200), TemporaryError, "too many requests"),
        (ccxt.OnMaintenance("x"), reply(200), MaintenanceError, "closed for maintenance"),
        (ccxt.ExchangeError("x"), reply(503, "<h1>Maintenance</h1>"), MaintenanceError, "closed for maintenance"),
        (ccxt.BadSymbol("binance no such symbol"), reply(500), ExchangeError, "refuses the request: no such symbol"),
        (ccxt.ExchangeError("x"), reply(502), TemporaryError, "HTTP 502"),
        (ccxt.ExchangeNotAvailable("x"), reply(404), ExchangeError, "refuses the request"),
        (ccxt.ExchangeError("x"), reply(302), ExchangeError, "on to another address"),
        (ccxt.RequestTimeout("x"), reply(408), TemporaryError, "HTTP 408"),
        (ccxt.NetworkError("x"), None, TemporaryError, "lost connection"),
        (ccxt.RequestTimeout("x"), None, TemporaryError, "no answer in time"),
        (ccxt.RequestTimeout("x"), reply(200, ""), TemporaryError, "did not come to its end"),
        (ccxt.NetworkError("x"), reply(200, ""), TemporaryError, "cut off"),
        (ccxt.NetworkError("x"), reply(200, "[[1,"), TemporaryError, "no candles"),
        (ccxt.NetworkError("x"), reply(200, "<!DOCTYPE html><html>"), TemporaryError, "a web page"),
        (TypeError("unhashable"), reply(200, "[]"), TemporaryError, "no candles .unhashable."),
        (ccxt.ExchangeNotAvailable("x"), reply(200), TemporaryError, "x"),
        (ccxt.ExchangeError("binance " + "long " * 100), reply(400), ExchangeError, r"long\.?\.?\.?"),
        (Stopped(), reply(200), Stopped, ""),
    ],
)
def test_what_a_failure_means(error: Exception, answer: Reply | None, kind: type[Exception], words: str) -> None:
    meaning = explain(error, answer, "binance", longest_pause=120)
    assert type(meaning) is kind
    assert re.search(words, str(meaning))
    assert len(str(meaning)) < 250


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TemporaryError("x"), ExchangeError),
        (TemporaryError("x", crowded=True), RefusedError),
        (TemporaryError("x", closed=True), MaintenanceError),
    ],
)
def test_what_is_said_when_patience_ends(error: TemporaryError, kind: type[CoincastError]) -> None:
    assert type(give_up(error, "kraken")) is kind
    assert str(give_up(error, "kraken")).startswith("kraken ")
