"""Poloniex: low, high, open, close as text, the latest 500 unless both times are sent."""

from __future__ import annotations

import re
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
from exchange_server.world import Candle, Listing, World

_POLONIEX_INTERVALS = {f"MINUTE_{n}": f"{n}m" for n in (1, 5, 10, 15, 30)}
_POLONIEX_INTERVALS |= {f"HOUR_{n}": f"{n}h" for n in (1, 2, 4, 6, 12)}
_POLONIEX_INTERVALS |= {"DAY_1": "1d", "DAY_3": "3d", "WEEK_1": "1w", "MONTH_1": "1M"}


def _poloniex_id(listing: Listing) -> str:
    return f"{listing.base}_{listing.quote}"


def _poloniex_candles(world: World, path: str, query: Query) -> CandleRequest | None:
    """The newest `limit` (100 to 500) of what was asked, and of everything where one of the two times is missing."""
    found = re.fullmatch(r"/markets/([^/]+)/candles", path)
    if not found:
        return None
    listing = find_listing(world, found[1], _poloniex_id, {"code": 24101, "message": "Invalid symbol"})
    if query.get("interval") not in _POLONIEX_INTERVALS:
        raise BadRequest(400, {"code": 601, "message": "Invalid interval"})
    interval = _POLONIEX_INTERVALS[query["interval"]]
    limit = read_number(query, "limit", 100) or 100
    if limit > 500:
        raise BadRequest(400, {"code": 601, "message": "Invalid limit"})
    since, until = read_number(query, "startTime"), read_number(query, "endTime")
    if since is None or until is None:
        candles = world.latest(listing.symbol, interval, FAR, 500 if since is not None else limit)
    else:
        candles = world.latest(listing.symbol, interval, until + 1, limit, since=since)
    return CandleRequest(listing.symbol, interval, candles)


def _poloniex_row(candle: Candle, interval: str) -> list[Any]:
    open_, high, low, close = price_texts(candle)
    volume, amount = decimal(candle.volume), decimal(candle.quote_volume)
    taker, taker_amount = decimal(candle.taker_volume), decimal(candle.taker_quote_volume)
    spelled = next(name for name, known in _POLONIEX_INTERVALS.items() if known == interval)
    amounts = [amount, volume, taker_amount, taker, candle.trades, 0, close]
    return [low, high, open_, close, *amounts, spelled, candle.open_time, candle.close_time - 1]


def _poloniex_pages(world: World, path: str, query: Query) -> Mapping[str, Callable[[], Any]]:
    def markets() -> list[dict[str, Any]]:
        limits = {"priceScale": 2, "quantityScale": 8, "amountScale": 2, "minQuantity": "0.00001", "minAmount": "1"}
        return [
            {
                "symbol": _poloniex_id(listing),
                "baseCurrencyName": listing.base,
                "quoteCurrencyName": listing.quote,
                "displayName": listing.symbol,
                "state": "NORMAL",
                "visibleStartTime": listing.since,
                "tradableStartTime": listing.since,
                "symbolTradeLimit": {"symbol": _poloniex_id(listing)} | limits,
            }
            for listing in listed(world)
        ]

    def coins() -> list[dict[str, Any]]:
        names = sorted({coin for listing in listed(world) for coin in (listing.base, listing.quote)})
        return [{"id": number, "coin": name, "name": name, "networkList": []} for number, name in enumerate(names)]

    return {
        "/markets": markets,
        "/v2/currencies": coins,
        "/v3/market/allInstruments": lambda: {"code": "200", "msg": "Success", "data": []},
        "/timestamp": lambda: {"serverTime": world.clock()},
    }


POLONIEX = Venue(
    "poloniex",
    candles=_poloniex_candles,
    show=lambda request: [_poloniex_row(candle, request.interval) for candle in request.candles],
    pages=_poloniex_pages,
    trouble=(503, {"code": 500, "message": "The system is under maintenance"}),
    refusal=lambda status: {"code": status, "message": "Too many requests" if status == 429 else "Request refused"},
    quote="USDT",
)
