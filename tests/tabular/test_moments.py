from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from coincast.errors import UsageError
from coincast.tabular import read_moment, read_span

NOON = datetime(2017, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        "2017-06-01T12:00Z",
        "2017-06-01 12:00",
        "2017-06-01T14:00+02:00",
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=-5))),
    ],
)
def test_a_moment_is_utc_where_it_names_no_zone(given: datetime | str) -> None:
    assert read_moment("since", given) == NOON


@pytest.mark.parametrize("given", ["soon", "2017-13-01", "01/06/2017"])
def test_what_is_no_moment(given: str) -> None:
    with pytest.raises(UsageError, match=r"data\.since is .*; allowed: a date or time such as 2017-06-01"):
        read_span(given, None, prefix="data.")


@pytest.mark.parametrize("day", ["2017-06-01", date(2017, 6, 1)])
def test_a_bare_date_as_the_end_includes_its_day(day: date | str) -> None:
    assert read_span(day, day) == (datetime(2017, 6, 1, tzinfo=UTC), datetime(2017, 6, 2, tzinfo=UTC))


def test_a_time_as_the_end_is_the_last_one_within() -> None:
    assert read_span(None, NOON) == (None, NOON + timedelta(milliseconds=1))
    assert read_span(None, None) == (None, None)
