"""Downloads from the test server: what is fetched, what is stored, and what is said."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coincast.candles.store import read_provenance, read_revisions, read_stored
from coincast.errors import ExchangeError, MissingPackageError, RefusedError, UnknownNameError, UsageError
from coincast.sources.exchange import lobby
from coincast.sources.exchange.download import download
from exchange_server.faults import Fault
from exchange_server.server import Answer, ExchangeServer, Request
from exchange_server.world import HOUR, MINUTE, Listing, World, moment

Get = Callable[..., Any]
Stored = Callable[..., Any]
Start = Callable[..., ExchangeServer]

VENUES = ("binance", "bitfinex", "poloniex", "kraken", "coinbase")


# ---------------------------------------------------------------- which candles


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("skew", [-HOUR, 0, HOUR])
def test_only_candles_that_have_closed_by_the_clock_of_the_exchange(
    venue: str, skew: int, start_exchange: Start, get: Get, stored: Stored
) -> None:
    """This machine's clock is an hour behind it, right, or an hour ahead."""
    server = start_exchange(venue, now=int(time.time() * 1000) // HOUR * HOUR + 20 * MINUTE, skew=skew)
    since = server.world.clock() - 5 * HOUR
    assert get(server, interval="1h", since=datetime.fromtimestamp(since / 1000, UTC)).error is None
    came = stored(f"{venue}:BTC/{server.venue.quote}")
    assert came == server.world.truth(f"BTC/{server.venue.quote}", "1h", since)
    assert came[-1][0] + HOUR == server.world.clock() // HOUR * HOUR


@pytest.mark.parametrize("interval", ["1m", "4h", "1d", "3d", "1w", "1M"])
def test_every_interval_has_its_own_end(interval: str, exchange: ExchangeServer, get: Get, stored: Stored) -> None:
    """2024-03-01 12:34:56 lies in a minute, a day, three days, a week and a month."""
    since = "2024-03-01" if interval == "1m" else "2023-11-30"
    assert get(exchange, interval=interval, since=since, archive=False).error is None
    assert stored("binance:BTC/USDT", interval) == exchange.world.truth("BTC/USDT", interval, moment(since))


def test_a_candle_that_closed_a_moment_ago_is_left_to_settle(
    exchange: ExchangeServer, get: Get, stored: Stored
) -> None:
    exchange.world.now = moment("2024-03-01T12:00:05")
    get(exchange, interval="1h", since="2024-03-01T09:00")
    assert [row[0] for row in stored("binance:BTC/USDT")] == [moment(f"2024-03-01T{hour}:00") for hour in ("09", "10")]


@pytest.mark.parametrize("venue", VENUES)
def test_since_before_the_listing(venue: str, start_exchange: Start, get: Get, stored: Stored) -> None:
    server = start_exchange(venue)
    symbol = f"NEW/{server.venue.quote}"
    result = get(server, symbol, interval="1h", since="2015-01-01").markets[0]
    right = server.world.truth(symbol, "1h", 0)
    assert stored(f"{venue}:{symbol}") == (right if venue != "kraken" else right[-719:])
    assert (result.gaps, result.error) == (0, None)
    assert len(server.candle_requests()) < 35


def test_without_a_beginning_everything_comes(exchange: ExchangeServer, get: Get, stored: Stored) -> None:
    assert get(exchange, "NEW/USDT").markets[0].candles == 51
    assert stored("binance:NEW/USDT", "1d") == exchange.world.truth("NEW/USDT", "1d", 0)


def test_until_is_the_last_open_time_or_a_whole_day(exchange: ExchangeServer, get: Get, stored: Stored) -> None:
    get(exchange, interval="1d", since="2024-01-01", until="2024-01-04")
    assert [row[0] for row in stored("binance:BTC/USDT", "1d")] == [moment(f"2024-01-0{day}") for day in (1, 2, 3, 4)]


def test_a_long_hole_of_minutes_is_skipped_by_the_day(start_exchange: Start, get: Get, stored: Stored) -> None:
    hole = (moment("2023-09-01"), moment("2024-02-27"))
    server = start_exchange("binance", listings=(Listing("BTC/USDT", holes=(hole,)),))
    result = get(server, interval="5m", since="2023-08-25", archive=False).markets[0]
    assert stored("binance:BTC/USDT", "5m") == server.world.truth("BTC/USDT", "5m", moment("2023-08-25"))
    assert (result.gaps, result.missing) == (1, (hole[1] - hole[0]) // (5 * MINUTE))
    assert len(server.candle_requests()) < 15


def test_thin_markets_keep_their_gaps_and_are_not_asked_for_ever(
    exchange: ExchangeServer, get: Get, stored: Stored
) -> None:
    right = exchange.world.truth("DOGE/USDT", "1h", moment("2024-01-01"))
    requests = []
    for _ in range(3):
        exchange.clear()
        result = get(exchange, "DOGE/USDT", interval="1h", since="2024-01-01").markets[0]
        assert stored("binance:DOGE/USDT") == right
        requests.append(len(exchange.candle_requests()))
    assert result.candles + result.missing == (right[-1][0] - right[0][0]) // HOUR + 1
    assert requests[2] <= 2  # the last day may still be filled
    exchange.clear()
    get(exchange, "DOGE/USDT", interval="1h", since="2024-01-01", ask_again=True)
    assert len(exchange.candle_requests()) > 1


# ---------------------------------------------------------------- again


def test_a_later_download_fetches_what_is_new_and_the_last_three_once_more(
    exchange: ExchangeServer, get: Get, stored: Stored
) -> None:
    assert get(exchange, since="2024-01-01").markets[0].added == 60
    exchange.clear()
    exchange.world.now = moment("2024-03-04T01:00")
    again = get(exchange, since="2024-01-01").markets[0]
    assert (again.added, again.same, again.revised) == (3, 3, 0)
    assert [int(request.query["startTime"]) for request in exchange.candle_requests()] == [moment("2024-02-27")]
    assert stored("binance:BTC/USDT", "1d") == exchange.world.truth("BTC/USDT", "1d", moment("2024-01-01"))


@pytest.mark.parametrize("venue", VENUES)
def test_preliminary_values_are_revised_and_logged(
    venue: str, start_exchange: Start, get: Get, stored: Stored, tmp_path: Path
) -> None:
    server = start_exchange(venue, settling=HOUR)
    market = f"{venue}:BTC/{server.venue.quote}"
    get(server, interval="1h", since="2024-02-29")
    preliminary = stored(market)[-1]
    server.world.now = moment("2024-03-01T14:30")
    result = get(server, interval="1h", since="2024-02-29").markets[0]
    assert (result.added, result.revised) == (2, 1)
    assert result.revisions[0].startswith("revised 2024-03-01 11:00 UTC: ")
    assert f"close {preliminary[4]:.15g} is" in result.revisions[0]
    assert read_revisions(market, "1h", folder=tmp_path)["before"].to_list()[-2:] != []
    server.world.now, server.world.settling = moment("2024-03-01T14:30"), 0
    get(server, interval="1h", since="2024-02-29")
    assert stored(market) == server.world.truth(f"BTC/{server.venue.quote}", "1h", moment("2024-02-29"))


def test_without_a_beginning_also_what_lies_before_comes(exchange: ExchangeServer, get: Get, stored: Stored) -> None:
    get(exchange, since="2024-02-01")
    right = exchange.world.truth("BTC/USDT", "1d", 0)
    requests = []
    for _ in range(3):
        exchange.clear()
        result = get(exchange).markets[0]
        assert (result.candles, result.gaps) == (len(right), 0)
        assert stored("binance:BTC/USDT", "1d") == right
        requests.append([int(request.query["startTime"]) for request in exchange.candle_requests()])
    # What is stored is not asked for again, and what was empty twice is not asked for a third time.
    assert all(start <= right[0][0] or start == right[-3][0] for start in requests[1])
    assert requests[2] == [right[-3][0]]


def test_without_a_beginning_minutes_are_asked_for_where_there_are_any(
    start_exchange: Start, get: Get, stored: Stored
) -> None:
    """The years before the listing are found empty by the day, in three downloads from pages and from files."""
    listings = (Listing("BTC/USDT", since=moment("2024-02-27T05:00")),)
    server = start_exchange("binance", World(listings=listings, now=moment("2024-02-29T12:34:56")))
    for archive in (False, None, True):
        server.clear()
        assert get(server, interval="5m", archive=archive).markets[0].gaps == 0
        assert stored("binance:BTC/USDT", "5m") == server.world.truth("BTC/USDT", "5m", 0)
        assert len(server.candle_requests()) < 20
    assert len(server.requests) < 8


def test_candles_that_were_lost_come_again(exchange: ExchangeServer, get: Get, stored: Stored, tmp_path: Path) -> None:
    for _ in range(3):
        get(exchange, "DOGE/USDT", interval="1h", since="2024-01-01")
    (tmp_path / "binance-DOGE_USDT" / "1h" / "2024-02.parquet").unlink()
    get(exchange, "DOGE/USDT", interval="1h", since="2024-01-01")
    assert stored("binance:DOGE/USDT") == exchange.world.truth("DOGE/USDT", "1h", moment("2024-01-01"))


def test_a_broken_record_costs_requests_and_nothing_else(
    exchange: ExchangeServer, get: Get, stored: Stored, tmp_path: Path
) -> None:
    get(exchange, since="2024-02-01")
    record = tmp_path / "binance-BTC_USDT" / "1d" / "asked.json"
    for text in ("", "[]", '{"version": 1}', '{"version": 1, "once": [1], "empty": [], "archive": []}'):
        record.write_text(text)
        get(exchange, since="2024-02-01")
        assert stored("binance:BTC/USDT", "1d") == exchange.world.truth("BTC/USDT", "1d", moment("2024-02-01"))


def test_a_hole_that_the_exchange_fills_later_is_filled(start_exchange: Start, get: Get, stored: Stored) -> None:
    """A whole week is empty for a time, in the first run only."""
    server = start_exchange("binance", outages=((moment("2024-02-01"), moment("2024-02-08")),))
    assert get(server, since="2024-01-01").markets[0].gaps == 1
    server.world.outages = ()
    assert get(server, since="2024-01-01").markets[0].gaps == 0
    assert stored("binance:BTC/USDT", "1d") == server.world.truth("BTC/USDT", "1d", moment("2024-01-01"))


# ---------------------------------------------------------------- what cannot be believed


def change_rows(server: ExchangeServer, change: Callable[[list[Any]], object]) -> None:
    """Every candle of Binance goes out as a row that something was done to."""
    show = server.venue.show

    def show_changed(request: Any) -> Any:
        rows = show(request)
        for row in rows:
            change(row)
        return rows

    server.venue = replace(server.venue, show=show_changed)


def test_closes_a_hundred_times_too_high_are_refused(exchange: ExchangeServer, get: Get, stored: Stored) -> None:
    usual = exchange.venue
    change_rows(exchange, lambda row: row.__setitem__(4, str(100 * float(row[4]))))
    error = get(exchange, since="2024-01-01").markets[0].error
    assert isinstance(error, ExchangeError)
    assert "60 of the 60 from 2024-01-01 on open or close outside low to high; they were not stored" in str(error)
    assert stored("binance:BTC/USDT", "1d") == []
    exchange.venue = usual
    assert get(exchange, since="2024-01-01").error is None
    assert stored("binance:BTC/USDT", "1d") == exchange.world.truth("BTC/USDT", "1d", moment("2024-01-01"))


def test_what_is_doubtful_in_new_candles_is_told_once(exchange: ExchangeServer, get: Get) -> None:
    days = [moment("2024-01-09"), moment("2024-02-28")]
    change_rows(exchange, lambda row: row[0] in days and row.__setitem__(4, str(100 * float(row[4]))))
    notes = get(exchange, since="2024-01-01").markets[0].notes
    assert notes[0] == "doubtful: outside range: 2 of 60 candles with open or close outside low to high (2024-01-09)"
    assert notes[1].startswith("doubtful: bad print in 2 places, the first 2024-01-09: ")
    assert get(exchange, since="2024-01-01").markets[0].notes == ()
    exchange.world.now = moment("2024-03-02T01:00")
    exchange.world.revisions["BTC/USDT", "1d", days[1]] = 100
    notes = get(exchange, since="2024-01-01").markets[0].notes
    assert len(notes) == 2
    assert "(2024-02-28)" in notes[1]


@pytest.mark.parametrize("time", ["soon", -5, 1_704_067_200, 0, None, moment("2100-01-01")])
def test_a_candle_without_a_time_is_a_broken_answer_and_no_gap(
    time: Any, exchange: ExchangeServer, get: Get, stored: Stored
) -> None:
    usual = exchange.venue
    change_rows(exchange, lambda row: row[0] == moment("2024-01-09") and row.__setitem__(0, time))
    error = get(exchange, since="2024-01-01").markets[0].error
    assert isinstance(error, ExchangeError)
    assert "something that is no candles (a candle without a time, or at one that cannot be)" in str(error)
    exchange.venue = usual
    assert get(exchange, since="2024-01-01").error is None
    assert stored("binance:BTC/USDT", "1d") == exchange.world.truth("BTC/USDT", "1d", moment("2024-01-01"))


@pytest.mark.parametrize("status", [200, 500])
def test_lists_in_lists_without_end(
    status: int, exchange: ExchangeServer, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = exchange.answer

    def answer(request: Request, fault: Fault | None) -> Answer:
        return Answer(status, b"[" * 100_000) if request.kind == "candles" else right(request, fault)

    monkeypatch.setattr(exchange, "answer", answer)
    error = get(exchange, since="2024-01-01").markets[0].error
    assert isinstance(error, ExchangeError)
    assert ("no candles" if status == 200 else "HTTP 500") in str(error)


# ---------------------------------------------------------------- several markets


def test_several_markets_share_one_pace(exchange: ExchangeServer, get: Get, stored: Stored, clock: Any) -> None:
    names = ["BTC/USDT", "ETH/USDT", "NEW/USDT", "DOGE/USDT"]
    exchange.plan(Fault("status", status=429, retry_after=20, at=3))
    result = get(exchange, *names, interval="1h", since="2024-01-10")
    assert [market.market for market in result.markets] == [f"binance:{name}" for name in names]
    assert result.error is None
    for name in names:
        assert stored(f"binance:{name}") == exchange.world.truth(name, "1h", moment("2024-01-10"))
    assert max(clock.waits) > 19


def test_an_error_of_one_market_leaves_the_others_alone(exchange: ExchangeServer, get: Get, stored: Stored) -> None:
    exchange.plan(Fault("status", on="symbol=ETHUSDT", status=500, times=None))
    result = get(exchange, "BTC/USDT", "ETH/USDT", since="2024-01-01")
    assert [type(market.error) for market in result.markets] == [type(None), ExchangeError]
    assert result.error is result.markets[1].error
    assert stored("binance:BTC/USDT", "1d") == exchange.world.truth("BTC/USDT", "1d", moment("2024-01-01"))
    assert json.loads(json.dumps(result.describe(), default=str))["markets"][1]["error"] == str(result.error)


def test_a_ban_stops_all_markets_at_once(exchange: ExchangeServer, get: Get) -> None:
    exchange.plan(Fault("status", status=418, retry_after=7200, times=None))
    result = get(exchange, "BTC/USDT", "ETH/USDT", "NEW/USDT", "DOGE/USDT", since="2024-01-01")
    assert all(isinstance(market.error, RefusedError) for market in result.markets)
    assert len(exchange.candle_requests()) <= 4


def test_gaps_come_with_a_guess(start_exchange: Start, get: Get) -> None:
    hole, outage = ("2024-02-03", "2024-02-05"), ("2024-02-10", "2024-02-11")
    holes = ((moment(hole[0]), moment(hole[1])),)
    listings = (Listing("BTC/USDT", holes=holes), Listing("ETH/USDT"))
    server = start_exchange("binance", listings=listings, outages=((moment(outage[0]), moment(outage[1])),))
    first, second = get(server, "BTC", "ETH", since="2024-02-01").markets
    assert (first.gaps, first.missing, second.gaps, second.missing) == (2, 3, 1, 1)
    assert first.gap_words.startswith("2 gaps, 3 candles missing, the longest 2 from 2024-02-03; 1 while other markets")


# ---------------------------------------------------------------- names


def test_a_base_alone_is_against_the_usual_quote(start_exchange: Start, get: Get) -> None:
    listings = (Listing("BTC/EUR"), Listing("BTC/USD"), Listing("ETH/USD"), Listing("ADA/EUR"))
    server = start_exchange("coinbase", listings=listings)
    result = get(server, "btc", "ada/eur", "ADA", since="2024-02-01")
    assert [market.market for market in result.markets] == ["coinbase:BTC/USD", "coinbase:ADA/EUR"]


def test_unknown_names_are_told_before_anything_is_fetched(exchange: ExchangeServer, get: Get) -> None:
    with pytest.raises(UnknownNameError, match="market of binance 'BTC/UDST'; did you mean 'BTC/USDT'"):
        get(exchange, "ETH/USDT", "BTC/UDST", since="2024-01-01")
    with pytest.raises(UnknownNameError, match="unknown exchange 'binanse'; did you mean 'binance'"):
        download("BTC/USDT", exchange="binanse")
    with pytest.raises(UsageError, match=r"bitfinex has no candles of 2h; it has 1m .*resample"):
        download("BTC/USD", exchange="bitfinex", interval="2h")
    assert exchange.candle_requests() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"markets": []}, "no market was named"),
        ({"markets": [" "]}, "an empty market"),
        ({"markets": ["kraken:BTC/USD"]}, "is of kraken, and --exchange binance"),
        ({"interval": "1x"}, "unknown interval '1x'"),
        ({"since": "yesterday"}, "since is .yesterday.; allowed: a date or time"),
        ({"since": "2024-01-02", "until": "2024-01-01"}, "lies before since"),
        ({"base_url": "example.com"}, "--base-url 'example.com' is no address"),
        ({"exchange": None, "base_url": "http://127.0.0.1:1"}, "--base-url needs --exchange"),
    ],
)
def test_wrong_usage(arguments: dict[str, Any], words: str) -> None:
    usual = {"markets": ["BTC/USDT"], "exchange": "binance", "base_url": "http://127.0.0.1:1"}
    with pytest.raises(UsageError, match=words):
        download(**usual | arguments)


