"""Borders by date, share and number; gaps; what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincast.errors import CoincastError, TooFewRowsError, UsageError
from coincast.samples.splits import Part, Parts, Split, split_rows

DAYS = 100
START = datetime(2020, 1, 1, tzinfo=UTC)
OPEN_TIME = np.array([round((START + timedelta(days=day)).timestamp() * 1000) for day in range(DAYS)])


def split(**changes: Any) -> Parts:
    return split_rows(OPEN_TIME, Split(**changes))


@pytest.mark.parametrize(
    "border",
    [
        "2020-03-21",
        "2020-03-21T00:00:00+00:00",
        "2020-03-20T23:30",  # between two candles: the next one is the first
        date(2020, 3, 21),
        datetime(2020, 3, 21, tzinfo=UTC),
        datetime(2020, 3, 21),
        datetime(2020, 3, 21, 5, tzinfo=timezone(timedelta(hours=5))),
        0.2,
        20,
    ],
)
def test_the_same_border_in_every_spelling(border: Any) -> None:
    assert split(test=border) == Parts(Part(0, 80), Part(80, 80), Part(80, 100))


@pytest.mark.parametrize("border", ["2020-03-11", 10, 0.1])
def test_validation_lies_before_the_test_rows(border: Any) -> None:
    assert split(test=20, validation=border) == Parts(Part(0, 70), Part(70, 80), Part(80, 100))


@pytest.mark.parametrize("none", [0, 0.0, None])
def test_no_validation(none: Any) -> None:
    assert len(split(test=20, validation=none).validation) == 0


def test_a_gap_lies_between_all_parts() -> None:
    assert split(test=20, validation=10, gap=5) == Parts(Part(0, 60), Part(65, 75), Part(80, 100))
    assert split(test=20, gap=5) == Parts(Part(0, 75), Part(75, 75), Part(80, 100))


def test_a_date_stays_where_it_is_whatever_the_gap() -> None:
    parts = split(test="2020-03-21", validation="2020-03-11", gap=5)
    assert (parts.train, parts.validation, parts.test) == (Part(0, 65), Part(70, 75), Part(80, 100))


BORDERS = st.one_of(st.integers(-5, 120), st.floats(-0.5, 1.5), st.dates(date(2019, 12, 1), date(2020, 5, 1)))


@given(BORDERS, BORDERS, st.integers(0, 20))
@settings(deadline=None, max_examples=300)
def test_parts_never_touch_and_always_keep_their_order(test: Any, validation: Any, gap: int) -> None:
    try:
        parts = split(test=test, validation=validation, gap=gap)
    except CoincastError:
        return
    assert 0 == parts.train.first < parts.train.end
    assert parts.test.first < parts.test.end == DAYS
    if len(parts.validation):
        assert parts.train.end + gap == parts.validation.first
        assert parts.validation.end + gap == parts.test.first
    else:
        assert parts.train.end + gap == parts.test.first


@pytest.mark.parametrize("border", ["soon", "2020-13-01", 1.0, 0.0, -0.2, -3, True, None, float("nan")])
def test_what_is_no_border_is_refused_with_advice(border: Any) -> None:
    with pytest.raises(UsageError, match=r"split.test is .*; allowed: a date such as 2017-06-01, a share"):
        split(test=border)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"test": "2021-01-01"},
            "the test span has no rows: split.test is 2021-01-01, and the 100 candles open from 2020-",
        ),
        ({"test": 0}, "the test span has no rows"),
        ({"test": "2019-01-01"}, "no rows are left for training"),
        ({"test": 1000}, "no rows are left for training"),
        ({"test": 20, "validation": 80}, "no rows are left for training"),
        ({"test": 20, "validation": "2020-04-01"}, "the validation span has no rows"),
        ({"test": 20, "gap": 80}, "no rows are left for training"),
    ],
)
def test_an_empty_part_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TooFewRowsError, match=message):
        split(**changes)


def test_a_negative_gap_is_refused() -> None:
    with pytest.raises(UsageError, match=r"split.gap is -1; allowed: 0 or more rows"):
        split(gap=-1)
