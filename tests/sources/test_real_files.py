"""Every file of the shared data goes in by the door that users take, and holds what the folder's README says of it.

Rows, first and last times come from the tables of that README, so does the list of the files. What it says in words
(missing candles, labels that do not name the start of a candle, rows that cannot be true) stands below.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from coincast.candles.store import read_series, read_stored
from coincast.candles.table import INTERVALS
from coincast.errors import CandleError, CoincastError, UnreadableFileError
from coincast.sources.importing import Imported, ImportOptions, import_files

FOLDERS = (
    *("binance", "binance/empty", "binance/multi_1d", "binance/multi_1h", "bitfinex", "bitmex", "bitstamp", "cmc"),
    *("cmc/kaggle2018", "coinbase", "coingecko", "exogenous", "investing", "kraken", "poloniex", "yahoo"),
)
ARCHIVE, LONG = "cmc/cryptocurrencypricehistory.zip", "cmc/crypto-markets.csv"

NAMES = {
    "binance/BTCUSDT-1h-data.csv": "binance:BTC/USDT 1h",
    "binance/BTCUSDT-1m-data.csv.gz": "binance:BTC/USDT 1m",
    "binance/BTC_USDT-15m-2023.json": "binance:BTC/USDT 15m",
    "binance/BTC_USDT-1h-2020-2025.feather": "binance:BTC/USDT 1h",
    "binance/BTC_USDT-1m-2023.json.gz": "binance:BTC/USDT 1m",
    "binance/BTC_USDT-1m-2025.feather": "binance:BTC/USDT 1m",
    "binance/BTC_USDT-5m-2022.json.gz": "binance:BTC/USDT 5m",
    "binance/BTC_USDT-5m-2023.feather": "binance:BTC/USDT 5m",
    "binance/ETH_USDT-1h-2020-2025.feather": "binance:ETH/USDT 1h",
    "binance/UNITTEST_BTC-5m.h5": "binance:UNITTEST/BTC 5m",
    "bitfinex/Bitfinex_BTCUSD_1h.csv": "bitfinex:BTC/USD 1h",
    "bitfinex/Bitfinex_BTCUSD_d.csv": "bitfinex:BTC/USD 1d",
    "bitfinex/Bitfinex_ETHUSD_d.csv": "bitfinex:ETH/USD 1d",
    "bitmex/XBTUSD_5m_16000_train.csv": "bitmex:BTC/USD 5m",
    "bitstamp/Bitstamp_BTCUSD_1h.csv.gz": "bitstamp:BTC/USD 1h",
    "bitstamp/Bitstamp_BTCUSD_d.csv": "bitstamp:BTC/USD 1d",
    "bitstamp/btcusd_1-min_data.csv": "bitstamp:BTC/USD 1m",
    "cmc/coin_Bitcoin.csv": "coinmarketcap:BTC/USD 1d",
    "cmc/coin_Ethereum.csv": "coinmarketcap:ETH/USD 1d",
    "cmc/kaggle2018/bitcoin_dataset.csv": "blockchain_info",
    "cmc/kaggle2018/ethereum_dataset.csv": "etherscan",
    "coinbase/coinbase-1d-btc-usd.csv": "coinbase:BTC/USD 1d",
    "coinbase/coinbase-1h-btc-usd.csv": "coinbase:BTC/USD 1h",
    "coingecko/bitcoin.csv": "coingecko:BTC/USD 1d",
    "coingecko/ethereum.csv": "coingecko:ETH/USD 1d",
    "exogenous/bitcoin_daily_tweets.csv": "tweets",
    "exogenous/bitcoin_google_trends.csv": "google_trends",
    "exogenous/btc_macro_onchain_merged.csv": "macro",
    "exogenous/fear_greed_index.csv": "fear_greed",
    "investing/bitcoin2015to2017.csv": "investing:BTC/USD 1d",
    "kraken/XBTUSD_60.csv": "kraken:BTC/USD 1h",
    "poloniex/BTCUSDT-30m.csv": "poloniex:BTC/USDT 30m",
    "poloniex/USDT_BTC-1d.csv": "poloniex:BTC/USDT 1d",
    "poloniex/USDT_BTC-5m-2017.csv": "poloniex:BTC/USDT 5m",
    "poloniex/USDT_ETH-1d.csv": "poloniex:ETH/USDT 1d",
    "poloniex/dataset-USDT_BTC-15m-2018H1.csv": "poloniex:BTC/USDT 15m",
    "yahoo/BTC-USD-2010-2018.csv": "yahoo:BTC/USD 1d",
    "yahoo/bitcoin_daily.csv": "yahoo:BTC/USD 1d",
}
"""Market and interval, or name of the series; those of whole folders are spelled by `name_of`."""

TICKERS = {
    "bitcoin": "BTC",
    "bitcoin_cash": "BCH",
    "bitconnect": "BCC",
    "dash": "DASH",
    "ethereum": "ETH",
    "ethereum_classic": "ETC",
    "iota": "MIOTA",
    "litecoin": "LTC",
    "monero": "XMR",
    "nem": "XEM",
    "neo": "NEO",
    "numeraire": "NMR",
    "omisego": "OMG",
    "qtum": "QTUM",
    "ripple": "XRP",
    "stratis": "STRAT",
    "waves": "WAVES",
}

MISSING = {
    "binance/BTCUSDT-1h-data.csv": (2, 5),
    "binance/BTC_USDT-1h-2020-2025.feather": (15, 32),
    "binance/BTC_USDT-1m-2023.json.gz": (1, 80),
    "binance/BTC_USDT-5m-2023.feather": (1, 16),
    "binance/ETH_USDT-1h-2020-2025.feather": (10, 20),
    "cmc/kaggle2018/ethereum_dataset.csv": (1, 3),
    "cmc/kaggle2018/monero_price.csv": (1, 1),
    "coinbase/coinbase-1d-btc-usd.csv": (1, 12),
    "coingecko/bitcoin.csv": (2, 2),
    "coingecko/ethereum.csv": (1, 1),
    "exogenous/bitcoin_daily_tweets.csv": (97, 480),
    "exogenous/fear_greed_index.csv": (2, 4),
    "investing/bitcoin2015to2017.csv": (3 + 1, 15 + 4),  # and the four days of the hack, which are dropped
    "kraken/XBTUSD_60.csv": (3250, 10849),
}
"""Gaps and missing candles (or values) where the README tells some in words; elsewhere there are none."""

DAY = timedelta(days=1)
LABELS = {
    "bitmex/XBTUSD_5m_16000_train.csv": (timedelta(minutes=-5), timedelta(minutes=-5)),  # the END of a bar
    "cmc/coin_Bitcoin.csv": (timedelta(hours=-23, minutes=-59), timedelta(hours=-23, minutes=-59)),  # 23:59:59
    "cmc/coin_Ethereum.csv": (timedelta(hours=-23, minutes=-59), timedelta(hours=-23, minutes=-59)),
    "coingecko/bitcoin.csv": (0 * DAY, -DAY),  # from 2018-01-30 on a label names the day after
    "coingecko/ethereum.csv": (0 * DAY, -DAY),
    "exogenous/bitcoin_google_trends.csv": (0 * DAY, -DAY),  # the last row is partial, and left out
    "poloniex/USDT_BTC-1d.csv": (DAY, 0 * DAY),  # the first row is impossible, and dropped
    "poloniex/USDT_ETH-1d.csv": (DAY, 0 * DAY),
    "yahoo/BTC-USD-2010-2018.csv": (DAY, 0 * DAY),  # a day early in summer time
}
"""What is between the first and last label in a file and the open times of its first and last candle."""

LEFT_OUT = {
    "coingecko/bitcoin.csv": 1,  # 2018-01-29 has two closes
    "coingecko/ethereum.csv": 1,
    "exogenous/bitcoin_google_trends.csv": 1,
    "investing/bitcoin2015to2017.csv": 4,
    "poloniex/USDT_BTC-1d.csv": 1,
    "poloniex/USDT_ETH-1d.csv": 1,
}
"""Rows that are no candles, or no values."""

REFUSED: dict[str, tuple[type[CoincastError], str]] = {
    "binance/empty/TON_USDT-1d.feather": (
        UnreadableFileError,
        r"has column names but no rows; give a table with at least one row$",
    ),
    "investing/bitcoin2015to2017.csv": (
        CandleError,
        r"4 rows cannot be true: row 136 \(2016-08-06: open 0\.0, high 0\.0, low 0\.0, close 0\.0\), row 137 .*"
        r"row 139 \(2016-08-03: .*\nleave such rows out with --on-bad drop",
    ),
    "poloniex/USDT_BTC-1d.csv": (
        CandleError,
        r"1 row cannot be true: row 1 \(2015-02-19: high 0\.33 below low 225\.0\)\nleave such rows out with --on-bad",
    ),
    "poloniex/USDT_ETH-1d.csv": (CandleError, r"1 row cannot be true: row 1 \(2015-08-08: high 0\.33 below low 0\.5"),
}
"""Refused as a whole, and why; where the README tells more rows they are read once more without the bad ones."""

FOUND = {
    "binance/BTC_USDT-1h-2020-2025.feather": {"zero volume": 2},
    "binance/BTC_USDT-1m-2023.json.gz": {"zero volume": 72},
    "binance/BTC_USDT-5m-2023.feather": {"zero volume": 14},
    "binance/ETH_USDT-1h-2020-2025.feather": {"zero volume": 2},
    "bitfinex/Bitfinex_BTCUSD_1h.csv": {"zero volume": 48},
    "bitfinex/Bitfinex_BTCUSD_d.csv": {"zero volume": 11},
    "bitfinex/Bitfinex_ETHUSD_d.csv": {"zero volume": 8},
    "bitmex/XBTUSD_5m_16000_train.csv": {"outside range": 815},
    "bitstamp/Bitstamp_BTCUSD_1h.csv.gz": {"zero volume": 6},
    "bitstamp/Bitstamp_BTCUSD_d.csv": {"zero volume": 8},
    "bitstamp/btcusd_1-min_data.csv": {"zero volume": 9943},
    "coinbase/coinbase-1d-btc-usd.csv": {"zero volume": 38, "bad print": 1},
    "coinbase/coinbase-1h-btc-usd.csv": {"zero volume": 28},
    "investing/bitcoin2015to2017.csv": {"stale run": 3, "outside range": 7},
    "poloniex/USDT_BTC-5m-2017.csv": {"zero volume": 50},
    "yahoo/BTC-USD-2010-2018.csv": {"outside range": 94},
}
"""Defects of candles that the README counts: candles of that kind among the findings."""

Read = Callable[[str], list[Imported]]


class Stated(NamedTuple):
    """What the README says of one file."""

    rows: int
    first: datetime | None
    last: datetime | None
    missing: tuple[int, int]


@pytest.fixture(scope="session")
def stated(shared_data: Path) -> dict[str, Stated]:
    """The README's tables by path; those of whole folders stand under a heading with the folder's name."""
    files, folder = {}, ""
    for line in (shared_data / "README.md").read_text().splitlines():
        if line.startswith("## "):
            folder = re.findall(r"`([^`]+)`", line)[0]
        row = re.match(r"\| `([^`]+)` \|(.+)\|$", line)
        if row is None:
            continue
        cells = [cell.strip() for cell in row[2].split("|")]
        rows, span = (cells[0], cells[1]) if folder else (cells[4], cells[5])
        times = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in span.split(" .. ") if text]
        gaps = re.fullmatch(r"(\d+) \((\d+)\)", cells[2]) if folder else None
        missing = (int(gaps[1]), int(gaps[2])) if gaps else MISSING.get(row[1], (0, 0))
        first, last = times or (None, None)
        files[folder + row[1]] = Stated(int(rows.removesuffix(" files")), first, last, missing)
    return files


@pytest.fixture(scope="session")
def read(shared_data: Path) -> Read:
    """What a file holds, without storing it; bad rows are dropped where it is refused. Each is read once."""

    @cache
    def read_once(name: str) -> list[Imported]:
        on_bad = "drop" if name in LEFT_OUT else "refuse"
        return import_files([shared_data / name], ImportOptions(store=False, on_bad=on_bad))

    return read_once


def files_in(folder: Path) -> list[str]:
    return sorted(
        path.name for path in folder.iterdir() if path.is_file() and path.name not in ("README.md", "SHA256SUMS")
    )


def name_of(file: str) -> str:
    folder, _, name = file.rpartition("/")
    if folder.startswith("binance/multi_"):
        coin, interval = name.removesuffix(".feather").split("_USDT-")
        return f"binance:{coin}/USDT {interval}"
    if name.endswith("_price.csv"):
        return f"coinmarketcap:{TICKERS[name.removesuffix('_price.csv')]}/USD 1d"
    return NAMES[file]


def describe(one: Imported) -> dict[str, object]:
    """Name, rows, span and gaps of candles or a series that were read."""
    if one.series is not None:
        series = one.series
        missing = (series.gaps, series.missing)
        return {"name": series.name, "rows": series.rows, "span": (series.first, series.last), "missing": missing}
    assert one.file is not None, one.error
    assert one.findings is not None
    gaps = one.findings.filter(kind="gap")["count"]
    return {
        "name": f"{one.file.market} {one.file.interval}",
        "rows": one.file.rows,
        "span": (one.file.first, one.file.last),
        "missing": (gaps.len(), gaps.sum()),
    }


def expect(file: str, stated: Stated) -> dict[str, object]:
    assert stated.first is not None
    assert stated.last is not None
    before, after = LABELS.get(file, (0 * DAY, 0 * DAY))
    return {
        "name": name_of(file),
        "rows": stated.rows - LEFT_OUT.get(file, 0),
        "span": (stated.first + before, stated.last + after),
        "missing": stated.missing,
    }


def count_intervals(one: Imported) -> int:
    """Intervals from the first to the last candle or value, both counted."""
    first, last, interval = (
        (one.file.first, one.file.last, one.file.interval)
        if one.file
        else (one.series.first, one.series.last, one.series.interval)  # type: ignore[union-attr]
    )
    assert interval is not None
    return (last - first) // timedelta(milliseconds=INTERVALS[interval]) + 1


def test_no_file_of_the_folder_is_forgotten(shared_data: Path, stated: dict[str, Stated]) -> None:
    files = {path.relative_to(shared_data).as_posix() for path in shared_data.rglob("*") if path.is_file()}
    files -= {"README.md", "SHA256SUMS"}
    assert len(files) == 109
    assert files == stated.keys()
    assert files == {f"{folder}/{name}" for folder in FOLDERS for name in files_in(shared_data / folder)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_holds_what_is_stated(shared_data: Path, stated: dict[str, Stated], read: Read, folder: str) -> None:
    files = [f"{folder}/{name}" for name in files_in(shared_data / folder)]
    files = [file for file in files if file not in (ARCHIVE, LONG) and stated[file].rows]
    found = {file: [describe(one) for one in read(file)] for file in files}
    assert found == {file: [expect(file, stated[file])] for file in files}
    assert {file: read(file)[0].error for file in files} == dict.fromkeys(files)
    for file in files:
        (one,) = read(file)
        kept = one.file.rows if one.file else one.series.rows  # type: ignore[union-attr]
        assert kept + stated[file].missing[1] == count_intervals(one), file


def test_what_cannot_be_true_is_refused_for_the_reason_that_is_stated(shared_data: Path) -> None:
    for file, (kind, message) in REFUSED.items():
        (one,) = import_files([shared_data / file], ImportOptions(store=False))
        assert (type(one.error), one.file, one.series) == (kind, None, None)
        assert re.search(message, str(one.error), re.DOTALL), one.error
        assert str(one.error).count("\n") <= 1


def test_what_is_dropped_is_listed(read: Read) -> None:
    for file in REFUSED.keys() & LEFT_OUT.keys():
        (one,) = read(file)
        assert one.file is not None
        assert one.file.left_out["row"].n_unique() == LEFT_OUT[file]
        assert set(one.file.left_out["done"]) == {"left out"}
        assert sum(note.startswith("row ") for note in one.file.notes) == LEFT_OUT[file]


def test_defects_that_are_counted_are_found(read: Read) -> None:
    found = {}
    for file, kinds in FOUND.items():
        (one,) = read(file)
        assert one.findings is not None
        counts = one.findings.group_by("kind").agg(pl.col("count").sum())
        found[file] = {kind: counts.filter(kind=kind)["count"].sum() for kind in kinds}
    assert found == FOUND
    (minutes,) = read("poloniex/BTCUSDT-30m.csv")
    assert minutes.file is not None
    assert minutes.findings is not None
    assert (minutes.file.candles["quote_volume"] == 0).sum() == 11_213
    prints = minutes.findings.filter(pl.col("kind") == "bad print", pl.col("first").dt.date() == datetime(2015, 4, 10))
    assert prints["count"].to_list() == [3]
    assert "99" in prints["detail"][0]


def test_the_long_file_holds_44_coins(read: Read, stated: dict[str, Stated]) -> None:
    coins = {one.file.market: one for one in read(LONG) if one.file}
    assert len(coins) == len(read(LONG)) == 44
    assert sum(one.file.rows for one in coins.values() if one.file) == stated[LONG].rows == 29_999
    assert min(one.file.first for one in coins.values() if one.file) == stated[LONG].first
    lasts = {market: one.file.last for market, one in coins.items() if one.file}
    assert lasts.pop("coinmarketcap:DCR/USD") == datetime(2017, 9, 22, tzinfo=UTC)
    assert set(lasts.values()) == {stated[LONG].last}
    for market, one in coins.items():
        told = describe(one)
        assert told["rows"] + told["missing"][1] == count_intervals(one), market  # type: ignore[index, operator]


def test_the_archive_holds_the_files_beside_it(shared_data: Path, read: Read, stated: dict[str, Stated]) -> None:
    members = {one.name.rpartition("/")[2]: one for one in read(ARCHIVE)}
    assert len(members) == stated[ARCHIVE].rows == 19
    assert sorted(members) == files_in(shared_data / "cmc" / "kaggle2018")
    for name, member in members.items():
        (beside,) = read(f"cmc/kaggle2018/{name}")
        assert describe(member) == describe(beside)
        if member.file and beside.file:
            assert member.file.candles.equals(beside.file.candles)
        elif member.series and beside.series:
            assert member.series.table.equals(beside.series.table)
    spans = [describe(member)["span"] for member in members.values()]
    assert min(first for first, _ in spans) == stated[ARCHIVE].first  # type: ignore[misc]
    assert {last for _, last in spans} == {stated[ARCHIVE].last}  # type: ignore[misc]


def closes_of(read: Read, file: str, market: str) -> pl.DataFrame:
    """Days and closes."""
    (found,) = (one.file.candles for one in read(file) if one.file and one.file.market == market)
    return found.select("open_time", "close")


@pytest.mark.parametrize(
    ("day", "close", "file", "market"),
    [
        ("2017-12-17", 19140.80, "cmc/coin_Bitcoin.csv", "coinmarketcap:BTC/USD"),
        ("2017-12-17", 19140.80, "cmc/kaggle2018/bitcoin_price.csv", "coinmarketcap:BTC/USD"),
        ("2017-12-17", 19140.80, ARCHIVE, "coinmarketcap:BTC/USD"),
        ("2017-12-17", 19140.80, LONG, "coinmarketcap:BTC/USD"),
        ("2017-12-17", 19140.80, "yahoo/bitcoin_daily.csv", "yahoo:BTC/USD"),
        ("2017-12-17", 18953.00, "bitstamp/Bitstamp_BTCUSD_d.csv", "bitstamp:BTC/USD"),
        ("2017-12-17", 18961.00, "bitfinex/Bitfinex_BTCUSD_d.csv", "bitfinex:BTC/USD"),
        ("2017-12-17", 19378.99, "coinbase/coinbase-1d-btc-usd.csv", "coinbase:BTC/USD"),
        ("2018-01-13", 1396.42, "cmc/coin_Ethereum.csv", "coinmarketcap:ETH/USD"),
        ("2018-01-13", 1396.42, "cmc/kaggle2018/ethereum_price.csv", "coinmarketcap:ETH/USD"),
        ("2018-01-13", 1396.42, ARCHIVE, "coinmarketcap:ETH/USD"),
        ("2018-01-13", 1396.42, LONG, "coinmarketcap:ETH/USD"),
        ("2018-01-13", 1379.90, "bitfinex/Bitfinex_ETHUSD_d.csv", "bitfinex:ETH/USD"),
        ("2018-01-13", 1382.00, "poloniex/USDT_ETH-1d.csv", "poloniex:ETH/USDT"),
    ],
)
def test_closes_that_everybody_knows(read: Read, day: str, close: float, file: str, market: str) -> None:
    closes = closes_of(read, file, market).filter(open_time=datetime.fromisoformat(day).replace(tzinfo=UTC))
    assert closes["close"].round(2).to_list() == [close]


def test_coingecko_fits_coinmarketcap_best_with_these_days_in_every_quarter_of_2014_to_2021(read: Read) -> None:
    ours = closes_of(read, "coingecko/bitcoin.csv", "coingecko:BTC/USD")
    edition = closes_of(read, "cmc/coin_Bitcoin.csv", "coinmarketcap:BTC/USD")
    yahoo = closes_of(read, "yahoo/bitcoin_daily.csv", "yahoo:BTC/USD")  # has CoinMarketCap's closes, and more of them
    both = edition.join(yahoo, on="open_time", suffix="_yahoo")
    assert both.height > 2400
    assert (both["close"].round(2) - both["close_yahoo"].round(2)).abs().median() == 0
    theirs = pl.concat([edition, yahoo.filter(pl.col("open_time") > edition["open_time"].max())])
    apart = {}
    for days in (-1, 0, 1):
        moved = ours.with_columns(pl.col("open_time") + timedelta(days=days)).join(
            theirs, on="open_time", suffix="_theirs"
        )
        moved = moved.filter(pl.col("open_time").dt.year().is_between(2014, 2021)).sort("open_time")
        quarters = moved.group_by_dynamic("open_time", every="1q")
        apart[days] = quarters.agg((pl.col("close") - pl.col("close_theirs")).abs().median())["close"]
    assert {quarters.len() for quarters in apart.values()} == {32}
    assert (apart[0] < apart[-1]).all()
    assert (apart[0] < apart[1]).all()


STORED = (
    *("binance/BTCUSDT-1h-data.csv", "binance/BTC_USDT-15m-2023.json", "binance/BTC_USDT-1h-2020-2025.feather"),
    *("binance/UNITTEST_BTC-5m.h5", "binance/empty/TON_USDT-1d.feather", "bitfinex/Bitfinex_ETHUSD_d.csv"),
    *("bitmex/XBTUSD_5m_16000_train.csv", "bitstamp/Bitstamp_BTCUSD_d.csv", "bitstamp/btcusd_1-min_data.csv"),
    *("cmc/coin_Bitcoin.csv", "cmc/kaggle2018/bitcoin_price.csv", "cmc/kaggle2018/qtum_price.csv"),
    *("coingecko/ethereum.csv", "exogenous/fear_greed_index.csv", "investing/bitcoin2015to2017.csv"),
    *("poloniex/USDT_ETH-1d.csv", "poloniex/dataset-USDT_BTC-15m-2018H1.csv", "yahoo/BTC-USD-2010-2018.csv"),
    "cmc/kaggle2018/qtum_price.csv",
)
"""Files of nearly every form, and one of them twice; to store all files would take half a minute."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> tuple[Path, list[Imported]]:
    """A store, and what became of each file that was imported into it."""
    folder = tmp_path_factory.mktemp("store")
    return folder, import_files([shared_data / name for name in STORED], ImportOptions(on_bad="drop"), folder=folder)