def test_without_an_exchange_one_that_answers_and_lists_it_is_taken(
    start_exchange: Start, monkeypatch: pytest.MonkeyPatch, get: Get, stored: Stored
) -> None:
    blocked, answering, other = start_exchange("binance"), start_exchange("coinbase"), start_exchange("kraken")
    blocked.plan(Fault("status", on="markets", status=451, times=None))
    answering.world.listings = (Listing("ETH/USD"),)
    for server in (blocked, answering, other):
        monkeypatch.setenv(f"COINCAST_{server.venue.name.upper()}_URL", server.url)
    result = get(other, "BTC/USD", exchange=None, base_url=None, since="2024-02-01")
    assert result.markets[0].market == "kraken:BTC/USD"
    assert result.notes[-1] == "no exchange was named; kraken was taken"
    assert "binance: the exchange refuses your server's country" in result.notes[0]
    assert stored("kraken:BTC/USD", "1d") == other.world.truth("BTC/USD", "1d", moment("2024-02-01"))
    result = get(other, "coinbase:ETH/USD", "kraken:BTC/USD", exchange=None, base_url=None, since="2024-02-01")
    assert [market.candles for market in result.markets] == [29, 29]


def test_no_exchange_answers(monkeypatch: pytest.MonkeyPatch, get: Get, exchange: ExchangeServer) -> None:
    exchange.plan(Fault("drop", on="/", times=None))
    monkeypatch.setattr(lobby, "FAMOUS", ("binance", "kraken"))
    for venue in ("BINANCE", "KRAKEN"):
        monkeypatch.setenv(f"COINCAST_{venue}_URL", exchange.url)
    with pytest.raises(ExchangeError, match=r"no exchange answers; binance .*lost connection"):
        get(exchange, exchange=None, base_url=None)


