"""Any table to polars: CSV, Parquet, Feather, JSON, HDF5, pandas; numbers and times out of text; safe writing.

A CSV file is read as text and nothing else, so that no cell is guessed silently: `parse_numbers` and `parse_times` turn
a column into float64 and UTC, or name the cell that stands in the way.
"""

from coincast.tabular.containers import Member, read_members
from coincast.tabular.frames import to_pandas
from coincast.tabular.moments import Moment, read_moment, read_span
from coincast.tabular.numbers import NULL_WORDS, parse_numbers, read_some_numbers
from coincast.tabular.quoting import list_names, quote_cell
from coincast.tabular.reading import read_table
from coincast.tabular.times import UTC_MILLISECONDS, ParsedTimes, parse_times
from coincast.tabular.writing import expand_home, home_folder, write_beside

__all__ = [
    "NULL_WORDS",
    "UTC_MILLISECONDS",
    "Member",
    "Moment",
    "ParsedTimes",
    "expand_home",
    "home_folder",
    "list_names",
    "parse_numbers",
    "parse_times",
    "quote_cell",
    "read_members",
    "read_moment",
    "read_some_numbers",
    "read_span",
    "read_table",
    "to_pandas",
    "write_beside",
]
