"""Kraken: the latest 720 candles and nothing older, times in seconds, weeks from Thursday."""

from __future__ import annotations

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
from exchange_server.world import Listing, World

_KRAKEN_MINUTES = {"1": "1m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "240": "4h", "1440": "1d"}
_KRAKEN_MINUTES |= {"10080": "1w"}
_KRAKEN_COINS = {"BTC": "XXBT", "ETH": "XETH", "DOGE": "XXDG", "USD": "ZUSD", "EUR": "ZEUR"}
_KRAKEN_LATEST = 720


def _kraken_coin(coin: str) -> str:
    return _KRAKEN_COINS.get(coin, coin)


def _kraken_id(listing: Listing) -> str:
    return _kraken_coin(listing.base) + _kraken_coin(listing.quote)


def _kraken_candles(world: World, path: str, query: Query) -> CandleRequest | None:
    """Those of the latest 720, the unfinished one among them, that open after `since`; nothing older, ever."""
    if path != "/0/public/OHLC":
        return None
    # Errors come with status 200.
    listing = find_listing(world, query.get("pair", ""), _kraken_id, _kraken_error("EQuery:Unknown asset pair"), 200)
    interval = _KRAKEN_MINUTES.get(query.get("interval", "1"))
    if interval is None:
        raise BadRequest(200, _kraken_error("EGeneral:Invalid arguments"))
    since = (read_number(query, "since", 0) or 0) * 1000
    latest = world.latest(listing.symbol, interval, FAR, _KRAKEN_LATEST)
    return CandleRequest(listing.symbol, interval, [candle for candle in latest if candle.open_time > since])


def _kraken_error(text: str) -> dict[str, Any]:
    return {"error": [text]}


def _kraken_show(request: CandleRequest) -> dict[str, Any]:
    rows = [
        [candle.open_time // 1000, *price_texts(candle), price_texts(candle)[3], decimal(candle.volume), candle.trades]
        for candle in request.candles
    ]
    base, quote = request.symbol.split("/")
    last = rows[-2][0] if len(rows) > 1 else 0
    return {"error": [], "result": {_kraken_coin(base) + _kraken_coin(quote): rows, "last": last}}


def _kraken_pages(world: World, path: str, query: Query) -> Mapping[str, Callable[[], Any]]:
    def answer(result: Any) -> dict[str, Any]:
        return {"error": [], "result": result}

    def pairs() -> dict[str, Any]:
        return {
            _kraken_id(listing): {
                "altname": f"{_kraken_alternative(listing.base)}{_kraken_alternative(listing.quote)}",
                "wsname": f"{_kraken_alternative(listing.base)}/{_kraken_alternative(listing.quote)}",
                "aclass_base": "currency",
                "base": _kraken_coin(listing.base),
                "aclass_quote": "currency",
                "quote": _kraken_coin(listing.quote),
                "pair_decimals": 2,
                "lot_decimals": 8,
                "lot_multiplier": 1,
                "leverage_buy": [],
                "leverage_sell": [],
                "fees": [[0, 0.4]],
                "fees_maker": [[0, 0.25]],
                "ordermin": "0.0001",
                "status": "online",
            }
            for listing in listed(world)
        }

    def coins() -> dict[str, Any]:
        names = {coin for listing in listed(world) for coin in (listing.base, listing.quote)}
        details = {"aclass": "currency", "decimals": 10, "display_decimals": 5, "status": "enabled"}
        return {_kraken_coin(name): details | {"altname": _kraken_alternative(name)} for name in sorted(names)}

    def time() -> dict[str, Any]:
        now = datetime.fromtimestamp(world.clock() / 1000, UTC)
        return {"unixtime": world.clock() // 1000, "rfc1123": f"{now:%a, %d %b %y %H:%M:%S +0000}"}

    return {
        "/0/public/AssetPairs": lambda: answer(pairs()),
        "/0/public/Assets": lambda: answer(coins()),
        "/0/public/Time": lambda: answer(time()),
        "/0/public/SystemStatus": lambda: answer({"status": "online"}),
    }


def _kraken_alternative(coin: str) -> str:
    return {"BTC": "XBT", "DOGE": "XDG"}.get(coin, coin)


KRAKEN = Venue(
    "kraken",
    candles=_kraken_candles,
    show=_kraken_show,
    pages=_kraken_pages,
    trouble=(503, _kraken_error("EService:Unavailable")),
    refusal=lambda status: _kraken_error("EGeneral:Too many requests" if status == 429 else "EGeneral:Internal error"),
    week_starts=0,
)
