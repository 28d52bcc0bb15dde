from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.candles.quality import find_gaps
from coincast.errors import ColumnError
from coincast.sources.files import read_candle_file, read_candles
from coincast.sources.formats import FORMATS, ReadOptions
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "coingecko.csv"
BTC = "coingecko:BTC/USD"


def days_and_closes(table: pl.DataFrame) -> dict[str, float]:
    candles = read_candles(table, market=BTC)
    return dict(zip(candles["open_time"].dt.strftime("%m-%d"), candles["close"], strict=True))


def test_every_cell_of_the_sample() -> None:
    read = read_candle_file(SAMPLE, market=BTC)
    assert (read.form, read.interval, read.zone) == ("coingecko", "1d", None)
    days = [datetime(2018, 1, day, tzinfo=UTC) for day in (27, 28, 29, 30, 31)] + [datetime(2018, 2, 1, tzinfo=UTC)]
    assert read.candles["open_time"].to_list() == days
    assert read.candles["close"].to_list() == [1450.125, 1492.40625, 1488.05, 1504.2, 1533.7, 1525.0]
    assert read.candles["market_cap"].to_list() == [1_156_200_000.5, None, 1.1871e9, 1.1987e9, 1.2045e9, 1.201e9]
    assert read.candles["quote_volume"].to_list() == [None, 8_001_000.25, 9_876_500.5, 12_345_600.0, None, 1.1e7]
    assert read.candles.select("open", "high", "low", "volume").null_count().row(0) == (6, 6, 6, 6)
    assert read.left_out.select("row", "reason").rows() == [
        (4, "a second close of 2018-01-29; the one under its own label is kept")
    ]


def test_a_file_that_begins_or_ends_at_the_change_of_the_label() -> None:
    table = read_table(SAMPLE)
    before, after = table.head(3), table.tail(4)
    assert days_and_closes(before) == {"01-27": 1450.125, "01-28": 1492.40625, "01-29": 1488.05}
    assert days_and_closes(after) == {"01-29": 1486.75, "01-30": 1504.2, "01-31": 1533.7, "02-01": 1525.0}
    assert read_candle_file(after, market=BTC).left_out.is_empty()
    without = table.with_columns(price=pl.when(pl.col("price") != "1488.05").then("price"))
    assert days_and_closes(without)["01-29"] == 1486.75


def test_a_stamp_far_off_midnight_is_no_close_of_a_day() -> None:
    table = read_table(SAMPLE)
    late = table.tail(1).with_columns(snapped_at=pl.lit("2018-02-02 14:35:00 UTC"), price=pl.lit("9999"))
    read = read_candle_file(pl.concat([table, late]), market=BTC)
    assert read.candles.equals(read_candles(table, market=BTC))
    assert read.left_out["row"].to_list() == [4, 8]


def test_prices_of_every_hour_are_refused_with_the_option() -> None:
    hours = [f"2031-01-08 {hour:02}:00:00 UTC" for hour in range(24)]
    table = pl.DataFrame({"snapped_at": hours, "price": range(1, 25), "market_cap": 0, "total_volume": 0})
    with pytest.raises(ColumnError, match=r"not one a day, .*--column close_time=snapped_at --column close=price"):
        read_candles(table, market=BTC)
    named = read_candles(table, market="file:BTC/USD", columns={"close_time": "snapped_at", "close": "price"})
    assert named["close_time"][5] == datetime(2031, 1, 8, 5, tzinfo=UTC)


def test_further_columns_and_another_quote(tmp_path: Path) -> None:
    path = tmp_path / "btc-eur-max.csv"
    read_table(SAMPLE).with_columns(remark=pl.lit("a")).write_csv(path)
    read = read_candle_file(path)
    assert read.market == "coingecko:BTC/EUR"
    assert "columns left out: remark" in read.notes


@pytest.mark.parametrize(
    ("name", "rows", "first", "missing", "no_cap", "no_volume", "closes"),
    [
        ("bitcoin", 4681, datetime(2013, 4, 28, tzinfo=UTC), ["2013-06-04", "2015-01-28"], 381, 623, 11157.66),
        ("ethereum", 3851, datetime(2015, 8, 7, tzinfo=UTC), ["2015-08-09"], 382, 381, 1169.63),
    ],
)
def test_the_real_files(
    shared_data: Path,
    name: str,
    rows: int,
    first: datetime,
    missing: list[str],
    no_cap: int,
    no_volume: int,
    closes: float,
) -> None:
    path = shared_data / "coingecko" / f"{name}.csv"
    reading = FORMATS["coingecko"].read(read_table(path), ReadOptions())
    assert reading.columns.height == rows
    assert reading.columns["market_cap"].null_count() == no_cap
    assert reading.columns["quote_volume"].null_count() == no_volume
    read = read_candle_file(path)
    assert read.rows == rows - 1
    assert read.left_out["reason"].to_list() == ["a second close of 2018-01-29; the one under its own label is kept"]
    assert (read.first, read.last) == (first, datetime(2026, 2, 20, tzinfo=UTC))
    gaps = find_gaps(read.candles)
    assert gaps["after"].dt.strftime("%Y-%m-%d").to_list() == missing
    assert gaps["missing"].to_list() == [1] * len(missing)
    kept = read.candles.filter(open_time=datetime(2018, 1, 29, tzinfo=UTC))["close"]
    assert kept.round(2).to_list() == [closes]


@pytest.mark.parametrize(("coin", "edition"), [("bitcoin", "coin_Bitcoin"), ("ethereum", "coin_Ethereum")])
def test_closes_fit_those_of_coinmarketcap_best_with_these_days(shared_data: Path, coin: str, edition: str) -> None:
    ours = read_candles(shared_data / "coingecko" / f"{coin}.csv").select("open_time", "close")
    theirs = read_candles(shared_data / "cmc" / f"{edition}.csv").select("open_time", pl.col("close").alias("other"))
    apart = {}
    for days in (-1, 0, 1):
        moved = ours.with_columns(pl.col("open_time") + timedelta(days=days)).join(theirs, on="open_time")
        moved = moved.filter(pl.col("open_time").dt.year() >= 2014).sort("open_time")
        quarters = moved.group_by_dynamic("open_time", every="1q")
        apart[days] = quarters.agg((pl.col("close") - pl.col("other")).abs().median())["close"]
    assert apart[0].len() >= 24
    assert (apart[0] < apart[-1]).all()
    assert (apart[0] < apart[1]).all()


def test_of_the_two_closes_of_2018_01_29_the_nearer_is_kept(shared_data: Path) -> None:
    day = datetime(2018, 1, 29, tzinfo=UTC)
    for coin, edition in (("bitcoin", "coin_Bitcoin"), ("ethereum", "coin_Ethereum")):
        path = shared_data / "coingecko" / f"{coin}.csv"
        reading = FORMATS["coingecko"].read(read_table(path), ReadOptions())
        other = read_candles(shared_data / "cmc" / f"{edition}.csv").filter(open_time=day)["close"][0]
        (gone,) = reading.left_out
        kept = read_candles(path).filter(open_time=day)["close"][0]
        assert abs(kept - other) < abs(reading.columns["close"][gone] - other)
