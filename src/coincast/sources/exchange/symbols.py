"""From what a person types to a market of an exchange: `BTC`, `BTC/USDT`, `BTC/USDT:USDT`, `binance:BTC/USDT`."""

from __future__ import annotations

import pkgutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from coincast.errors import UnknownNameError, UsageError
from coincast.sources.naming import EXCHANGES

USUAL_QUOTES = ("USDT", "USD", "USDC", "EUR")
FAMOUS = ("binance", "coinbase", "kraken", "bitfinex", "okx", "bybit", "kucoin", "poloniex")
"""Asked one after the other where no exchange is named; the first that answers and lists everything is taken."""


@dataclass(frozen=True)
class Wish:
    """A market as it was asked for.

    Attributes:
        venue: the exchange, where the text or the call names it.
        symbol: the rest: `BTC`, `BTC/USDT` or `BTC/USDT:USDT`.
    """

    venue: str | None
    symbol: str


def read_wishes(markets: Sequence[str], exchange: str | None) -> list[Wish]:
    """Split the names of exchanges off, each market once.

    Raises:
        UsageError: nothing asked for, or a market of another exchange than the one named.
    """
    if not markets:
        raise UsageError("no market was named; name at least one, such as BTC/USDT or BTC")
    wishes = list(dict.fromkeys(_read_wish(text, exchange) for text in markets))
    if any(not wish.symbol for wish in wishes):
        raise UsageError("an empty market was named; write it as BTC/USDT, BTC or binance:BTC/USDT")
    return wishes


def _read_wish(text: str, exchange: str | None) -> Wish:
    head, colon, rest = text.strip().partition(":")
    if not colon or "/" in head:  # BTC/USDT:USDT names a currency behind its colon
        return Wish(exchange and exchange.lower(), text.strip())
    if exchange is not None and head.lower() != exchange.lower():
        raise UsageError(f"market {text!r} is of {head}, and --exchange {exchange} was asked; name one of the two")
    return Wish(head.lower(), rest)


def find_symbol(symbol: str, markets: Mapping[str, Any], venue: str) -> str:
    """The name under which an exchange lists what was asked for.

    Args:
        symbol: `BTC` means against the quote in which the exchange lists most of its spot markets, of those of
            `USUAL_QUOTES` in which it lists this one; small letters are taken for capital ones.
        markets: symbol -> what ccxt knows of it.
        venue: name of the exchange.

    Raises:
        UnknownNameError: it does not list it; the nearest names are given.
    """
    for name in (symbol, symbol.upper()):
        if name in markets:
            return name
    if "/" not in symbol:
        listed = [f"{symbol.upper()}/{quote}" for quote in _order_quotes(markets)]
        for name in listed:
            if name in markets and markets[name].get("active") is not False:
                return name
    raise UnknownNameError(f"market of {venue}", symbol, markets)


def _order_quotes(markets: Mapping[str, Any]) -> list[str]:
    """The usual quotes, the one with most spot markets first."""
    counts = Counter(market.get("quote") for market in markets.values() if market.get("spot"))
    return sorted(USUAL_QUOTES, key=lambda quote: -counts[quote])


def check_venue(venue: str, known: Sequence[str]) -> None:
    """Refuse an exchange that is not known, with the nearest names."""
    if venue not in known:
        raise UnknownNameError("exchange", venue, known)


def is_exchange(source: str) -> bool:
    """Whether candles of a source can be downloaded: ccxt has a module of its name.

    ccxt is not imported, which would take a second. Where it is not installed, the exchanges of
    `coincast.sources.naming` are taken for known.
    """
    package = find_spec("ccxt")
    if package is None or package.submodule_search_locations is None:
        return source in EXCHANGES
    modules = pkgutil.iter_modules(package.submodule_search_locations)
    return any(module.name == source and not module.ispkg for module in modules)
