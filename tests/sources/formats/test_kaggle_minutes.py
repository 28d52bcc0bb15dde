from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from coincast.errors import CellError
from coincast.sources.files import read_candle_file
from coincast.sources.formats import Reading
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "kaggle_minutes.csv"
Read = Callable[..., Reading]


def test_every_cell_of_the_sample(read_as: Read) -> None:
    read = read_as("kaggle_minutes", SAMPLE)
    assert read.columns["open_time"].to_list() == [datetime(2031, 1, 8, 0, minute, tzinfo=UTC) for minute in range(5)]
    assert read.columns.select("open", "high", "low", "close").row(0) == (998.1, 1451.2, 990.0, 1450.1)
    assert read.columns["volume"].to_list() == [8.0, 0.5, None, 1.2, 2.0]
    assert read.columns["quote_volume"].to_list() == [9858.285, 737.0283, None, 1782.0, 2980.5]
    assert read.columns["weighted_average"].to_list() == [1232.285625, 1474.0566, None, 1485.0, 1490.25]
    assert read.columns["symbol"].to_list() == ["BTC"] * 5
    assert read.notes == ("minutes without trades are empty in this form and no candles: 1 row",)


def test_a_minute_without_trades_becomes_a_gap() -> None:
    file = read_candle_file(SAMPLE)
    assert (file.market, file.interval, file.rows) == ("kaggle:BTC/USD", "1m", 4)
    assert "1 gap, 1 candle missing" in file.defects


def test_a_pandas_frame_is_read_like_the_file(read_as: Read) -> None:
    assert read_as("kaggle_minutes", pd.read_csv(SAMPLE)).columns.equals(read_as("kaggle_minutes", SAMPLE).columns)


def test_another_coin_and_the_exchange_in_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "coinbase_1-min_data.csv"
    path.write_text(SAMPLE.read_text().replace("(BTC)", "(ETH)"))
    assert read_candle_file(path).market == "coinbase:ETH/USD"


def test_a_broken_number_is_named(read_as: Read) -> None:
    table = read_table(SAMPLE)
    with pytest.raises(CellError, match=r"column 'Volume_\(BTC\)', row 3: 'o.5'"):
        read_as("kaggle_minutes", table.with_columns(table["Volume_(BTC)"].scatter(2, "o.5")))
