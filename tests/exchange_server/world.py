"""The truth behind the test server: markets, candles and a clock, all functions of their arguments alone.

The price at a moment is a sum of zigzags over hashed knots, in whole cents and whole numbers throughout, so that every
machine gets the same. A candle opens at the price of its first moment and closes at that of its end; each interval is
drawn for itself (high, low and volume of an hour say nothing about its minutes). Times are milliseconds since 1970.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from coincast.live.simulation import venue
from coincast.live.simulation.venue import Candle, Trade

Integers = npt.NDArray[np.int64]

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONDAY = 4 * DAY
"""The first Monday since 1970-01-01, a Thursday."""

LENGTHS = {f"{n}m": n * MINUTE for n in (1, 3, 5, 10, 15, 30)} | {f"{n}h": n * HOUR for n in (1, 2, 3, 4, 6, 8, 12)}
LENGTHS |= {"1d": DAY, "3d": 3 * DAY, "1w": 7 * DAY, "2w": 14 * DAY}
INTERVALS = (*LENGTHS, "1M")

# Period of the zigzag -> its height, as a share of the base price.
ZIGZAGS = ((400 * DAY, 0.4), (7 * DAY, 0.08), (DAY, 0.03), (HOUR, 0.006), (MINUTE, 0.001))


def moment(text: str) -> int:
    """Milliseconds of a time in UTC: `moment("2024-01-31")`, `moment("2024-01-31T12:00")`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True)
class Listing(venue.Listing):
    """A market of the exchange.

    Attributes:
        since: when it was listed.
        price: about what it costs, in the quote currency.
        thin: share of candles in which nothing was traded; they are absent.
        holes: spans without a candle, `(since, until)`, of this market alone.
    """

    since: int = moment("2017-08-17T04:00")
    price: int = 30_000
    thin: float = 0.0
    holes: tuple[tuple[int, int], ...] = ()


def usual_listings(quote: str = "USDT") -> tuple[Listing, ...]:
    """Two old markets, one listed late, one in which little is traded."""
    return (
        Listing(f"BTC/{quote}"),
        Listing(f"ETH/{quote}", price=2_000),
        Listing(f"NEW/{quote}", since=moment("2024-01-10T08:00"), price=50),
        Listing(f"DOGE/{quote}", since=moment("2023-06-01"), price=10, thin=0.2),
    )