def test_what_is_imported_is_read_back_from_the_store(store: tuple[Path, list[Imported]]) -> None:
    folder, results = store
    for one in results:
        if one.series is not None:
            assert read_series(one.series.name, folder=folder).equals(one.series.table)
        if one.file is None or one.error is not None:
            continue
        assert one.written is not None
        assert one.written.added + one.written.same == one.file.rows
        back = read_stored(one.file.market, one.file.interval, folder=folder)
        told = one.file.candles
        own = back.filter(pl.col("open_time").is_in(told["open_time"].implode())).select(told.columns)
        assert own.equals(told), one.name


def test_editions_that_contradict_each_other_are_refused_with_the_candle_and_both_numbers(
    store: tuple[Path, list[Imported]], shared_data: Path
) -> None:
    _, results = store
    refused = {Path(one.name).relative_to(shared_data).as_posix(): one for one in results if one.error is not None}
    assert refused.keys() == {
        "binance/BTC_USDT-1h-2020-2025.feather",
        "binance/empty/TON_USDT-1d.feather",
        "cmc/kaggle2018/bitcoin_price.csv",
    }
    message = str(refused["cmc/kaggle2018/bitcoin_price.csv"].error)
    assert message.startswith(
        "the 1d candle of coinmarketcap:BTC/USD that opens 2013-04-29 00:00 UTC is stored with the open "
        "134.444000244141, and the new one has 134.44 (1,759 candles differ in all); nothing of it was written: "
    )
    assert "replace" in message
    assert "\n" not in message
    halt = str(refused["binance/BTC_USDT-1h-2020-2025.feather"].error)
    assert "with the close 51080.59, and the new one has 51048.59 (2 candles differ in all)" in halt
    first, second = (one.written for one in results if one.name.endswith("qtum_price.csv"))
    assert first is not None
    assert second is not None
    assert (first.added, first.same, second.added, second.same) == (273, 0, 0, 273)
