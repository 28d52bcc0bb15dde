"""Bitfinex: the close before the high, newest first unless `sort=1`, at most 10,000."""

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
    find_listing,
    listed,
    read_number,
)
from exchange_server.world import Candle, Listing, World

_BITFINEX_INTERVALS = {"1D": "1d", "7D": "1w", "14D": "2w", "1M": "1M"}
_BITFINEX_INTERVALS |= {name: name for name in ("1m", "5m", "15m", "30m", "1h", "3h", "4h", "6h", "12h")}


def _bitfinex_id(listing: Listing) -> str:
    quote = {"USDT": "UST"}.get(listing.quote, listing.quote)
    return f"{listing.base}{':' if len(listing.base) > 3 else ''}{quote}"


def _bitfinex_candles(world: World, path: str, query: Query) -> CandleRequest | None:
    """Newest first and cut at the newest, unless `sort=1` asks for the oldest; at most 10,000."""
    found = re.fullmatch(r"/v2/candles/trade:([^:/]+):t([^/]+)/hist", path)
    if not found:
        return None
    listing = find_listing(world, found[2], _bitfinex_id, ["error", 10020, "symbol: invalid"], 500)
    if found[1] not in _BITFINEX_INTERVALS:
        raise BadRequest(500, ["error", 10020, "timeframe: invalid"])
    interval = _BITFINEX_INTERVALS[found[1]]
    limit = read_number(query, "limit", 100) or 100
    if limit > 10_000:
        raise BadRequest(500, ["error", 10020, "limit: invalid"])
    since, until = read_number(query, "start", 0) or 0, (read_number(query, "end", FAR) or 0) + 1
    if query.get("sort") == "1":
        return CandleRequest(
            listing.symbol, interval, world.candles(listing.symbol, interval, since, until, most=limit)
        )
    candles = world.latest(listing.symbol, interval, until, limit, since=since)
    return CandleRequest(listing.symbol, interval, candles, newest_first=True)


def _bitfinex_row(candle: Candle) -> list[Any]:
    cents = (candle.open, candle.close, candle.high, candle.low)
    return [candle.open_time, *(value / 100 for value in cents), candle.volume / 10**8]


def _bitfinex_pages(world: World, path: str, query: Query) -> Mapping[str, Callable[[], Any]]:
    def answer(labels: str) -> list[Any]:
        pairs = [_bitfinex_id(listing) for listing in listed(world)]
        coins = sorted({coin for listing in listed(world) for coin in (listing.base, "USD")})
        info = [[pair, [None, None, None, "0.001", "2000.0", *[None] * 7]] for pair in pairs]
        known = {"pub:info:pair": info, "pub:list:currency": coins, "pub:list:pair:margin": pairs}
        return [known.get(label, []) for label in labels.split(",")]

    labels = path.removeprefix("/v2/conf/")
    return {f"/v2/conf/{labels}": lambda: answer(labels), "/v2/platform/status": lambda: [1]}


BITFINEX = Venue(
    "bitfinex",
    candles=_bitfinex_candles,
    show=lambda request: [_bitfinex_row(candle) for candle in request.candles][:: -1 if request.newest_first else 1],
    pages=_bitfinex_pages,
    trouble=(503, ["error", 20060, "maintenance"]),
    refusal=lambda status: {"error": "ERR_RATE_LIMIT"} if status == 429 else ["error", 20000, "unknown error"],
)
