from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincast.errors import ColumnError, UsageError
from coincast.tabular import UTC_MILLISECONDS, parse_times

NOON = datetime(2018, 2, 20, 12, tzinfo=UTC)
SECONDS = 1_519_128_000


@pytest.mark.parametrize(
    ("text", "zone_assumed"),
    [
        ("2018-02-20 12:00", "UTC"),
        ("2018-02-20T12:00:00", "UTC"),
        ("2018/02/20 12:00:00.000", "UTC"),
        ("20180220 12:00", "UTC"),
        ("Feb 20, 2018 12:00", "UTC"),
        ("20 February 2018 12:00", "UTC"),
        ("20-Feb-2018 12:00:00", "UTC"),
        ("2018-02-20 12-PM", "UTC"),
        ("2/20/2018 12:00 PM", "UTC"),
        ("20/02/2018 12:00", "UTC"),
        ("20.2.2018 12:00", "UTC"),
        ("2018-02-20T12:00:00Z", None),
        ("2018-02-20 12:00:00 UTC", None),
        ("2018-02-20 14:00:00+02:00", None),
        ("2018-02-20T06:30:00.000-0530", None),
        (str(SECONDS), None),
        (f"{SECONDS}.0", None),
    ],
)
def test_spellings_of_one_moment(text: str, zone_assumed: str | None) -> None:
    times, assumed = parse_times(pl.Series("when", [text, None, "-"]))
    assert times.to_list() == [NOON, None, None]
    assert times.dtype == UTC_MILLISECONDS
    assert times.name == "when"
    assert assumed == zone_assumed


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
def test_the_unit_of_epoch_times_is_told_by_their_size(factor: int) -> None:
    assert parse_times(pl.Series([SECONDS * factor])).times.to_list() == [NOON]
    assert parse_times(pl.Series([float(SECONDS * factor)])).times.to_list() == [NOON]


def test_dates_and_midnight() -> None:
    midnight = [datetime(2018, 2, 20, tzinfo=UTC)]
    for cell in ("2018-02-20", "Feb 20, 2018", "20180220", "2018-02-20 12-AM", 20180220, date(2018, 2, 20)):
        assert parse_times(pl.Series([cell])).times.to_list() == midnight


def test_local_times_are_read_in_the_zone_that_is_said() -> None:
    times, assumed = parse_times(pl.Series(["2018-07-01", "2018-01-01"]), zone="America/New_York")
    assert times.dt.hour().to_list() == [4, 5]  # summer and winter time
    assert assumed == "America/New_York"


def test_an_offset_in_the_cell_wins_over_the_zone() -> None:
    times, assumed = parse_times(pl.Series(["2018-07-01T00:00Z", "2018-07-01T00:00"]), zone="Europe/Berlin")
    assert times.dt.hour().to_list() == [0, 22]
    assert assumed == "Europe/Berlin"


def test_datetime_columns_with_and_without_a_zone() -> None:
    aware = pl.Series([NOON]).dt.convert_time_zone("Asia/Tokyo")
    assert parse_times(aware).zone_assumed is None
    assert parse_times(aware).times.to_list() == [NOON]
    assert parse_times(pl.Series([NOON.replace(tzinfo=None)])).zone_assumed == "UTC"


def test_day_and_month_are_told_by_the_whole_column() -> None:
    third_of_april = datetime(2017, 4, 3, tzinfo=UTC)
    assert parse_times(pl.Series(["03/04/2017", "13/04/2017"])).times[0] == third_of_april
    assert parse_times(pl.Series(["04/03/2017", "04/13/2017"])).times[0] == third_of_april
    assert parse_times(pl.Series(["03/04/2017"]), day_first=True).times[0] == third_of_april
    assert parse_times(pl.Series(["04/03/2017"]), day_first=False).times[0] == third_of_april


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["03/04/2017"],
            "may be day/month or month/day, and no row tells; write dates as 2017-04-03, or say",
        ),
        (["30/04/2017", "04/30/2017"], "mixes day/month and month/day"),
        ([SECONDS, SECONDS * 1000], "mixes epoch seconds and milliseconds"),
        ([SECONDS, 0], "0 is no date or time"),
        (["2017-02-30"], "row 1: '2017-02-30' is no date or time"),
        (["2017-01-01", "soon"], "row 2: 'soon' is no date or time; times look like 2018-02-20"),
        (["soon"], "'soon' is no date or time"),
        (["Marbles 1, 2020"], "'Marbles 1, 2020' is no date or time"),
        (["2017-01-01", "9999-12-31"], "row 2: the time lies outside 1900 to 9999 (1 rows in all)"),
        (["0001-01-01"], "row 1: the time lies outside 1900 to 9999"),
        ([date(1, 1, 1)], "row 1: the time lies outside 1900 to 9999"),
        ([datetime(9999, 12, 31)], "row 1: the time lies outside 1900 to 9999"),
        ([True], "holds Boolean, and times are needed"),
    ],
)
def test_refused_columns(cells: list[object], message: str) -> None:
    with pytest.raises(ColumnError) as caught:
        parse_times(pl.Series("when", cells))
    assert "column 'when'" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(("cell", "what"), [("2017-03-26 02:30", "non-existent"), ("2017-10-29 02:30", "ambiguous")])
def test_hours_of_the_change_of_clocks_are_refused(cell: str, what: str) -> None:
    with pytest.raises(ColumnError, match=f"{cell}:00 is {what} in Europe/Berlin"):
        parse_times(pl.Series("when", [cell]), zone="Europe/Berlin")


def test_an_unknown_zone_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="unknown time zone 'Mars/Base'; names look like UTC") as caught:
        parse_times(pl.Series(["2017-01-01"]), zone="Mars/Base")
    assert caught.value.exit_code == 2


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.lists(st.datetimes(datetime(1980, 1, 1), datetime(2099, 1, 1), timezones=OFFSETS), min_size=1, max_size=8))
def test_every_iso_time_written_by_python_is_read_back_to_the_millisecond(moments: list[datetime]) -> None:
    expected = [m.astimezone(UTC).replace(microsecond=m.microsecond // 1000 * 1000) for m in moments]
    assert parse_times(pl.Series([moment.isoformat() for moment in moments])).times.to_list() == expected


@pytest.mark.parametrize("size", [2**62, -(2**62)])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_time_beyond_any_calendar_is_refused(size: int, zone: str | None) -> None:
    times = pl.Series("when", [size]).cast(pl.Datetime("us", zone))
    with pytest.raises(ColumnError, match="column 'when', row 1: the time lies outside 1900 to 9999"):
        parse_times(times)


@pytest.mark.parametrize("name", ["Sep", "Sept.", "September", "SEPTEMBER"])
def test_months_by_name(name: str) -> None:
    assert parse_times(pl.Series([f"{name} 3, 2018"])).times.to_list() == [datetime(2018, 9, 3, tzinfo=UTC)]