def test_what_kraken_cannot_give_is_said(start_exchange: Start, get: Get) -> None:
    result = get(start_exchange("kraken"), interval="1h", since="2023-01-01").markets[0]
    assert "kraken gives the latest 720 candles only; older ones cannot come from it" in result.notes
    assert (result.candles, result.gaps) == (719, 0)


# ---------------------------------------------------------------- the archive


@pytest.fixture
def minutes(start_exchange: Start) -> ExchangeServer:
    """A market listed on the last day of January, at noon of the third of February."""
    listings = (Listing("BTC/USDT", since=moment("2024-01-31T06:00")),)
    return start_exchange("binance", World(listings=listings, now=moment("2024-02-03T12:00:30")))


def test_archive_first_then_the_exchange(minutes: ExchangeServer, get: Get, stored: Stored, tmp_path: Path) -> None:
    result = get(minutes, interval="1m", since="2024-01-31", archive=True).markets[0]
    assert result.error is None
    assert stored("binance:BTC/USDT", "1m") == minutes.world.truth("BTC/USDT", "1m", 0)
    sources = read_provenance("binance:BTC/USDT", "1m", folder=tmp_path)
    assert {name.split()[1] for name in sources["source"]} == {"archive", "REST"}
    candles = read_stored("binance:BTC/USDT", "1m", folder=tmp_path)
    assert candles["trades"][0] > 0
    assert candles["trades"][-1] is None
    # The last three of the archive's own come from the exchange now, and keep their other numbers.
    assert candles.filter(pl.col("trades").is_null())["open_time"].min() == datetime(2024, 2, 3, tzinfo=UTC)


