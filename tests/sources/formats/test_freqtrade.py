from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import UnreadableFileError
from coincast.sources.files import read_candle_file
from coincast.sources.formats import FORMATS, Reading
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "freqtrade.feather"
Read = Callable[..., Reading]
Count = Callable[..., tuple[int, int]]
STEPS = {"1m": timedelta(minutes=1), "5m": timedelta(minutes=5), "1h": timedelta(hours=1), "1d": timedelta(days=1)}


def test_every_cell_of_the_sample(read_as: Read) -> None:
    columns = read_as("freqtrade", SAMPLE).columns
    assert columns["open_time"].to_list() == [datetime(2031, 1, 8, hour, tzinfo=UTC) for hour in (0, 1, 2, 4, 5)]
    assert columns.select("open", "high", "low", "close").row(0) == (998.1, 1451.2, 990.0, 1450.1)
    assert columns["volume"].to_list() == [812.5, 96.25, 0.0, 101.75, 140.5]


def test_parquet_and_a_pair_inside(read_as: Read, tmp_path: Path) -> None:
    table = read_table(SAMPLE)
    table.write_parquet(tmp_path / "candles.parquet")
    assert read_as("freqtrade", tmp_path / "candles.parquet").columns.equals(read_as("freqtrade", SAMPLE).columns)
    inside = table.with_columns(pl.col("date").dt.replace_time_zone(None), symbol=pl.lit("ETH/BTC"))
    read = read_as("freqtrade", inside)
    assert read.columns["symbol"].to_list() == ["ETH/BTC"] * 5
    assert read.columns["open_time"].dtype == pl.Datetime("ms", "UTC")


def test_exchange_and_pair_in_the_names_of_folder_and_file(tmp_path: Path) -> None:
    path = tmp_path / "binance" / "BTC_USDT-1h.feather"
    path.parent.mkdir()
    path.write_bytes(SAMPLE.read_bytes())
    assert read_candle_file(path).market == "binance:BTC/USDT"


def test_other_names_and_other_kinds_of_dates_are_not_this_form() -> None:
    table = read_table(SAMPLE)
    others = [
        table.rename({"date": "Date"}),
        table.drop("volume"),
        table.with_columns(rsi=pl.lit(50.0)),
        table.with_columns(pl.col("date").cast(pl.String)),
        table.with_columns(pl.col("date").dt.replace_time_zone(None)),
    ]
    assert not any(FORMATS["freqtrade"].recognises(other) for other in others)


@pytest.mark.parametrize(
    ("name", "rows", "first", "last", "gaps", "idle"),
    [
        ("BTC_USDT-1h-2020-2025.feather", 50693, (2020, 1, 1), (2025, 10, 14, 12), (15, 32), 2),
        ("BTC_USDT-1m-2025.feather", 130708, (2025, 5, 20), (2025, 8, 18, 18, 27), (0, 0), None),
        ("BTC_USDT-5m-2023.feather", 104816, (2023, 1, 1), (2023, 12, 30, 23, 55), (1, 16), 14),
        ("ETH_USDT-1h-2020-2025.feather", 43803, (2020, 9, 20), (2025, 9, 19, 22), (10, 20), 2),
    ],
)
def test_real_files(
    read_as: Read,
    count_gaps: Count,
    shared_data: Path,
    name: str,
    rows: int,
    first: tuple[int, ...],
    last: tuple[int, ...],
    gaps: tuple[int, int],
    idle: int | None,
) -> None:
    columns = read_as("freqtrade", shared_data / "binance" / name).columns
    times = columns["open_time"]
    assert columns.height == rows
    assert (times.min(), times.max()) == (datetime(*first, tzinfo=UTC), datetime(*last, tzinfo=UTC))
    assert count_gaps(times, STEPS[name.split("-")[1]]) == gaps
    assert idle is None or columns.filter(volume=0.0).height == idle


def test_the_real_hdf5_file(read_as: Read, count_gaps: Count, shared_data: Path) -> None:
    pytest.importorskip("h5py", reason="HDF5 needs h5py")
    columns = read_as("freqtrade", shared_data / "binance" / "UNITTEST_BTC-5m.h5").columns
    times = columns["open_time"]
    assert columns.height == 5760
    assert times.min() == datetime(2018, 1, 10, 4, 55, tzinfo=UTC)
    assert times.max() == datetime(2018, 1, 30, 4, 50, tzinfo=UTC)
    assert count_gaps(times, STEPS["5m"]) == (0, 0)
    assert columns["close"].is_between(0.05, 0.2).all()
    assert columns["symbol"].unique().to_list() == ["UNITTEST/BTC"]


def test_the_real_file_without_rows(shared_data: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no rows"):
        read_table(shared_data / "binance" / "empty" / "TON_USDT-1d.feather")


@pytest.mark.parametrize(("folder", "files"), [("multi_1d", 46), ("multi_1h", 5)])
def test_many_real_files_against_their_table(
    read_as: Read, count_gaps: Count, shared_data: Path, folder: str, files: int
) -> None:
    interval = folder.removeprefix("multi_")
    row = rf"^\| `(\w+-{interval}\.feather)` \| (\d+) \| (\S+) \.\. (\S+(?: \d\d:\d\d)?) \| (\d+) \((\d+)\) \| 0 \|"
    told = re.findall(row, (shared_data / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(told) == files == len(list((shared_data / "binance" / folder).iterdir()))
    for name, rows, first, last, gaps, missing in told:
        times = read_as("freqtrade", shared_data / "binance" / folder / name).columns["open_time"]
        assert times.len() == int(rows), name
        assert times.min() == datetime.fromisoformat(first).replace(tzinfo=UTC), name
        assert times.max() == datetime.fromisoformat(last).replace(tzinfo=UTC), name
        assert count_gaps(times, STEPS[interval]) == (int(gaps), int(missing)), name
