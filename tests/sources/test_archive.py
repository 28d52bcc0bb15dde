"""Binance's archive, from the test server."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import ExchangeError, RefusedError, UsageError
from coincast.sources import kline_zip
from coincast.sources.archive import ARCHIVE_INTERVALS, BASE_URL_VARIABLE, ArchiveHole, ArchivePart, fetch_archive
from coincast.sources.retry import Clock, Patience
from exchange_server.archive_files import checksum_of, zip_of
from exchange_server.faults import Fault
from exchange_server.server import ExchangeServer
from exchange_server.world import Listing, World, moment

BTC = "binance:BTC/USDT"
FOLDER = "/data/spot/monthly/klines/BTCUSDT"
JANUARY = f"{FOLDER}/1d/BTCUSDT-1d-2024-01.zip"
ROW = ["open_time", "open", "high", "low", "close", "volume"]


class FakeClock(Clock):
    """Remembers the waits and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fetch(
    server: ExchangeServer, since: str, until: str, interval: str = "1d", market: str = BTC, **options: object
) -> list[ArchivePart | ArchiveHole]:
    now = datetime.fromtimestamp(server.world.clock() / 1000, UTC)
    usual = {"base_url": server.url, "now": now, "clock": FakeClock()}
    return list(fetch_archive(market, interval, since=day(since), until=day(until), **(usual | options)))


def rows_of(found: list[ArchivePart | ArchiveHole]) -> list[tuple[object, ...]]:
    candles = pl.concat([item.candles for item in found if isinstance(item, ArchivePart)])
    return candles.with_columns(pl.col("open_time").dt.epoch("ms")).select(ROW).rows()


def spans(found: list[ArchivePart | ArchiveHole]) -> list[tuple[str, str, str]]:
    kinds = {ArchivePart: "part", ArchiveHole: "hole"}
    return [(kinds[type(item)], f"{item.since:%Y-%m-%d %H}", f"{item.until:%Y-%m-%d %H}") for item in found]


# ---------------------------------------------------------------- the right candles


@pytest.mark.parametrize("interval", ["1h", "1d"])
def test_months_and_days_together_are_the_truth(exchange: ExchangeServer, interval: str) -> None:
    exchange.world.now = moment("2024-03-03T12:34")
    found = fetch(exchange, "2023-11-20", "2024-03-03", interval)
    assert rows_of(found) == exchange.world.truth("BTC/USDT", interval, moment("2023-11-20"), moment("2024-03-03"))
    names = [item.name for item in found if isinstance(item, ArchivePart)]
    dates = ["2023-11", "2023-12", "2024-01", "2024-02", "2024-03-01", "2024-03-02"]
    assert names == [f"BTCUSDT-{interval}-{date}.zip" for date in dates]


def test_the_candles_are_a_candle_table_with_what_takers_bought(exchange: ExchangeServer) -> None:
    [part] = fetch(exchange, "2024-01-10", "2024-01-12")
    assert isinstance(part, ArchivePart)
    assert part.candles.columns[:4] == ["market", "interval", "open_time", "close_time"]
    assert part.candles.columns[9:] == ["quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume"]
    tenth, eleventh = exchange.world.candles("BTC/USDT", "1d", moment("2024-01-10"), moment("2024-01-12"))
    assert part.candles["trades"].to_list() == [tenth.trades, eleventh.trades]
    assert part.candles["quote_volume"].to_list() == [tenth.quote_volume / 10**8, eleventh.quote_volume / 10**8]
    assert part.candles["taker_buy_volume"].to_list() == [tenth.taker_volume / 10**8, eleventh.taker_volume / 10**8]


def test_a_part_names_its_file_and_the_hash_of_its_bytes(exchange: ExchangeServer) -> None:
    content = zip_of("BTCUSDT-1d-2024-01.csv", "1706659200000,1,2,0.5,1.5,10,1706745599999,15,3,4,6,0\n")
    exchange.files |= {JANUARY: content, f"{JANUARY}.CHECKSUM": checksum_of("BTCUSDT-1d-2024-01.zip", content)}
    [part] = fetch(exchange, "2024-01-01", "2024-02-01")
    assert isinstance(part, ArchivePart)
    assert (part.name, part.sha256) == ("BTCUSDT-1d-2024-01.zip", hashlib.sha256(content).hexdigest())
    assert rows_of([part]) == [(moment("2024-01-31"), 1.0, 2.0, 0.5, 1.5, 10.0)]
    assert part.candles.select("quote_volume", "trades", "taker_buy_quote_volume").row(0) == (15.0, 3.0, 6.0)


