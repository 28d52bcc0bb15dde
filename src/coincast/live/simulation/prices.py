"""Honest prices for a local exchange: the walks and echoes of `coincast simulate`, and what stands between two closes.

Closed candles are those of `coincast.sources.simulated`: nothing of them can be forecast but what was planted. What
stands between two closes must tell nothing more. So the last trade stands at the open until a moment that is drawn for
each candle, evenly over its length, and at the close from then on. Before that moment the rest of the way is the whole
shock, which is symmetric given all before it; after it nothing is left of the way. A path that knows its end and nears
it step by step would tell its direction, and one with the right spread would have to know the hidden variance.

A market is a function of seed, name, kind, interval and first candle alone: later candles, and other markets, change
nothing of it.
Times are milliseconds since 1970.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.resample import resample
from coincast.candles.table import INTERVALS
from coincast.live.simulation.clock import BEGINNING
from coincast.live.simulation.venue import Candle, Listing, Trade
from coincast.sources.exchange.paging import to_time
from coincast.sources.simulated import simulate

Integers = NDArray[np.int64]

PLACES = 8
"""Digits behind the point of a price, and of an amount."""

BEFORE = 10_000
"""Candles that a market has when its simulation begins."""

AT_FIRST = BEFORE + 5000
"""Candles that are drawn at once, at least; then half as many again whenever they are used up."""

TRADES_PER_UNIT = 10
"""Trades of a candle for each unit of its volume; nobody reads them."""


@dataclass(frozen=True)
class SimulatedMarket:
    """A market of the local exchange.

    Attributes:
        symbol: `SIMBTC/USDT`.
        kind: "walk" or "echo".
    """

    symbol: str
    kind: str = "walk"


@dataclass(frozen=True)
class Drawn:
    """Candles of one market, one row each, in order; prices and volumes in hundred-millionths.

    Attributes:
        opens, ends: open and close times.
        open, high, low, close, volume: of the candles.
        traded_at: when the last trade came to the close.
    """

    opens: Integers
    ends: Integers
    open: Integers
    high: Integers
    low: Integers
    close: Integers
    volume: Integers
    traded_at: Integers


class SimulatedWorld:
    """The world of `coincast.live.simulation.venue.World` with such prices.

    Args:
        markets: which.
        interval: at which they are drawn; longer ones are made of it, shorter ones there are none.
        since: when the first candle opens, on the grid of the interval.
        clock: the exchange's time.
        seed: of all draws.
        skill: that is planted in an "echo".
    """

    def __init__(
        self,
        markets: Sequence[SimulatedMarket],
        interval: str,
        *,
        since: int,
        clock: Callable[[], int],
        seed: int = 0,
        skill: float | None = None,
    ) -> None:
        self.listings = tuple(Listing(market.symbol) for market in markets)
        self._kinds = {market.symbol: market.kind for market in markets}
        self._interval = interval
        self._length = INTERVALS[interval]
        self._since = since
        self._clock = clock
        self._seed = seed
        self._skill = skill
        self._drawn: dict[str, Drawn] = {}
        self._lock = threading.Lock()

    def clock(self) -> int:
        """The exchange's time."""
        return self._clock()

    def candles(self, symbol: str, interval: str, since: int, until: int, *, most: int | None = None) -> list[Candle]:
        """The first `most` candles that open in [since, until); the last one of all may be unfinished."""
        now = self.clock()
        table = self._table(symbol, interval, now)
        first, last = np.searchsorted(table.opens, [since, min(until, now + 1)])
        return _rows(table, int(first), int(last if most is None else min(last, first + most)), now)

    def latest(self, symbol: str, interval: str, until: int, most: int, *, since: int | None = None) -> list[Candle]:
        """The last `most` candles that open in [since, until)."""
        now = self.clock()
        table = self._table(symbol, interval, now)
        first, last = np.searchsorted(table.opens, [since or 0, min(until, now + 1)])
        return _rows(table, max(int(first), int(last) - most), int(last), now)

    def last_trade(self, symbol: str) -> Trade | None:
        """The newest trade: the close of the candle that is growing, once it was traded at, else the one before."""
        now = self.clock()
        table = self._table(symbol, self._interval, now)
        row = int(np.searchsorted(table.traded_at, now, side="right")) - 1
        if row < 0:
            return None
        return Trade(int(table.traded_at[row]), int(table.close[row]), 10**PLACES, PLACES)

    def _table(self, symbol: str, interval: str, now: int) -> Drawn:
        """Candles of a market up to the one that is growing now."""
        with self._lock:
            needed = max(2, (now - self._since) // self._length + 2)
            if symbol not in self._drawn or len(self._drawn[symbol].opens) < needed:
                self._draw(needed)
            table = self._drawn[symbol]
        return table if interval == self._interval else _fold(table, self._interval, interval, now)

    def _draw(self, needed: int) -> None:
        """Draw all markets anew, and some candles more."""
        have = max((len(table.opens) for table in self._drawn.values()), default=0)
        count = max(needed, AT_FIRST, have * 3 // 2)
        for symbol, kind in self._kinds.items():
            candles = simulate(
                kind,
                skill=None if kind == "walk" else self._skill,
                candles=count,
                interval=self._interval,
                start=to_time(self._since),
                seed=_seed_of(self._seed, symbol),
            )
            self._drawn[symbol] = _read(candles, [self._seed, *symbol.encode()])


def first_open(interval: str) -> int:
    """When the first candle of a simulation opens: `BEFORE` of them before it begins, on the grid of days."""
    day = INTERVALS["1d"]
    return (BEGINNING - BEFORE * INTERVALS[interval]) // day * day


def _seed_of(seed: int, symbol: str) -> int:
    """A seed for each market, whatever others there are and in which order."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{symbol}".encode()).digest()[:4], "big")


def _read(candles: pl.DataFrame, seed: list[int]) -> Drawn:
    opens, ends = (candles[name].dt.epoch("ms").to_numpy().astype(np.int64) for name in ("open_time", "close_time"))
    numbers = {
        name: np.rint(candles[name].to_numpy() * 10**PLACES).astype(np.int64)
        for name in ("open", "high", "low", "close", "volume")
    }
    moments = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).random(len(opens))
    return Drawn(opens, ends, **numbers, traded_at=opens + (moments * (ends - opens)).astype(np.int64))


def _fold(table: Drawn, interval: str, longer: str, now: int) -> Drawn:
    """Longer candles, of what has closed; none where they are shorter."""
    if INTERVALS[longer] < INTERVALS[interval]:
        empty = np.array([], dtype=np.int64)
        return Drawn(empty, empty, empty, empty, empty, empty, empty, empty)
    closed = int(np.searchsorted(table.ends, now, side="right"))
    times = {name: pl.Series(values[:closed]).cast(pl.Datetime("ms", "UTC")) for name, values in _times(table)}
    numbers = {name: getattr(table, name)[:closed] / 10**PLACES for name in ("open", "high", "low", "close", "volume")}
    keys = {"market": pl.lit("simulated:SIM/USD"), "interval": pl.lit(interval)}
    candles = pl.DataFrame({**times, **numbers}).select(**keys, **{name: pl.col(name) for name in (*times, *numbers)})
    return _read(resample(candles, longer).candles, [0])


def _times(table: Drawn) -> tuple[tuple[str, Integers], ...]:
    return ("open_time", table.opens), ("close_time", table.ends)


def _rows(table: Drawn, first: int, last: int, now: int) -> list[Candle]:
    """Candles of a table; one that has not been traded in yet stands at its open, with no volume."""
    return [_row(table, row, now) for row in range(first, last)]


def _row(table: Drawn, row: int, now: int) -> Candle:
    opens, ends, open_ = int(table.opens[row]), int(table.ends[row]), int(table.open[row])
    if now < ends and now < table.traded_at[row]:
        return Candle(opens, ends, open_, open_, open_, open_, 0, 0, 0, 0, 0, PLACES)
    high, low, close, volume = (int(column[row]) for column in (table.high, table.low, table.close, table.volume))
    turnover = volume * (open_ + close) // 2 // 10**PLACES
    trades = 1 + TRADES_PER_UNIT * volume // 10**PLACES
    return Candle(opens, ends, open_, high, low, close, volume, turnover, trades, volume // 2, turnover // 2, PLACES)
