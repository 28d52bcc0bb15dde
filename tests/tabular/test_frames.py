from __future__ import annotations

import sys
from datetime import UTC, datetime

import pandas as pd
import polars as pl
import pytest

from coincast.errors import MissingPackageError
from coincast.tabular import read_table, to_pandas

TABLE = pl.DataFrame(
    {
        "model": ["naive", None],
        "skill": [0.5, None],
        "n": [1, 2],
        "passed": [True, False],
        "target_time": [datetime(2031, 1, 1, tzinfo=UTC), None],
        "day": [datetime(2031, 1, 1), datetime(2031, 1, 2)],
    }
)


def test_a_table_becomes_a_pandas_frame() -> None:
    frame = to_pandas(TABLE)
    assert list(frame.columns) == TABLE.columns
    assert frame["skill"].isna().tolist() == [False, True]
    assert frame["model"].isna().tolist() == [False, True]
    assert frame["target_time"][0] == pd.Timestamp("2031-01-01", tz="UTC")
    assert frame["passed"].tolist() == [True, False]


def test_there_and_back() -> None:
    columns = ["model", "skill", "n", "target_time", "day"]
    assert read_table(to_pandas(TABLE)).select(columns).equals(TABLE.select(columns))


def test_pandas_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="pandas is not installed, and a pandas frame needs it"):
        to_pandas(TABLE)


def test_an_empty_table_keeps_its_columns() -> None:
    assert list(to_pandas(TABLE.clear()).columns) == TABLE.columns
