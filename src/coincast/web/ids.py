"""Opaque ids, made from what is there: nothing that a request says is ever used as a path or a name."""

from __future__ import annotations

import hashlib

ID_PATTERN = r"^[a-z][0-9a-f]{16}$"
"""What an id looks like, for the description of the interface."""


def make_id(letter: str, *names: str) -> str:
    """An id of a letter for its kind and a hash: the same for the same names, whenever the program runs.

    Example:
        >>> make_id("m", "binance:BTC/USDT", "1h") == make_id("m", "binance:BTC/USDT", "1h")
        True
    """
    return letter + hashlib.blake2b("\0".join(names).encode(), digest_size=8).hexdigest()


def market_id(market: str, interval: str) -> str:
    """The id of a market and interval."""
    return make_id("m", market, interval)
