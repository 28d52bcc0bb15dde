from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from coincast.errors import CellError
from coincast.sources.files import read_candle_file
from coincast.sources.formats import FORMATS, ReadOptions
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "coinmarketcap_download.csv"


def test_days_turnover_and_what_is_unknown() -> None:
    file = read_candle_file(SAMPLE, market="coinmarketcap:BTC/USD")
    assert (file.form, file.interval, file.rows) == ("coinmarketcap_download", "1d", 3)
    assert (file.first, file.last) == (datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 1, 3, tzinfo=UTC))
    assert file.candles["close"].to_list() == [100.5, 101.5, 103.75]
    assert file.candles["quote_volume"].to_list() == [1300.5, None, 1500.5]
    assert file.candles["volume"].null_count() == 3


def test_prices_in_another_currency_are_refused(tmp_path: Path) -> None:
    (tmp_path / "btc.csv").write_text(SAMPLE.read_text().replace('"2781"', '"2790"', 1))
    with pytest.raises(CellError, match="'2790' is not the number of the US dollar"):
        FORMATS["coinmarketcap_download"].read(read_table(tmp_path / "btc.csv"), ReadOptions())
