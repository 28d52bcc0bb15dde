from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from coincast.candles.quality import find_gaps
from coincast.errors import UsageError
from coincast.sources.files import read_candle_file, read_candles, read_markets
from coincast.sources.formats import FORMATS, ReadOptions
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "coinmarketcap_long.csv"
BTC, XRP = "coinmarketcap:BTC/USD", "coinmarketcap:XRP/USD"


def test_every_cell_of_the_sample() -> None:
    read = read_candle_file(SAMPLE, market=BTC)
    assert (read.form, read.market, read.interval) == ("coinmarketcap_long", BTC, "1d")
    assert read.candles["open_time"].to_list() == [datetime(2031, 1, day, tzinfo=UTC) for day in range(9, 14)]
    assert read.candles.select("open", "high", "low", "close").row(0) == (1450.0, 1495.0, 1449.5, 1492.4)
    assert read.candles["quote_volume"].to_list() == [None, 8_001_000.0, 9_876_500.0, 12_345_600.0, 11_000_000.0]
    assert read.candles["market_cap"].to_list() == [1.1562e9, 1.1871e9, 1.1987e9, None, 1.21e9]
    assert read.candles["volume"].null_count() == 5
    assert not {"ranknow", "close_ratio", "spread", "symbol"} & set(read.candles.columns)
    assert read_candles(SAMPLE, market=XRP)["close"].to_list() == [0.0052, 0.0052, 0.0055]


def test_several_coins_are_read_together_or_one_is_chosen() -> None:
    assert [read.market for read in read_markets(SAMPLE)] == [BTC, XRP]
    with pytest.raises(UsageError, match="this table holds 2 coins or pairs"):
        read_candle_file(SAMPLE)


def test_the_whole_column_tells_day_and_month() -> None:
    table = read_table(SAMPLE)
    assert read_candles(table.slice(0, 4), market=BTC, day_first=True)["open_time"][0].month == 1
    iso = table.with_columns(pl.format("2031-01-{}", pl.col("date").str.extract(r"^(\d+)").str.zfill(2)).alias("date"))
    assert read_candles(iso, market=BTC).equals(read_candles(SAMPLE, market=BTC))


def test_of_coins_that_share_a_symbol_the_best_ranked_is_meant() -> None:
    table = read_table(SAMPLE).filter(pl.col("symbol") == "BTC")
    namesake = table.head(2).with_columns(slug=pl.lit("bitcon"), ranknow=pl.lit("900"), close=pl.lit("1450"))
    read = read_candle_file(pl.concat([namesake, table]), market=BTC)
    assert read.candles.equals(read_candles(table, market=BTC))
    assert read.left_out["row"].to_list() == [1, 2]
    assert set(read.left_out["reason"]) == {"bitcon shares its symbol BTC with a coin of better rank"}


def test_the_real_file(shared_data: Path) -> None:
    path = shared_data / "cmc" / "crypto-markets.csv"
    reading = FORMATS["coinmarketcap_long"].read(read_table(path), ReadOptions())
    assert reading.columns.height == 29_999
    assert reading.columns["quote_volume"].null_count() == 648
    assert reading.left_out == {}
    assert reading.columns["symbol"].n_unique() == 44

    read = {one.market: one for one in read_markets(path)}
    assert len(read) == 44
    assert sum(one.rows for one in read.values()) == 29_999
    assert min(one.first for one in read.values()) == datetime(2013, 4, 28, tzinfo=UTC)
    cut = read.pop("coinmarketcap:DCR/USD")
    assert (cut.rows, cut.last) == (591, datetime(2017, 9, 22, tzinfo=UTC))
    assert {one.last for one in read.values()} == {datetime(2018, 3, 25, tzinfo=UTC)}
    assert find_gaps(read[BTC].candles).is_empty()
    assert find_gaps(read["coinmarketcap:XMR/USD"].candles)["missing"].to_list() == [1]
