"""Which stored markets hold the candles of article 0; quick, without the library's networks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from coincast.articles.sheehan import published
from coincast.candles.table import parse_market
from coincast.web.store import StoredMarket

SINCE, UNTIL = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (published.SINCE, published.UNTIL))
"""First and last open time of article 0."""


def has_article(stored: StoredMarket) -> bool:
    """Whether the candles of a coin of article 0 are there, over its whole span."""
    is_coin = parse_market(stored.market).base in published.TEST_ERROR and stored.interval == "1d"
    return is_coin and bool(stored.facts["first"] <= SINCE and stored.facts["last"] >= UNTIL)


def name_market(stored: StoredMarket) -> dict[str, Any]:
    """How answers name a market."""
    return {"market": stored.market, "market_id": stored.id, "interval": stored.interval}
