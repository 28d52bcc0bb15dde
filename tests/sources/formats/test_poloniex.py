from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import CellError, ColumnError
from coincast.sources.formats import Reading
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "poloniex.csv"
Read = Callable[..., Reading]


def test_every_cell_of_the_sample(read_as: Read) -> None:
    read = read_as("poloniex", SAMPLE)
    minutes = [read.columns["open_time"][0] + timedelta(minutes=30 * i) for i in range(5)]
    assert read.columns["open_time"].to_list() == minutes
    assert minutes[0] == datetime(2031, 1, 8, tzinfo=UTC)
    assert read.columns.select("open", "high", "low", "close").row(0) == (998.1, 1451.2, 990.0, 1450.1)
    assert read.columns["volume"].to_list() == [8.0, 0.5, 0.0, 1.2, 2.0]
    assert read.columns["quote_volume"].to_list() == [9858.285, 737.0283, 0.0, 1782.0, 2980.5]
    assert read.columns["weighted_average"][0] == 1232.285625
    assert read.notes == ("volume is turnover: read as quote_volume; quoteVolume is in coins: read as volume",)


def test_volumes_named_the_other_way_round_are_refused(read_as: Read) -> None:
    table = read_table(SAMPLE).rename({"volume": "quoteVolume", "quoteVolume": "volume"})
    with pytest.raises(ColumnError, match="'volume' is in coins here") as raised:
        read_as("poloniex", table)
    assert "--column volume=volume --column quote_volume=quoteVolume" in str(raised.value)


def test_a_row_that_says_nothing_of_its_volumes_does_not_count(read_as: Read) -> None:
    idle = read_table(SAMPLE).with_columns(volume=pl.lit("0"), quoteVolume=pl.lit("0"))
    assert read_as("poloniex", idle).columns["volume"].to_list() == [0.0] * 5


@pytest.mark.parametrize(("column", "cell"), [("date", "soon"), ("date", "0"), ("quoteVolume", "many")])
def test_a_broken_cell_is_refused(read_as: Read, column: str, cell: str) -> None:
    table = read_table(SAMPLE)
    with pytest.raises(ColumnError, match=f"column '{column}'"):
        read_as("poloniex", table.with_columns(table[column].scatter(1, cell)))


def test_a_row_without_a_time_is_named(read_as: Read) -> None:
    table = read_table(SAMPLE)
    with pytest.raises(CellError, match="column 'date', row 2: there is no time; leave such rows out"):
        read_as("poloniex", table.with_columns(table["date"].scatter(1, "")))


@pytest.mark.parametrize(
    ("name", "minutes", "rows", "first", "last", "idle"),
    [
        ("BTCUSDT-30m.csv", 30, 42010, (2015, 2, 19, 19), (2017, 7, 13, 23, 30), 11213),
        ("USDT_BTC-1d.csv", 1440, 1109, (2015, 2, 19), (2018, 3, 3), 1),
        ("USDT_BTC-5m-2017.csv", 5, 26761, (2017, 7, 7), (2017, 10, 7, 22), 50),
        ("USDT_ETH-1d.csv", 1440, 939, (2015, 8, 8), (2018, 3, 3), 8),
    ],
)
def test_real_files(
    read_as: Read,
    count_gaps: Callable[..., tuple[int, int]],
    shared_data: Path,
    name: str,
    minutes: int,
    rows: int,
    first: tuple[int, ...],
    last: tuple[int, ...],
    idle: int,
) -> None:
    columns = read_as("poloniex", shared_data / "poloniex" / name).columns
    times = columns["open_time"]
    assert columns.height == rows
    assert (times.min(), times.max()) == (datetime(*first, tzinfo=UTC), datetime(*last, tzinfo=UTC))
    assert count_gaps(times, timedelta(minutes=minutes)) == (0, 0)
    assert columns.filter(quote_volume=0.0).height == idle
    large = columns.filter(pl.col("volume") > 0.01)
    assert (large["quote_volume"] / large["volume"] / large["weighted_average"]).is_between(0.99, 1.01).mean() > 0.95


@pytest.mark.parametrize(("name", "low"), [("USDT_BTC-1d.csv", 225.0), ("USDT_ETH-1d.csv", 0.5000002100000001)])
def test_the_impossible_first_row_is_passed_on_as_it_stands(
    read_as: Read, shared_data: Path, name: str, low: float
) -> None:
    columns = read_as("poloniex", shared_data / "poloniex" / name).columns
    impossible = columns.with_row_index().filter(pl.col("high") < pl.col("low"))
    assert impossible.select("index", "high", "low").rows() == [(0, 0.33, low)]


def test_the_close_of_a_known_day(read_as: Read, shared_data: Path) -> None:
    columns = read_as("poloniex", shared_data / "poloniex" / "USDT_ETH-1d.csv").columns
    day = columns.filter(pl.col("open_time") == datetime(2018, 1, 13, tzinfo=UTC))
    assert day["close"].to_list() == [pytest.approx(1_382.00, abs=0.005)]
