"""From what a person types to a market."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import ccxt
import pytest

from coincast.errors import UnknownNameError
from coincast.sources.exchange.symbols import Wish, find_symbol, is_exchange, read_wishes


def listing(*symbols: str, active: bool = True, spot: bool = True) -> dict[str, Any]:
    return {
        symbol: {"quote": symbol.partition("/")[2].partition(":")[0], "active": active, "spot": spot}
        for symbol in symbols
    }


@pytest.mark.parametrize(
    ("text", "venue", "symbol"),
    [
        ("BTC", None, "BTC"),
        ("BTC/USDT", None, "BTC/USDT"),
        ("BTC/USDT:USDT", None, "BTC/USDT:USDT"),
        ("binance:BTC", "binance", "BTC"),
        ("Binance:BTC/USDT", "binance", "BTC/USDT"),
        (" binance:BTC/USDT:USDT ", "binance", "BTC/USDT:USDT"),
    ],
)
def test_what_can_be_typed(text: str, venue: str | None, symbol: str) -> None:
    assert read_wishes([text], None) == [Wish(venue, symbol)]


def test_each_market_once() -> None:
    assert len(read_wishes(["BTC/USDT", "binance:BTC/USDT"], "Binance")) == 1


def test_the_usual_quote_is_the_one_most_markets_have() -> None:
    markets = listing("BTC/USDT", "BTC/USD", "ETH/USD", "BTC/EUR") | listing("A/USDT:USDT", "B/USDT:USDT", spot=False)
    assert find_symbol("btc", markets, "coinbase") == "BTC/USD"
    assert find_symbol("BTC", listing("BTC/EUR", "BTC/USDT"), "x") == "BTC/USDT"
    assert find_symbol("BTC", listing("BTC/USDT", active=False) | listing("BTC/USDC"), "x") == "BTC/USDC"
    assert find_symbol("BTC/USDT", listing("BTC/USDT", active=False), "x") == "BTC/USDT"


def test_of_thousands_of_markets_the_nearest_are_told() -> None:
    markets = listing(*(f"COIN{number}/USDT" for number in range(3000)), "BTC/USDT")
    with pytest.raises(UnknownNameError) as caught:
        find_symbol("BTCUSDT", markets, "binance")
    assert str(caught.value).startswith("unknown market of binance 'BTCUSDT'; did you mean 'BTC/USDT'? known: BTC/USDT")
    assert str(caught.value).endswith("and 2,995 more")
    with pytest.raises(UnknownNameError):
        find_symbol("XYZ", listing("XYZ/GBP"), "binance")


def test_exchanges_are_those_of_ccxt() -> None:
    assert all(is_exchange(name) for name in ccxt.exchanges)
    assert not any(is_exchange(name) for name in ("bittrex", "simulated", "base", "pro", "__init__", "", "binance.x"))


def test_ccxt_is_not_imported_for_that() -> None:
    code = "import sys; from coincast.sources.exchange.symbols import is_exchange; print(is_exchange('phemex')"
    code += ", is_exchange('bittrex'), 'ccxt' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False False\n"


def test_without_ccxt_the_well_known_ones_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    assert is_exchange("kraken")
    assert not is_exchange("phemex")
