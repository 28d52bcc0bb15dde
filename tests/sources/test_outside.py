from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from coincast.candles.store import write_series
from coincast.errors import CoincastError, ColumnError, DataError, TooFewRowsError, UnknownNameError, UsageError
from coincast.sources.outside import OutsideSeries, find_outside, parse_lag, read_outside
from coincast.sources.series import SERIES_FORMS, find_series_form
from coincast.tabular import read_members, to_pandas

DAYS = ["2018-02-01", "2018-02-02", "2018-02-03", "2018-02-05"]
FEAR = {"datetime": DAYS, "value": ["30", "15", "40", "24"], "value_classification": ["Fear"] * 4}
MOOD = {"Day": DAYS, "mood": [1.0, 2.0, None, 4.0]}


def day(number: int, **more: int) -> datetime:
    return datetime(2018, 2, number, tzinfo=UTC) + timedelta(**more)


def read(table: dict[str, Any], **options: Any) -> OutsideSeries:
    return read_outside(pl.DataFrame(table, strict=False), **options)


# when a value is known


def test_a_value_is_known_when_its_day_has_ended() -> None:
    series = read(FEAR)
    assert (series.name, series.form, series.interval, series.path) == ("fear_greed", "fear_greed", "1d", None)
    assert series.table.columns == ["date", "known_at", "value"]
    assert series.table.dtypes == [pl.Datetime("ms", "UTC")] * 2 + [pl.Float64]
    assert series.table["date"].to_list() == [day(1), day(2), day(3), day(5)]
    assert series.table["known_at"].to_list() == [day(2), day(3), day(4), day(6)]
    assert series.table["value"].to_list() == [30.0, 15.0, 40.0, 24.0]
    assert (series.rows, series.first, series.last, series.gaps, series.missing) == (4, day(1), day(5), 1, 1)
    assert "a value is known when the period that it is dated by has ended" in series.notes
    assert "1 gap, 1 value missing" in series.notes


@pytest.mark.parametrize(
    ("lag", "hours"), [("12h", 12), ("2d", 48), ("-1d", -24), ("+90m", 1.5), ("1w", 168), ("0h", 0)]
)
def test_a_lag_moves_the_moment(lag: str, hours: float) -> None:
    assert parse_lag(lag) == hours * 3_600_000
    series = read(FEAR, lag=lag)
    assert series.table["known_at"].to_list()[0] == day(2) + timedelta(hours=hours)
    assert any(f"moved by {lag}" in note for note in series.notes) == bool(hours)


@pytest.mark.parametrize("lag", ["", "12", "h", "1 d", "1M", "1.5h", "-", "tomorrow", "99999d"])
def test_a_lag_that_cannot_be_read(lag: str) -> None:
    with pytest.raises(UsageError, match="a lag is a number of m, h, d or w: 90m, 12h, 2d, -1d"):
        read(FEAR, lag=lag)


def test_a_column_known_at_says_it() -> None:
    known = ["2018-02-01T09:00Z", "2018-02-03T00:00Z", "2018-02-03T06:00Z", "2018-02-04T00:00Z"]
    columns = {"date": ["2018-02-01", "2018-02-02", "2018-02-02", "2018-02-05"], "known_at": known, "x": [1, 2, 3, 4]}
    series = read(columns, name="x")
    assert series.table["known_at"].to_list() == [day(1, hours=9), day(3), day(3, hours=6), day(4)]
    assert read(columns, name="x", lag="1h").table["known_at"][0] == day(1, hours=10)
    assert "values are known from known_at on" in series.notes
    assert "1 row known before the own period begins" in series.notes


def test_months_end_by_the_calendar_and_hours_by_the_clock() -> None:
    months = {"date": ["2018-01-01", "2018-02-01", "2018-03-01", "2018-05-01"], "cpi": [1, 2, 3, 4]}
    series = read(months, name="cpi")
    assert series.interval == "1M"
    assert series.table["known_at"][1] == datetime(2018, 3, 1, tzinfo=UTC)
    assert (series.gaps, series.missing) == (1, 1)
    eight = {"date": [f"2018-02-01 {hour:02}:00" for hour in (0, 8, 16)], "funding": [1, 2, 3]}
    assert read(eight, name="funding").table["known_at"][2] == day(2)


def test_periods_of_no_known_length_need_a_column_known_at() -> None:
    quarters = {"date": ["2018-01-01", "2018-04-01", "2018-07-01"], "gdp": [1, 2, 3]}
    with pytest.raises(
        DataError, match=r"^the frame: the spacing of its dates is no known interval, .* known_at=NAME$"
    ):
        read(quarters, name="gdp")
    series = read({**quarters, "known_at": ["2018-04-30", "2018-07-30", "2018-10-30"]}, name="gdp")
    assert (series.interval, series.gaps, series.rows) == (None, 0, 3)


# what is taken


