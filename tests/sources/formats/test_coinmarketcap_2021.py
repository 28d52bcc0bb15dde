from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from coincast.candles.quality import find_gaps
from coincast.errors import CellError
from coincast.sources.files import read_candle_file, read_candles
from coincast.sources.formats import FORMATS, ReadOptions
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "coinmarketcap_2021.csv"


def with_dates(dates: list[str]) -> pl.DataFrame:
    return read_table(SAMPLE).with_columns(pl.Series("Date", dates))


def test_every_cell_of_the_sample() -> None:
    read = read_candle_file(SAMPLE)
    assert (read.form, read.market, read.interval) == ("coinmarketcap_2021", "coinmarketcap:BTC/USD", "1d")
    assert read.candles["open_time"].to_list() == [datetime(2031, 1, day, tzinfo=UTC) for day in (8, 9, 10, 11, 12)]
    assert read.candles["close_time"].to_list() == [datetime(2031, 1, day, tzinfo=UTC) for day in (9, 10, 11, 12, 13)]
    first = read.candles.select("open", "high", "low", "close").row(0)
    assert first == (998.0999755859375, 1451.2000732421875, 990.0, 1450.0999755859375)
    assert read.candles["volume"].null_count() == 5
    assert read.candles["quote_volume"].to_list() == [None, None, 8_001_000.0, 9_876_500.0, 12_345_600.0]
    assert read.candles["market_cap"].to_list() == [None, 1_156_200_000.5, 1.1871e9, 1_198_700_000.25, 1.2045e9]
    assert "cells of Volume and Marketcap that are 0, read as unknown: 3" in read.notes


def test_dates_without_a_clock_name_the_day() -> None:
    dates = [f"2031-01-{day:02}" for day in range(8, 13)]
    assert read_candles(with_dates(dates)).equals(read_candles(SAMPLE))


def test_a_stamp_that_is_not_the_end_of_a_day_is_refused_with_its_row() -> None:
    dates = [f"2031-01-{day:02} 23:59:59" for day in range(8, 13)]
    dates[2] = "2031-01-10 12:00:00"
    with pytest.raises(CellError, match="row 3: 2031-01-10 12:00:00 is not the end of a day") as caught:
        FORMATS["coinmarketcap_2021"].read(with_dates(dates), ReadOptions())
    assert caught.value.rows == (2,)
    dropped = read_candle_file(with_dates(dates), on_bad="drop")
    assert dropped.left_out["row"].to_list() == [3]
    assert dropped.candles["open_time"].dt.day().to_list() == [8, 9, 11, 12]


@pytest.mark.parametrize(
    ("name", "market", "rows", "first", "unknown"),
    [
        ("coin_Bitcoin.csv", "BTC", 2991, datetime(2013, 4, 29, tzinfo=UTC), 242),
        ("coin_Ethereum.csv", "ETH", 2160, datetime(2015, 8, 8, tzinfo=UTC), 0),
    ],
)
def test_the_real_files(shared_data: Path, name: str, market: str, rows: int, first: datetime, unknown: int) -> None:
    read = read_candle_file(shared_data / "cmc" / name)
    assert (read.form, read.market, read.rows) == ("coinmarketcap_2021", f"coinmarketcap:{market}/USD", rows)
    assert (read.first, read.last) == (first, datetime(2021, 7, 6, tzinfo=UTC))
    assert find_gaps(read.candles).is_empty()
    hidden = read.candles.filter(pl.col("quote_volume").is_null())["open_time"]
    assert hidden.len() == unknown
    assert hidden.is_empty() or hidden.max() == datetime(2013, 12, 26, tzinfo=UTC)


def test_the_editions_agree_on_closes_to_the_cent(shared_data: Path) -> None:
    folder, btc = shared_data / "cmc", "coinmarketcap:BTC/USD"
    closes = [
        read_candles(folder / name, market=btc).select("open_time", pl.col("close").round(2))
        for name in ("coin_Bitcoin.csv", "kaggle2018/bitcoin_price.csv", "crypto-markets.csv")
    ]
    for other in closes:
        assert other.filter(open_time=datetime(2017, 12, 17, tzinfo=UTC))["close"].to_list() == [19_140.80]
        both = closes[0].join(other, on="open_time")
        assert both.height >= 1759
        assert (both["close"] - both["close_right"]).abs().max() < 0.0101