@pytest.mark.parametrize("header", [True, False])
def test_microseconds_and_a_line_of_names_make_no_difference(exchange: ExchangeServer, header: bool) -> None:
    exchange.world.now, exchange.archive_header = moment("2025-03-01"), header
    found = fetch(exchange, "2024-12-01", "2025-02-01", "1h")
    assert rows_of(found) == exchange.world.truth("BTC/USDT", "1h", moment("2024-12-01"), moment("2025-02-01"))


def test_a_month_is_spelled_otherwise_in_the_archive(exchange: ExchangeServer) -> None:
    found = fetch(exchange, "2023-01-01", "2024-03-01", "1M")
    assert rows_of(found) == exchange.world.truth("BTC/USDT", "1M", moment("2023-01-01"), moment("2024-03-01"))
    assert "/1mo/BTCUSDT-1mo-2023-01.zip.CHECKSUM" in exchange.requests[0].path


def test_a_week_cut_by_the_end_of_its_file_is_left_to_the_exchange(exchange: ExchangeServer) -> None:
    """A week from Monday 29 January ends on 5 February, after the file of January did."""
    found = fetch(exchange, "2024-01-01", "2024-03-01", "1w")
    assert spans(found) == [
        ("part", "2024-01-01 00", "2024-01-29 00"),
        ("hole", "2024-01-29 00", "2024-02-01 00"),
        ("part", "2024-02-01 00", "2024-02-26 00"),
        ("hole", "2024-02-26 00", "2024-03-01 00"),
    ]
    assert len(rows_of(found)) == 4 + 3


def test_weeks_have_no_files_of_days(exchange: ExchangeServer) -> None:
    exchange.world.now = moment("2024-02-20")
    found = fetch(exchange, "2024-02-01", "2024-02-20", "1w")
    assert spans(found) == [("hole", "2024-02-01 00", "2024-02-20 00")]
    assert not exchange.requests


def test_gaps_stay_gaps(start_exchange: Callable[..., ExchangeServer]) -> None:
    hole = (moment("2024-01-05"), moment("2024-01-12"))
    server = start_exchange(world=World((Listing("BTC/USDT", thin=0.1, holes=(hole,)),)))
    found = fetch(server, "2024-01-01", "2024-02-01", "1h")
    truth = server.world.truth("BTC/USDT", "1h", moment("2024-01-01"), moment("2024-02-01"))
    assert rows_of(found) == truth
    assert 400 < len(truth) < 24 * 24


# ---------------------------------------------------------------- what the archive does not have


def test_the_time_before_the_listing_and_the_running_day_are_holes(exchange: ExchangeServer) -> None:
    found = fetch(exchange, "2023-10-01", "2024-03-02", market="binance:NEW/USDT")
    assert spans(found) == [
        ("hole", "2023-10-01 00", "2024-01-01 00"),
        ("part", "2024-01-01 00", "2024-02-01 00"),
        ("part", "2024-02-01 00", "2024-03-01 00"),
        ("hole", "2024-03-01 00", "2024-03-01 12"),
    ]
    assert rows_of(found) == exchange.world.truth("NEW/USDT", "1d", 0, moment("2024-03-01"))


def test_a_month_that_is_not_published_yet_is_taken_day_by_day(exchange: ExchangeServer) -> None:
    exchange.world.now = moment("2024-02-02T08:00")
    exchange.files |= {
        f"{JANUARY}.CHECKSUM": None,
        "/data/spot/daily/klines/BTCUSDT/1d/BTCUSDT-1d-2024-01-30.zip": None,
    }
    found = fetch(exchange, "2024-01-28", "2024-02-02")
    assert spans(found) == [
        ("part", "2024-01-28 00", "2024-01-29 00"),
        ("part", "2024-01-29 00", "2024-01-30 00"),
        ("hole", "2024-01-30 00", "2024-01-31 00"),
        ("part", "2024-01-31 00", "2024-02-01 00"),
        ("part", "2024-02-01 00", "2024-02-02 00"),
    ]


def test_nothing_older_than_the_exchange_is_asked_for(exchange: ExchangeServer) -> None:
    fetch(exchange, "2010-01-01", "2017-09-01")
    assert [request.path[-27:] for request in exchange.requests[:2]] == [
        "BTCUSDT-1d-2017-07.zip.CHECKSUM"[-27:],
        "BTCUSDT-1d-2017-08.zip.CHECKSUM"[-27:],
    ]


