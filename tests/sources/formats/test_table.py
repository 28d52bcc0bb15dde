from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from coincast.errors import CandleError, ColumnError, UnknownNameError
from coincast.sources.files import read_candle_file, read_candles

DAYS = ["2031-01-01", "2031-01-02", "2031-01-03"]
PRICES = ["1,001.5", "1,002.5", "999"]
MARKET = "file:BTC/USD"


def read(table: dict[str, Any], **options: Any) -> pl.DataFrame:
    return read_candles(pl.DataFrame(table), market=MARKET, **options)


@pytest.mark.parametrize("time", ["Date", "TIME", "time stamp", "Open Time", "ds", "Date(UTC)"])
@pytest.mark.parametrize("price", ["Close", "close_price", "Price", "LAST", "Close/Last", "Adj Close**"])
def test_names_are_found_without_case_blanks_and_marks(time: str, price: str) -> None:
    candles = read({"Volume": [1, 2, 3], price: PRICES, time: DAYS})
    assert candles["close"].to_list() == [1001.5, 1002.5, 999.0]
    assert candles["open_time"].dt.day().to_list() == [1, 2, 3]
    assert candles["volume"].to_list() == [1.0, 2.0, 3.0]


def test_the_close_comes_before_other_prices_which_are_kept() -> None:
    candles = read({"date": DAYS, "Adj Close": [1, 2, 3], "price": [4, 5, 6], "close": [7, 8, 9], "Open": [7, 7, 8]})
    assert candles["close"].to_list() == [7.0, 8.0, 9.0]
    assert candles["open"].to_list() == [7.0, 7.0, 8.0]
    assert candles["adj_close"].to_list() == [1.0, 2.0, 3.0]
    assert candles["price"].to_list() == [4.0, 5.0, 6.0]


def test_an_open_alone_is_never_the_price() -> None:
    with pytest.raises(ColumnError, match="no column of closing prices is known by its name") as caught:
        read({"date": DAYS, "open": PRICES, "high": PRICES, "low": PRICES})
    assert caught.value.exit_code == 3


def test_columns_named_by_the_user() -> None:
    table = {"When": DAYS, "My price": PRICES, "Close": [1, 2, 3], "Coins": [5, None, 6]}
    candles = read(table, columns={"open_time": "When", "close": "my price", "volume": "Coins"})
    assert candles["close"].to_list() == [1001.5, 1002.5, 999.0]
    assert candles["volume"].to_list() == [5.0, None, 6.0]


def test_a_column_that_is_not_there_and_one_that_no_candle_has() -> None:
    with pytest.raises(ColumnError, match="no column 'Prize' for close; the columns are date, price") as caught:
        read({"date": DAYS, "price": PRICES}, columns={"close": "Prize"})
    assert caught.value.exit_code == 3
    with pytest.raises(UnknownNameError, match=r"unknown candle column 'colse'; did you mean 'close'\?"):
        read({"date": DAYS, "price": PRICES}, columns={"colse": "price"})


def test_missing_columns_are_refused_with_the_list_and_the_option() -> None:
    with pytest.raises(ColumnError) as caught:
        read({"Date": DAYS, "btc_market_price": PRICES, "blocks": [1, 2, 3]})
    assert str(caught.value) == (
        "the frame: no column of closing prices is known by its name; "
        "say which one is: columns={'close': 'btc_market_price'} or --column close=btc_market_price\n"
        "its columns: Date, btc_market_price, blocks"
    )
    with pytest.raises(ColumnError, match="no column of times is known by its name; say which one is: columns="):
        read({"Trading day": DAYS, "price": PRICES})


def test_other_numbers_are_kept_and_the_rest_is_left_out_and_said() -> None:
    table = {
        "Unnamed: 0": ["0", "1", "2"],
        "unix": ["1925000000", "1925086400", "1925172800"],
        "date": DAYS,
        "close": PRICES,
        "weightedAverage": ["1", "-", "3"],
        "Fear & Greed": ["40", "41", "42"],
        "remark": ["a", "b", "c"],
        "nothing": ["", "", ""],
    }
    file = read_candle_file(pl.DataFrame(table), market=MARKET)
    assert file.candles.columns[9:] == ["weighted_average", "fear_greed"]
    assert file.candles["weighted_average"].to_list() == [1.0, None, 3.0]
    assert "columns left out: unix, remark, nothing" in file.notes


def test_rows_without_a_price_become_a_gap_and_are_counted() -> None:
    file = read_candle_file(pl.DataFrame({"date": DAYS, "close": ["1", "-", "3"]}), market=MARKET, interval="1d")
    assert file.rows == 2
    assert "rows without a price, left out: 1" in file.notes
    assert "1 gap, 1 candle missing" in file.defects


def test_a_column_of_prices_without_any() -> None:
    with pytest.raises(ColumnError, match="column 'close' holds no price; name the one that does"):
        read({"date": DAYS, "close": ["-", "-", ""]})


def test_a_row_without_a_time() -> None:
    with pytest.raises(CandleError, match=r"1 row cannot be true: row 2 \(no readable time\)"):
        read({"date": [DAYS[0], "", DAYS[2]], "close": PRICES})


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("Close time", [f"{day} 00:00" for day in ("2031-01-02", "2031-01-03", "2031-01-04")]),
        ("close_time", [f"{day} 23:59:59.999" for day in DAYS]),
        ("Date", [f"{day} 23:59:59" for day in DAYS]),
    ],
)
def test_ends_of_candles(name: str, ends: list[str]) -> None:
    file = read_candle_file(pl.DataFrame({name: ends, "close": PRICES}), market=MARKET)
    assert file.candles["open_time"].to_list() == [datetime(2031, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    assert "times are read as the ends of candles" in file.notes


def test_the_open_time_counts_where_both_are_given() -> None:
    opens = [datetime(2031, 1, 1, hour, tzinfo=UTC) for hour in range(3)]
    ends = [time + timedelta(minutes=59, seconds=59) for time in opens]
    candles = read({"open_time": opens, "close_time": ends, "close": PRICES})
    assert candles["open_time"].to_list() == opens
    assert candles["close_time"].to_list() == [time + timedelta(hours=1) for time in opens]
    assert candles.width == 9


def test_the_zone_is_said() -> None:
    table = pl.DataFrame({"date": DAYS, "close": PRICES})
    assert "times have no zone: read as UTC" in read_candle_file(table, market=MARKET).notes
    berlin = read_candle_file(table, market=MARKET, zone="Europe/Berlin")
    assert "times have no zone: read as Europe/Berlin" in berlin.notes
    assert berlin.first == datetime(2030, 12, 31, 23, tzinfo=UTC)
    aware = read_candle_file(pl.DataFrame({"date": [f"{day}Z" for day in DAYS], "close": PRICES}), market=MARKET)
    assert aware.zone is None
    assert not any("zone" in note for note in aware.notes)


def test_the_order_of_day_and_month_may_be_said() -> None:
    table = {"date": ["01/02/2031", "01/03/2031", "01/04/2031"], "close": PRICES}
    assert read(table, day_first=True)["interval"][0] == "1M"
    assert read(table, day_first=False)["interval"][0] == "1d"
    with pytest.raises(ColumnError, match="may be day/month or month/day"):
        read(table)
