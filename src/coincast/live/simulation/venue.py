"""What one exchange does in its own way: addresses, order of columns, habits, words of refusal.

A candle request is understood by the venue (`CandleRequest`), its candles come from a world, and `Venue.show` writes
them as this venue does. Paths start after the host. What the venues do differently was read from their documentation
and from ccxt's modules for them. Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Query = Mapping[str, str]
FAR = 4_102_444_800_000
"""2100-01-01: later than any candle."""


class Candle(NamedTuple):
    """One candle in whole units.

    Prices are in units of the last of `places` digits behind the point (2: cents), amounts in hundred-millionths.
    """

    open_time: int
    close_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int
    taker_volume: int
    taker_quote_volume: int
    places: int = 2

    @property
    def row(self) -> tuple[int, float, float, float, float, float]:
        """The candle as ccxt gives it: open time, open, high, low, close, volume."""
        open_, high, low, close = (price / 10**self.places for price in (self.open, self.high, self.low, self.close))
        return self.open_time, open_, high, low, close, self.volume / 10**8


class Trade(NamedTuple):
    """The last trade of a market: its time, its price as a candle has it, its amount in hundred-millionths."""

    time: int
    price: int
    amount: int
    places: int = 2


@dataclass(frozen=True)
class Listing:
    """A market of the exchange.

    Attributes:
        symbol: `BASE/QUOTE`.
        delisted: whether the exchange no longer names it.
    """

    symbol: str
    delisted: bool = field(default=False, kw_only=True)

    @property
    def base(self) -> str:
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        return self.symbol.partition("/")[2]


class World(Protocol):
    """The truth behind an exchange: its markets, their candles and its time."""

    @property
    def listings(self) -> Sequence[Listing]:
        """Its markets."""

    def clock(self) -> int:
        """The exchange's time."""

    def candles(self, symbol: str, interval: str, since: int, until: int, *, most: int | None = None) -> list[Candle]:
        """The first `most` candles that open in [since, until); the last one of all may be unfinished."""

    def latest(self, symbol: str, interval: str, until: int, most: int, *, since: int | None = None) -> list[Candle]:
        """The last `most` candles that open in [since, until)."""

    def last_trade(self, symbol: str) -> Trade | None:
        """The newest trade; None where there has been none."""


class BadRequest(Exception):
    """A request that the venue refuses.

    Attributes:
        status, body: its answer.
    """

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


@dataclass(frozen=True)
class CandleRequest:
    """What a client asked for, and the candles that answer it, oldest first."""

    symbol: str
    interval: str
    candles: Sequence[Candle]
    newest_first: bool = False


@dataclass(frozen=True)
class Venue:
    """One exchange.

    Attributes:
        name: as ccxt calls it.
        candles: address of candles -> request, or None where the path is another.
        show: writes the candles of a request.
        pages: address -> answer, for everything else that a client asks on the way.
        headers: sent with every answer.
    """

    name: str
    candles: Callable[[World, str, Query], CandleRequest | None]
    show: Callable[[CandleRequest], Any]
    pages: Callable[[World, str, Query], Mapping[str, Callable[[], Any]]]
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)


def read_number(query: Query, name: str, default: int | None = None) -> int | None:
    """A whole number of a query, however it is written.

    Raises:
        BadRequest: it is no number.
    """
    try:
        return int(float(query[name])) if name in query else default
    except (ValueError, OverflowError):
        raise BadRequest(400, {"code": -1100, "msg": f"Illegal characters found in parameter '{name}'."}) from None


def decimal(value: int, places: int = 8) -> str:
    """A whole number of units as text, with so many digits behind the point."""
    return f"{value // 10**places}.{value % 10**places:0{places}}"


def price_texts(candle: Candle) -> tuple[str, str, str, str]:
    """Open, high, low and close as text."""
    open_, high, low, close = (
        decimal(price, candle.places) for price in (candle.open, candle.high, candle.low, candle.close)
    )
    return open_, high, low, close


def find_listing(world: World, name: str, spell: Callable[[Listing], str], refused: Any, status: int = 400) -> Listing:
    """The market that the venue spells so.

    Raises:
        BadRequest: there is none; with the venue's words and status.
    """
    for listing in world.listings:
        if spell(listing) == name and not listing.delisted:
            return listing
    raise BadRequest(status, refused)


def listed(world: World) -> list[Listing]:
    """The markets that the exchange names."""
    return [listing for listing in world.listings if not listing.delisted]
