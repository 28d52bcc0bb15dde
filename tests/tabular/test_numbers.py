from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincast.errors import ColumnError
from coincast.tabular import NULL_WORDS, parse_numbers


def test_thousands_signs_and_exponents_are_read() -> None:
    text = pl.Series(["9,926,540,000", " 11231.80 ", "-1,234.5", "+5", "1e-3", ".5"])
    assert parse_numbers(text, "Volume").to_list() == [9_926_540_000.0, 11231.8, -1234.5, 5.0, 0.001, 0.5]


@pytest.mark.parametrize("word", [*NULL_WORDS, "NaN", " N/A ", "NULL"])
def test_words_for_unknown_become_null_and_not_zero(word: str) -> None:
    assert parse_numbers(pl.Series(["1", word]), "Volume").to_list() == [1.0, None]


def test_numbers_stay_numbers_and_nan_becomes_null() -> None:
    assert parse_numbers(pl.Series([1, 2]), "x").dtype == pl.Float64
    assert parse_numbers(pl.Series([1.5, float("nan")]), "x").to_list() == [1.5, None]
    assert parse_numbers(pl.Series([None, None]), "x").to_list() == [None, None]


@pytest.mark.parametrize(
    "cell", ["1,5", "12,34", "0,123", "-0,123", "0,123,456", "1,23,456", "$5", "13.44K", "3 %", "abc"]
)
def test_a_cell_that_is_no_number_is_named(cell: str) -> None:
    with pytest.raises(ColumnError) as caught:
        parse_numbers(pl.Series(["1", cell, "2"]), "Price")
    assert f"column 'Price', row 2: {cell!r} is no number" in str(caught.value)
    assert caught.value.exit_code == 3


def test_further_bad_cells_are_counted() -> None:
    with pytest.raises(ColumnError, match=r"'a' \(and 2 more\) is no number"):
        parse_numbers(pl.Series(["a", "b", "1", "c"]), "x")


def test_true_and_false_are_no_numbers() -> None:
    with pytest.raises(ColumnError, match="holds Boolean, and numbers are needed"):
        parse_numbers(pl.Series([True]), "x")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=20))
def test_every_number_written_by_python_is_read_back_exactly(numbers: list[float]) -> None:
    assert parse_numbers(pl.Series([repr(number) for number in numbers]), "x").to_list() == numbers


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=20))
def test_every_grouped_integer_is_read_back(numbers: list[int]) -> None:
    assert parse_numbers(pl.Series([f"{number:,}" for number in numbers]), "x").to_list() == numbers