def test_whole_files_where_they_take_fewer_requests(
    minutes: ExchangeServer, get: Get, stored: Stored, start_exchange: Start
) -> None:
    get(minutes, interval="1m", since="2024-01-31")  # five pages against a month, three days and their checksums
    assert not [request for request in minutes.requests if request.kind == "archive"]
    listings = (Listing("BTC/USDT", thin=0.99),)
    busy = start_exchange("binance", World(listings=listings, now=moment("2024-02-03T12:00:30")))
    get(busy, interval="1m", since="2023-12-20")
    assert [request for request in busy.requests if request.kind == "archive"]
    assert stored("binance:BTC/USDT", "1m")


def test_a_file_with_a_wrong_checksum_is_replaced_by_the_exchange(
    minutes: ExchangeServer, get: Get, stored: Stored, tmp_path: Path
) -> None:
    minutes.plan(Fault("wrong_checksum", on="archive", times=None))
    result = get(minutes, interval="5m", since="2024-01-31", archive=True).markets[0]
    assert result.error is None
    kept = sorted((tmp_path / "quarantine").glob("*.zip"))
    dates = ["2024-01", "2024-02-01", "2024-02-02"]
    assert [path.name.rpartition("-")[0] for path in kept] == [f"BTCUSDT-5m-{date}" for date in dates]
    assert [note.rpartition(" ")[2] for note in result.notes] == [str(path) for path in kept]
    assert stored("binance:BTC/USDT", "5m") == minutes.world.truth("BTC/USDT", "5m", 0)


