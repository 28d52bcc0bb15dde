from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.candles.quality import find_gaps, find_outside_range
from coincast.errors import ColumnError
from coincast.sources.files import read_candle_file, read_candles
from coincast.sources.formats import FORMATS, ReadOptions
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "yahoo.csv"
BTC = "yahoo:BTC/USD"
CLOCKS = [(date(2013, 3, 31), date(2013, 10, 27)), (date(2014, 3, 30), date(2014, 10, 26))]


def table_of(days: list[date], *, older: bool = False) -> pl.DataFrame:
    """A made-up table: each close is its own, and in the older feed each candle opens at the close before."""
    closes = [100.0 + row for row in range(len(days))]
    opens = [99.0, *closes[:-1]] if older else [close - 0.25 for close in closes]
    return pl.DataFrame(
        {
            "Date": [str(day) for day in days],
            "Open": opens,
            "High": [close + 2 for close in closes],
            "Low": [close - 2 for close in closes],
            "Close": closes,
            "Adj Close": closes,
            "Volume": [1000 + row for row in range(len(days))],
        }
    )


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=day) for day in range((last - first).days + 1)]


def dated_early(days: list[date]) -> list[date]:
    """The dates that the older feed gives: in summer time those of the day before."""
    return [day - timedelta(days=any(spring < day <= autumn for spring, autumn in CLOCKS)) for day in days]


def test_every_cell_of_the_sample() -> None:
    read = read_candle_file(SAMPLE, market=BTC)
    assert (read.form, read.interval, read.zone) == ("yahoo", "1d", None)
    days = [datetime(2031, 1, day, tzinfo=UTC) for day in (8, 9, 11, 12, 13, 14)]
    assert read.candles["open_time"].to_list() == days
    first = read.candles.select("open", "high", "low", "close").row(0)
    assert first == (998.099976, 1451.199951, 990.0, 1450.099976)
    assert read.candles["quote_volume"].to_list() == [8_001_000.0, None, 9_876_500.0, 12_345_600.0, 0.0, 1.1e7]
    assert read.candles["volume"].null_count() == 6
    assert read.candles.columns[9:] == ["quote_volume"]
    assert {
        "rows without a price, left out: 1",
        "rows with a Volume of 0 while the price moved, read as unknown: 1",
    } <= {*read.notes}


def test_an_adjusted_close_is_kept_where_it_differs() -> None:
    table = table_of(days_between(date(2031, 1, 8), date(2031, 1, 14))).with_columns(pl.col("Adj Close") / 2)
    candles = read_candles(table, market=BTC)
    assert candles["close"].to_list() == [100.0 + row for row in range(7)]
    assert candles["adj_close"].to_list() == [50.0 + row / 2 for row in range(7)]


def test_volume_is_a_number_of_shares_where_saturdays_are_free() -> None:
    days = [day for day in days_between(date(2031, 1, 6), date(2031, 1, 24)) if day.isoweekday() <= 5]
    table = table_of(days).with_columns(pl.lit(0).alias("Dividends"), pl.lit(0).alias("Stock Splits"))
    read = read_candle_file(table, market="yahoo:AAPL/USD")
    assert read.form == "yahoo"
    assert read.candles["volume"][0] == 1000.0
    assert "quote_volume" not in read.candles.columns


@pytest.mark.parametrize("step", [1, 7])
def test_volume_that_rows_do_not_tell_is_refused_with_the_option(step: int) -> None:
    days = [date(2031, 1, 6) + timedelta(days=row * step) for row in range(4)]
    with pytest.raises(ColumnError, match="say --column quote_volume=Volume for a coin"):
        read_candles(table_of(days), market=BTC)
    read = read_candle_file(table_of(days), market="file:BTC/USD", columns={"quote_volume": "Volume"})
    assert read.interval == {1: "1d", 7: "1w"}[step]
    assert read.candles["quote_volume"][0] == 1000.0
    without = table_of(days).with_columns(pl.lit("0").alias("Volume"))
    assert read_candles(without, market=BTC)["quote_volume"].null_count() == 4


def test_months() -> None:
    days = [date(2031, month, 1) for month in range(1, 6)]
    read = read_candle_file(table_of(days).with_columns(pl.lit(None).alias("Volume")), market=BTC)
    assert (read.form, read.interval) == ("yahoo", "1M")


# ---------------------------------------------------------------- the daylight-saving fault


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2013, 1, 5), date(2014, 12, 20)),
        (date(2013, 6, 1), date(2014, 2, 1)),
        (date(2013, 2, 1), date(2013, 6, 1)),
        (date(2013, 4, 1), date(2014, 4, 20)),
        (date(2013, 2, 1), date(2013, 4, 1)),
        (date(2013, 11, 1), date(2014, 3, 1)),
    ],
)
def test_summer_days_of_the_older_feed_are_moved_by_one(first: date, last: date) -> None:
    days = days_between(first, last)
    table = table_of(dated_early(days), older=True)
    for given in (table, table.reverse(), table.sample(fraction=1, shuffle=True, seed=1), pl.concat([table, table])):
        candles = read_candles(given, market=BTC)
        assert candles["open_time"].dt.date().to_list() == days
        assert candles["close"].to_list() == table["Close"].to_list()


