"""Which clock counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from coincast.errors import ExchangeError
from coincast.sources.exchange.clocks import choose_clock
from exchange_server.server import ExchangeServer
from exchange_server.world import DAY, HOUR, moment

NOW = moment("2024-03-01T12:34:56")


@pytest.mark.parametrize(
    ("told", "dated", "own", "right"),
    [
        (NOW, NOW, NOW, NOW),
        (NOW + HOUR, NOW + HOUR, NOW, NOW + HOUR),
        (NOW - DAY, NOW, NOW, NOW - DAY),
        (NOW + DAY, None, NOW, NOW + DAY),
        (NOW - 900 * DAY, NOW - 900 * DAY, NOW, NOW - 900 * DAY),  # this machine is wrong, or the exchange asleep
        (NOW + HOUR, NOW - 900 * DAY, NOW, NOW + HOUR),
        (None, NOW - HOUR, NOW, NOW - HOUR),
        (None, NOW - 900 * DAY, NOW, NOW - 900 * DAY),
        (None, None, NOW, NOW),
        (10**18, NOW + HOUR, NOW, NOW + HOUR),
        (10**400, NOW, NOW, NOW),
        (-5, NOW, NOW, NOW),
        (0, NOW, NOW, NOW),
        (moment("2100-01-01"), NOW, NOW, NOW),
    ],
)
def test_a_clock_that_another_one_bears_out(told: int | None, dated: int | None, own: int, right: int) -> None:
    time, note = choose_clock(told, dated, own, venue="binance")
    assert time == right
    assert (note is None) == (told is None or time == told)


@pytest.mark.parametrize(
    ("told", "dated", "words"),
    [
        (10**18, None, "it is a time beyond all calendars, and this machine that it is 2024-03-01 12:34 UTC"),
        (-5, None, "1969-12-31 23:59 UTC"),
        (NOW + 4 * DAY, None, "2024-03-05 12:34 UTC"),
        (NOW + 900 * DAY, NOW + 900 * DAY, "2026-08-18"),
        (-5, NOW - 900 * DAY, "1969-12-31"),
        (None, NOW + 900 * DAY, "2026-08-18"),
    ],
)
def test_clocks_that_cannot_be_right(told: int | None, dated: int | None, words: str) -> None:
    with pytest.raises(ExchangeError, match="binance says that it is") as caught:
        choose_clock(told, dated, NOW, venue="binance")
    assert words in str(caught.value)


@pytest.mark.parametrize("told", [10**18, -5, moment("2100-01-01"), "soon", None])
def test_what_an_exchange_tells_is_not_believed_blindly(
    told: Any, start_exchange: Callable[..., ExchangeServer], get: Callable[..., Any], stored: Callable[..., Any]
) -> None:
    """The dates of its answers are right, and so is this machine's clock."""
    server = start_exchange("binance", now=None)
    pages = server.venue.pages
    server.venue = replace(
        server.venue, pages=lambda *asked: pages(*asked) | {"/api/v3/time": lambda: {"serverTime": told}}
    )
    since = server.world.clock() // HOUR * HOUR - 5 * HOUR
    result = get(server, interval="1h", since=datetime.fromtimestamp(since / 1000, UTC))
    assert result.error is None
    assert stored("binance:BTC/USDT") == server.world.truth("BTC/USDT", "1h", since)
    assert any("which cannot be; the date of its answers counts" in note for note in result.notes) == (
        isinstance(told, int)
    )
