"""Coins and pairs out of words: the content of a symbol column, the name of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

COINS: Mapping[str, str] = {
    "bitcoin": "BTC",
    "bitcoin cash": "BCH",
    "bitconnect": "BCC",
    "ethereum": "ETH",
    "ethereum classic": "ETC",
    "ether": "ETH",
    "aave": "AAVE",
    "algorand": "ALGO",
    "aptos": "APT",
    "arbitrum": "ARB",
    "avalanche": "AVAX",
    "binance coin": "BNB",
    "cardano": "ADA",
    "chainlink": "LINK",
    "cosmos": "ATOM",
    "dash": "DASH",
    "dogecoin": "DOGE",
    "eos": "EOS",
    "filecoin": "FIL",
    "iota": "MIOTA",
    "litecoin": "LTC",
    "monero": "XMR",
    "nem": "XEM",
    "neo": "NEO",
    "numeraire": "NMR",
    "omisego": "OMG",
    "polkadot": "DOT",
    "polygon": "MATIC",
    "qtum": "QTUM",
    "ripple": "XRP",
    "shiba inu": "SHIB",
    "solana": "SOL",
    "stellar": "XLM",
    "stratis": "STRAT",
    "tezos": "XTZ",
    "toncoin": "TON",
    "tron": "TRX",
    "uniswap": "UNI",
    "waves": "WAVES",
    "zcash": "ZEC",
}
"""Name of a coin, in lower case -> its ticker."""

ALIASES: Mapping[str, str] = {"XBT": "BTC"}
"""Ticker of some exchanges -> the usual one."""

MONEY = ("USDT", "USDC", "USD", "FDUSD", "BUSD", "TUSD", "EUR", "GBP", "JPY", "KRW", "CHF", "TRY", "DAI")
"""Quotes that are never a coin to forecast."""

QUOTES = (*MONEY, "BTC", "ETH", "BNB")

_TICKERS = {*COINS.values(), *ALIASES}


class Pair(NamedTuple):
    """A coin and, where it is said, what it is priced in."""

    base: str
    quote: str | None


def read_symbol(text: str) -> Pair | None:
    """Coin of a cell that names it: `BTC`, `Bitcoin`, `BTC/USD`, `btc-usdt`, `BTCUSDT`, `binance:BTC/USDT`.

    The cell says that it is a symbol, so a ticker need not be known; a name must be.
    """
    cell = text.strip().rpartition(":")[2] if text.count(":") == 1 else text.strip()
    named = COINS.get(" ".join(re.findall(r"[a-z]+", cell.lower())))
    if named:
        return Pair(named, None)
    parted = re.fullmatch(r"([A-Za-z0-9]{1,20})[/_-]([A-Za-z]{1,20})", cell)
    if parted:
        return Pair(_usual(parted[1]), parted[2].upper())
    if re.fullmatch(r"[A-Z0-9]{2,15}|[a-z0-9]{2,10}", cell) and not cell.isdigit():
        return _split_word(cell, known_only=False)
    return None


def find_coin(name: str) -> Pair | None:
    """The one known coin among the words of a file's name: `bitcoin_cash_price`, `BTC-USD`, `ETHBTC-1h`.

    Whole words only; None where no coin or more than one is named.
    """
    words = re.findall(r"[a-z]+", name.lower())
    found: list[Pair] = []
    quotes = [word.upper() for word in words if word.upper() in MONEY]
    position = 0
    while position < len(words):
        for length in (2, 1):
            phrase = " ".join(words[position : position + length])
            pair = Pair(COINS[phrase], None) if phrase in COINS else None
            if pair or length == 1:
                pair = pair or _split_word(phrase, known_only=True)
                found += [pair] if pair else []
                position += length
                break
    if len({pair.base for pair in found}) != 1:
        return None
    said = [pair.quote for pair in found if pair.quote] or quotes
    return Pair(found[0].base, said[0] if said else None)


def find_pair(name: str) -> Pair | None:
    """The pair that a file's name spells out, its coin known or not: `PEPE_USDT-1d`, `WIF-USD`, `BONKUSDT-1h-data`.

    For files whose form says that they hold a pair; capitals only, for lower-case words are no tickers.
    """
    quotes = "|".join(QUOTES)
    parted = re.search(rf"(?<![A-Za-z0-9])([A-Z0-9]{{2,15}})[_-]({quotes})(?![A-Za-z0-9])", name)
    if parted:
        return Pair(_usual(parted[1]), parted[2])
    words = [word for word in re.findall(r"[A-Z0-9]{5,}", name) if word.endswith(QUOTES)]
    return _split_word(words[0], known_only=False) if words else None


def _split_word(word: str, *, known_only: bool) -> Pair | None:
    """`BTC` or `BTCUSDT`."""
    upper = word.upper()
    if upper in _TICKERS:
        return Pair(_usual(upper), None)
    pairs = [Pair(_usual(upper.removesuffix(quote)), quote) for quote in QUOTES if upper.endswith(quote)]
    known = [pair for pair in pairs if pair.base in _TICKERS]
    if known or known_only:
        return known[0] if known else None
    return next((pair for pair in pairs if pair.base), Pair(upper, None))


def _usual(ticker: str) -> str:
    return ALIASES.get(ticker.upper(), ticker.upper())
