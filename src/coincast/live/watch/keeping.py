"""Newest candles of all markets into the store, several at once, and out of it again.

Times are milliseconds since 1970.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import polars as pl

from coincast.candles.quality import find_gaps
from coincast.candles.store import last_open_time, read_stored, write_candles
from coincast.candles.table import INTERVALS, parse_market
from coincast.errors import CoincastError, ExchangeError, NotStoredError
from coincast.live.watch.feed import PAGE, Feed
from coincast.live.watch.plan import Plan, WatchedMarket
from coincast.sources.exchange.client import LastTrade
from coincast.sources.exchange.paging import to_milliseconds, to_time
from coincast.sources.retry import Stopped

T = TypeVar("T")

AT_ONCE = 8
"""Markets that are asked for at the same time."""

PATIENCE = 0.1
"""Real seconds between two looks whether somebody wants the end."""

ASKED_AGAIN = 3
"""Stored candles, the last ones, that are fetched again each time, since exchanges amend them."""


@dataclass(frozen=True)
class Update:
    """What a request for the newest candles of a market came to.

    Attributes:
        market: its name.
        last_close: close time of the newest stored candle; None: there is none.
        trade: the last trade; None where it was not asked for, or is not known.
        revised: close time -> close, of stored candles whose close was another before.
        has_hole: whether candles are missing between the stored ones and those that came.
        error: why nothing came.
    """

    market: str
    last_close: int | None = None
    trade: LastTrade | None = None
    revised: Mapping[int, float] = field(default_factory=dict)
    has_hole: bool = False
    error: CoincastError | None = None


class Keeper:
    """Keeps the candles of a plan.

    Args:
        plan: what is watched.
        feed: the exchange.
        folder: of the store.
        stopping: set when nothing shall be waited for any more.
    """

    def __init__(
        self, plan: Plan, feed: Feed, folder: Path | None = None, *, stopping: threading.Event | None = None
    ) -> None:
        self._stopping = stopping or threading.Event()
        self._plan = plan
        self._feed = feed
        self._folder = folder
        self._revised: dict[str, dict[int, float]] = {}
        self._lock = threading.Lock()

    def update(
        self,
        markets: Iterable[WatchedMarket],
        *,
        again: int = ASKED_AGAIN,
        trade: bool = False,
        seconds: float | None = None,
    ) -> dict[str, Update]:
        """Fetch and store the newest candles of some markets, at the same time.

        Args:
            markets: which.
            again: how many stored candles are fetched again.
            trade: whether the last trades are asked for, too.
            seconds: real ones, after which the others do not wait for a market that has not answered; None: they do.
        """
        tasks = {market.name: partial(self._update, market, again, trade) for market in markets}
        found = in_parallel(tasks, self._stopping, seconds=seconds)
        silent = ExchangeError(f"no answer in time (within {seconds or 0:g} s)")
        with self._lock:
            revised = {name: self._revised.pop(name, {}) for name in tasks}
        return {name: replace(found.get(name) or Update(name, error=silent), revised=revised[name]) for name in tasks}

    def _update(self, market: WatchedMarket, again: int, trade: bool) -> Update:
        try:
            update = self._fetch(market, again, trade)
        except CoincastError as error:
            return Update(market.name, error=error)
        with self._lock:  # what nobody waits for any more is told by the next update
            self._revised.setdefault(market.name, {}).update(update.revised)
        return update

    def _fetch(self, market: WatchedMarket, again: int, trade: bool) -> Update:
        length, now = self._plan.length, self._feed.now()
        known = self.last_close(market.name)
        wanted = None if known is None else known - again * length
        since = max(wanted or 0, self._plan.last_origin(now) - PAGE * length)
        candles = self._feed.newest(market, since)
        last = self._trade(market) if trade else None
        if not candles.height:
            return Update(market.name, known, last)
        opens, closes = (to_milliseconds(candles[name][row]) for name, row in (("open_time", 0), ("close_time", -1)))
        source = f"{parse_market(market.name).source} REST"
        written = write_candles(candles, source=source, on_conflict="replace", folder=self._folder)
        return Update(
            market.name,
            max(closes, known or 0),
            last,
            _revised_closes(written.revisions, length),
            has_hole=known is None or opens > known or find_gaps(candles)["missing"].sum() > 0,
        )

    def _trade(self, market: WatchedMarket) -> LastTrade | None:
        """The last trade, or nothing where that fails: it is wanted, and not needed."""
        try:
            return self._feed.last_trade(market)
        except CoincastError:
            return None

    def trade_of(self, market: str) -> tuple[float, int] | None:
        """Price and time of the last trade of a market, by its name; None where it is not watched, or not known."""
        watched = next((one for one in self._plan.markets if one.name == market), None)
        trade = self._trade(watched) if watched else None
        return (trade.price, trade.time) if trade else None

    def last_close(self, market: str) -> int | None:
        """Close time of the newest candle that is stored."""
        opens = last_open_time(market, self._plan.interval, folder=self._folder)
        return None if opens is None else to_milliseconds(opens) + self._plan.length

    def read(self, markets: Iterable[str], since: int, until: int) -> pl.DataFrame:
        """Stored candles of some markets that open in [since, until); no row of those that have none."""
        tables = []
        for market in markets:
            try:
                tables.append(
                    read_stored(
                        market, self._plan.interval, since=to_time(since), until=to_time(until), folder=self._folder
                    )
                )
            except NotStoredError:
                continue
        return pl.concat(tables, how="diagonal") if tables else pl.DataFrame()

    def closes(self, market: str, interval: str, since: int, until: int) -> dict[int, float]:
        """Close time -> close of the stored candles of any market that close in [since, until]."""
        try:
            first = since - INTERVALS[interval] - INTERVALS["1d"]
            stored = read_stored(market, interval, since=to_time(first), until=to_time(until), folder=self._folder)
        except NotStoredError:
            return {}
        times = stored["close_time"].dt.epoch("ms").to_list()
        return {time: close for time, close in zip(times, stored["close"].to_list(), strict=True) if time >= since}


def in_parallel(
    tasks: Mapping[str, Callable[[], T]], stopping: threading.Event, *, seconds: float | None = None
) -> dict[str, T]:
    """Call all functions, some at a time, each in a thread that does not hold the end of the program up.

    Args:
        tasks: functions by name.
        stopping: set when nothing shall be waited for any more.
        seconds: real ones, after which those that have not ended are left out, and those under way end by themselves;
            None: never.

    Raises:
        Stopped: it was asked to, and does not wait for an exchange that says nothing.
        Exception: the first of a function, when all have ended.
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in tasks:
        waiting.put(name)
    done: dict[str, T] = {}
    faults: list[BaseException] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done[name] = tasks[name]()
            except BaseException as error:
                faults.append(error)
                return

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, len(tasks)))]
    for thread in threads:
        thread.start()
    end = time.monotonic() + (float("inf") if seconds is None else seconds)
    for thread in threads:
        while thread.is_alive() and (left := end - time.monotonic()) > 0:
            thread.join(min(PATIENCE, left))
            if stopping.is_set():
                raise Stopped
    over.set()  # nothing is begun any more that nobody waits for
    if faults:
        raise faults[0]
    return {name: done[name] for name in tasks if name in done}


def _revised_closes(revisions: pl.DataFrame, length: int) -> dict[int, float]:
    closes = revisions.filter(pl.col("column") == "close")
    times = (closes["open_time"].dt.epoch("ms") + length).to_list()
    return dict(zip(times, closes["after"].to_list(), strict=True))
