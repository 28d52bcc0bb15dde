"""The exchanges that the test server speaks for."""

from __future__ import annotations

from exchange_server.binance import BINANCE
from exchange_server.bitfinex import BITFINEX
from exchange_server.coinbase import COINBASE, COINBASE_EXCHANGE
from exchange_server.kraken import KRAKEN
from exchange_server.poloniex import POLONIEX
from exchange_server.venue import Venue

_ALL = (BINANCE, BITFINEX, POLONIEX, KRAKEN, COINBASE, COINBASE_EXCHANGE)

VENUES: dict[str, Venue] = {venue.name: venue for venue in _ALL}
"""Name in ccxt -> exchange."""
