"""Binance: prices as text in twelve columns, at most 1,000 candles, holes jumped over.

Source: Binance, Spot REST API, "Kline/Candlestick data", "Compressed/Aggregate trades list", "Exchange information".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from coincast.candles.table import INTERVALS
from coincast.live.simulation.venue import (
    FAR,
    BadRequest,
    Candle,
    CandleRequest,
    Listing,
    Query,
    Venue,
    World,
    decimal,
    find_listing,
    listed,
    price_texts,
    read_number,
)

USUAL_LIMIT, MOST = 500, 1000
_FEWEST_PLACES = 8
_NO_SYMBOL = {"code": -1121, "msg": "Invalid symbol."}


def _spell(listing: Listing) -> str:
    return listing.base + listing.quote


def read_candle_request(world: World, path: str, query: Query) -> CandleRequest | None:
    """The first `limit` candles from `startTime` on; without it the last ones. Holes are jumped over."""
    if path != "/api/v3/klines":
        return None
    listing = find_listing(world, query.get("symbol", ""), _spell, _NO_SYMBOL)
    interval = query.get("interval", "")
    if interval not in INTERVALS:
        raise BadRequest(400, {"code": -1120, "msg": "Invalid interval."})
    limit = min(read_number(query, "limit", USUAL_LIMIT) or USUAL_LIMIT, MOST)
    since, until = read_number(query, "startTime"), (read_number(query, "endTime", FAR) or 0) + 1
    if since is None:
        found = world.latest(listing.symbol, interval, until, limit)
    else:
        found = world.candles(listing.symbol, interval, since, until, most=limit)
    return CandleRequest(listing.symbol, interval, found)


def kline_columns(candle: Candle) -> list[Any]:
    """The 12 columns of a kline, in the REST answer and in the archive."""
    amounts = (candle.volume, candle.quote_volume, candle.taker_volume, candle.taker_quote_volume)
    volume, quote_volume, taker, taker_quote = (decimal(amount) for amount in amounts)
    prices = tuple(price + "0" * (_FEWEST_PLACES - candle.places) for price in price_texts(candle))
    ends = candle.close_time - 1
    return [candle.open_time, *prices, volume, ends, quote_volume, candle.trades, taker, taker_quote, "0"]


def answer_pages(world: World, path: str, query: Query) -> Mapping[str, Callable[[], Any]]:
    """Clock, list of markets, newest trade."""

    def information(found: list[dict[str, Any]]) -> dict[str, Any]:
        times = {"timezone": "UTC", "serverTime": world.clock()}
        return times | {"rateLimits": [], "exchangeFilters": [], "symbols": found}

    time = {f"{base}/time": lambda: {"serverTime": world.clock()} for base in ("/api/v3", "/fapi/v1", "/dapi/v1")}
    futures = {f"{base}/exchangeInfo": lambda: information([]) for base in ("/fapi/v1", "/dapi/v1")}
    return {
        **time,
        **futures,
        "/api/v3/exchangeInfo": lambda: information([_describe(listing) for listing in listed(world)]),
        "/api/v3/ping": dict,
        "/api/v3/aggTrades": lambda: _newest_trade(world, query),
    }


def _describe(listing: Listing) -> dict[str, Any]:
    return {
        "symbol": _spell(listing),
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


def _newest_trade(world: World, query: Query) -> list[dict[str, Any]]:
    trade = world.last_trade(find_listing(world, query.get("symbol", ""), _spell, _NO_SYMBOL).symbol)
    if trade is None:
        return []
    price, amount = decimal(trade.price, trade.places), decimal(trade.amount)
    number = trade.time  # grows from trade to trade, as numbers of trades do
    return [{"a": number, "p": price, "q": amount, "f": number, "l": number, "T": trade.time, "m": True, "M": True}]


BINANCE = Venue(
    "binance",
    candles=read_candle_request,
    show=lambda request: [kline_columns(candle) for candle in request.candles],
    pages=answer_pages,
    headers={"X-MBX-USED-WEIGHT-1M": "2"},
)
