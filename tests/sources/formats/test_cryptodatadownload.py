from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from coincast.errors import CellError, ColumnError
from coincast.sources.formats import Reading

SAMPLE = Path(__file__).parent / "samples" / "cryptodatadownload.csv"
Read = Callable[..., Reading]


def early(**columns: Any) -> pl.DataFrame:
    """Three hours of the early edition; columns replace those of the same name."""
    table = {
        "Date": ["2031-01-08 01-PM", "2031-01-08 12-PM", "2031-01-08 12-AM"],
        "Symbol": ["BTCUSD"] * 3,
        "Open": ["1450", "998.1", "900"],
        "High": ["1495", "1451.2", "1000"],
        "Low": ["1449.5", "990", "880"],
        "Close": ["1492.4", "1450.1", "998.1"],
        "Volume BTC": ["10", "20", "0"],
        "Volume USD": ["14700", "24000", "0"],
    }
    return pl.DataFrame({**table, **columns})


def test_every_cell_of_the_sample(read_as: Read) -> None:
    read = read_as("cryptodatadownload", SAMPLE)
    columns = read.columns
    assert columns["open_time"].to_list() == [datetime(2031, 1, day, tzinfo=UTC) for day in (12, 11, 10, 9, 8)]
    assert columns.select("open", "high", "low", "close").row(0) == (1504.25, 1571.0, 1490.1, 1533.7)
    assert columns["volume"].to_list() == [10.5, 8.25, 0.0, 10.0, 20.0]
    assert columns["quote_volume"].to_list() == [16170.25, 12330.5, 0.0, 14710.4, 24400.5]
    assert columns["symbol"].to_list() == ["BTC/USD"] * 5
    assert read.notes == (
        "column 'unix' holds seconds in 3 rows and milliseconds in 2 rows: each is read as what it is",
        "Volume BTC and Volume USD are exchanged in 2 rows: each is read as what it is",
    )


def test_a_parsed_frame_is_read_like_the_file(read_as: Read) -> None:
    frame = pd.read_csv(SAMPLE, skiprows=1, parse_dates=["date"])
    assert read_as("cryptodatadownload", frame).columns.equals(read_as("cryptodatadownload", SAMPLE).columns)


def test_the_clock_of_twelve_hours(read_as: Read) -> None:
    read = read_as("cryptodatadownload", early())
    assert read.columns["open_time"].dt.hour().to_list() == [13, 12, 0]
    assert read.columns["volume"].to_list() == [10.0, 20.0, 0.0]
    assert read.notes == ()


def test_the_columns_of_volume_are_found_by_the_symbol(read_as: Read) -> None:
    turned = early().select("Volume USD", *early().columns[:-1])
    assert read_as("cryptodatadownload", turned).columns["volume"].to_list() == [10.0, 20.0, 0.0]
    renamed = early().rename({"Volume BTC": "VolumeFrom", "Volume USD": "VolumeTo"})
    assert read_as("cryptodatadownload", renamed).columns["volume"].to_list() == [10.0, 20.0, 0.0]
    counted = early().with_columns(pl.lit("7").alias("tradecount"))
    assert read_as("cryptodatadownload", counted).columns["trades"].to_list() == [7.0] * 3


def test_a_coin_below_one_has_less_turnover_than_volume(read_as: Read) -> None:
    cheap = {"Open": ["0.5"] * 3, "High": ["0.6"] * 3, "Low": ["0.4"] * 3, "Close": ["0.5"] * 3}
    table = early(**cheap, **{"Volume BTC": ["100", "49", "0"], "Volume USD": ["51", "98", "0"]})
    read = read_as("cryptodatadownload", table)
    assert read.columns["volume"].to_list() == [100.0, 98.0, 0.0]
    assert read.notes == ("Volume BTC and Volume USD are exchanged in 1 row: each is read as what it is",)


def test_volumes_near_a_price_of_one_stay_where_they_are(read_as: Read) -> None:
    near = {"Open": ["1"] * 3, "High": ["1.02"] * 3, "Low": ["0.98"] * 3, "Close": ["0.99"] * 3}
    table = early(**near, **{"Volume BTC": ["100", "100", "0"], "Volume USD": ["101", "99", "0"]})
    assert read_as("cryptodatadownload", table).columns["volume"].to_list() == [100.0, 100.0, 0.0]


