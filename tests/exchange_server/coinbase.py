"""Coinbase, the one of today and the Exchange behind it: newest first, windows of at most 300 buckets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from exchange_server.venue import (
    FAR,
    BadRequest,
    CandleRequest,
    Query,
    Venue,
    decimal,
    find_listing,
    listed,
    price_texts,
    read_number,
)
from exchange_server.world import LENGTHS, Listing, World

_COINBASE_LENGTHS = {"ONE_MINUTE": "1m", "FIVE_MINUTE": "5m", "FIFTEEN_MINUTE": "15m", "THIRTY_MINUTE": "30m"}
_COINBASE_LENGTHS |= {"ONE_HOUR": "1h", "TWO_HOUR": "2h", "SIX_HOUR": "6h", "ONE_DAY": "1d"}


def _coinbase_id(listing: Listing) -> str:
    return f"{listing.base}-{listing.quote}"


def _coinbase_candles(world: World, path: str, query: Query) -> CandleRequest | None:
    """Newest first, in a window from `start` to `end`, both included, of at most 300 buckets."""
    found = re.fullmatch(r"/api/v3/brokerage/market/products/([^/]+)/candles", path)
    if not found:
        return None
    refused = {"error": "NOT_FOUND", "error_details": "valid product_id is required", "message": "unknown product"}
    listing = find_listing(world, found[1], _coinbase_id, refused, 404)
    interval = _COINBASE_LENGTHS.get(query.get("granularity", ""))
    since, until = read_number(query, "start"), read_number(query, "end")
    invalid = {"error": "INVALID_ARGUMENT", "error_details": "start, end and granularity are required", "message": ""}
    if interval is None or since is None or until is None:
        raise BadRequest(400, invalid)
    if (until - since) * 1000 > 300 * LENGTHS[interval]:
        details = "number of candles requested should be less than 350"
        raise BadRequest(400, {"error": "INVALID_ARGUMENT", "error_details": details, "message": details})
    candles = world.candles(listing.symbol, interval, since * 1000, until * 1000 + 1)
    return CandleRequest(listing.symbol, interval, candles, newest_first=True)


def _coinbase_show(request: CandleRequest) -> dict[str, Any]:
    rows = []
    for candle in reversed(request.candles):
        open_, high, low, close = price_texts(candle)
        shown = {"start": str(candle.open_time // 1000), "low": low, "high": high, "open": open_, "close": close}
        rows.append(shown | {"volume": decimal(candle.volume)})
    return {"candles": rows}


def _coinbase_pages(world: World, path: str, query: Query) -> Mapping[str, Callable[[], Any]]:
    def products() -> dict[str, Any]:
        found = [
            {
                "product_id": _coinbase_id(listing),
                "price": str(listing.price),
                "base_increment": "0.00000001",
                "quote_increment": "0.01",
                "price_increment": "0.01",
                "quote_min_size": "1",
                "quote_max_size": "150000000",
                "base_min_size": "0.00000001",
                "base_max_size": "3400",
                "status": "online",
                "trading_disabled": False,
                "product_type": "SPOT",
                "base_currency_id": listing.base,
                "quote_currency_id": listing.quote,
                "alias": "",
                "alias_to": [],
            }
            for listing in listed(world)
        ]
        spot = found if query.get("product_type", "SPOT") == "SPOT" else []
        return {"products": spot, "num_products": len(spot)}

    def coins() -> dict[str, Any]:
        names = sorted({listing.base for listing in listed(world)})
        return {"data": [{"asset_id": name.lower(), "code": name, "name": name, "exponent": "8"} for name in names]}

    def time() -> dict[str, Any]:
        now = datetime.fromtimestamp(world.clock() // 1000, UTC)
        return {"data": {"epoch": world.clock() // 1000, "iso": f"{now:%Y-%m-%dT%H:%M:%SZ}"}}

    return {
        "/v2/currencies": lambda: {"data": [{"id": "USD", "name": "US Dollar", "min_size": "0.01"}]},
        "/v2/currencies/crypto": coins,
        "/v2/exchange-rates": lambda: {"data": {"currency": "USD", "rates": {"USD": "1.0"}}},
        "/v2/time": time,
        "/api/v3/brokerage/market/products": products,
    }


COINBASE = Venue(
    "coinbase",
    candles=_coinbase_candles,
    show=_coinbase_show,
    pages=_coinbase_pages,
    trouble=(503, {"error": "unavailable", "error_details": "under maintenance", "message": "under maintenance"}),
    refusal=lambda status: (
        {"error": "rate_limit_exceeded", "message": "too many requests"}
        if status == 429
        else {"error": "unknown", "error_details": "refused", "message": "refused"}
    ),
)


# ---------------------------------------------------------------- coinbase exchange

_GRANULARITIES = {"60": "1m", "300": "5m", "900": "15m", "3600": "1h", "21600": "6h", "86400": "1d"}


def _exchange_candles(world: World, path: str, query: Query) -> CandleRequest | None:
    """As Coinbase, with the times in words."""
    found = re.fullmatch(r"/products/([^/]+)/candles", path)
    if not found:
        return None
    listing = find_listing(world, found[1], _coinbase_id, {"message": "NotFound"}, 404)
    interval = _GRANULARITIES.get(query.get("granularity", "60"))
    if interval is None:
        raise BadRequest(400, {"message": "Unsupported granularity"})
    if "start" not in query or "end" not in query:
        candles = world.latest(listing.symbol, interval, FAR, 300)
        return CandleRequest(listing.symbol, interval, candles, newest_first=True)
    since, until = (int(datetime.fromisoformat(query[name]).timestamp() * 1000) for name in ("start", "end"))
    if until - since > 300 * LENGTHS[interval]:
        message = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
        raise BadRequest(400, {"message": message})
    return CandleRequest(listing.symbol, interval, world.candles(listing.symbol, interval, since, until + 1))


def _exchange_show(request: CandleRequest) -> list[list[Any]]:
    rows = []
    for candle in reversed(request.candles):
        cents = (candle.low, candle.high, candle.open, candle.close)
        rows.append([candle.open_time // 1000, *(value / 100 for value in cents), candle.volume / 10**8])
    return rows


def _exchange_pages(world: World, path: str, query: Query) -> Mapping[str, Callable[[], Any]]:
    def products() -> list[dict[str, Any]]:
        return [
            {
                "id": _coinbase_id(listing),
                "base_currency": listing.base,
                "quote_currency": listing.quote,
                "quote_increment": "0.01",
                "base_increment": "0.00000001",
                "min_market_funds": "1",
                "status": "online",
            }
            for listing in listed(world)
        ]

    def coins() -> list[dict[str, Any]]:
        names = sorted({coin for listing in listed(world) for coin in (listing.base, listing.quote)})
        return [{"id": name, "name": name, "status": "online", "max_precision": "0.01"} for name in names]

    def time() -> dict[str, Any]:
        now = datetime.fromtimestamp(world.clock() / 1000, UTC)
        return {"iso": f"{now:%Y-%m-%dT%H:%M:%S}Z", "epoch": world.clock() / 1000}

    return {"/products": products, "/currencies": coins, "/time": time}


COINBASE_EXCHANGE = Venue(
    "coinbaseexchange",
    candles=_exchange_candles,
    show=_exchange_show,
    pages=_exchange_pages,
    trouble=(503, {"message": "Coinbase Exchange is under maintenance"}),
    refusal=lambda status: {"message": "Public rate limit exceeded" if status == 429 else "Internal server error"},
)
