from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from coincast.candles.quality import find_gaps
from coincast.sources.files import read_candle_file, read_candles
from coincast.sources.formats import FORMATS
from coincast.tabular import read_table

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
    ("name", "market", "rows", "first", "unknown"),
    [
        ("bitcoin", "BTC", 1760, date(2013, 4, 28), 243),
        ("bitcoin_cash", "BCH", 213, date(2017, 7, 23), 10),
        ("bitconnect", "BCC", 397, date(2017, 1, 20), 0),
        ("dash", "DASH", 1468, date(2014, 2, 14), 0),
        ("ethereum", "ETH", 929, date(2015, 8, 7), 1),
        ("ethereum_classic", "ETC", 577, date(2016, 7, 24), 1),
        ("iota", "MIOTA", 253, date(2017, 6, 13), 0),
        ("litecoin", "LTC", 1760, date(2013, 4, 28), 243),
        ("monero", "XMR", 1371, date(2014, 5, 21), 0),
        ("nem", "XEM", 1057, date(2015, 4, 1), 0),
        ("neo", "NEO", 530, date(2016, 9, 9), 47),
        ("numeraire", "NMR", 243, date(2017, 6, 23), 1),
        ("omisego", "OMG", 222, date(2017, 7, 14), 2),
        ("qtum", "QTUM", 273, date(2017, 5, 24), 50),
        ("ripple", "XRP", 1662, date(2013, 8, 4), 145),
        ("stratis", "STRAT", 558, date(2016, 8, 12), 1),
        ("waves", "WAVES", 629, date(2016, 6, 2), 19),
    ],
)
def test_every_real_file(shared_data: Path, name: str, market: str, rows: int, first: date, unknown: int) -> None:
    read = read_candle_file(shared_data / "cmc" / "kaggle2018" / f"{name}_price.csv")
    assert (read.form, read.market, read.rows) == ("coinmarketcap_2018", f"coinmarketcap:{market}/USD", rows)
    assert (read.first.date(), read.last.date()) == (first, date(2018, 2, 20))
    assert sum(read.candles.select("quote_volume", "market_cap").null_count().row(0)) == unknown
    assert find_gaps(read.candles)["missing"].to_list() == ([1] if name == "monero" else [])


def test_a_broken_cell_does_not_hide_the_form() -> None:
    table = read_table(SAMPLE)
    broken = table.with_columns(pl.Series("Date", ["Fub 12, 2031", *table["Date"][1:]]))
    assert FORMATS["coinmarketcap_2018"].recognises(broken)
    read = read_candle_file(broken, market="coinmarketcap:BTC/USD", on_bad="drop")
    assert read.candles.equals(read_candles(table[1:], market="coinmarketcap:BTC/USD"))


def test_it_is_the_first_form_to_be_tried() -> None:
    assert next(iter(FORMATS)) == "coinmarketcap_2018"