@pytest.mark.parametrize("lost", [date(2014, 3, 30), date(2014, 3, 31)])
def test_a_sunday_that_should_be_there_twice_is_told_by_its_neighbours(lost: date) -> None:
    days = days_between(date(2013, 1, 5), date(2014, 12, 20))
    table = table_of(dated_early(days), older=True).filter(pl.Series([day != lost for day in days]))
    candles = read_candles(table, market=BTC)
    assert candles["open_time"].dt.date().to_list() == [day for day in days if day != lost]


def test_a_lone_sunday_whose_neighbours_do_not_tell_is_refused() -> None:
    days = days_between(date(2013, 1, 5), date(2014, 12, 20))
    table = table_of(dated_early(days), older=True).filter(pl.Series([day != date(2014, 3, 30) for day in days]))
    apart = pl.when(pl.col("Date") == "2014-03-30").then(pl.col("Close") - 0.5).otherwise("Close")
    with pytest.raises(ColumnError, match="2014-03-30 does not tell whether it is that day or the next"):
        read_candles(table.with_columns(apart.alias("Close")), market=BTC)


def test_right_dates_of_the_older_feed_stay() -> None:
    days = days_between(date(2013, 1, 5), date(2014, 12, 20))
    assert read_candles(table_of(days, older=True), market=BTC)["open_time"].dt.date().to_list() == days


def test_a_missing_sunday_of_another_feed_is_a_gap() -> None:
    days = [day for day in days_between(date(2013, 9, 1), date(2013, 12, 1)) if day != date(2013, 10, 27)]
    assert read_candles(table_of(days), market=BTC)["open_time"].dt.date().to_list() == days


def test_dates_that_do_not_tell_are_refused() -> None:
    summer = days_between(date(2013, 5, 1), date(2013, 9, 1))
    with pytest.raises(ColumnError, match="no change of clocks that shows whether its dates were mended"):
        read_candles(table_of(summer, older=True), market=BTC)
    mended = dated_early(days_between(date(2013, 1, 5), date(2013, 12, 20)))
    mended += days_between(date(2013, 12, 21), date(2014, 12, 20))
    with pytest.raises(ColumnError, match="at some changes of clocks and not at others"):
        read_candles(table_of(mended, older=True), market=BTC)


# ---------------------------------------------------------------- real files


def test_the_real_newer_file(shared_data: Path) -> None:
    read = read_candle_file(shared_data / "yahoo" / "bitcoin_daily.csv")
    assert (read.form, read.market, read.rows) == ("yahoo", BTC, 2747)
    assert (read.first, read.last) == (datetime(2014, 9, 17, tzinfo=UTC), datetime(2022, 3, 25, tzinfo=UTC))
    assert find_gaps(read.candles).is_empty()
    assert find_outside_range(read.candles).is_empty()
    assert "adj_close" not in read.candles.columns
    top = read.candles.filter(open_time=datetime(2017, 12, 17, tzinfo=UTC))["close"]
    assert top.round(2).to_list() == [19_140.80]


def test_the_real_older_file(shared_data: Path) -> None:
    path = shared_data / "yahoo" / "BTC-USD-2010-2018.csv"
    assert FORMATS["yahoo"].read(read_table(path), ReadOptions()).columns.height == 3090
    read = read_candle_file(path)
    assert (read.form, read.market, read.rows) == ("yahoo", BTC, 3090)
    assert (read.first, read.last) == (datetime(2010, 7, 17, tzinfo=UTC), datetime(2018, 12, 31, tzinfo=UTC))
    assert find_gaps(read.candles).is_empty()
    assert find_outside_range(read.candles).height == 94
    assert "rows of summer time dated a day early by the older feed of Yahoo, moved by a day: 1,822" in read.notes
    assert (read.candles["quote_volume"] == 0).sum() == 7
    assert read.candles["quote_volume"].max() > 21e6  # more than all bitcoins: a turnover


def test_both_real_files_fit_coinmarketcap_best_with_these_days(shared_data: Path) -> None:
    theirs = read_candles(shared_data / "cmc" / "coin_Bitcoin.csv").select("open_time", other="close")
    began = datetime(2014, 4, 1, tzinfo=UTC)  # before, the older feed has the prices of Mt. Gox, which nobody else had
    for name in ("bitcoin_daily.csv", "BTC-USD-2010-2018.csv"):
        ours = read_candles(shared_data / "yahoo" / name).select("open_time", "close")
        apart = {}
        for days in (-1, 0, 1):
            moved = ours.with_columns(pl.col("open_time") + timedelta(days=days)).join(theirs, on="open_time")
            within = moved.filter(pl.col("open_time").is_between(began, ours["open_time"].max())).sort("open_time")
            quarters = within.group_by_dynamic("open_time", every="1q")
            apart[days] = quarters.agg((pl.col("close") - pl.col("other")).abs().median())["close"]
        assert apart[0].len() >= 19
        assert (apart[0] < apart[-1]).all()
        assert (apart[0] < apart[1]).all()
