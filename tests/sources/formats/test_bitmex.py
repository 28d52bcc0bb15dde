from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.sources.files import read_candle_file
from coincast.sources.formats import FORMATS, Reading
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "bitmex.csv"
Read = Callable[..., Reading]


def test_every_cell_of_the_sample(read_as: Read) -> None:
    read = read_as("bitmex", SAMPLE)
    assert read.columns["close_time"].to_list() == [datetime(2031, 1, 8, 0, 5 * i, tzinfo=UTC) for i in range(1, 6)]
    assert read.columns.select("open", "high", "low", "close").row(0) == (998.5, 1451.5, 990.0, 1450.0)
    assert read.columns["quote_volume"].to_list() == [812500.0, 96250.0, 0.0, 101750.0, 140500.0]
    assert read.columns["weighted_average"].to_list() == [1232.2857, 1474.0566, None, 1482.3599, 1531.3935]
    assert "volume" not in read.columns.columns
    assert read.notes == (
        "timestamps are the ends of candles",
        "volume counts contracts of 1 USD: read as quote_volume; coins are unknown",
    )


def test_candles_open_an_interval_before_their_stamp() -> None:
    file = read_candle_file(SAMPLE)
    assert (file.market, file.interval) == ("bitmex:BTC/USD", "5m")
    assert file.first == datetime(2031, 1, 8, tzinfo=UTC)
    assert file.candles["close_time"].max() == datetime(2031, 1, 8, 0, 25, tzinfo=UTC)
    assert "open or close outside low to high in 1 candle" in file.defects


def test_contracts_on_other_coins_are_neither_coins_nor_dollars(read_as: Read) -> None:
    table = read_table(SAMPLE).with_columns(symbol=pl.lit("XBTUSDT"))
    read = read_as("bitmex", table)
    assert read.columns["contracts"].to_list() == [812500.0, 96250.0, 0.0, 101750.0, 140500.0]
    assert not {"volume", "quote_volume"} & set(read.columns.columns)
    both = read_as("bitmex", pl.concat([read_table(SAMPLE), table])).columns
    assert both["quote_volume"].to_list()[4:6] == [140500.0, None]
    assert both["contracts"].to_list()[4:6] == [None, 812500.0]


def test_the_whole_interface_tells_coins_and_money(read_as: Read) -> None:
    extra = {"trades": "7", "lastSize": "1", "turnover": "9", "homeNotional": "0.5", "foreignNotional": "700"}
    table = read_table(SAMPLE).with_columns(pl.lit("ETHUSD").alias("symbol"))
    columns = read_as("bitmex", table.with_columns(**{name: pl.lit(cell) for name, cell in extra.items()})).columns
    assert columns.select("volume", "quote_volume", "trades", "contracts").row(0) == (0.5, 700.0, 7.0, 812500.0)


def test_bars_of_shares_are_not_this_form() -> None:
    table = read_table(SAMPLE)
    assert not FORMATS["bitmex"].recognises(table.with_columns(symbol=pl.lit("AAPL")))
    assert not FORMATS["bitmex"].recognises(table.with_columns(volume=pl.lit("0.25")))


def test_the_real_file(read_as: Read, count_gaps: Callable[..., tuple[int, int]], shared_data: Path) -> None:
    columns = read_as("bitmex", shared_data / "bitmex" / "XBTUSD_5m_16000_train.csv").columns
    times = columns["close_time"]
    assert columns.height == 16000
    assert times.min() == datetime(2017, 12, 9, 23, tzinfo=UTC)
    assert times.max() == datetime(2018, 2, 3, 12, 15, tzinfo=UTC)
    assert count_gaps(times, timedelta(minutes=5)) == (0, 0)
    assert columns["weighted_average"].null_count() == 3
    assert (columns["open"][1:] == columns["close"][:-1]).mean() > 0.99
    is_outside = ~columns["open"].is_between(columns["low"], columns["high"])
    assert is_outside.sum() == pytest.approx(815)
