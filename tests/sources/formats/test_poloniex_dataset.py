from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import ColumnError
from coincast.sources.files import read_candle_file
from coincast.sources.formats import FORMATS, Reading
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "poloniex_dataset.csv"
Read = Callable[..., Reading]


def test_every_cell_of_the_sample(read_as: Read) -> None:
    read = read_as("poloniex_dataset", SAMPLE)
    assert read.columns["open_time"][1] == datetime(2031, 1, 8, 0, 15, tzinfo=UTC)
    assert read.columns.select("open", "high", "low", "close").row(0) == (
        9981.0,
        14512.0,
        9900.12345678,
        14501.10000004,
    )
    assert read.columns["quote_volume"].to_list() == [6736232.04640739, 5299906.9381292, 4071418.3577746, 3736120.5, 0]
    assert "volume" not in read.columns.columns
    assert read.notes[0].startswith(
        "Volume is turnover: read as quote_volume, for as coins it would be worth 2.9e+11 a day"
    )


def test_a_volume_that_could_be_coins_is_refused_until_the_user_says_what_it_is(read_as: Read) -> None:
    table = read_table(SAMPLE).with_columns(pl.Series("Volume", ["673.5", "529", "407", "373", "0"]))
    with pytest.raises(ColumnError, match="the file does not show whether it is here;\nsay so: columns="):
        read_as("poloniex_dataset", table)
    for said, other in (("volume", "quote_volume"), ("quote_volume", "volume")):
        file = read_candle_file(table, market="poloniex:BTC/USDT", columns={said: "Volume"})
        assert file.candles[said].to_list() == [673.5, 529.0, 407.0, 373.0, 0.0]
        assert other not in file.candles.columns or file.candles[other].null_count() == 5


def test_prices_of_other_exchanges_do_not_have_this_form() -> None:
    table = read_table(SAMPLE)
    prices = ("Open", "High", "Low", "Close")
    cents = table.with_columns(pl.col(prices).cast(pl.Float64).round(2).cast(pl.String))
    long = table.with_columns(pl.col(prices) + "123456789")
    cheap = table.with_columns((pl.col(prices).cast(pl.Float64) / 1e5).round(8).cast(pl.String))
    milliseconds = table.with_columns(Timestamp=pl.col("Timestamp") + "000")
    assert FORMATS["poloniex_dataset"].recognises(table)
    for other in (cents, long, cheap, milliseconds):
        assert not FORMATS["poloniex_dataset"].recognises(other)


def test_the_real_file(read_as: Read, count_gaps: Callable[..., tuple[int, int]], shared_data: Path) -> None:
    path = shared_data / "poloniex" / "dataset-USDT_BTC-15m-2018H1.csv"
    columns = read_as("poloniex_dataset", path).columns
    times = columns["open_time"]
    assert columns.height == 17381
    assert times.min() == datetime(2018, 1, 1, tzinfo=UTC)
    assert times.max() == datetime(2018, 7, 1, 1, tzinfo=UTC)
    assert count_gaps(times, timedelta(minutes=15)) == (0, 0)
    assert columns.select("open", "high", "low", "close", "quote_volume").row(0) == (
        13799.99999984,
        13799.99999984,
        13601.00000004,
        13625.0,
        736232.04640739,
    )
