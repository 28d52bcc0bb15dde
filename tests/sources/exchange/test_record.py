"""What is remembered of an exchange's gaps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincast.sources.exchange.paging import Span, merge
from coincast.sources.exchange.record import NAME, Record, read_record, write_record

MINUTE = 60_000
SPANS = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7))).map(
    lambda spans: merge((start * MINUTE, end * MINUTE) for start, end in spans)
)


def test_two_runs_make_a_gap_certain() -> None:
    record = Record().with_absent([(0, 10), (20, 30)]).with_absent([(5, 10), (40, 50)])
    assert (record.once, record.empty) == ([(0, 5), (20, 30), (40, 50)], [(5, 10)])
    assert record.with_absent([(5, 10)]) == record


@settings(max_examples=20)
@given(once=SPANS, empty=SPANS, archive=SPANS)
def test_it_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, once: list[Span], empty: list[Span], archive: list[Span]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "record"
    record = Record(once, empty, archive[0] if archive else None)
    write_record(folder, record)
    assert read_record(folder) == record
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_none_is_an_empty_one(tmp_path: Path) -> None:
    assert read_record(tmp_path / "nowhere") == Record()