def test_volumes_rounded_to_cents_are_not_doubted(read_as: Read) -> None:
    table = early(**{"Volume BTC": ["0.01", "0", "0"], "Volume USD": ["10.2", "3.9", "0"]})
    read = read_as("cryptodatadownload", table)
    assert read.columns["quote_volume"].to_list() == [10.2, 3.9, 0.0]
    assert read.notes == ()


def test_a_row_in_which_neither_order_fits_has_unknown_volumes(read_as: Read) -> None:
    table = pl.concat([early(Date=[f"2031-01-{day:02} {hour}-AM" for hour in (1, 2, 3)]) for day in range(10, 14)])
    table = table.with_columns(pl.Series("Volume USD", ["3", *table["Volume USD"][1:]]))
    read = read_as("cryptodatadownload", table)
    assert read.columns["volume"].to_list()[:3] == [None, 20.0, 0.0]
    assert read.columns["quote_volume"].to_list()[:3] == [None, 24000.0, 0.0]
    expected = "volumes unknown where neither order of the two gives a price: 1 row (2031-01-10 01:00)"
    assert expected in read.notes


def test_volumes_that_never_fit_are_refused(read_as: Read) -> None:
    with pytest.raises(ColumnError, match=r"their ratio is no price in 2 of 3 rows;\nname what is known: columns="):
        read_as("cryptodatadownload", early(**{"Volume USD": ["10", "20", "0"]}))


def test_unix_and_date_that_disagree_are_named(read_as: Read) -> None:
    table = early().with_columns(pl.Series("unix", ["1925643600", "1925640000", "1925600400000"]))
    with pytest.raises(
        CellError, match=r"row 3: they say 2031-01-08 01:00 and 2031-01-08 00:00 \(1 row like it"
    ) as raised:
        read_as("cryptodatadownload", table)
    assert raised.value.rows == (2,)


@pytest.mark.parametrize("cell", ["", "x", "17", "-1925600400"])
def test_an_epoch_time_that_is_none(read_as: Read, cell: str) -> None:
    table = early().with_columns(pl.Series("unix", ["1925643600", cell, "1925596800"]))
    with pytest.raises(CellError, match="column 'unix', row 2: ") as raised:
        read_as("cryptodatadownload", table)
    assert raised.value.rows == (1,)


def test_a_moved_copy_of_a_row_is_told(read_as: Read) -> None:
    table = pl.concat([early(), early().head(1).with_columns(Date=pl.lit("2031-01-09 05-AM")), early().head(1)])
    (note,) = read_as("cryptodatadownload", table).notes
    assert note == "prices and volumes of another time: 1 row; one of each pair is wrong"


@pytest.mark.parametrize(
    ("name", "hours", "rows", "first", "last", "idle", "gaps"),
    [
        ("bitfinex/Bitfinex_BTCUSD_1h.csv", 1, 15410, (2017, 10, 9, 9), (2019, 7, 13, 10), 48, (0, 0)),
        ("bitfinex/Bitfinex_BTCUSD_d.csv", 24, 2443, (2015, 2, 9), (2021, 10, 17), 11, (0, 0)),
        ("bitfinex/Bitfinex_ETHUSD_d.csv", 24, 2049, (2016, 3, 9), (2021, 10, 17), 8, (0, 0)),
        ("bitstamp/Bitstamp_BTCUSD_d.csv", 24, 2823, (2014, 11, 28), (2022, 8, 20), 8, (0, 0)),
        ("bitstamp/Bitstamp_BTCUSD_1h.csv.gz", 1, 37387, (2018, 5, 15, 6), (2022, 8, 20), 6, (0, 0)),
        ("coinbase/coinbase-1d-btc-usd.csv", 24, 1665, (2014, 12, 1), (2019, 7, 4), 38, (1, 12)),
        ("coinbase/coinbase-1h-btc-usd.csv", 1, 17583, (2017, 7, 1, 11), (2019, 7, 4, 1), 28, (0, 0)),
    ],
)
def test_real_files(
    read_as: Read,
    count_gaps: Callable[..., tuple[int, int]],
    shared_data: Path,
    name: str,
    hours: int,
    rows: int,
    first: tuple[int, ...],
    last: tuple[int, ...],
    idle: int,
    gaps: tuple[int, int],
) -> None:
    columns = read_as("cryptodatadownload", shared_data / name).columns
    times = columns["open_time"]
    assert columns.height == rows
    assert (times.min(), times.max()) == (datetime(*first, tzinfo=UTC), datetime(*last, tzinfo=UTC))
    assert columns.filter(volume=0.0, quote_volume=0.0).height == idle
    assert count_gaps(times, timedelta(hours=hours)) == gaps
    price = columns["quote_volume"] / columns["volume"]
    fits = price.is_between(columns["low"] * 0.9, columns["high"] * 1.1) | (columns["volume"] == 0)
    assert fits.fill_null(True).all()


