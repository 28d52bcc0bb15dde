"""Every venue as the real ccxt sees it, and the habits that make them differ."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from exchange_server.server import ExchangeServer
from exchange_server.venues import VENUES
from exchange_server.world import DAY, HOUR, LENGTHS, Listing, World, moment

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: pip install 'coincast[exchange]'")

JANUARY = moment("2024-01-01")
Open = Callable[[ExchangeServer], Any]


def rewritten(urls: Any, base: str) -> Any:
    if isinstance(urls, dict):
        return {name: rewritten(value, base) for name, value in urls.items()}
    return re.sub(r"^https?://[^/]+", base, urls)


@pytest.fixture
def client() -> Iterator[Open]:
    """Opens the real ccxt on a server of ours."""
    opened = []

    def connect(server: ExchangeServer) -> Any:
        found = getattr(ccxt, server.venue.name)({"enableRateLimit": False, "timeout": 3000})
        found.urls["api"] = rewritten(found.urls["api"], server.url)
        opened.append(found)
        return found

    yield connect
    for found in opened:
        found.session.close()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=3) as response:
        return json.load(response)


@pytest.mark.parametrize("venue", VENUES)
def test_ccxt_finds_markets_clock_and_the_right_candles(
    start_exchange: Callable[..., ExchangeServer], client: Open, venue: str
) -> None:
    server = start_exchange(venue)
    ccxt_client, quote = client(server), VENUES[venue].quote
    assert list(ccxt_client.load_markets()) == [f"{coin}/{quote}" for coin in ("BTC", "ETH", "NEW", "DOGE")]
    if ccxt_client.has["fetchTime"]:
        assert abs(ccxt_client.fetch_time() - server.world.clock()) < 1000
    for symbol in (f"BTC/{quote}", f"DOGE/{quote}"):
        for interval in {"1d", "1h", "1w", "1M"} & set(ccxt_client.timeframes):
            since = moment("2024-02-01") if interval == "1h" else moment("2023-09-01")
            until = since + 300 * LENGTHS.get(interval, 31 * DAY) - 1
            extra = {} if venue == "kraken" else {"until": until}
            rows = ccxt_client.fetch_ohlcv(symbol, interval, since, 300, extra)
            right = server.world.truth(symbol, interval, since, until)
            assert [tuple(row) for row in rows][: len(right)] == right
            assert len(right) > 2
    assert ccxt_client.last_response_headers["Date"] == "Fri, 01 Mar 2024 12:34:56 GMT"


def test_the_clock_and_the_date_follow_the_world(exchange: ExchangeServer, client: Open) -> None:
    exchange.world.now, exchange.world.skew = moment("2024-05-05T05:05"), HOUR
    found = client(exchange)
    assert found.fetch_time() == moment("2024-05-05T06:05")
    assert parsedate_to_datetime(found.last_response_headers["Date"]).timestamp() * 1000 == found.fetch_time()


def test_binance_gives_a_thousand_and_jumps_over_holes(start_exchange: Callable[..., ExchangeServer]) -> None:
    hole = (JANUARY + 10 * HOUR, JANUARY + 30 * DAY)
    server = start_exchange(world=World((Listing("BTC/USDT", holes=(hole,)),)))
    address = f"{server.url}/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime={JANUARY}"
    assert [len(get(f"{address}&limit={limit}")) for limit in (1, 1000, 5000)] == [1, 743, 743]
    assert len(get(f"{server.url}/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime={JANUARY - 999 * DAY}")) == 500
    times = [row[0] for row in get(f"{address}&limit=12")]
    assert times[9:11] == [JANUARY + 9 * HOUR, hole[1]]
    assert get(f"{address}&startTime={hole[0]}&endTime={hole[1] - 1}") == []


def test_bitfinex_is_newest_first_unless_asked_and_puts_the_close_second(
    start_exchange: Callable[..., ExchangeServer],
) -> None:
    server = start_exchange("bitfinex")
    address = f"{server.url}/v2/candles/trade:1D:tBTCUSD/hist"
    newest = get(f"{address}?limit=3")
    assert [row[0] for row in newest] == [moment("2024-03-01"), moment("2024-02-29"), moment("2024-02-28")]
    [row] = get(f"{address}?limit=1&sort=1&start={JANUARY}")
    [(time, open_, high, low, close, volume)] = server.world.truth("BTC/USD", "1d", JANUARY, JANUARY + DAY)
    assert row == [time, open_, close, high, low, volume]
    assert len(get(address)) == 100
    assert len(get(f"{server.url}/v2/candles/trade:1D:tDOGE:USD/hist?limit=5")) == 5


def test_poloniex_needs_both_times(start_exchange: Callable[..., ExchangeServer]) -> None:
    server = start_exchange("poloniex")
    address = f"{server.url}/markets/BTC_USDT/candles?interval=HOUR_1"
    now = moment("2024-03-01T12:00")
    alone = get(f"{address}&startTime={JANUARY}&limit=500")
    assert (len(alone), alone[-1][12]) == (500, now)
    both = get(f"{address}&startTime={JANUARY}&endTime={JANUARY + 400 * HOUR - 1}&limit=500")
    assert [both[0][12], both[-1][12]] == [JANUARY, JANUARY + 399 * HOUR]
    wide = get(f"{address}&startTime={JANUARY}&endTime={now}&limit=500")
    assert (len(wide), wide[-1][12]) == (500, now)
    [(_, open_, high, low, close, volume)] = server.world.truth("BTC/USDT", "1h", JANUARY, JANUARY + HOUR)
    assert [float(cell) for cell in (*both[0][:4], both[0][5])] == [low, high, open_, close, volume]


def test_kraken_reaches_back_720_candles_whatever_is_asked(start_exchange: Callable[..., ExchangeServer]) -> None:
    server = start_exchange("kraken")
    address = f"{server.url}/0/public/OHLC?pair=XXBTZUSD&interval=1440"
    for since in ("", "&since=0", f"&since={moment('2019-01-01') // 1000}"):
        rows = get(f"{address}{since}")["result"]["XXBTZUSD"]
        assert (len(rows), rows[-1][0] * 1000) == (720, moment("2024-03-01"))
    rows = get(f"{address}&since={JANUARY // 1000}")["result"]["XXBTZUSD"]
    assert rows[0][0] * 1000 == JANUARY + DAY


def test_coinbase_is_newest_first_in_a_window_of_300(start_exchange: Callable[..., ExchangeServer]) -> None:
    server = start_exchange("coinbase")
    address = f"{server.url}/api/v3/brokerage/market/products/BTC-USD/candles?granularity=ONE_HOUR"
    start = JANUARY // 1000
    rows = get(f"{address}&start={start}&end={start + 299 * 3600}")["candles"]
    assert (len(rows), rows[-1]["start"]) == (300, str(start))
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{address}&start={start}&end={start + 301 * 3600}")
    assert caught.value.code == 400
    caught.value.close()


def test_coinbase_exchange_has_other_columns_and_times_in_words(start_exchange: Callable[..., ExchangeServer]) -> None:
    server = start_exchange("coinbaseexchange")
    address = f"{server.url}/products/BTC-USD/candles?granularity=86400"
    rows = get(f"{address}&start=2024-01-01T00:00:00.000Z&end=2024-01-03T00:00:00Z")
    assert [row[0] for row in rows] == [(JANUARY + number * DAY) // 1000 for number in (2, 1, 0)]
    [(_, open_, high, low, close, volume)] = server.world.truth("BTC/USD", "1d", JANUARY, JANUARY + DAY)
    assert rows[-1][1:] == [low, high, open_, close, volume]
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{address}&start=2022-01-01T00:00:00Z&end=2024-01-03T00:00:00Z")
    assert b"granularity too small" in caught.value.read()
    caught.value.close()


@pytest.mark.parametrize("venue", VENUES)
def test_an_unknown_market_is_refused_as_the_venue_does(
    start_exchange: Callable[..., ExchangeServer], client: Open, venue: str
) -> None:
    server = start_exchange(venue)
    found, quote = client(server), VENUES[venue].quote
    found.load_markets()
    server.world.listings = (Listing(f"ETH/{quote}"),)
    with pytest.raises(ccxt.BaseError):
        found.fetch_ohlcv(f"BTC/{quote}", "1d", JANUARY, 10)
    assert list(found.load_markets(reload=True)) == [f"ETH/{quote}"]
