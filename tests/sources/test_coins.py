from __future__ import annotations

import pytest

from coincast.sources.coins import Pair, find_coin, find_pair, read_symbol


@pytest.mark.parametrize(
    ("name", "base", "quote"),
    [
        ("bitcoin_price", "BTC", None),
        ("bitcoin_cash_price", "BCH", None),
        ("ethereum_classic_price", "ETC", None),
        ("ethereum_price", "ETH", None),
        ("ripple_price", "XRP", None),
        ("nem_price", "XEM", None),
        ("iota_price", "MIOTA", None),
        ("omisego_price", "OMG", None),
        ("stratis_price", "STRAT", None),
        ("bitconnect_price", "BCC", None),
        ("numeraire_price", "NMR", None),
        ("btc", "BTC", None),
        ("eth_daily", "ETH", None),
        ("coin_Bitcoin", "BTC", None),
        ("bitcoin2015to2017", "BTC", None),
        ("BTC-USD", "BTC", "USD"),
        ("BTC-USD-2010-2018", "BTC", "USD"),
        ("BTCUSDT-1h", "BTC", "USDT"),
        ("USDT_BTC-1d", "BTC", "USDT"),
        ("Bitstamp_BTCUSD_d", "BTC", "USD"),
        ("XBTUSD_60", "BTC", "USD"),
        ("ETHBTC-5m", "ETH", "BTC"),
    ],
)
def test_coins_in_file_names(name: str, base: str, quote: str | None) -> None:
    assert find_coin(name) == Pair(base, quote)


@pytest.mark.parametrize("name", ["prices", "cryptocurrencies", "btc_eth", "bitcoin_and_litecoin", "wavesurfing", ""])
def test_file_names_that_tell_no_coin_or_several(name: str) -> None:
    assert find_coin(name) is None


@pytest.mark.parametrize(
    ("cell", "base", "quote"),
    [
        ("BTC", "BTC", None),
        ("btc", "BTC", None),
        ("Bitcoin", "BTC", None),
        ("bitcoin-cash", "BCH", None),
        ("BTC/USD", "BTC", "USD"),
        ("btc-usdt", "BTC", "USDT"),
        ("ETH_BTC", "ETH", "BTC"),
        ("XBTUSD", "BTC", "USD"),
        ("BTCTUSD", "BTC", "TUSD"),
        ("ETHBTC", "ETH", "BTC"),
        ("NEWCOIN", "NEWCOIN", None),
        ("NEWCOINUSDT", "NEWCOIN", "USDT"),
        ("binance:BTC/USDT", "BTC", "USDT"),
    ],
)
def test_cells_that_name_a_coin(cell: str, base: str, quote: str | None) -> None:
    assert read_symbol(cell) == Pair(base, quote)


@pytest.mark.parametrize("cell", ["Extreme Fear", "Fear", "30", "", "a long remark"])
def test_cells_that_name_none(cell: str) -> None:
    assert read_symbol(cell) is None


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("PEPE_USDT-1d", ("PEPE", "USDT")),
        ("WIF-USD", ("WIF", "USD")),
        ("BONKUSDT-1h-data", ("BONK", "USDT")),
        ("XBTUSD_60", ("BTC", "USD")),
        ("my data", None),
        ("prices_usd", None),
    ],
)
def test_a_pair_that_a_name_spells_out(name: str, pair: tuple[str, str] | None) -> None:
    assert find_pair(name) == pair