@pytest.mark.parametrize(
    ("name", "swapped", "latest"),
    [
        ("Bitstamp_BTCUSD_d.csv", 1180, datetime(2018, 2, 27, tzinfo=UTC)),
        ("Bitstamp_BTCUSD_1h.csv.gz", 20143, datetime(2020, 10, 12, 8, tzinfo=UTC)),
    ],
)
def test_the_exchanged_volumes_of_real_files(
    read_as: Read, shared_data: Path, name: str, swapped: int, latest: datetime
) -> None:
    read = read_as("cryptodatadownload", shared_data / "bitstamp" / name)
    assert f"Volume BTC and Volume USD are exchanged in {swapped:,} rows: each is read as what it is" in read.notes
    raw = pd.read_csv(shared_data / "bitstamp" / name, skiprows=1)
    moved = read.columns.filter(pl.Series(raw["Volume BTC"].to_numpy()) != read.columns["volume"])
    assert moved.height == swapped
    assert moved["open_time"].max() == latest
    assert sorted(moved["volume"]) == sorted(raw["Volume USD"][raw["Volume BTC"] > raw["Volume USD"]])


@pytest.mark.parametrize(("name", "seconds"), [("BTCUSD", 1987), ("ETHUSD", 1593)])
def test_the_mixed_units_of_real_files(read_as: Read, shared_data: Path, name: str, seconds: int) -> None:
    read = read_as("cryptodatadownload", shared_data / "bitfinex" / f"Bitfinex_{name}_d.csv")
    expected = (
        f"column 'unix' holds seconds in {seconds:,} rows and milliseconds in 456 rows: each is read as what it is"
    )
    assert expected in read.notes


def test_closes_of_real_files(read_as: Read, shared_data: Path) -> None:
    top = datetime(2017, 12, 17, tzinfo=UTC)
    anchors = {
        "bitstamp/Bitstamp_BTCUSD_d.csv": 18_953,
        "bitfinex/Bitfinex_BTCUSD_d.csv": 18_961,
        "coinbase/coinbase-1d-btc-usd.csv": 19_378.99,
    }
    for name, close in anchors.items():
        columns = read_as("cryptodatadownload", shared_data / name).columns
        assert columns.filter(pl.col("open_time") == top)["close"].to_list() == [pytest.approx(close, abs=0.5)]
    ether = read_as("cryptodatadownload", shared_data / "bitfinex" / "Bitfinex_ETHUSD_d.csv").columns
    day = ether.filter(pl.col("open_time") == datetime(2018, 1, 13, tzinfo=UTC))
    assert day["close"].to_list() == [pytest.approx(1_379.90, abs=0.005)]


def test_hours_that_repeat_others_in_the_real_hourly_file(read_as: Read, shared_data: Path) -> None:
    read = read_as("cryptodatadownload", shared_data / "coinbase" / "coinbase-1h-btc-usd.csv")
    assert read.notes == ("prices and volumes of another time: 5 rows; one of each pair is wrong",)
    values = read.columns.drop("open_time")
    assert values.height - values.n_unique() == 22
    day = read.columns.filter(pl.col("open_time").dt.date() == datetime(2017, 11, 12, tzinfo=UTC).date())
    assert not day["open_time"].is_sorted(descending=True)