@dataclass
class World:
    """Markets, their candles, and what time it is at the exchange. Everything may be changed while a server runs.

    Attributes:
        listings: the markets.
        now: the time there, by default one fixed moment; None: that of this machine.
        skew: what is added to `now`, in milliseconds.
        outages: spans `(since, until)` in which no market has a candle.
        settling: candles that closed less than this ago, in milliseconds, are shown with values that will change.
        revisions: (symbol, interval, open time) -> cents added to all four prices, from now on.
        week_starts: open time of some weekly candle; Kraken's weeks start on Thursday (0).
    """

    listings: tuple[Listing, ...] = field(default_factory=usual_listings)
    now: int | None = moment("2024-03-01T12:34:56")
    skew: int = 0
    outages: tuple[tuple[int, int], ...] = ()
    settling: int = 0
    revisions: dict[tuple[str, str, int], int] = field(default_factory=dict)
    week_starts: int = MONDAY

    def clock(self) -> int:
        """The exchange's time."""
        return (time.time_ns() // 10**6 if self.now is None else self.now) + self.skew

    def listing(self, symbol: str) -> Listing | None:
        return next((listing for listing in self.listings if listing.symbol == symbol and not listing.delisted), None)

    def truth(
        self, symbol: str, interval: str, since: int, until: int | None = None
    ) -> list[tuple[int, float, float, float, float, float]]:
        """The right candles that open in [since, until) and have closed: rows as ccxt gives them."""
        end = self.clock()
        found = self.candles(symbol, interval, since, end if until is None else min(until, end), settled=True)
        return [candle.row for candle in found if candle.close_time <= end]

    def candles(
        self, symbol: str, interval: str, since: int, until: int, *, settled: bool = False, most: int | None = None
    ) -> list[Candle]:
        """What the exchange has of [since, until): the last candle may be unfinished.

        Args:
            settled: final values even of candles that are younger than `settling`.
            most: the first so many, counted from `since`.
        """
        listing = self.listing(symbol)
        if listing is None or (most is not None and most <= 0):
            return []
        now = self.clock()
        first, last = max(since, self._open_at(listing.since, interval)), min(until, now + 1)
        found: list[Candle] = []
        for block in self._blocks(first, last, interval):
            ends = _ends(block, interval)
            kept = self._present(listing, interval, block, ends)
            drawn = _draw(listing, interval, block[kept], ends[kept], now)
            found += [self._as_shown(candle, symbol, interval, now, settled) for candle in drawn]
            if most is not None and len(found) >= most:
                return found[:most]
        return found

    def latest(self, symbol: str, interval: str, until: int, most: int, *, since: int | None = None) -> list[Candle]:
        """The last so many candles that open in [since, until)."""
        listing = self.listing(symbol)
        found: list[Candle] = []
        end = min(until, self.clock() + 1)
        first = max(since or 0, listing.since - 31 * DAY) if listing else end
        stretch = most * LENGTHS.get(interval, 31 * DAY)
        while end > first and len(found) < most:
            start = max(end - stretch, first)
            found = self.candles(symbol, interval, start, end) + found
            end = start
        return found[-most:]

    def last_trade(self, symbol: str) -> Trade | None:
        """The price of this moment."""
        listing, now = self.listing(symbol), self.clock()
        return None if listing is None else Trade(now, int(_price(listing, np.array([now]))[0]), 10**8)

    def _as_shown(self, candle: Candle, symbol: str, interval: str, now: int, settled: bool) -> Candle:
        shift = self.revisions.get((symbol, interval, candle.open_time), 0)
        if shift:
            raised = (value + shift for value in (candle.open, candle.high, candle.low, candle.close))
            candle = Candle(candle.open_time, candle.close_time, *raised, *candle[6:])
        if not settled and now - self.settling < candle.close_time <= now:
            close = candle.close + 7
            candle = candle._replace(close=close, high=max(candle.high, close), volume=candle.volume * 9 // 10)
        return candle

    def _present(self, listing: Listing, interval: str, opens: Integers, ends: Integers) -> npt.NDArray[np.bool_]:
        present = np.ones(len(opens), dtype=bool)
        for since, until in (*self.outages, *listing.holes):
            present &= (opens < since) | (ends > until)
        if listing.thin:
            present &= _hash(_seed(listing.symbol, interval, "thin"), opens) % 10_000 >= round(listing.thin * 10_000)
        return present

    def _open_at(self, time: int, interval: str) -> int:
        """Open time of the candle in which a moment lies."""
        if interval == "1M":
            day = datetime.fromtimestamp(time / 1000, UTC)
            return calendar.timegm((day.year, day.month, 1, 0, 0, 0)) * 1000
        start = self.week_starts if interval.endswith("w") else 0
        return (time - start) // LENGTHS[interval] * LENGTHS[interval] + start

    def _blocks(self, since: int, until: int, interval: str) -> Iterator[Integers]:
        """Open times in [since, until), a thousand at a time."""
        if interval == "1M":
            opens = (moment(f"{year}-{month:02}-01") for year in range(1970, 2100) for month in range(1, 13))
            yield np.array([time for time in opens if since <= time < until], dtype=np.int64)
            return
        length = LENGTHS[interval]
        first = self._open_at(since + length - 1, interval)
        for start in range(first, until, 1000 * length):
            yield np.arange(start, min(start + 1000 * length, until), length, dtype=np.int64)


def _ends(opens: Integers, interval: str) -> Integers:
    if interval != "1M":
        return opens + LENGTHS[interval]
    months = opens.astype("datetime64[ms]").astype("datetime64[M]") + 1
    ends: Integers = months.astype("datetime64[ms]").astype(np.int64)
    return ends


def _draw(listing: Listing, interval: str, opens: Integers, ends: Integers, now: int) -> Iterable[Candle]:
    """Candles of one listing; what has not ended by now is shown as far as it has come."""
    until = np.minimum(ends, now)
    first, last = (_price(listing, times) for times in (opens, until))
    seed = _seed(listing.symbol, interval, "draw")
    spread = listing.price * 100 // 200 + 1
    high = np.maximum(first, last) + _hash(seed, opens) % spread
    low = np.minimum(first, last) - _hash(seed + 1, opens) % (spread // 2 + 1)
    volume = (_hash(seed + 2, opens) % 10**10 + 1) * ((until - opens) // 1000) // ((ends - opens) // 1000)
    quote_volume = volume * ((first + last) // 2) // 100
    trades = 1 + volume // 10**7
    share = 20 + _hash(seed + 3, opens) % 60
    columns = (opens, ends, first, high, low, last, volume, quote_volume, trades)
    columns += (volume * share // 100, quote_volume * share // 100)
    return (Candle(*values) for values in zip(*(column.tolist() for column in columns), strict=True))


def _price(listing: Listing, times: Integers) -> Integers:
    cents = np.full(len(times), listing.price * 100, dtype=np.int64)
    for number, (period, height) in enumerate(ZIGZAGS):
        seed = _seed(listing.symbol, str(number), "price")
        knot, rest = times // period, times % period
        reach = round(listing.price * 100 * height)
        left, right = (_hash(seed, knot + side) % (2 * reach + 1) - reach for side in (0, 1))
        cents += (left * (period - rest) + right * rest) // period
    return cents


def _seed(*words: str) -> int:
    return int.from_bytes("/".join(words).encode(), "big") % (2**61 - 1)


def _hash(seed: int, numbers: Integers) -> Integers:
    """Whole numbers from 0 to 2^40 that look random: splitmix64 (Steele, Lea and Flood 2014)."""
    mixed = numbers.astype(np.uint64) + np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(24)).astype(np.int64)
