"""Numbers out of text."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from coincast.errors import CellError, ColumnError
from coincast.tabular.quoting import quote_cell

NULL_WORDS = ("", "-", "--", "–", "—", "nan", "null", "none", "n/a", "na", "#n/a", "nat")
"""Cells that mean "unknown", in lower case."""

_DECIMAL_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+$"
_ONE_GROUP = r"^[+-]?\d{1,3},\d{3}$"
_SURELY_GROUPED = r"^[+-]?\d{1,3}(,\d{3})+(,\d{3}|\.\d*)$"


def parse_numbers(series: pl.Series, name: str) -> pl.Series:
    """Read a column as float64.

    Text may carry thousands separators (`9,926,540,000`), never a decimal comma (`0,123` is refused); `NULL_WORDS`,
    nulls and NaN become null.

    Args:
        series: column of text or numbers.
        name: what the column is called in messages and in the result.

    Raises:
        ColumnError: a cell is no number; the message names column, row and cell.
    """
    if series.dtype == pl.Null:
        return pl.Series(name, series, dtype=pl.Float64)
    if series.dtype.is_numeric():
        return series.cast(pl.Float64).fill_nan(None).alias(name)
    if not isinstance(series.dtype, pl.String | pl.Categorical | pl.Enum):
        raise ColumnError(f"column {name!r} holds {series.dtype}, and numbers are needed; give another column")
    if series.dtype == pl.String:
        numbers = in_parallel(series, lambda part: part.cast(pl.Float64, strict=False))
        if numbers.null_count() == series.null_count():  # plain numbers all: the usual column, read at once
            return numbers.fill_nan(None).alias(name)
    text = known_text(series)
    numbers = _read_text(text).alias(name)
    advice = "is no number; numbers look like 1234.5 or 1,234.5 (never 1234,5), unknown ones like - or nan"
    refuse_unread(name, text, _without_doubtful(text, numbers), advice)
    return numbers.fill_nan(None)


def read_some_numbers(series: pl.Series) -> pl.Series:
    """Numbers of a column as `parse_numbers` reads them, null where a cell is none."""
    if series.dtype.is_numeric():
        return series.cast(pl.Float64).fill_nan(None)
    return _read_text(known_text(series)).fill_nan(None)


def _read_text(text: pl.Series) -> pl.Series:
    is_grouped = text.str.contains(r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$")
    plain = pl.select(pl.when(is_grouped).then(text.str.replace_all(",", "", literal=True)).otherwise(text)).to_series()
    return plain.cast(pl.Float64, strict=False).alias(text.name)


def _without_doubtful(text: pl.Series, numbers: pl.Series) -> pl.Series:
    """Numbers of which `1,250` is none where another cell has a decimal comma and no cell tells that this is none."""
    is_comma_decimal = (numbers.is_null() & text.str.contains(_DECIMAL_COMMA)).any()
    if not is_comma_decimal or text.str.contains(_SURELY_GROUPED).any():
        return numbers
    return pl.select(pl.when(~text.str.contains(_ONE_GROUP)).then(numbers)).to_series()


def in_parallel(series: pl.Series, convert: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Convert a long column in pieces, one for each core: polars works on one column on one core."""
    pieces = min(pl.thread_pool_size(), series.len() // 50_000)
    if pieces < 2:
        return series.to_frame().select(convert(pl.col(series.name))).to_series()
    size = -(-series.len() // pieces)
    parts = [series.slice(start, size).to_frame().lazy() for start in range(0, series.len(), size)]
    return pl.concat([part.select(convert(pl.col(series.name))) for part in parts]).collect().to_series()


def known_text(series: pl.Series) -> pl.Series:
    """Cells stripped of blanks, null where they mean "unknown"."""
    text = series.cast(pl.String).str.strip_chars()
    unknown = text.str.to_lowercase().is_in(NULL_WORDS)
    return pl.select(pl.when(unknown.not_()).then(text)).to_series().alias(series.name)


def refuse_unread(name: str, text: pl.Series, read: pl.Series, advice: str) -> None:
    unread = (text.is_not_null() & read.is_null()).arg_true()
    if unread.len():
        row = unread[0]
        more = f" (and {unread.len() - 1:,} more)" if unread.len() > 1 else ""
        raise CellError(f"column {name!r}, row {row + 1}: {quote_cell(text[row])}{more} {advice}", unread.to_list())
