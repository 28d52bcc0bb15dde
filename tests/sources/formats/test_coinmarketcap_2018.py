from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from coincast.sources.files import read_candle_file, read_candles
from coincast.sources.formats import FORMATS

SAMPLE = Path(__file__).parent / "samples" / "coinmarketcap_2018.csv"


def test_every_cell_of_the_sample() -> None:
    candles = read_candles(SAMPLE, market="coinmarketcap:BTC/USD")
    assert candles["open_time"].to_list() == [datetime(2031, 1, day, tzinfo=UTC) for day in (8, 9, 10, 11, 12)]
    assert candles.select("open", "high", "low", "close").row(0) == (998.1, 1451.2, 990.0, 1450.1)
    assert candles["volume"].to_list() == [None] * 5
    assert candles["quote_volume"].to_list() == [8_001_000.0, None, None, 9_876_500.0, 12_345_600.0]
    assert candles["market_cap"].to_list() == [1.1562e9, None, 1.1871e9, 1.1987e9, 1.2045e9]


def test_pandas_frames_with_text_or_parsed_dates_have_the_same_form() -> None:
    candles = read_candles(SAMPLE, market="coinmarketcap:BTC/USD")
    for dates in (None, ["Date"]):
        frame = pd.read_csv(SAMPLE, parse_dates=dates)
        read = read_candle_file(frame, market="coinmarketcap:BTC/USD")
        assert read.form == "coinmarketcap_2018"
        assert read.candles.equals(candles)


def test_stars_in_the_names_of_the_web_page_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "bitcoin.csv"
    path.write_text(SAMPLE.read_text().replace("Open", "Open*").replace("Close", "Close**"))
    assert read_candle_file(path).market == "coinmarketcap:BTC/USD"


def test_another_zone_is_not_used_and_that_is_said() -> None:
    read = read_candle_file(SAMPLE, market="coinmarketcap:BTC/USD", zone="Asia/Tokyo")
    assert read.first == datetime(2031, 1, 8, tzinfo=UTC)
    assert "zone Asia/Tokyo is not used: the days of this form are UTC" in read.notes


def test_the_real_bitcoin_file(shared_data: Path) -> None:
    read = read_candle_file(shared_data / "cmc" / "kaggle2018" / "bitcoin_price.csv")
    assert (read.form, read.market, read.interval, read.zone) == (
        "coinmarketcap_2018",
        "coinmarketcap:BTC/USD",
        "1d",
        None,
    )
    assert read.rows == read.candles.height == 1760
    assert (read.first, read.last) == (datetime(2013, 4, 28, tzinfo=UTC), datetime(2018, 2, 20, tzinfo=UTC))
    assert read.candles["quote_volume"].null_count() == 243
    assert read.candles["volume"].null_count() == 1760
    top = read.candles.filter(pl.col("open_time") == datetime(2017, 12, 17, tzinfo=UTC))
    assert top["close"].to_list() == [19_140.80]
    assert not any("gap" in note for note in read.notes)


@pytest.mark.parametrize(
    ("name", "market", "rows"),
    [
        ("ethereum", "ETH", 929),
        ("bitcoin_cash", "BCH", 213),
        ("iota", "MIOTA", 253),
        ("monero", "XMR", 1371),
        ("numeraire", "NMR", 243),
    ],
)
def test_other_real_files(shared_data: Path, name: str, market: str, rows: int) -> None:
    read = read_candle_file(shared_data / "cmc" / "kaggle2018" / f"{name}_price.csv")
    assert read.market == f"coinmarketcap:{market}/USD"
    assert read.rows == rows
    assert ("1 gap, 1 candle missing" in read.notes) == (name == "monero")


def test_it_is_the_first_form_to_be_tried() -> None:
    assert next(iter(FORMATS)) == "coinmarketcap_2018"
