from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from coincast.errors import CellError
from coincast.sources.files import read_candle_file
from coincast.sources.formats import FORMATS, Reading
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "bitstamp.csv"
Read = Callable[..., Reading]


def test_every_cell_of_the_sample(read_as: Read) -> None:
    read = read_as("bitstamp", SAMPLE)
    assert read.columns["open_time"].to_list() == [datetime(2031, 1, 8, 0, minute, tzinfo=UTC) for minute in range(5)]
    assert read.columns.select("open", "high", "low", "close").row(0) == (998.1, 1451.2, 990.0, 1450.1)
    assert read.columns["volume"].to_list() == [8.0123, 0.0, 0.9625, 1.2, 0.0]
    assert read.notes == ("minutes without trades carry the last close on in this form: 2 rows with volume 0",)


def test_a_pandas_frame_is_read_like_the_file(read_as: Read) -> None:
    assert read_as("bitstamp", pd.read_csv(SAMPLE)).columns.equals(read_as("bitstamp", SAMPLE).columns)


def test_the_same_names_over_other_cells_are_not_this_form() -> None:
    table = read_table(SAMPLE)
    whole = table.with_columns(Timestamp=pl.col("Timestamp").str.strip_suffix(".0"))
    fine = table.with_columns(Close=pl.lit("1450.123"))
    between = table.with_columns(Timestamp=(pl.col("Timestamp").cast(pl.Float64) + 7).cast(pl.String))
    assert not any(FORMATS["bitstamp"].recognises(other) for other in (whole, fine, between))


def test_the_user_may_know_better_whose_candles_they_are() -> None:
    assert read_candle_file(SAMPLE, market="file:BTC/EUR").market == "file:BTC/EUR"


@pytest.mark.parametrize("cell", ["1925X96920.0", "", "nan"])
def test_a_broken_time_is_named(read_as: Read, cell: str) -> None:
    table = read_table(SAMPLE)
    with pytest.raises(CellError, match="column 'Timestamp', row 3: ") as raised:
        read_as("bitstamp", table.with_columns(table["Timestamp"].scatter(2, cell)))
    assert raised.value.rows == (2,)


def test_the_real_file(read_as: Read, count_gaps: Callable[..., tuple[int, int]], shared_data: Path) -> None:
    read = read_as("bitstamp", shared_data / "bitstamp" / "btcusd_1-min_data.csv")
    times = read.columns["open_time"]
    assert read.columns.height == 9999
    assert times.min() == datetime(2012, 1, 1, 10, 1, tzinfo=UTC)
    assert times.max() == datetime(2012, 1, 8, 8, 39, tzinfo=UTC)
    assert count_gaps(times, timedelta(minutes=1)) == (0, 0)
    assert read.notes == ("minutes without trades carry the last close on in this form: 9,943 rows with volume 0",)