def test_a_table_of_no_known_form_is_read_where_the_user_says_so() -> None:
    with pytest.raises(ColumnError, match=r"this is no known outside series; .*\nits columns: Day, mood$"):
        read(MOOD)
    for options in ({"name": "mood"}, {"format": "series"}, {"columns": {"date": "Day"}}):
        series = read(MOOD, **options)
        assert series.form == "series"
        assert series.table["mood"].to_list() == [1.0, 2.0, None, 4.0]
        assert "1 empty cell: unknown, and never filled" in series.notes
    assert read(MOOD, name="mood").name == "mood"
    assert read(MOOD, format="series").name == "series"


def test_columns_are_chosen_and_named_by_the_user() -> None:
    table = {"When": ["03/04/2017", "04/04/2017", "05/04/2017"], "VIX Close": [1, 2, 3], "note": ["a", "b", "c"]}
    series = read(table, columns={"date": "When", "vix": "VIX Close"}, day_first=True)
    assert series.table.columns == ["date", "known_at", "vix"]
    assert series.first == datetime(2017, 4, 3, tzinfo=UTC)
    every = read(table, columns={"date": "When"}, day_first=True, zone="Europe/Berlin")
    assert every.table.columns == ["date", "known_at", "vix_close"]
    assert every.first == datetime(2017, 4, 2, 22, tzinfo=UTC)
    assert "columns without numbers, left out: note" in every.notes
    assert "column 'When' has no zone: read as Europe/Berlin" in every.notes
    with pytest.raises(UnknownNameError, match="unknown column 'VIX'"):
        read(table, columns={"date": "When", "vix": "VIX"})


def test_the_partial_row_of_google_trends_is_left_out_and_named() -> None:
    series = read({"date": DAYS, "bitcoin": [28, 30, 100, 0], "isPartial": ["False"] * 3 + ["True"]})
    assert series.form == "google_trends"
    assert series.table["bitcoin"].to_list() == [28.0, 30.0, 100.0]
    assert series.left_out == {3: "partial: its day had not ended when it was fetched"}
    assert "row 4 left out: partial: its day had not ended when it was fetched" in series.notes


def test_rows_without_a_date_and_repeated_rows_are_left_out() -> None:
    series = read({"date": [*DAYS, None, DAYS[0]], "x": [1.0, 2, float("inf"), 4, 5, 1]}, name="x")
    assert series.left_out == {4: "no date", 5: "repeats another row"}
    assert series.table["x"].to_list() == [1.0, 2.0, None, 4.0]
    with pytest.raises(DataError, match=r"two rows of 2018-02-01 00:00 UTC differ \(2 such rows in all\)"):
        read({"date": [*DAYS, DAYS[0]], "x": [1, 2, 3, 4, 5]}, name="x")
    with pytest.raises(TooFewRowsError, match="no row has a date"):
        read({"date": ["-", ""], "x": [1, 2]}, name="x")


