"""What one exchange does in its own way: addresses, order of columns, habits, words of refusal.

A candle request is understood by the venue (`CandleRequest`), its candles come from the world and may be spoilt by a
fault on the way, and `Venue.show` writes them as this venue does. Paths start after the host. What the venues do
differently was read from their documentation and from ccxt's modules for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exchange_server.world import Candle, Listing, World, usual_listings

Query = Mapping[str, str]
FAR = 4_102_444_800_000
"""2100-01-01: later than any candle."""


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
        trouble: status and body of maintenance.
        refusal: body of a refused or limited request, by status.
        headers: sent with every answer.
        quote: of its usual markets.
        week_starts: open time of some weekly candle; None: a Monday.
    """

    name: str
    candles: Callable[[World, str, Query], CandleRequest | None]
    show: Callable[[CandleRequest], Any]
    pages: Callable[[World, str, Query], Mapping[str, Callable[[], Any]]]
    trouble: tuple[int, Any]
    refusal: Callable[[int], Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    quote: str = "USD"
    week_starts: int | None = None

    def world(self, **settings: Any) -> World:
        """A world with the usual markets of this venue."""
        if self.week_starts is not None:
            settings = {"week_starts": self.week_starts} | settings
        return World(**{"listings": usual_listings(self.quote)} | settings)


def read_number(query: Query, name: str, default: int | None = None) -> int | None:
    return int(float(query[name])) if name in query else default


def decimal(value: int, places: int = 8) -> str:
    return f"{value // 10**places}.{value % 10**places:0{places}}"


def price_texts(candle: Candle) -> tuple[str, str, str, str]:
    open_, high, low, close = (decimal(cents, 2) for cents in (candle.open, candle.high, candle.low, candle.close))
    return open_, high, low, close


def find_listing(world: World, name: str, spell: Callable[[Listing], str], refused: Any, status: int = 400) -> Listing:
    for listing in world.listings:
        if spell(listing) == name and not listing.delisted:
            return listing
    raise BadRequest(status, refused)


def listed(world: World) -> list[Listing]:
    return [listing for listing in world.listings if not listing.delisted]
