"""What one exchange does in its own way, as the package has it, and what it says when it refuses.

A candle request may be spoilt by a fault on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coincast.live.simulation import venue
from coincast.live.simulation.venue import (
    FAR,
    BadRequest,
    CandleRequest,
    Query,
    decimal,
    find_listing,
    listed,
    price_texts,
    read_number,
)
from exchange_server.world import World, usual_listings

__all__ = [
    "FAR",
    "BadRequest",
    "CandleRequest",
    "Query",
    "Venue",
    "decimal",
    "find_listing",
    "listed",
    "price_texts",
    "read_number",
]


@dataclass(frozen=True)
class Venue(venue.Venue):
    """One exchange that can be in trouble.

    Attributes:
        trouble: status and body of maintenance.
        refusal: body of a refused or limited request, by status.
        quote: of its usual markets.
        week_starts: open time of some weekly candle; None: a Monday.
    """

    trouble: tuple[int, Any]
    refusal: Callable[[int], Any]
    quote: str = "USD"
    week_starts: int | None = None

    def world(self, **settings: Any) -> World:
        """A world with the usual markets of this venue."""
        if self.week_starts is not None:
            settings = {"week_starts": self.week_starts} | settings
        return World(**{"listings": usual_listings(self.quote)} | settings)
