"""The matrix: everything that can go wrong at five exchanges, through the real ccxt.

Every fault ends in exactly the right candles or in a clear error; in both cases a later download completes the store to
exactly the right candles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from typing import Any, NamedTuple

import pytest

from coincast.errors import CoincastError, ExchangeError, MaintenanceError, RefusedError
from exchange_server.faults import Fault
from exchange_server.server import ExchangeServer
from exchange_server.world import moment

NOW = moment("2024-03-01T12:34:56")
SINCE = {"binance": "2024-01-18", "bitfinex": "2024-02-20", "poloniex": "2024-02-08", "coinbase": "2024-02-17"}
SINCE["kraken"] = "2024-01-29"
"""A little more than a page of hours; one of Bitfinex, and of Kraken one that should have begun earlier."""

LATELY = "2024-03-01"
"""Less than a page."""

KRAKEN_HAS = 719
"""Of its latest 720 candles one is unfinished."""


class Case(NamedTuple):
    """A fault, and the error that it must end in: its class and words of it; None: the right candles at once."""

    fault: Fault
    error: type[ExchangeError] | None = None
    words: str = ""


TRANSPORT = {
    "429": Case(Fault("status", status=429)),
    "429 with Retry-After": Case(Fault("status", status=429, retry_after=7)),
    "429 for good": Case(Fault("status", status=429, times=None), RefusedError, "too much is asked"),
    "418": Case(
        Fault("status", status=418, retry_after=300), RefusedError, "banned this address until 2024-03-01 12:39"
    ),
    "451": Case(Fault("status", status=451), RefusedError, "the exchange refuses your server's country"),
    "403": Case(Fault("status", status=403), RefusedError, "the exchange refuses your server's country"),
    "500": Case(Fault("status", status=500)),
    "502": Case(Fault("status", status=502, times=2)),
    "maintenance": Case(Fault("maintenance", times=None), MaintenanceError),
    "cut": Case(Fault("cut")),
    "broken JSON": Case(Fault("broken_json")),
    "HTML": Case(Fault("html")),
    "drip": Case(Fault("drip", pause=0.05)),
    "drop": Case(Fault("drop")),
}
ONCE = {
    "429 until a date": Case(Fault("status", status=429, retry_after=formatdate(NOW / 1000 + 7, usegmt=True))),
    "429 for hours": Case(Fault("status", status=429, retry_after=7200), RefusedError, "until 2024-03-01 14:34 UTC"),
    "418 without an end": Case(Fault("status", status=418), RefusedError, "does not say how long"),
    "500 for good": Case(Fault("status", status=500, times=None), ExchangeError, "HTTP 500"),
    "HTML for good": Case(Fault("html", times=None), ExchangeError, "a web page and no candles"),
    "drop for good": Case(Fault("drop", times=None), ExchangeError, "lost connection"),
    "drip of a header": Case(Fault("drip_head")),
    "drip of a header for good": Case(Fault("drip_head", times=None), ExchangeError, "did not come to its end"),
    "redirect": Case(Fault("redirect"), ExchangeError, "to another address"),
}
"""Ours alone to tell, whatever the exchange; so one of them is enough."""
CONTENT = {
    "empty": Case(Fault("empty")),
    "repeat": Case(Fault("repeat")),
    "short at the end": Case(Fault("short", where="end")),
    "short at the start": Case(Fault("short", where="start")),
    "short in the middle": Case(Fault("short", where="middle")),
    "shuffle": Case(Fault("shuffle")),
    "duplicate, right one first": Case(Fault("duplicate")),
    "duplicate, wrong one first": Case(Fault("duplicate", where="start")),
}
LATER = {
    "418 later": Case(Fault("status", status=418, retry_after=300, at=2), RefusedError, "banned this address until"),
    "500 for good later": Case(Fault("status", status=500, at=2, times=None), ExchangeError, "HTTP 500"),
    "drop later": Case(Fault("drop", at=2)),
}
CASES = TRANSPORT | CONTENT | LATER


@pytest.fixture(scope="module", params=SINCE)
def server(request: pytest.FixtureRequest) -> Iterator[ExchangeServer]:
    with ExchangeServer(request.param) as running:
        yield running


def right_candles(server: ExchangeServer, since: str) -> list[Any]:
    rows = server.world.truth(f"BTC/{server.venue.quote}", "1h", moment(since))
    return rows[-KRAKEN_HAS:] if server.venue.name == "kraken" else rows


@pytest.mark.parametrize("name", CASES)
def test_right_candles_or_a_clear_error_and_right_in_the_end(
    name: str, server: ExchangeServer, get: Callable[..., Any], stored: Callable[..., Any], clock: Any
) -> None:
    check(CASES[name], LATELY if name in TRANSPORT else SINCE[server.venue.name], server, get, stored, clock)


@pytest.mark.parametrize("name", ONCE)
def test_the_same_of_what_no_exchange_does_in_its_own_way(
    name: str, exchange: ExchangeServer, get: Callable[..., Any], stored: Callable[..., Any], clock: Any
) -> None:
    check(ONCE[name], LATELY, exchange, get, stored, clock)


def check(case: Case, since: str, server: ExchangeServer, get: Any, stored: Any, clock: Any) -> None:
    """A download in which a fault is played, and one after it."""
    market = f"{server.venue.name}:BTC/{server.venue.quote}"
    right = right_candles(server, since)
    server.clear()
    server.plan(case.fault)
    error = get(server, interval="1h", since=since).markets[0].error
    came = stored(market)
    if server.venue.name != "bitfinex" or case.fault.at == 1:  # it has but one page
        assert any(request.fault for request in server.requests)
        if case.error is None:
            assert error is None
            assert came == right
        else:
            check_error(error, case)
            assert set(came) <= set(right)
    if case.fault.retry_after is not None and case.error is None:
        assert max(clock.waits) == pytest.approx(7, abs=0.2)

    server.clear()
    assert get(server, interval="1h", since=since).markets[0].error is None
    assert stored(market) == right


def check_error(error: CoincastError | None, case: Case) -> None:
    assert case.error is not None
    assert isinstance(error, case.error)
    assert error.exit_code == 4
    assert case.words in str(error)
    assert len(str(error)) < 250
    assert "\n" not in str(error)


@pytest.mark.parametrize("name", CONTENT)
def test_a_page_in_the_middle(name: str, get: Callable[..., Any], stored: Callable[..., Any]) -> None:
    """The second of four pages of Coinbase."""
    with ExchangeServer("coinbase") as server:
        server.plan(replace(CASES[name].fault, at=2))
        assert get(server, interval="1h", since="2024-01-15").markets[0].error is None
        assert stored("coinbase:BTC/USD") == server.world.truth("BTC/USD", "1h", moment("2024-01-15"))


def test_two_different_candles_for_good_are_named_and_not_stored(
    get: Callable[..., Any], stored: Callable[..., Any]
) -> None:
    """Kraken answers whatever is asked with the same 720 candles, so that no other page can settle it."""
    with ExchangeServer("kraken") as server:
        right = server.world.truth("BTC/USD", "1h", 0)[-KRAKEN_HAS:]
        server.plan(Fault("duplicate", times=None))
        result = get(server, interval="1h", since="2024-01-20").markets[0]
        assert isinstance(result.error, ExchangeError)
        assert "two different candles for 2024-02-15 13:00 UTC" in str(result.error)
        came = stored("kraken:BTC/USD")
        assert set(came) < set(right)
        assert [row[0] for row in right if row not in came] == [moment("2024-02-15T13:00")]
        server.clear()
        assert get(server, interval="1h", since="2024-01-20").markets[0].error is None
        assert stored("kraken:BTC/USD") == right


@pytest.mark.parametrize(
    "case",
    [
        Case(Fault("html", on="markets")),
        Case(Fault("status", on="markets", status=429, retry_after=3)),
        Case(Fault("status", on="markets", status=451), RefusedError, "country"),
        Case(Fault("html", on="markets", times=None), ExchangeError),
    ],
    ids=lambda case: f"{case.fault.kind} {case.fault.status} {case.fault.times}",
)
def test_faults_before_the_first_candle(
    case: Case, server: ExchangeServer, get: Callable[..., Any], stored: Callable[..., Any]
) -> None:
    server.clear()
    server.plan(case.fault)
    if case.error is not None:
        with pytest.raises(case.error, match=case.words or None):
            get(server, interval="1h", since=LATELY, archive=False)
        server.clear()
    assert get(server, interval="1h", since=LATELY, archive=False).error is None
    assert stored(f"{server.venue.name}:BTC/{server.venue.quote}") == right_candles(server, LATELY)
