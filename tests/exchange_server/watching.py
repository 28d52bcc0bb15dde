"""A loop whose clock is turned by hand, an exchange that answers from memory, and a model without a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from coincast.candles.store import write_candles
from coincast.candles.table import make_candles
from coincast.errors import CoincastError
from coincast.live.ledger import Ledger
from coincast.live.watch.loop import turn
from coincast.live.watch.plan import Plan, WatchedMarket
from coincast.live.watch.state import Watch
from coincast.sources.exchange.client import LastTrade
from coincast.sources.exchange.paging import to_time
from coincast.sources.exchange.task import Tally
from coincast.sources.retry import Clock, Stopped
from exchange_server.world import HOUR, Listing, World, moment

START = moment("2024-03-01T12:00")
SPEC: dict[str, Any] = {
    "data": {"markets": ["binance:BTC/USDT", "binance:ETH/USDT"], "interval": "1h"},
    "samples": {"lookback": 4, "horizon": 2},
    "models": ["naive"],
    "watch": {"history": 100, "retrain": "never", "grace": 2.0, "allowance": 60.0, "settle": 30.0},
}


class HandClock(Clock):
    """Stands still unless it is moved; a sleep moves it. `asleep` moves the wall alone, as a machine that sleeps."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self.seconds, self.slept = start / 1000, 0.0

    def wall(self) -> float:
        return self.seconds + self.slept

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        if self.stopping.is_set():
            raise Stopped
        self.seconds += seconds

    def asleep(self, seconds: float) -> None:
        self.slept += seconds

    @property
    def now(self) -> int:
        return round(1000 * self.wall())


@dataclass
class MemoryFeed:
    """A feed that answers from the tests' world.

    Attributes:
        error: raised by every question while it is there.
        hidden: (symbol, open time) of candles that the exchange does not show yet.
        seconds: that an answer takes.
    """

    plan: Plan
    clock: HandClock
    world: World
    folder: Path
    error: CoincastError | None = None
    hidden: set[tuple[str, int]] = field(default_factory=set)
    seconds: float = 0.0
    connections: int = 0
    _ahead: float = 0.0

    def connect(self) -> None:
        self._answer()
        self.connections += 1
        self.read_clock()

    def now(self) -> int:
        return round(1000 * (self.clock.monotonic() + self._ahead))

    def read_clock(self) -> int:
        self._answer()
        before = self.now()
        self._ahead = self.world.clock() / 1000 - self.clock.monotonic()
        return self.now() - before

    def newest(self, market: WatchedMarket, since: int) -> pl.DataFrame:
        self._answer()
        return self._candles(market, since)

    def last_trade(self, market: WatchedMarket) -> LastTrade | None:
        trade = self.world.last_trade(market.symbol)
        return trade and LastTrade(trade.price / 100, trade.time)

    def fill(self, market: WatchedMarket, since: int) -> Tally:
        self._answer()
        candles = self._candles(market, since)
        tally = Tally()
        if candles.height:
            written = write_candles(candles, source="memory", on_conflict="replace", folder=self.folder)
            tally.added, tally.revised = written.added, written.revised
        return tally

    def _answer(self) -> None:
        self.clock.seconds += self.seconds
        if self.error:
            raise self.error

    def _candles(self, market: WatchedMarket, since: int) -> pl.DataFrame:
        until = self.now() - self.plan.grace
        rows = [
            candle.row
            for candle in self.world.candles(market.symbol, self.plan.interval, since, until)
            if candle.close_time <= until and (market.symbol, candle.open_time) not in self.hidden
        ]
        columns = pl.DataFrame(rows, schema=["open_time", "open", "high", "low", "close", "volume"], orient="row")
        columns = columns.with_columns(pl.col("open_time").cast(pl.Datetime("ms", "UTC")))
        return make_candles(columns, market=market.name, interval=self.plan.interval) if rows else columns


class PlainModel:
    """Says that the price rises by a thousandth per candle, from any four candles in a row."""

    rows = 4

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.asked = 0

    def forecast(self, candles: pl.DataFrame) -> Any:
        self.asked += 1
        rows = [row for (_,), table in candles.group_by("market") for row in self._rows(table.sort("open_time"))]
        return SimpleNamespace(
            forecasts=pl.DataFrame(rows),
            intervals=None,
            naive_intervals=None,
            fingerprints={"model": "plain"},
            missing={},
        )

    def _rows(self, table: pl.DataFrame) -> Iterator[dict[str, Any]]:
        last = table.tail(4)
        if last.height < 4 or last["open_time"][0] != to_time(
            round(last["open_time"][-1].timestamp() * 1000) - 3 * self.plan.length
        ):
            raise CoincastError(f"{table['market'][0]} has a gap")
        origin, close = last["close_time"][-1], last["close"][-1]
        for step in (1, 2):
            yield {
                "market": table["market"][0],
                "interval": self.plan.interval,
                "model": "plain",
                "run": 0,
                "quantity": "price",
                "trained_until": to_time(round(origin.timestamp() * 1000) - 10 * self.plan.length),
                "origin": origin,
                "step": step,
                "target_time": to_time(round(origin.timestamp() * 1000) + step * self.plan.length),
                "value": close * 1.001**step,
                "last_close": close,
            }


class Nursery:
    """Holds a model; trains none."""

    fault = None

    def __init__(self, model: Any) -> None:
        self.model = model
        self.waiting: Any = None

    def tend(self, origin: int, **_: Any) -> bool:
        if self.waiting is None:
            return False
        self.model, self.waiting = self.waiting, None
        return True

    def stop(self) -> None:
        pass

    def describe(self) -> tuple[None, dict[str, Any]]:
        return None, {}


@dataclass
class Scene:
    """A loop and everything around it.

    Attributes:
        lines: what it said.
    """

    watch: Watch
    clock: HandClock
    feed: MemoryFeed
    world: World
    ledger: Ledger
    plan: Plan

    def run_until(self, time: int) -> None:
        """Turn after turn until the exchange's clock shows a time."""
        while self.world.clock() < time:
            wait = turn(self.watch)
            self.clock.sleep(min(wait, max(0.0, (time - self.world.clock()) / 1000)))
        turn(self.watch)

    def entries(self, kind: str) -> list[Mapping[str, Any]]:
        return [entry.body for entry in self.ledger.entries(kind=kind)]

    def origins(self, market: str = "binance:BTC/USDT", *, late: bool = False) -> list[int]:
        """Hours after the start of the forecasts of a market, on time or late."""
        found = [body for body in self.entries("forecast") if body["market"] == market and body["late"] == late]
        return [(body["origin"] - START) // HOUR for body in found]


def make_world(clock: HandClock, **settings: Any) -> World:
    """The tests' world, at the time of a clock."""
    listings = (Listing("BTC/USDT"), Listing("ETH/USDT", price=2_000))
    world = World(listings, **settings)
    world.clock = lambda: clock.now + world.skew  # type: ignore[method-assign]
    return world
