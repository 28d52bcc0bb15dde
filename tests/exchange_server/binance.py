"""Binance: prices as text in twelve columns, at most 1,000 candles, holes jumped over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from exchange_server.world import LENGTHS, Candle, Listing, World

_BINANCE_INTERVALS = {*LENGTHS, "1M"} - {"10m", "3h", "2w"}


def _binance_id(listing: Listing) -> str:
    return listing.base + listing.quote


def _binance_candles(world: World, path: str, query: Query) -> CandleRequest | None:
    """The first `limit` candles from `startTime` on; without it the last ones. Holes are jumped over."""
    if path != "/api/v3/klines":
        return None
    listing = find_listing(world, query.get("symbol", ""), _binance_id, {"code": -1121, "msg": "Invalid symbol."})
    interval = query.get("interval", "")
    if interval not in _BINANCE_INTERVALS:
        raise BadRequest(400, {"code": -1120, "msg": "Invalid interval."})
    limit = min(read_number(query, "limit", 500) or 500, 1000)
    since, until = read_number(query, "startTime"), (read_number(query, "endTime", FAR) or 0) + 1
    if since is None:
        found = world.latest(listing.symbol, interval, until, limit)
    else:
        found = world.candles(listing.symbol, interval, since, until, most=limit)
    return CandleRequest(listing.symbol, interval, found)


def binance_columns(candle: Candle) -> list[Any]:
    """The 12 columns of a kline, in the REST answer and in the archive."""
    amounts = (candle.volume, candle.quote_volume, candle.taker_volume, candle.taker_quote_volume)
    volume, quote_volume, taker, taker_quote = (decimal(amount) for amount in amounts)
    prices = tuple(price + "000000" for price in price_texts(candle))
    ends = candle.close_time - 1
    return [candle.open_time, *prices, volume, ends, quote_volume, candle.trades, taker, taker_quote, "0"]


def _binance_pages(world: World, path: str, query: Query) -> Mapping[str, Callable[[], Any]]:
    def symbols() -> list[dict[str, Any]]:
        return [
            {
                "symbol": _binance_id(listing),
                "status": "TRADING",
                "baseAsset": listing.base,
                "baseAssetPrecision": 8,
                "quoteAsset": listing.quote,
                "quotePrecision": 8,
                "quoteAssetPrecision": 8,
                "orderTypes": ["LIMIT", "MARKET"],
                "isSpotTradingAllowed": True,
                "isMarginTradingAllowed": False,
                "filters": [
                    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.0", "tickSize": "0.01"},
                    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.0", "stepSize": "0.00001"},
                ],
                "permissions": ["SPOT"],
            }
            for listing in listed(world)
        ]

    def information(found: list[dict[str, Any]]) -> dict[str, Any]:
        times = {"timezone": "UTC", "serverTime": world.clock()}
        return times | {"rateLimits": [], "exchangeFilters": [], "symbols": found}

    time = {f"{base}/time": lambda: {"serverTime": world.clock()} for base in ("/api/v3", "/fapi/v1", "/dapi/v1")}
    futures = {f"{base}/exchangeInfo": lambda: information([]) for base in ("/fapi/v1", "/dapi/v1")}
    return time | futures | {"/api/v3/exchangeInfo": lambda: information(symbols()), "/api/v3/ping": dict}


BINANCE = Venue(
    "binance",
    candles=_binance_candles,
    show=lambda request: [binance_columns(candle) for candle in request.candles],
    pages=_binance_pages,
    trouble=(503, {"code": -1, "msg": "System is under maintenance."}),
    refusal=lambda status: {
        418: {"code": -1003, "msg": "Way too much request weight used; IP banned until 9999999999999."},
        429: {"code": -1003, "msg": "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."},
        451: {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. Eligibility'."},
    }.get(status, {"code": -1000, "msg": "An unknown error occurred while processing the request."}),
    headers={"X-MBX-USED-WEIGHT-1M": "2"},
    quote="USDT",
)