def test_it_fetches_no_file_before_the_one_before_is_taken(exchange: ExchangeServer) -> None:
    parts = fetch_archive(
        BTC, "1d", since=day("2023-01-01"), until=day("2024-01-01"), now=day("2024-03-01"), base_url=exchange.url
    )
    next(parts)
    assert len(exchange.requests) == 2


# ---------------------------------------------------------------- files that are not taken


def test_a_wrong_checksum_is_fetched_again_once(exchange: ExchangeServer) -> None:
    exchange.plan(Fault("wrong_checksum", on="2024-01.zip.CHECKSUM"))
    said: list[str] = []
    found = fetch(exchange, "2024-01-01", "2024-02-01", on_event=said.append)
    assert rows_of(found) == exchange.world.truth("BTC/USDT", "1d", moment("2024-01-01"), moment("2024-02-01"))
    assert said == ["BTCUSDT-1d-2024-01.zip does not fit its checksum; fetched again"]
    assert len(exchange.requests) == 4


def test_a_checksum_that_stays_wrong_is_quarantined(exchange: ExchangeServer, own_home: Path) -> None:
    exchange.plan(Fault("wrong_checksum", on="2024-01.zip.CHECKSUM", times=None))
    before, hole, after = fetch(exchange, "2023-12-01", "2024-03-01")
    assert isinstance(before, ArchivePart)
    assert isinstance(after, ArchivePart)
    assert isinstance(hole, ArchiveHole)
    assert (hole.since, hole.until) == (day("2024-01-01"), day("2024-02-01"))
    assert hole.reason == "BTCUSDT-1d-2024-01.zip does not fit its checksum, fetched twice"
    assert hole.quarantine is not None
    assert hole.quarantine.parent == own_home / "quarantine"
    with zipfile.ZipFile(hole.quarantine) as kept:
        assert kept.namelist() == ["BTCUSDT-1d-2024-01.csv"]
    note = json.loads(hole.quarantine.with_suffix(".json").read_text())
    assert note["sha256"] == hashlib.sha256(hole.quarantine.read_bytes()).hexdigest()
    assert (note["sha256_said"], note["reason"]) == ("0" * 64, hole.reason)


GOOD = "1704067200000,1,2,0.5,1.5,10,1704153599999,15,3,4,6,0"
CSV = "BTCUSDT-1d-2024-01.csv"


def encrypted() -> bytes:
    """A ZIP that says of its member that it is encrypted: bit 0 of the flags, in both headers."""
    content = bytearray(zip_of(CSV, GOOD))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + flags] |= 1
    return bytes(content)


def two_members() -> bytes:
    buffer = io.BytesIO(zip_of(CSV, GOOD))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("readme.txt", "hello")
    return buffer.getvalue()


BROKEN = {
    "a page": (b"<html>Just a moment...</html>", "is no ZIP"),
    "half a zip": (zip_of(CSV, GOOD * 100)[:60], "is no ZIP"),
    "encrypted": (encrypted(), "encrypted"),
    "another member": (zip_of("ETHUSDT-1d-2024-01.csv", GOOD), "holds ETHUSDT-1d-2024-01.csv and not"),
    "a path": (zip_of("../../BTCUSDT-1d-2024-01.csv", GOOD), "and not BTCUSDT-1d-2024-01.csv alone"),
    "two members": (two_members(), "holds BTCUSDT-1d-2024-01.csv, readme.txt"),
    "a bomb": (zip_of(CSV, "0" * 3_000_000), "unpacks to more than"),
    "nothing": (zip_of(CSV, ""), "begins with neither"),
    "names alone": (zip_of(CSV, "open_time,open,high,low,close,volume,close_time,x\n"), "holds no candle"),
    "other names": (zip_of(CSV, f"time,high,low\n{GOOD}"), "begins with neither"),
    "text": (zip_of(CSV, GOOD.replace("1.5", "abc")), "is no table"),
    "an empty cell": (zip_of(CSV, GOOD.replace("1.5", "")), "no number"),
    "too few cells": (zip_of(CSV, f"{GOOD}\n{GOOD[:40]}"), "no number"),
    "too many cells": (zip_of(CSV, f"{GOOD}\n{GOOD},7,8"), "is no table"),
    "not a number": (zip_of(CSV, GOOD.replace("1.5", "NaN")), "no number"),
    "infinite": (zip_of(CSV, GOOD.replace(",10,", ",inf,")), "no number"),
    "high below low": (zip_of(CSV, GOOD.replace(",2,", ",0.1,")), "high below its low"),
    "two prices": (zip_of(CSV, f"{GOOD}\n{GOOD.replace('1.5', '1.6')}"), "more than once"),
    "another month": (zip_of(CSV, GOOD.replace("17040672", "17066592").replace("17041535", "17067455")), None),
    "seconds": (zip_of(CSV, GOOD.replace("1704067200000", "1704067200")), "outside"),
    "nanoseconds": (zip_of(CSV, GOOD.replace("1704067200000", "1704067200000000000")), "outside"),
    "two units": (zip_of(CSV, f"{GOOD}\n{GOOD.replace('1704067200000', '1704153600000000')}"), "microseconds"),
    "half a day": (zip_of(CSV, GOOD.replace("1704067200000", "1704110400000")), "full 1d"),
    "February": (zip_of(CSV, GOOD.replace("1704067200000", "1706745600000")), "outside 2024-01-01 to 2024-02-01"),
}


