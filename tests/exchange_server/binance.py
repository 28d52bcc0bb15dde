"""Binance, as the package has it, with its words of refusal."""

from __future__ import annotations

from coincast.live.simulation.binance import BINANCE as PLAIN
from exchange_server.venue import Venue

BINANCE = Venue(
    PLAIN.name,
    candles=PLAIN.candles,
    show=PLAIN.show,
    pages=PLAIN.pages,
    trouble=(503, {"code": -1, "msg": "System is under maintenance."}),
    refusal=lambda status: {
        418: {"code": -1003, "msg": "Way too much request weight used; IP banned until 9999999999999."},
        429: {"code": -1003, "msg": "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."},
        451: {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. Eligibility'."},
    }.get(status, {"code": -1000, "msg": "An unknown error occurred while processing the request."}),
    headers=PLAIN.headers,
    quote="USDT",
)
