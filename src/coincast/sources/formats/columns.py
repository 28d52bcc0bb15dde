"""What forms do alike: find columns by plain names, read their numbers and times, look at a few cells."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from coincast.errors import CellError, ColumnError
from coincast.sources.formats.form import ReadOptions, plain_name
from coincast.tabular import UTC_MILLISECONDS, parse_numbers, parse_times, read_some_numbers

PRICES = ("open", "high", "low", "close")
LOOK = 20
"""Rows that are looked at to recognise a form; most of them decide, so that a broken one does not."""

_UNITS = {"seconds": 1e8, "milliseconds": 1e11, "microseconds": 1e14}
"""Smallest size of an epoch time in each unit, that of 1973; the largest is a thousand times it."""


def find_names(table: pl.DataFrame) -> dict[str, str]:
    """Plain name -> name in the table; empty where two columns share a plain name, for then names do not tell."""
    names = {plain_name(name): name for name in table.columns}
    return names if len(names) == table.width else {}


def is_headless(table: pl.DataFrame, width: int) -> bool:
    """Whether the table has this many columns and none of them a name of its own."""
    return table.columns == [f"column_{i}" for i in range(1, width + 1)]


def look_at(table: pl.DataFrame) -> pl.DataFrame | None:
    """The first rows as numbers; what is none is null. None where a column can hold no numbers."""
    if not all(dtype.is_numeric() or dtype == pl.String for dtype in table.dtypes):
        return None
    return pl.DataFrame([read_some_numbers(column) for column in table.head(LOOK).iter_columns()])


def holds_mostly(first: pl.DataFrame, rule: pl.Expr) -> bool:
    """Whether a rule holds in more than half of the rows."""
    return 2 * int(first.select(rule.fill_null(False).sum()).item()) > first.height


def read_numbers(table: pl.DataFrame, names: Mapping[str, str]) -> list[pl.Series]:
    """Columns of numbers: name in the table -> name that it gets."""
    return [parse_numbers(table[name], name).alias(wanted) for name, wanted in names.items()]


def read_times(series: pl.Series) -> pl.Series:
    """Times in UTC; epoch times are all of one unit.

    Raises:
        CellError: a row has no time, or an epoch time of another unit than most.
        ColumnError: the column holds no times.
    """
    if not is_epoch(series):
        return _refuse_missing(parse_times(series).times)
    counts = _read_counts(series)
    units = _find_units(counts)
    odd = (units != units.mode().sort()[0]).arg_true()
    if odd.len():
        raise _odd_epoch(counts, odd)
    return _to_times(counts, units)


def read_epochs(series: pl.Series) -> tuple[pl.Series, str | None]:
    """Epoch times in UTC, of which each tells by its size whether it is in seconds, milliseconds or microseconds.

    Returns:
        The times, parts of a millisecond cut off; a sentence where units are mixed.

    Raises:
        CellError: a cell is no such time.
    """
    counts = _read_counts(series)
    units = _find_units(counts)
    rows = {unit: int((units == size).sum()) for unit, size in _UNITS.items()}
    mixed = " and ".join(f"{unit} in {count_rows(count)}" for unit, count in rows.items() if count)
    note = f"column {series.name!r} holds {mixed}: each is read as what it is" if " and " in mixed else None
    return _to_times(counts, units), note


def is_epoch(series: pl.Series) -> bool:
    """Whether most of the first cells are whole numbers of at least nine digits."""
    if series.dtype.is_numeric():
        return True
    cells = series.head(LOOK)
    return cells.dtype == pl.String and 2 * cells.str.contains(r"^\d{9,}(\.0*)?$").sum() > cells.len()


def _read_counts(series: pl.Series) -> pl.Series:
    counts = _refuse_missing(parse_numbers(series, series.name))
    odd = (~counts.is_between(_UNITS["seconds"], _UNITS["microseconds"] * 1000, closed="left")).arg_true()
    if odd.len():
        raise _odd_epoch(counts, odd)
    return counts


def _find_units(counts: pl.Series) -> pl.Series:
    """Smallest size of the unit of each count."""
    seconds, milliseconds, microseconds = _UNITS.values()
    below = pl.when(pl.nth(0) < milliseconds).then(seconds).when(pl.nth(0) < microseconds).then(milliseconds)
    return counts.to_frame().select(below.otherwise(microseconds).alias("unit")).to_series()


def _to_times(counts: pl.Series, units: pl.Series) -> pl.Series:
    count, unit = pl.nth(0), pl.nth(1)  # products and quotients by 1000 are exact where those by a fraction are not
    is_seconds, is_microseconds = unit == _UNITS["seconds"], unit == _UNITS["microseconds"]
    exact = pl.when(is_seconds).then(count * 1000).when(is_microseconds).then(count / 1000).otherwise(count)
    whole = exact.floor().cast(pl.Int64).cast(UTC_MILLISECONDS)
    return pl.DataFrame([counts, units]).select(whole.alias(counts.name)).to_series()


def _odd_epoch(counts: pl.Series, rows: pl.Series) -> CellError:
    more = f" (and {rows.len() - 1:,} more)" if rows.len() > 1 else ""
    return CellError(
        f"column {counts.name!r}, row {rows[0] + 1}: {counts[rows[0]]:.0f}{more} is no epoch time in the unit of the "
        "others, from 1973 on; correct such rows or leave them out",
        rows.to_list(),
    )


def refuse_other_order(columns: pl.DataFrame) -> None:
    """Refuse columns without names whose high is not the highest, or low the lowest, in more than a tenth of rows.

    Raises:
        ColumnError: they stand in another order, such as Bitfinex's open, close, high, low.
    """
    is_in_order = (pl.col("low") <= pl.min_horizontal("open", "close", "high")) & (
        pl.col("high") >= pl.max_horizontal("open", "close")
    )
    broken = columns.select((~is_in_order).fill_null(False).sum()).item()
    if broken > 0.1 * columns.height:
        raise ColumnError(
            f"the columns after the time are not open, high, low, close: in {broken:,} of {columns.height:,} rows they "
            "would contradict each other;\n"
            "say which is which: columns={'open_time': 'column_1', 'close': 'column_3', ...} or --column close=column_3"
        )


def zone_notes(options: ReadOptions) -> list[str]:
    """What to say where the user gives a zone to a form that fixes it."""
    if options.zone in (None, "UTC"):
        return []
    return [f"zone {options.zone} is not used: the times of this form are UTC"]


def count_rows(number: int) -> str:
    """`1 row`, `1,180 rows`."""
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def list_times(times: pl.Series, most: int = 5) -> str:
    """A few times for a message: `2020-06-10 00:00, 2020-06-11 00:00, ...`."""
    first = times.sort().head(most).dt.strftime("%Y-%m-%d %H:%M").to_list()
    return ", ".join(first) + (", ..." if times.len() > most else "")


def _refuse_missing(values: pl.Series) -> pl.Series:
    if values.null_count():
        rows = values.is_null().arg_true().to_list()
        more = f" (and {len(rows) - 1:,} more)" if len(rows) > 1 else ""
        raise CellError(f"column {values.name!r}, row {rows[0] + 1}: there is no time{more}; leave such rows out", rows)
    return values
