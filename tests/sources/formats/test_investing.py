from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from coincast.candles.quality import find_gaps, find_outside_range
from coincast.errors import CandleError, CellError, ColumnError
from coincast.sources.files import read_candle_file, read_candles
from coincast.sources.formats import FORMATS, ReadOptions
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "investing.csv"
BTC = "investing:BTC/USD"


def test_every_cell_of_the_sample() -> None:
    read = read_candle_file(SAMPLE, market=BTC)
    assert (read.form, read.interval) == ("investing", "1d")
    assert read.candles["open_time"].to_list() == [datetime(2031, 1, day, tzinfo=UTC) for day in range(8, 13)]
    assert read.candles.select("open", "high", "low", "close").row(4) == (1504.3, 1571.0, 1490.1, 1533.7)
    assert read.candles["volume"].to_list() == [930.0, 3.2e9, None, 987_650.0, 1_050_000.0]
    assert read.candles.width == 9
    assert "Change % is left out: it fits the prices" in read.notes


@pytest.mark.parametrize(
    ("cell", "volume"), [("13.44K", 13440.0), ("0.07K", 70.0), ("1.1T", 1.1e12), ("12", 12.0), ("1,250", 1250.0)]
)
def test_letters_for_thousands_and_millions(cell: str, volume: float) -> None:
    table = read_table(SAMPLE).with_columns(pl.lit(cell).alias("Vol."))
    assert read_candles(table, market=BTC)["volume"].unique().to_list() == [volume]


@pytest.mark.parametrize(("name", "cell"), [("Vol.", "13.44Q"), ("Vol.", "K"), ("Price", "1.2K"), ("Change %", "x%")])
def test_other_letters_are_no_numbers(name: str, cell: str) -> None:
    table = read_table(SAMPLE)
    broken = table.with_columns(pl.Series(name, [*table[name][:3], cell, table[name][4]]))
    with pytest.raises(CellError, match=r"row 4: .* is no number") as caught:
        FORMATS["investing"].read(broken, ReadOptions())
    assert caught.value.rows == (3,)


def test_a_price_that_does_not_fit_its_change_is_told() -> None:
    table = read_table(SAMPLE).with_columns(pl.col("Price").str.replace("1,488.1", "1,388.1"))
    assert any("rows where it does not fit the price before: 2" in n for n in read_candle_file(table, market=BTC).notes)


def test_dates_of_other_editions() -> None:
    table, candles = read_table(SAMPLE), read_candles(SAMPLE, market=BTC)
    day = pl.col("Date").str.extract(r" (\d+),")
    assert read_candles(
        table.with_columns(pl.format("01/{}/2031", day).alias("Date")), market=BTC, day_first=False
    ).equals(candles)
    european = table.with_columns(pl.format("{}/01/2031", day).alias("Date"))
    assert read_candles(european, market=BTC, day_first=True).equals(candles)
    with pytest.raises(ColumnError, match="may be day/month or month/day"):
        read_candles(european, market=BTC)


def test_months_and_a_table_without_volume() -> None:
    months = [f"{month} 01, 2031" for month in ("May", "Apr", "Mar", "Feb", "Jan")]
    read = read_candle_file(read_table(SAMPLE).with_columns(pl.Series("Date", months)).drop("Vol."), market=BTC)
    assert (read.form, read.interval) == ("investing", "1M")
    assert read.candles["volume"].null_count() == 5


def test_the_real_file(shared_data: Path) -> None:
    path = shared_data / "investing" / "bitcoin2015to2017.csv"
    reading = FORMATS["investing"].read(read_table(path), ReadOptions())
    assert reading.columns.height == 717
    assert reading.columns["volume"].null_count() == 10
    assert "Change % is left out: it fits the prices" in reading.notes
    with pytest.raises(CandleError, match="4 rows cannot be true"):
        read_candle_file(path)
    read = read_candle_file(path, on_bad="drop")
    assert (read.form, read.market, read.rows) == ("investing", BTC, 713)
    assert (read.first, read.last) == (datetime(2015, 1, 1, tzinfo=UTC), datetime(2017, 1, 1, tzinfo=UTC))
    bad = [datetime(2016, 8, day, tzinfo=UTC) for day in (3, 4, 5, 6)]
    assert sorted(read.left_out["time"].unique()) == bad
    gaps = find_gaps(read.candles).filter(pl.col("after") != bad[0])
    assert gaps["missing"].to_list() == [1, 1, 13]
    assert find_outside_range(read.candles).height == 7