def test_an_archive_that_does_not_answer_is_replaced_by_the_exchange(
    minutes: ExchangeServer, get: Get, stored: Stored
) -> None:
    minutes.plan(Fault("drop", on="archive", times=None))
    result = get(minutes, interval="1m", since="2024-01-31", archive=True).markets[0]
    assert result.error is None
    assert any("the archive gave up" in note for note in result.notes)
    assert stored("binance:BTC/USDT", "1m") == minutes.world.truth("BTC/USDT", "1m", 0)


def test_without_ccxt_the_archive_serves_alone(
    minutes: ExchangeServer, get: Get, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    minutes.world.now = None  # without a connection this machine's clock must do
    monkeypatch.setenv("COINCAST_BINANCE_ARCHIVE_URL", minutes.url)
    span = {"since": "2024-01-31", "until": "2024-02-02"}
    result = get(minutes, "BTC", interval="1h", exchange=None, base_url=None, **span)
    assert [note for note in result.notes if note.startswith("no exchange was named; binance was taken")]
    assert result.error is None
    assert any("coincast[exchange]" in note for note in result.notes)
    right = minutes.world.truth("BTC/USDT", "1h", 0, moment("2024-02-03"))
    assert stored("binance:BTC/USDT") == right
    with pytest.raises(MissingPackageError, match=r"pip install 'coincast\[exchange\]'"):
        get(minutes, exchange="kraken")
    with pytest.raises(MissingPackageError):
        get(minutes, archive=False)


def test_a_blocked_country_still_has_the_archive(minutes: ExchangeServer, get: Get, stored: Stored) -> None:
    minutes.world.now = None
    minutes.plan(Fault("status", on="/api/", status=451, times=None))
    result = get(minutes, interval="1h", since="2024-01-31", until="2024-02-01").markets[0]
    assert isinstance(result.error, RefusedError)
    assert stored("binance:BTC/USDT") == minutes.world.truth("BTC/USDT", "1h", 0, moment("2024-02-02"))
    minutes.clear()
    minutes.world.now = moment("2024-02-03T12:00:30")
    assert get(minutes, interval="1h", since="2024-01-31").markets[0].error is None
    assert stored("binance:BTC/USDT") == minutes.world.truth("BTC/USDT", "1h", 0)