@pytest.mark.parametrize("content", [pytest.param(value, id=name) for name, value in BROKEN.items()])
def test_what_is_no_file_of_candles_is_quarantined(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch, content: tuple[bytes, str | None]
) -> None:
    """Each with a checksum that fits, so that the content alone tells."""
    monkeypatch.setattr(kline_zip, "MOST_BYTES_UNPACKED", 1_000_000)
    body, reason = content
    exchange.files |= {JANUARY: body, f"{JANUARY}.CHECKSUM": checksum_of("BTCUSDT-1d-2024-01.zip", body)}
    [found] = fetch(exchange, "2024-01-01", "2024-02-01")
    if reason is None:  # 2024-01-31, the last candle that belongs there
        assert rows_of([found]) == [(moment("2024-01-31"), 1.0, 2.0, 0.5, 1.5, 10.0)]
        return
    assert isinstance(found, ArchiveHole)
    assert reason in found.reason
    assert found.quarantine is not None
    assert found.quarantine.read_bytes() == body
    assert len(exchange.requests) == 2


def test_a_file_most_of_which_closes_outside_its_range_is_quarantined(exchange: ExchangeServer, tmp_path: Path) -> None:
    rows = [GOOD.replace("17040672", str(17040672 + 864 * day)).replace("1.5", "150") for day in range(10)]
    body = zip_of(CSV, "\n".join(rows))
    exchange.files |= {JANUARY: body, f"{JANUARY}.CHECKSUM": checksum_of("BTCUSDT-1d-2024-01.zip", body)}
    [hole] = fetch(exchange, "2024-01-01", "2024-02-01", quarantine=tmp_path / "aside")
    assert isinstance(hole, ArchiveHole)
    assert "10 of 10 candles open or close outside low to high" in hole.reason
    assert hole.quarantine is not None
    assert hole.quarantine.parent == tmp_path / "aside"


def test_rows_that_repeat_each_other_are_one(exchange: ExchangeServer) -> None:
    body = zip_of(CSV, f"{GOOD}\n{GOOD}\n")
    exchange.files |= {JANUARY: body, f"{JANUARY}.CHECKSUM": checksum_of("BTCUSDT-1d-2024-01.zip", body)}
    assert rows_of(fetch(exchange, "2024-01-01", "2024-02-01")) == [(moment("2024-01-01"), 1.0, 2.0, 0.5, 1.5, 10.0)]


def test_a_truncated_zip_with_its_checksum_is_fetched_again(exchange: ExchangeServer) -> None:
    exchange.plan(Fault("truncated", on=".zip", at=2))
    found = fetch(exchange, "2024-01-01", "2024-02-01")
    assert rows_of(found) == exchange.world.truth("BTC/USDT", "1d", moment("2024-01-01"), moment("2024-02-01"))


# ---------------------------------------------------------------- the network

PASSING = [
    Fault("status", on="archive", at=2, status=500),
    Fault("status", on="archive", at=1, status=502, times=3),
    Fault("status", on="archive", at=2, status=429),
    Fault("cut", on="archive", at=2),
    Fault("cut", on="archive", at=1),
    Fault("drop", on="archive", at=2),
    Fault("html", on="archive", at=1),
    Fault("html", on="archive", at=2),
    Fault("drip", on="archive", at=2, pause=0.02),
    Fault("delay", on="archive", at=2, delay=0.5),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.at}")
def test_what_passes_is_asked_again(exchange: ExchangeServer, fault: Fault) -> None:
    exchange.plan(fault)
    clock = FakeClock()
    found = fetch(exchange, "2024-01-01", "2024-02-01", clock=clock, patience=Patience(deadline=0.15))
    assert rows_of(found) == exchange.world.truth("BTC/USDT", "1d", moment("2024-01-01"), moment("2024-02-01"))
    assert len(clock.waits) == (0 if fault.kind == "html" else fault.times)