def test_the_two_dates_of_etherscan_must_agree() -> None:
    stamps = [1438214400, 1438387200, 1438300800]
    table = {"Date(UTC)": ["7/30/2015", "8/1/2015", "7/31/2015"], "UnixTimeStamp": stamps, "eth_etherprice": [0, 2, 1]}
    series = read(table)
    assert series.table["eth_etherprice"].to_list() == [0.0, 1.0, 2.0]
    assert series.table.columns == ["date", "known_at", "eth_etherprice"]
    assert "1 row out of order: sorted" in series.notes
    with pytest.raises(
        DataError, match=r"row 2: Date\(UTC\) is 8/1/2015 and UnixTimeStamp is 1438387201, another time"
    ):
        read({**table, "UnixTimeStamp": [stamps[0], stamps[1] + 1, stamps[2]]})


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (MOOD, {"name": "Fear & Greed"}, "allowed: lower-case letters, digits and _, letters first"),
        (MOOD, {"format": "feargreed"}, "unknown form of outside series 'feargreed'; did you mean 'fear_greed'?"),
        (MOOD, {"format": "fear_greed"}, "this is not of the form fear_greed (Crypto Fear & Greed"),
        ({"x": [1, 2]}, {"name": "x"}, "no column of dates is known by its name; say which it is"),
        ({"date": DAYS, "x": ["a"] * 4}, {"name": "x"}, "it holds no column of numbers; name one"),
        (
            {"date": DAYS, "a b": [1] * 4, "a-b": [2] * 4},
            {"name": "x"},
            "column 'a-b' would be named a_b, as another is",
        ),
        ({"date": ["soon"] * 4, "x": [1] * 4}, {"name": "x"}, "column 'date': 'soon' is no date or time"),
    ],
)
def test_what_is_refused(columns: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(CoincastError) as caught:
        read(columns, **options)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2
    assert caught.value.exit_code in (2, 3)


# where it comes from


def test_files_members_and_frames_give_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame(FEAR)
    path = tmp_path / "index.csv"
    frame.write_csv(path)
    packed = tmp_path / "index.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    from_frame = read_outside(frame)
    for source in (path, str(path), packed, read_members(packed)[0], pd.DataFrame(FEAR)):
        assert read_outside(source).table.equals(from_frame.table)
    series = read_outside(path)
    assert series.path == path
    assert series.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_outside(read_members(packed)[0]).sha256 == hashlib.sha256(packed.read_bytes()).hexdigest()


def test_a_file_gives_its_name_and_messages_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "Dollar Index.v2.csv"
    pl.DataFrame({"date": DAYS, "x": [1, 2, 3, 4]}).write_csv(path)
    assert read_outside(path, format="series").name == "dollar_index"
    with pytest.raises(ColumnError, match=r"^Dollar Index.v2.csv: this is no known outside series"):
        read_outside(path)


def test_a_command_names_a_file_or_a_stored_series(tmp_path: Path) -> None:
    path = tmp_path / "index.csv"
    pl.DataFrame(FEAR).write_csv(path)
    read_from_file = find_outside(str(path))
    assert (read_from_file.name, find_outside(f"mood={path}").name) == ("fear_greed", "mood")
    write_series("mood", read_from_file.table, source="index.csv", folder=tmp_path / "series")
    stored = find_outside("mood", folder=tmp_path / "series")
    assert stored.table.equals(read_from_file.table)
    assert (stored.name, stored.form, stored.rows, stored.gaps, stored.path) == ("mood", "stored", 4, 1, None)
    with pytest.raises(DataError, match="mood"):
        find_outside("moods", folder=tmp_path / "series")
    with pytest.raises(DataError, match=r"no such file: .*none.csv"):
        find_outside("none.csv")


# the forms


def test_every_form_is_described() -> None:
    for name, form in SERIES_FORMS.items():
        assert form.name == name
        assert form.description
    assert not SERIES_FORMS["series"].recognises(pl.DataFrame(FEAR))


def test_candles_are_no_outside_series(shared_data: Path) -> None:
    for name in ("cmc/kaggle2018/bitcoin_price.csv", "yahoo/bitcoin_daily.csv", "coingecko/bitcoin.csv"):
        assert find_series_form(pl.read_csv(shared_data / name, infer_schema=False)) is None


@pytest.mark.parametrize(
    ("file", "form", "rows", "first", "last", "gaps", "notes"),
    [
        ("exogenous/fear_greed_index.csv", "fear_greed", 2740, "2018-02-01", "2025-08-06", (2, 4), ["0 (fear) to 100"]),
        (
            "exogenous/bitcoin_google_trends.csv",
            "google_trends",
            3054,
            "2014-01-01",
            "2022-05-11",
            (0, 0),
            ["row 3,054 left out: partial", "not comparable across windows"],
        ),
        (
            "exogenous/bitcoin_daily_tweets.csv",
            "tweets",
            2427,
            "2013-02-26",
            "2021-02-10",
            (97, 480),
            ["21 columns are derived", "193 empty cells"],
        ),
        (
            "exogenous/btc_macro_onchain_merged.csv",
            "macro",
            4062,
            "2015-01-01",
            "2026-02-13",
            (0, 0),
            ["repeat Friday's value over the weekend"],
        ),
        (
            "cmc/kaggle2018/bitcoin_dataset.csv",
            "blockchain_info",
            2920,
            "2010-02-23",
            "2018-02-20",
            (0, 0),
            ["btc_market_price is 0 in 175 rows", "21 empty cells"],
        ),
        (
            "cmc/kaggle2018/ethereum_dataset.csv",
            "etherscan",
            934,
            "2015-07-30",
            "2018-02-20",
            (1, 3),
            ["eth_etherprice is 0 in 9 rows", "9 rows out of order", "640 empty cells"],
        ),
    ],
)
def test_real_files_are_as_their_rows_say(
    shared_data: Path, file: str, form: str, rows: int, first: str, last: str, gaps: tuple[int, int], notes: list[str]
) -> None:
    series = read_outside(shared_data / file)
    assert series.form == series.name == form
    assert series.rows + len(series.left_out) == rows
    assert series.table.height == series.rows
    assert (f"{series.first:%Y-%m-%d}", f"{series.last:%Y-%m-%d}") == (first, last)
    assert (series.gaps, series.missing) == gaps
    assert all(any(words in note for note in series.notes) for words in notes), series.notes
    assert (series.table["known_at"] - series.table["date"]).unique().to_list() == [timedelta(days=1)]
    assert all(dtype == pl.Float64 for dtype in series.table.dtypes[2:])


def test_what_readers_of_the_tweets_are_told_is_true(shared_data: Path) -> None:
    table = to_pandas(read_outside(shared_data / "exogenous" / "bitcoin_daily_tweets.csv").table)
    count = table["count"]
    pd.testing.assert_series_equal(table["count_daily_diff"], count.diff(), check_names=False)
    average = count.rolling(7).mean()
    pd.testing.assert_series_equal(table["count_avg7"], average, check_names=False)
    pd.testing.assert_series_equal(table["count_weekly_diff"], count - average, check_names=False)
