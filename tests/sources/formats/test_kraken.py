from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import CellError, ColumnError
from coincast.sources.formats import FORMATS, Reading
from coincast.tabular import read_table

SAMPLE = Path(__file__).parent / "samples" / "kraken.csv"
Read = Callable[..., Reading]


def test_every_cell_of_the_sample(read_as: Read) -> None:
    columns = read_as("kraken", SAMPLE).columns
    assert columns["open_time"].to_list() == [datetime(2031, 1, 8, hour, tzinfo=UTC) for hour in (0, 1, 2, 5, 6)]
    assert columns.select("open", "high", "low", "close").row(0) == (998.1, 1451.2, 990.0, 1450.1)
    assert columns["volume"].to_list() == [8.0123, 0.9625, 1.2, 2.0, 3.25]
    assert columns["trades"].to_list() == [51.0, 7.0, 9.0, 10.0, 1.0]


def test_columns_in_another_order_are_refused(read_as: Read) -> None:
    table = read_table(SAMPLE)
    turned = {name: table[f"column_{place}"] for name, place in zip(table.columns, (1, 2, 5, 3, 4, 6, 7), strict=True)}
    with pytest.raises(ColumnError, match="after the time are not open, high, low, close: in 5 of 5 rows"):
        read_as("kraken", pl.DataFrame(turned))


def test_parts_of_trades_are_refused(read_as: Read) -> None:
    table = read_table(SAMPLE).with_columns(column_7=pl.Series(["51", "7", "9", "10", "1.5"]))
    with pytest.raises(ColumnError, match="the seventh column is no number of trades in 1 row"):
        read_as("kraken", table)


@pytest.mark.parametrize(("column", "cell"), [("column_1", "19256X6800"), ("column_1", ""), ("column_5", "1,5,3")])
def test_a_broken_cell_is_named_and_not_lost(read_as: Read, column: str, cell: str) -> None:
    table = read_table(SAMPLE)
    with pytest.raises(CellError, match=f"column '{column}', row 3: ") as raised:
        read_as("kraken", table.with_columns(table[column].scatter(2, cell)))
    assert raised.value.rows == (2,)


def test_seven_columns_of_something_else_are_not_this_form() -> None:
    table = read_table(SAMPLE)
    fractions = table.with_columns(column_7=pl.lit("0.5"))
    milliseconds = table.with_columns(column_1=pl.col("column_1") + "000")
    assert not any(FORMATS["kraken"].recognises(other) for other in (fractions, milliseconds))


def test_the_real_file(read_as: Read, count_gaps: Callable[..., tuple[int, int]], shared_data: Path) -> None:
    columns = read_as("kraken", shared_data / "kraken" / "XBTUSD_60.csv").columns
    times = columns["open_time"]
    assert columns.height == 50378
    assert times.min() == datetime(2013, 10, 6, 21, tzinfo=UTC)
    assert times.max() == datetime(2020, 9, 30, 23, tzinfo=UTC)
    assert count_gaps(times, timedelta(hours=1)) == (3250, 10849)
    flat = columns.filter(pl.col("high") == pl.col("low"))
    assert flat.height == 2688
    assert columns["trades"].sum() > 20_000_000
    assert columns.filter(pl.col("trades") < 1).height == 0
