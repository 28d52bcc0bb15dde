"""Reading a table by its form, as every test of a form does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from coincast.sources.formats import FORMATS, Reading, ReadOptions
from coincast.tabular import read_table


@pytest.fixture(scope="session")
def read_as() -> Callable[..., Reading]:
    """Reads a file or frame after making sure that one form, and no other but the general one, recognises it."""

    def read(form: str, source: Any, **options: Any) -> Reading:
        table = read_table(source)
        assert [name for name, other in FORMATS.items() if name != "table" and other.recognises(table)] == [form]
        reading = FORMATS[form].read(table, ReadOptions(**options))
        assert reading.columns.height == table.height
        return reading

    return read


@pytest.fixture(scope="session")
def count_gaps() -> Callable[[pl.Series, timedelta], tuple[int, int]]:
    """Counts holes between times, and the times that would fill them."""

    def count(times: pl.Series, step: timedelta) -> tuple[int, int]:
        ordered = sorted(times.to_list())
        spacings = [(after - before) / step for before, after in pairwise(ordered)]
        assert all(spacing == int(spacing) and spacing > 0 for spacing in spacings)
        return sum(spacing > 1 for spacing in spacings), int(sum(spacings)) - len(spacings)

    return count
