"""The forecast table's checks and files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import ColumnError, ForecastError, UnreadableFileError
from coincast.forecasts import table as tables
from coincast.forecasts.table import (
    FORECAST_COLUMNS,
    check_forecasts,
    check_intervals,
    load_table,
    quantile_level,
    quantile_name,
    write_table,
)


def make_table(**changes: object) -> pl.DataFrame:
    day = [datetime(2020, 1, d, tzinfo=UTC) for d in range(1, 7)]
    columns = {
        "market": "made:UP/USD",
        "interval": "1d",
        "model": ["b", "a", "a", "a"],
        "run": 0,
        "quantity": "price",
        "trained_until": day[0],
        "origin": [day[1], day[2], day[1], day[1]],
        "step": [1, 1, 2, 1],
        "target_time": [day[2], day[3], day[3], day[2]],
        "value": [1.0, None, 3.0, 4.0],
        "actual": 2.0,
    }
    return pl.DataFrame({**columns, **changes})


def test_rows_columns_and_types_become_canonical() -> None:
    table = check_forecasts(make_table().select(sorted(make_table().columns)))
    assert table.columns == [*FORECAST_COLUMNS, "actual"]
    assert table.schema["origin"] == pl.Datetime("ms", "UTC")
    assert table["value"].to_list() == [4.0, 3.0, None, 1.0]
    assert check_forecasts(table).equals(table)


def test_other_zones_become_utc() -> None:
    local = make_table().with_columns(pl.col("origin").dt.convert_time_zone("Europe/Berlin"))
    assert check_forecasts(local).equals(check_forecasts(make_table()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": [1, 1, 1, 1]}, "share their keys"),
        ({"step": [0, 1, 2, 1]}, "step below 1"),
        ({"model": ["b", "a", None, "a"]}, "model is null in 1 rows"),
        ({"trained_until": datetime(2020, 1, 3, tzinfo=UTC)}, "it has seen the future"),
        ({"target_time": datetime(2020, 1, 2, tzinfo=UTC)}, "target_time that is not after its origin"),
    ],
)
def test_rows_that_cannot_be_true_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ForecastError, match=message):
        check_forecasts(make_table(**changes))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (make_table().drop("model", "step"), "lacks model, step"),
        (make_table().rename({"actual": "actuals"}), "does not know actuals"),
        (make_table().with_columns(pl.col("origin").dt.replace_time_zone(None)), "origin holds .* need the zone UTC"),
        (make_table(value="dear"), "column of a wrong type"),
    ],
)
def test_columns_that_do_not_fit_are_refused(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(ColumnError, match=message):
        check_forecasts(frame)


@pytest.mark.parametrize(
    ("level", "name"), [(0.05, "q05"), (0.1, "q10"), (0.5, "q50"), (0.95, "q95"), (0.975, "q975"), (0.025, "q025")]
)
def test_quantile_names(level: float, name: str) -> None:
    assert quantile_name(level) == name
    assert quantile_level(name) == level


def test_intervals_are_wide_with_levels_in_order() -> None:
    wide = make_table().drop("value", "actual").with_columns(q90=pl.lit(2), q05=pl.lit(1.0))
    assert check_intervals(wide).columns[-2:] == ["q05", "q90"]
    assert check_intervals(wide).schema["q90"] == pl.Float64
    with pytest.raises(ColumnError, match="needs quantile columns such as q05"):
        check_intervals(wide.drop("q90", "q05"))


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_table(check_forecasts(make_table()), first, kind="forecasts")
    pieces = pl.concat([make_table()[2:], make_table()[:2]], rechunk=False)
    write_table(check_forecasts(pieces), second, kind="forecasts")
    assert first.read_bytes() == second.read_bytes()
    assert load_table(first, kind="forecasts").equals(check_forecasts(make_table()))


def test_a_newer_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = tables.VERSIONS["forecasts"]
    with monkeypatch.context() as newer:
        newer.setitem(tables.VERSIONS, "forecasts", known + 1)
        write_table(make_table(), tmp_path / "f.parquet", kind="forecasts")
    with pytest.raises(UnreadableFileError, match=rf"version {known + 1} .* reads up to {known}; update Coincast"):
        load_table(tmp_path / "f.parquet", kind="forecasts")


def test_files_that_are_not_the_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        load_table(tmp_path / "none.parquet", kind="scores")
    (tmp_path / "text.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(UnreadableFileError, match="not a Parquet file"):
        load_table(tmp_path / "text.parquet", kind="scores")
    make_table().write_parquet(tmp_path / "plain.parquet")
    with pytest.raises(UnreadableFileError, match="holds no Coincast table, and scores are needed"):
        load_table(tmp_path / "plain.parquet", kind="scores")


def test_the_name_of_a_run_folder_is_no_pattern(tmp_path: Path) -> None:
    file = tmp_path / "run[1]*" / "f.parquet"
    write_table(check_forecasts(make_table()), file, kind="forecasts")
    assert load_table(file, kind="forecasts").equals(check_forecasts(make_table()))
