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

SAMPLE = Path(__file__).parent / "samples" / "freqtrade_json.json"
Read = Callable[..., Reading]


def test_every_cell_of_the_sample(read_as: Read) -> None:
    columns = read_as("freqtrade_json", SAMPLE).columns
    assert columns["open_time"].to_list() == [datetime(2031, 1, 8, 0, 5 * i, tzinfo=UTC) for i in range(5)]
    assert columns.select("open", "high", "low", "close").row(0) == (998.1, 1451.2, 990.0, 1450.1)
    assert columns["volume"].to_list() == [812.5, 96.25, 0.0, 101.75, 140.5]


def test_exchange_and_pair_in_the_names_of_folder_and_file(tmp_path: Path) -> None:
    path = tmp_path / "kraken" / "BTC_EUR-5m.json"
    path.parent.mkdir()
    path.write_bytes(SAMPLE.read_bytes())
    assert read_candle_file(path).market == "kraken:BTC/EUR"


def test_the_order_of_bitfinex_is_refused(read_as: Read) -> None:
    table = read_table(SAMPLE)
    turned = {name: table[f"column_{place}"] for name, place in zip(table.columns, (1, 2, 5, 3, 4, 6), strict=True)}
    with pytest.raises(ColumnError, match=r"in 4 of 5 rows .*;\nsay which is which: columns="):
        read_as("freqtrade_json", pl.DataFrame(turned))


def test_seconds_are_not_this_form() -> None:
    table = read_table(SAMPLE)
    assert not FORMATS["freqtrade_json"].recognises(table.with_columns(pl.col("column_1") // 1000))


@pytest.mark.parametrize(
    ("name", "minutes", "rows", "first", "last", "gaps"),
    [
        ("BTC_USDT-15m-2023.json", 15, 2879, (2023, 4, 1, 15, 45), (2023, 5, 1, 15, 15), (0, 0)),
        ("BTC_USDT-1m-2023.json.gz", 1, 66087, (2023, 3, 16, 22, 15), (2023, 5, 1, 21, 1), (1, 80)),
        ("BTC_USDT-5m-2022.json.gz", 5, 61999, (2022, 1, 1), (2022, 8, 4, 6, 30), (0, 0)),
    ],
)
def test_real_files(
    read_as: Read,
    count_gaps: Callable[..., tuple[int, int]],
    shared_data: Path,
    name: str,
    minutes: int,
    rows: int,
    first: tuple[int, ...],
    last: tuple[int, ...],
    gaps: tuple[int, int],
) -> None:
    columns = read_as("freqtrade_json", shared_data / "binance" / name).columns
    times = columns["open_time"]
    assert columns.height == rows
    assert (times.min(), times.max()) == (datetime(*first, tzinfo=UTC), datetime(*last, tzinfo=UTC))
    assert count_gaps(times, timedelta(minutes=minutes)) == gaps


def test_the_flat_minutes_of_the_outage(read_as: Read, shared_data: Path) -> None:
    columns = read_as("freqtrade_json", shared_data / "binance" / "BTC_USDT-1m-2023.json.gz").columns
    idle = columns.filter(volume=0.0)
    assert idle.height == 72
    assert (idle["high"] == idle["low"]).all()
    assert idle["open_time"].dt.date().unique().to_list() == [datetime(2023, 3, 24, tzinfo=UTC).date()]