def test_the_wait_that_is_named_is_kept_to(exchange: ExchangeServer) -> None:
    exchange.plan(Fault("status", on="archive", status=429, retry_after=17))
    clock, said = FakeClock(), []
    fetch(exchange, "2024-01-01", "2024-02-01", clock=clock, on_event=said.append)
    assert clock.waits == [17.0]
    assert said == ["127.0.0.1 gave too many requests; asked again in 17.0 s"]


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (Fault("status", status=451), RefusedError, "refuses your server's country"),
        (Fault("status", status=403), RefusedError, "refuses your server's country"),
        (Fault("status", status=418, retry_after=3600), RefusedError, "banned .* until 2024-03-01 13:34"),
        (Fault("status", status=418), RefusedError, "banned this address"),
        (Fault("status", status=429, times=None), RefusedError, "too much is asked"),
        (Fault("maintenance"), ExchangeError, "maintenance"),
        (Fault("status", status=500, times=None), ExchangeError, "the last answer was HTTP 500"),
        (Fault("drop", times=None), ExchangeError, "a lost connection"),
        (Fault("status", status=401), ExchangeError, "HTTP 401"),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
)
def test_what_does_not_pass_is_said(exchange: ExchangeServer, fault: Fault, kind: type[Exception], text: str) -> None:
    exchange.plan(Fault(**(vars(fault) | {"on": "archive", "at": 3})))
    clock = FakeClock()
    parts = fetch_archive(
        BTC,
        "1d",
        since=day("2024-01-01"),
        until=day("2024-03-01"),
        now=day("2024-03-01"),
        base_url=exchange.url,
        clock=clock,
        patience=Patience(attempts=4),
    )
    assert isinstance(next(parts), ArchivePart)
    with pytest.raises(kind, match=text) as caught:
        next(parts)
    assert "\n" not in str(caught.value)
    assert len(clock.waits) == (3 if fault.times is None else 0)


def test_no_server_is_an_error_of_the_exchange(exchange: ExchangeServer) -> None:
    exchange.stop()
    exchange.stop = lambda: None  # type: ignore[method-assign]
    with pytest.raises(ExchangeError, match="a lost connection"):
        fetch(exchange, "2024-01-01", "2024-02-01", base_url=exchange.url)


def test_a_file_without_end_is_not_taken(exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coincast.sources.archive.MOST_BYTES", 1000)
    with pytest.raises(ExchangeError, match="more than 1,000 bytes"):
        fetch(exchange, "2024-01-01", "2024-02-01")


# ---------------------------------------------------------------- use


def test_the_address_comes_from_the_environment(exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BASE_URL_VARIABLE, f"{exchange.url}/")
    assert spans(fetch(exchange, "2024-01-01", "2024-02-01", base_url=None))[0][0] == "part"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"market": "kraken:BTC/USD"}, "binance only"),
        ({"market": "binance:BTC/USDT:USDT"}, "binance only"),
        ({"interval": "10m"}, "no candles of 10m; it has 1m 3m"),
        ({"base_url": "file:///etc"}, "no address of the web"),
        ({"base_url": "data.example.com"}, "no address of the web"),
    ],
)
def test_wrong_use_is_refused(exchange: ExchangeServer, change: dict[str, str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        fetch(exchange, "2024-01-01", "2024-02-01", **change)  # type: ignore[arg-type]


def test_times_without_a_zone_are_refused() -> None:
    naive = datetime(2024, 1, 1)
    with pytest.raises(UsageError, match="since 2024-01-01 00:00:00 has no zone"):
        fetch_archive(BTC, "1d", since=naive, until=day("2024-02-01"), now=day("2024-03-01"))


@pytest.mark.parametrize("interval", ARCHIVE_INTERVALS)
def test_every_interval(exchange: ExchangeServer, interval: str) -> None:
    exchange.world.listings = (Listing("BTC/USDT", since=moment("2024-01-29")),)
    found = fetch(exchange, "2024-01-01", "2024-02-01", interval)
    truth = exchange.world.truth("BTC/USDT", interval, moment("2024-01-01"), moment("2024-02-01"))
    assert rows_of(found) == [row for row in truth if row[0] < spans_end(found)]


def spans_end(found: list[ArchivePart | ArchiveHole]) -> int:
    """End of the last part: a candle cut by the end of the month is not in it."""
    return max(int(item.until.timestamp() * 1000) for item in found if isinstance(item, ArchivePart))
