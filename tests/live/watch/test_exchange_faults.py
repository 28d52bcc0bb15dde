"""The fault matrix of the downloads under the loop, through the real client: right, or the gap is an entry.

Whatever an exchange does at a close, afterwards every close has a forecast or an outage, what counts as on time stands
on the right close, every settled candle is scored with the right value, and the store holds the right candles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import polars as pl
import pytest

from coincast.candles.store import read_stored
from coincast.live.ledger import verify
from coincast.live.watch.feed import ExchangeFeed
from coincast.live.watch.loop import open_watch
from exchange_server.faults import Fault
from exchange_server.server import ExchangeServer
from exchange_server.watching import START, Scene
from exchange_server.world import HOUR

MakeScene = Callable[..., Scene]

PASSING = {
    "429": Fault("status", status=429),
    "429 with Retry-After": Fault("status", status=429, retry_after=7),
    "500": Fault("status", status=500),
    "502": Fault("status", status=502, times=2),
    "cut": Fault("cut"),
    "broken JSON": Fault("broken_json"),
    "HTML": Fault("html"),
    "drip": Fault("drip", pause=0.05),
    "drop": Fault("drop"),
    "empty": Fault("empty"),
    "repeat": Fault("repeat"),
    "short at the end": Fault("short", where="end"),
    "short at the start": Fault("short", where="start"),
    "short in the middle": Fault("short", where="middle"),
    "shuffle": Fault("shuffle"),
    "duplicate, right one first": Fault("duplicate"),
    "duplicate, wrong one first": Fault("duplicate", where="start"),
}
"""Once: a forecast is still on time."""

LASTING = {
    "429 for good": (Fault("status", status=429, times=None), "exchange"),
    "418": (Fault("status", status=418, retry_after=3 * 3600, times=None), "exchange"),
    "451": (Fault("status", status=451, times=None), "exchange"),
    "500 for good": (Fault("status", status=500, times=None), "exchange"),
    "maintenance": (Fault("maintenance", times=None), "maintenance"),
    "drop for good": (Fault("drop", times=None), "network"),
    "HTML for good": (Fault("html", times=None), "exchange"),
    "empty for good": (Fault("empty", times=None), "exchange"),
}
"""From one close on, for two and a half hours."""


OFTEN = {"429 with Retry-After", "cut", "repeat", "short at the end", "duplicate, wrong one first", "drop"}
OFTEN |= {"maintenance", "drop for good"}
"""Those of every test run; the others are left to the long ones."""


def each(cases: Iterable[str]) -> list[Any]:
    """The names of cases, most of them marked as long."""
    return [pytest.param(name, marks=() if name in OFTEN else pytest.mark.long) for name in cases]


@pytest.fixture(scope="module")
def server() -> Iterator[ExchangeServer]:
    with ExchangeServer("binance") as running:
        yield running


@pytest.fixture
def make(server: ExchangeServer, make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scene]:
    """A loop that asks a server through ccxt, less often than others where it is in vain."""
    monkeypatch.setattr("coincast.live.watch.connection.LONGEST_PAUSE", 1200.0)
    monkeypatch.setattr("coincast.live.watch.connection.FIRST_PAUSE", 100.0)
    monkeypatch.setattr("coincast.live.watch.forecasting.ASKED", 6)
    monkeypatch.setattr("coincast.live.watch.feed.SHORTEST_DEADLINE", 1.0)

    def start(**settings: Any) -> Scene:
        server.clear()
        scene = make_scene(**settings)
        server.world = scene.world
        folder = scene.feed.folder
        feed = ExchangeFeed(scene.plan, scene.clock, base_url=server.url, folder=folder, speed=60.0)
        scene.watch.feed = scene.watch.keeper._feed = scene.watch.quiet._feed = feed
        return scene

    return start


def hours(n: float) -> int:
    return START + round(n * HOUR)


def check(scene: Scene, last: int) -> None:
    """Everything that must hold after the close of an hour, whatever happened before it."""
    for market, symbol in (("binance:BTC/USDT", "BTC/USDT"), ("binance:ETH/USDT", "ETH/USDT")):
        truth = {row[0] + HOUR: row[4] for row in scene.world.truth(symbol, "1h", hours(-100))}
        made = [body for body in scene.entries("forecast") if body["market"] == market]
        missed = [
            origin for body in scene.entries("outage") if body["market"] in (None, market) for origin in body["missed"]
        ]
        assert sorted([*(body["origin"] for body in made), *missed]) == [hours(hour) for hour in range(1, last + 1)]
        on_time = [body for body in made if not body["late"]]
        assert [body["last_close"] for body in on_time] == [truth[body["origin"]] for body in on_time]
        due = {step["target_time"] for body in on_time for step in body["steps"]} - {hours(last + 1), hours(last + 2)}
        scored = {body["target_time"]: body["actual"] for body in scene.entries("score") if body["market"] == market}
        assert scored == {time: truth[time] for time in due}
        stored = read_stored(market, "1h", folder=scene.feed.folder).select(
            pl.col("open_time").dt.epoch("ms"), "open", "high", "low", "close", "volume"
        )
        assert stored.rows() == scene.world.truth(symbol, "1h", stored["open_time"][0])
        assert stored.height >= 100
    assert verify(scene.ledger.path).ok


@pytest.mark.parametrize("name", each(PASSING))
def test_a_fault_that_passes(name: str, make: Callable[..., Scene], server: ExchangeServer) -> None:
    scene = make()
    open_watch(scene.watch)
    scene.run_until(hours(1.5))
    server.plan(PASSING[name])
    scene.run_until(hours(3.2))
    assert any(request.fault for request in server.requests)
    assert scene.origins() == [1, 2, 3]
    check(scene, 3)


@pytest.mark.long
@pytest.mark.parametrize("name", each(LASTING))
def test_a_fault_that_lasts(name: str, make: Callable[..., Scene], server: ExchangeServer) -> None:
    fault, reason = LASTING[name]
    scene = make()
    open_watch(scene.watch)
    scene.run_until(hours(1.5))
    server.plan(fault)
    scene.run_until(hours(4))
    server.clear()
    scene.run_until(hours(6.2))
    assert {body["reason"] for body in scene.entries("outage")} == {reason}
    assert [hour for hour in scene.origins() if hour != 4] == [1, 5, 6]
    check(scene, 6)


def test_an_exchange_that_is_not_there_when_the_loop_begins(make: Callable[..., Scene], server: ExchangeServer) -> None:
    scene = make()
    server.plan(Fault("drop", on="markets", times=None))
    open_watch(scene.watch)
    scene.run_until(hours(2.5))
    server.clear()
    scene.run_until(hours(4.2))
    assert (scene.origins(), scene.origins(late=True)) == ([3, 4], [2])
    check(scene, 4)


def test_only_the_trades_fail(make: Callable[..., Scene], server: ExchangeServer) -> None:
    """The second naive is wanted, and not needed."""
    scene = make()
    server.plan(Fault("status", status=500, on="aggTrades", times=None))
    open_watch(scene.watch)
    scene.run_until(hours(2.2))
    assert scene.origins() == [1, 2]
    assert {body["last_trade"] for body in scene.entries("forecast")} == {None}


@pytest.mark.long
def test_candles_that_are_absent_for_all(make: Callable[..., Scene]) -> None:
    """The exchange was closed for an hour: the closes around it are outages, and what came after is right."""
    scene = make()
    scene.world.outages = ((hours(1), hours(2)),)
    open_watch(scene.watch)
    scene.run_until(hours(7.2))
    assert scene.origins() == [1, 6, 7]
    assert [(body["market"], body["reason"], len(body["missed"])) for body in scene.entries("outage")] == [
        (None, "exchange", 4)
    ]
