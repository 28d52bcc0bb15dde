"""pandas frames to polars and back, through numpy, so that pyarrow is not needed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from coincast.errors import ColumnError, MissingPackageError
from coincast.tabular.quoting import LONGEST_NAME, quote_cell


def is_pandas(source: Any) -> bool:
    return any(
        kind.__module__.partition(".")[0] == "pandas" and kind.__name__ == "DataFrame" for kind in type(source).__mro__
    )


def from_pandas(frame: Any) -> pl.DataFrame:
    """Convert column by column through numpy, so that pyarrow is not needed."""
    if frame.columns.nlevels > 1:
        raise ColumnError(
            "the pandas frame has more than one row of column names; keep one: "
            "frame.columns = frame.columns.get_level_values(0)"
        )
    names = [str(name).strip() for name in frame.columns]
    check_names(names, "the frame")
    columns = {name: _pandas_column(name, frame.iloc[:, i]) for i, name in enumerate(names)}
    index = frame.index
    index_name = str(index.name).strip() if index.name is not None else "date"
    holds_times = index.nlevels == 1 and getattr(index.dtype, "kind", "O") not in "iufb"
    if (holds_times or index.name is not None) and index_name not in columns:
        columns = {index_name: _pandas_column(index_name, index.to_series()), **columns}
    return pl.DataFrame(columns)


def _pandas_column(name: str, column: Any) -> pl.Series:
    kind = getattr(column.dtype, "kind", "O")
    if kind == "M":
        aware = column.dt.tz is not None
        naive = column.dt.tz_convert("UTC").dt.tz_localize(None) if aware else column
        times = pl.Series(name, naive.to_numpy(dtype="datetime64[us]"))
        return times.dt.replace_time_zone("UTC") if aware else times
    missing = column.isna().to_numpy()
    if kind in "iuf":
        if kind != "f" and not missing.any():
            return pl.Series(name, column.to_numpy(dtype="int64" if kind == "i" else "uint64"))
        return pl.Series(name, column.to_numpy(dtype="float64", na_value=float("nan")), nan_to_null=True)
    cells = zip(column.astype(object), missing, strict=True)
    return pl.Series(name, [None if absent else _as_text(cell) for cell, absent in cells], dtype=pl.String)


def _as_text(cell: Any) -> str:
    return str(cell.isoformat()) if hasattr(cell, "isoformat") else str(cell)


def check_names(names: list[str], given: str) -> None:
    """Refuse column names of which two are the same, or that are too long to be names."""
    longest = max(map(len, names), default=0)
    if longest > LONGEST_NAME:
        raise ColumnError(
            f"{given} has a column name of {longest:,} letters; names have {LONGEST_NAME} at most; give a table"
        )
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise ColumnError(
            f"{given} has the column {quote_cell(doubled[0])} more than once; give every column its own name"
        )


def to_pandas(table: pl.DataFrame) -> Any:
    """The table as a pandas frame: text as text, numbers with NaN for null, times with their zone.

    Raises:
        MissingPackageError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise MissingPackageError("pandas", "a pandas frame", "pandas") from None
    columns = {}
    for column in table.iter_columns():
        zone = getattr(column.dtype, "time_zone", None)
        if zone is not None:
            naive = pandas.Series(column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy())
            columns[column.name] = naive.dt.tz_localize("UTC").dt.tz_convert(zone)
        elif column.dtype.is_numeric() or column.dtype.is_temporal():
            columns[column.name] = pandas.Series(column.to_numpy())
        else:
            columns[column.name] = pandas.Series(column.to_list())
    return pandas.DataFrame(columns, columns=table.columns)
