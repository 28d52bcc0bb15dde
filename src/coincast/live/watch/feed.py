"""The exchange as the loop sees it: its clock, newest candles, last trades, and gaps that are filled in quiet time.

One connection serves all threads, and each thread that asks holds a line of its own, which stays open from close to
close. Tests put another feed in the place of this one.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from coincast.candles.quality import count_mixed_up
from coincast.candles.table import make_candles, parse_market
from coincast.errors import CoincastError, ExchangeError, MaintenanceError
from coincast.live.watch.plan import Plan, WatchedMarket
from coincast.sources.exchange.client import Exchange, LastTrade, find_base_url, import_ccxt
from coincast.sources.exchange.fill import Filler
from coincast.sources.exchange.paging import Row, to_time
from coincast.sources.exchange.symbols import check_venue, find_symbol
from coincast.sources.exchange.task import Tally, Task
from coincast.sources.retry import Clock, Patience

PAGE = 200
"""Candles that every exchange gives in one answer, and most that are asked for at a close."""

LINES = 8
"""Lines that are opened at once; more threads open their own."""

SHORTEST_DEADLINE, LONGEST_DEADLINE = 5.0, 30.0
"""Real seconds that a request is given at least, however short the allowance, and at most; else a third of it."""


class Feed(Protocol):
    """What the loop asks of an exchange. Times are milliseconds since 1970.

    Every method may raise `ExchangeError`.
    """

    def connect(self) -> None:
        """Open the connection, and read the clock."""

    def now(self) -> int:
        """The exchange's time."""

    def read_clock(self) -> int:
        """Read its clock again; milliseconds by which it is ahead of what was believed."""

    def newest(self, market: WatchedMarket, since: int) -> pl.DataFrame:
        """Candles that open from `since` on and closed a grace ago: a page at most; no row where there is none."""

    def last_trade(self, market: WatchedMarket) -> LastTrade | None:
        """The newest trade."""

    def fill(self, market: WatchedMarket, since: int) -> Tally:
        """Store what is missing from `since` on, as `coincast download` does."""


class ExchangeFeed:
    """A feed through ccxt.

    Args:
        plan: what is watched.
        clock: of this machine, or of a simulation.
        base_url: where the exchange is asked instead of at its own address.
        venue: who answers there, where that is not the plan's exchange.
        folder: of the store.
        speed: seconds of the clock in one real second.
    """

    def __init__(
        self,
        plan: Plan,
        clock: Clock,
        *,
        base_url: str | None = None,
        venue: str | None = None,
        folder: Path | None = None,
        speed: float = 1.0,
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._venue = venue or plan.venue
        self._base_url = find_base_url(self._venue, base_url)
        self._folder = folder
        seconds = plan.allowance / 1000
        self._patience = Patience(
            attempts=3,
            first_wait=min(1.0, seconds / 10),
            longest_wait=min(5.0, seconds / 3),
            total=seconds,
            longest_pause=seconds,
            deadline=max(SHORTEST_DEADLINE, min(LONGEST_DEADLINE, seconds / speed / 3)),
        )
        self._exchange: Exchange | None = None
        self._lines: queue.LifoQueue[Any] = queue.LifoQueue()

    def connect(self) -> None:
        """Open a connection, in the place of one that was refused or lost.

        Raises:
            UsageError: no such exchange, market or interval.
            ExchangeError: it does not answer.
        """
        check_venue(self._venue, import_ccxt().exchanges)
        exchange = Exchange(
            self._venue,
            base_url=self._base_url,
            patience=self._patience,
            clock=self._clock,
            contracts=any(":" in market.symbol for market in self._plan.markets),
            grace=self._plan.grace,
        )
        exchange.check_interval(self._plan.interval)
        exchange.connect()
        for market in self._plan.markets:
            find_symbol(market.symbol, exchange.markets, exchange.venue)
        lines: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(min(LINES, len(self._plan.markets))):
            lines.put(exchange.line())  # making one takes a while, and the first close may be near
        self._exchange, self._lines = exchange, lines

    def now(self) -> int:
        """The exchange's time; before the first connection that of this machine."""
        return self._exchange.now() if self._exchange else int(1000 * self._clock.wall())

    def read_clock(self) -> int:
        """Read its clock again; milliseconds by which it is ahead of what was believed."""
        return self._connected().read_clock()

    def newest(self, market: WatchedMarket, since: int) -> pl.DataFrame:
        """Candles that open from `since` on and closed a grace ago: a page at most; no row where there is none.

        An answer may be an old one, in which the newest candle was still growing. So the newest is believed where the
        one after it has begun to show, or where two answers agree on it.

        Raises:
            ExchangeError: no answer, or candles that cannot be right.
        """
        exchange, plan, growing = self._connected(), self._plan, list[int]()
        with self._line(exchange) as line:
            pages = exchange.pages(
                market.symbol, plan.interval, {}, lambda _: None, line=line, on_growing=growing.append
            )

            def ask() -> list[Row]:
                rows = pages.fetch(since, since + (PAGE + 1) * plan.length)
                return [row for row in rows if row.open_time >= since]

            rows = ask()
            if rows and not growing:
                first, rows = rows, ask()
                rows = _agreeing(first, rows, is_sure=bool(growing))
        return _to_candles(rows, market.name, plan.interval)

    def last_trade(self, market: WatchedMarket) -> LastTrade | None:
        """The newest trade."""
        exchange = self._connected()
        with self._line(exchange) as line:
            return exchange.last_trade(market.symbol, line=line)

    def fill(self, market: WatchedMarket, since: int) -> Tally:
        """Store what is missing from `since` on, as `coincast download` does."""
        task = Task(parse_market(market.name), self._plan.interval, since=since, folder=self._folder, archive=False)
        filler = Filler(task, self._connected(), clock=self._clock, patience=self._patience)
        filler.run()
        return filler.tally

    def _connected(self) -> Exchange:
        if self._exchange is None:
            raise ExchangeError(f"{self._venue} has not answered yet")
        return self._exchange

    @contextmanager
    def _line(self, exchange: Exchange) -> Iterator[Any]:
        """A line for this thread alone; one that failed is not used again."""
        lines = self._lines
        try:
            line = lines.get_nowait()
        except queue.Empty:
            line = exchange.line()
        yield line
        lines.put(line)


def _agreeing(first: list[Row], second: list[Row], *, is_sure: bool) -> list[Row]:
    """The second of two answers; without its newest candle where that is not sure, and the first had another one."""
    if is_sure or not second or second[-1] in first:
        return second
    return second[:-1]


def reason_of(error: CoincastError) -> str:
    """The word of the ledger for what an exchange failed with: "maintenance", "network" or "exchange"."""
    if isinstance(error, MaintenanceError):
        return "maintenance"
    return "network" if "lost connection" in str(error) or "no answer in time" in str(error) else "exchange"


def _to_candles(rows: list[Row], market: str, interval: str) -> pl.DataFrame:
    columns = pl.DataFrame(rows, schema=list(Row._fields), orient="row", infer_schema_length=None)
    columns = columns.with_columns(pl.col("open_time").cast(pl.Datetime("ms", "UTC")))
    if not rows:
        return columns
    candles = make_candles(columns, market=market, interval=interval)
    if outside := count_mixed_up(candles):
        raise ExchangeError(
            f"{market} came with {outside:,} candles that open or close outside low to high, the first of those from "
            f"{to_time(rows[0].open_time):%Y-%m-%d %H:%M} UTC on; they were not stored"
        )
    return candles
