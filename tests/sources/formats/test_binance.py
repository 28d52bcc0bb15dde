from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import CellError, ColumnError
from coincast.sources.files import read_candle_file
from coincast.sources.formats import FORMATS, Reading
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "binance.csv"
Read = Callable[..., Reading]
HOURS = [datetime(2031, 1, 8, hour, tzinfo=UTC) for hour in range(5)]
HEADERS = {
    "dump": "timestamp,open,high,low,close,volume,close_time,quote_av,trades,tb_base_av,tb_quote_av,ignore",
    "archive": "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore",
    "page": "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,"
    "Taker buy base asset volume,Taker buy quote asset volume,Ignore",
}


def test_every_cell_of_the_sample(read_as: Read) -> None:
    read = read_as("binance", SAMPLE)
    assert read.interval == "1h"
    assert read.columns["open_time"].to_list() == HOURS
    assert read.columns.row(0, named=True) == {
        "open_time": HOURS[0],
        "open": 998.1,
        "high": 1451.2,
        "low": 990.0,
        "close": 1450.1,
        "volume": 812.5,
        "quote_volume": 1001250.75,
        "trades": 5120.0,
        "taker_buy_volume": 400.25,
        "taker_buy_quote_volume": 493100.5,
    }
    assert read.notes == ("cut short by a halt of the exchange: 1 row (2031-01-08 02:00); open_time counts",)


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_names_of_every_edition(read_as: Read, header: str) -> None:
    table = read_table(SAMPLE)
    table.columns = header.split(",")
    expected = read_as("binance", SAMPLE).columns
    assert read_as("binance", table).columns.equals(expected)
    assert read_as("binance", table.select(reversed(table.columns))).columns.equals(expected)
    assert read_as("binance", table.drop(table.columns[-1])).columns.equals(expected)


def test_the_dump_with_times_as_text(read_as: Read) -> None:
    table = read_table(SAMPLE)
    table.columns = HEADERS["dump"].split(",")
    texts = pl.Series("timestamp", [f"{time:%Y-%m-%d %H:%M:%S}" for time in HOURS])
    assert read_as("binance", table.with_columns(texts)).columns["open_time"].to_list() == HOURS


def test_milliseconds_and_microseconds_in_one_file(read_as: Read) -> None:
    table = read_table(SAMPLE)
    is_late = pl.int_range(pl.len()) >= 3
    for name, digits in (("column_1", "000"), ("column_7", "999")):
        table = table.with_columns(pl.when(is_late).then(pl.col(name) + digits).otherwise(name).alias(name))
    read = read_as("binance", table)
    assert read.columns.equals(read_as("binance", SAMPLE).columns)
    assert read.interval == "1h"
    assert "milliseconds in 3 rows" in read.notes[0]
    assert "microseconds in 2 rows" in read.notes[0]


@pytest.mark.parametrize(
    ("interval", "starts"),
    [
        ("1d", [datetime(2031, 1, day, tzinfo=UTC) for day in range(1, 6)]),
        ("1M", [datetime(2031, month, 1, tzinfo=UTC) for month in range(1, 6)]),
    ],
)
def test_the_interval_follows_from_open_and_close(read_as: Read, interval: str, starts: list[datetime]) -> None:
    ends = [*starts[1:], datetime(2031, 1, 6, tzinfo=UTC) if interval == "1d" else datetime(2031, 6, 1, tzinfo=UTC)]
    table = read_table(SAMPLE).with_columns(
        column_1=pl.Series([int(time.timestamp() * 1000) for time in starts]),
        column_7=pl.Series([int(time.timestamp() * 1000) - 1 for time in ends]),
    )
    read = read_as("binance", table)
    assert read.interval == interval
    assert read.notes == ()
    assert read_candle_file(table, market="binance:BTC/USDT").candles["close_time"].to_list() == ends


@pytest.mark.parametrize("close_time", ["1925611200000", "1925607599999", "1925607599"])
def test_a_candle_that_closes_too_late_or_before_it_opens(read_as: Read, close_time: str) -> None:
    table = read_table(SAMPLE)
    with pytest.raises(CellError, match="open and close time, row 4: ") as raised:
        read_as("binance", table.with_columns(table["column_7"].scatter(3, close_time)))
    assert raised.value.rows == (3,)


def test_columns_in_another_order_are_refused(read_as: Read) -> None:
    table = read_table(SAMPLE)
    turned = table.with_columns(column_3=table["column_4"], column_4=table["column_3"])
    with pytest.raises(ColumnError, match="are not open, high, low, close: in 5 of 5 rows"):
        read_as("binance", turned)


def test_twelve_columns_of_something_else_are_not_this_form() -> None:
    table = read_table(SAMPLE)
    assert not FORMATS["binance"].recognises(table.with_columns(column_7=pl.lit("1")))
    assert not FORMATS["binance"].recognises(table.with_columns(column_1=pl.lit("x")))


@pytest.mark.parametrize(
    ("name", "interval", "rows", "first", "last", "gaps", "notes"),
    [
        (
            "BTCUSDT-1h-data.csv",
            "1h",
            1436,
            datetime(2021, 4, 8, 13, tzinfo=UTC),
            datetime(2021, 6, 7, 13, tzinfo=UTC),
            (2, 5),
            ("cut short by a halt of the exchange: 1 row (2021-04-25 04:00); open_time counts",),
        ),
        (
            "BTCUSDT-1m-data.csv.gz",
            "1m",
            20161,
            datetime(2021, 7, 1, 15, 42, tzinfo=UTC),
            datetime(2021, 7, 15, 15, 42, tzinfo=UTC),
            (0, 0),
            (),
        ),
    ],
)
def test_real_files(
    read_as: Read,
    count_gaps: Callable[..., tuple[int, int]],
    shared_data: Path,
    name: str,
    interval: str,
    rows: int,
    first: datetime,
    last: datetime,
    gaps: tuple[int, int],
    notes: tuple[str, ...],
) -> None:
    read = read_as("binance", shared_data / "binance" / name)
    times = read.columns["open_time"]
    assert (read.interval, read.notes, read.columns.height) == (interval, notes, rows)
    assert (times.min(), times.max()) == (first, last)
    assert count_gaps(times, timedelta(hours=1) if interval == "1h" else timedelta(minutes=1)) == gaps
    price = read.columns["quote_volume"] / read.columns["volume"]
    assert price.is_between(read.columns["low"], read.columns["high"]).all()
    assert (read.columns["taker_buy_volume"] <= read.columns["volume"]).all()
