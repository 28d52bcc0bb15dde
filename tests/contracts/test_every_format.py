"""What holds for every file form: a new one needs a small made-up sample under its name, and nothing else here."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from coincast.candles.table import CANDLE_COLUMNS, check_candles, parse_market
from coincast.sources.files import read_candle_file
from coincast.sources.formats import FORMATS, ReadOptions
from coincast.tabular import NULL_WORDS, read_table

SAMPLES = Path(__file__).parent.parent / "sources" / "formats" / "samples"


def sample(form: str) -> Path:
    found = list(SAMPLES.glob(f"{form}.*"))
    assert len(found) == 1, f"put one small made-up sample of the form {form} into {SAMPLES}"
    return found[0]


@pytest.fixture(params=FORMATS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def market_of(form: str) -> str:
    return f"{FORMATS[form].source}:BTC/{FORMATS[form].quote or 'USD'}"


def test_the_form_describes_itself(form: str) -> None:
    assert FORMATS[form].name == form
    assert FORMATS[form].description


def test_the_sample_is_recognised_by_its_own_form_only(form: str) -> None:
    table = read_table(sample(form))
    special = [name for name, other in FORMATS.items() if name != "table" and other.recognises(table)]
    assert special == [name for name in [form] if name != "table"]
    assert next(name for name, other in FORMATS.items() if other.recognises(table)) == form


def test_the_general_form_is_tried_last() -> None:
    assert list(FORMATS)[-1] == "table"


def test_the_candles_are_checked_and_named(form: str) -> None:
    read = read_candle_file(sample(form), market=market_of(form))
    assert read.form == form
    assert read.candles.equals(check_candles(read.candles))
    assert tuple(read.candles.columns[: len(CANDLE_COLUMNS)]) == CANDLE_COLUMNS
    assert parse_market(read.market).source == FORMATS[form].source
    assert read.candles["close"].n_unique() > 1


def test_the_order_of_rows_and_of_columns_does_not_matter(form: str) -> None:
    table = read_table(sample(form))
    candles = read_candle_file(table, market=market_of(form)).candles
    for seed in (1, 2):
        shuffled = table.sample(fraction=1, shuffle=True, seed=seed)
        assert read_candle_file(shuffled, market=market_of(form)).candles.equals(candles)
    if table.columns[0] == "column_1":  # only the places of columns without names tell what they are
        return
    turned = read_candle_file(table.select(reversed(table.columns)), market=market_of(form)).candles
    assert turned.select(candles.columns).equals(candles)


def test_unknown_numbers_are_null_and_not_zero(form: str) -> None:
    table = read_table(sample(form))
    cells = [str(cell).strip().lower() for column in table.iter_columns() for cell in column if cell is not None]
    columns = FORMATS[form].read(table, ReadOptions()).columns
    numbers = columns.select(pl.selectors.numeric().exclude("open", "high", "low", "close"))
    zeros = sum((column == 0).sum() for column in numbers.iter_columns())
    assert zeros <= sum(cell in ("0", "0.0") for cell in cells)
    if any(cell in NULL_WORDS for cell in cells):
        assert sum(numbers.null_count().row(0)) > 0


def test_repeated_rows_are_left_out(form: str) -> None:
    table = read_table(sample(form))
    read = read_candle_file(pl.concat([table, table.head(2)]), market=market_of(form))
    assert read.candles.equals(read_candle_file(table, market=market_of(form)).candles)
    assert "2 repeated rows left out" in read.notes
