from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincast.candles.table import (
    CANDLE_COLUMNS,
    INTERVALS,
    Market,
    add_intervals,
    check_candles,
    check_interval,
    folder_name,
    infer_interval,
    interval_milliseconds,
    make_candles,
    next_close_times,
    parse_market,
)
from coincast.errors import CandleError, CoincastError, ColumnError, TooFewRowsError, UsageError

BTC = "file:BTC/USD"
DAYS = [datetime(2017, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
OHLC = {
    "open_time": DAYS,
    "open": [10.0, 11.0, 12.0, 13.0],
    "high": [12.0, 13.0, 14.0, 15.0],
    "low": [9.0, 10.0, 11.0, 12.0],
    "close": [11.0, 12.0, 13.0, 14.0],
    "volume": [1.0, None, 0.0, 4.0],
    "market_cap": [1, 2, 3, 4],
}


@pytest.fixture
def candles() -> pl.DataFrame:
    return make_candles(pl.DataFrame(OHLC), market=BTC, interval="1d")


# intervals


def test_lengths_of_intervals() -> None:
    assert interval_milliseconds("1m") == 60 * 1000
    assert interval_milliseconds("1d") == 24 * 60 * 60 * 1000
    assert interval_milliseconds("1M") * 12 == 365.25 * 24 * 60 * 60 * 1000
    assert list(INTERVALS) == [
        "1m",
        "3m",
        "5m",
        "15m",
        "30m",
        "1h",
        "2h",
        "4h",
        "6h",
        "8h",
        "12h",
        "1d",
        "3d",
        "1w",
        "1M",
    ]


def test_an_unknown_interval_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown interval '7m'; known: 1m 3m 5m .* 1w 1M \(1m is a minute") as caught:
        check_interval("7m")
    assert caught.value.exit_code == 2


def add(times: list[datetime], interval: str, n: int | pl.Expr) -> list[datetime]:
    frame = pl.DataFrame({"t": times, "n": range(len(times))}).with_columns(pl.col("t").dt.cast_time_unit("ms"))
    moved = frame.select(add_intervals(pl.col("t"), interval, n))["t"]
    assert moved.dtype == pl.Datetime("ms", "UTC")
    return moved.to_list()


def test_intervals_are_added_and_months_follow_the_calendar() -> None:
    assert add(DAYS[:1], "1h", 5) == [DAYS[0] + timedelta(hours=5)]
    assert add(DAYS[:1], "1w", -1) == [DAYS[0] - timedelta(weeks=1)]
    assert add(DAYS[:1], "1M", 2) == [datetime(2017, 3, 1, tzinfo=UTC)]
    assert add(DAYS[:1], "1M", -11) == [datetime(2016, 2, 1, tzinfo=UTC)]
    assert add([DAYS[0]] * 3, "1M", pl.col("n"))[2] == datetime(2017, 3, 1, tzinfo=UTC)
    assert add([DAYS[0]] * 3, "3d", pl.col("n"))[2] == datetime(2017, 1, 7, tzinfo=UTC)


def test_close_times_to_come() -> None:
    assert next_close_times(DAYS[0], "1d", 3) == DAYS[1:]
    newyear = datetime(2017, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert next_close_times(newyear, "1M", 2) == [datetime(2017, 2, 1, tzinfo=UTC), datetime(2017, 3, 1, tzinfo=UTC)]
    assert next_close_times(DAYS[0], "1d", 0) == []
    with pytest.raises(UsageError, match="has no zone"):
        next_close_times(datetime(2017, 1, 1), "1d", 1)


@pytest.mark.parametrize("interval", list(INTERVALS))
def test_the_interval_is_the_most_common_spacing(interval: str) -> None:
    start = pl.Series([datetime(2017, 1, 1, tzinfo=UTC)]).dt.cast_time_unit("ms")
    times = pl.DataFrame({"n": [0, 1, 2, 7, 8, 3]}).select(add_intervals(pl.lit(start[0]), interval, pl.col("n")))
    assert infer_interval(times.to_series()) == interval


def test_an_interval_that_cannot_be_told() -> None:
    with pytest.raises(TooFewRowsError, match="do not tell the interval; say it: --interval 1d"):
        infer_interval(pl.Series(DAYS[:2]))
    with pytest.raises(CandleError, match="spacing of the times is 7 minutes, which is no interval; known: 1m"):
        infer_interval(pl.Series([DAYS[0] + timedelta(minutes=7 * n) for n in range(4)]))


# markets


def test_markets_are_parsed_and_spelled() -> None:
    assert parse_market("binance:BTC/USDT") == Market("binance", "BTC", "USDT")
    assert parse_market("binance:BTC/USDT:USDT-241227") == Market("binance", "BTC", "USDT", "USDT-241227")
    assert str(parse_market("binance:BTC/USDT:USDT")) == "binance:BTC/USDT:USDT"
    assert folder_name("binance:BTC/USDT:USDT") == "binance-BTC_USDT-USDT"


@pytest.mark.parametrize("text", ["", "BTC", "BTC/USD", "binance:BTC", "binance:BTC/", ":BTC/USD", "Big Bank:BTC/USD"])
def test_a_market_spelled_otherwise_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not spelled source:BASE/QUOTE, such as binance:BTC/USDT") as caught:
        parse_market(text)
    assert caught.value.exit_code == 2


PART = st.text("AB1.", min_size=1, max_size=3)
DASHED = st.builds("{}-{}".format, PART, PART) | PART
MARKETS = st.builds(Market, st.text("ab_", min_size=1, max_size=3), DASHED, PART, st.none() | DASHED)


@given(MARKETS, MARKETS)
def test_folder_names_are_safe_and_one_to_one(one: Market, other: Market) -> None:
    assert parse_market(str(one)) == one
    assert not set(folder_name(one)) & set(':/\\ *?"<>|')
    assert (folder_name(one) == folder_name(str(other))) == (one == other)


# candles


def test_the_candle_table(candles: pl.DataFrame) -> None:
    assert candles.columns == [*CANDLE_COLUMNS, "market_cap"]
    assert candles.dtypes == [pl.String] * 2 + [pl.Datetime("ms", "UTC")] * 2 + [pl.Float64] * 6
    assert candles["close_time"].to_list() == [day + timedelta(days=1) for day in DAYS]
    assert candles["volume"].to_list() == [1.0, None, 0.0, 4.0]


def test_the_order_of_rows_and_columns_and_repeated_rows_do_not_matter(candles: pl.DataFrame) -> None:
    frame = pl.DataFrame(OHLC)
    mixed = pl.concat([frame, frame.head(2)]).sample(fraction=1, shuffle=True, seed=1)
    assert make_candles(mixed.select(reversed(mixed.columns)), market=BTC, interval="1d").equals(candles)
    assert check_candles(candles).equals(candles)


def test_a_series_of_closes_has_unknown_open_high_low_volume() -> None:
    candles = make_candles(pl.DataFrame({"open_time": DAYS, "close": [1, 2, 3, 4]}), market=BTC)
    assert candles["interval"].unique().to_list() == ["1d"]
    assert candles.select("open", "high", "low", "volume").null_count().row(0) == (4, 4, 4, 4)


def test_calendar_months_have_their_own_length() -> None:
    months = [datetime(2016, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4)]
    candles = make_candles(pl.DataFrame({"open_time": months, "close": [1.0, 2.0, 3.0, 4.0]}), market=BTC)
    assert candles["interval"][0] == "1M"
    assert candles["close_time"].to_list() == [*months[1:], datetime(2016, 5, 1, tzinfo=UTC)]


@pytest.mark.parametrize("before_midnight", [timedelta(0), timedelta(milliseconds=1), timedelta(seconds=1)])
def test_ends_of_candles_are_full_minutes(before_midnight: timedelta) -> None:
    ends = [day + timedelta(days=1) - before_midnight for day in DAYS]
    candles = make_candles(pl.DataFrame({"close_time": ends, "close": [1.0, 2.0, 3.0, 4.0]}), market=BTC)
    assert candles["open_time"].to_list() == DAYS


def test_other_zones_and_units_become_utc_milliseconds() -> None:
    frame = pl.DataFrame(OHLC).with_columns(
        pl.col("open_time").dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ns")
    )
    assert make_candles(frame, market=BTC)["open_time"].to_list() == DAYS


def test_rounding_and_doubtful_closes_are_not_fatal(candles: pl.DataFrame) -> None:
    rounded = candles.with_columns(high=pl.col("low") * (1 - 1e-12), open=pl.col("low") * 0.5)
    assert check_candles(rounded).height == 4


def spoil(column: str, value: object) -> pl.DataFrame:
    frame = make_candles(pl.DataFrame(OHLC), market=BTC)
    replaced = frame[column].to_list()
    replaced[1:3] = [value, value]
    return frame.with_columns(pl.Series(column, replaced, dtype=frame.schema[column], strict=False))


FIRST = "the 1d candle of file:BTC/USD that opens 2017-01-02 00:00 UTC "


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("close", 0.0, FIRST + "has the close 0.0; a price is above zero and finite: leave such rows out (2 candles"),
        ("close", -1.0, FIRST + "has the close -1.0"),
        ("close", None, FIRST + "has no close; leave such rows out (2 candles in all)"),
        ("close", float("nan"), FIRST + "has no close"),
        ("open", float("inf"), FIRST + "has the open inf"),
        ("high", 5.0, FIRST + "has its high below its low"),
        ("volume", -3.0, FIRST + "has the volume -3.0; it is zero or more, or unknown (null)"),
        ("close_time", DAYS[0], FIRST + "does not close one 1d after it opens"),
        ("open_time", None, "open_time is unknown in 2 rows; every candle needs its open_time"),
        ("market", None, "market is unknown in 2 rows"),
        ("market", "bitcoin", "market 'bitcoin' is not spelled source:BASE/QUOTE"),
        ("interval", "7m", "unknown interval '7m'"),
    ],
)
def test_candles_that_cannot_be_true(column: str, value: object, message: str) -> None:
    with pytest.raises(CoincastError) as caught:
        check_candles(spoil(column, value))
    assert message in str(caught.value)
    assert caught.value.exit_code in (2, 3)


def test_two_different_candles_at_one_time(candles: pl.DataFrame) -> None:
    other = candles.tail(1).with_columns(close=pl.lit(12.5))
    with pytest.raises(CandleError, match="opens 2017-01-04 00:00 UTC is there more than once with different values"):
        check_candles(pl.concat([candles, other]))


def test_messages_are_filled_with_the_values_of_their_candle(candles: pl.DataFrame) -> None:
    odd = candles.with_columns(pl.lit(1.0).alias("{close}"), high=pl.lit(1.0), low=pl.lit(2.0))
    with pytest.raises(CandleError, match=r"has its high below its low; leave such rows out, or mend them \(4 candles"):
        check_candles(odd)


CANDLE = st.tuples(st.sampled_from([BTC, "file:ETH/USD"]), st.sampled_from(["1h", "1d"]), st.integers(0, 3))


@given(st.lists(CANDLE, max_size=12), st.integers(0, 2))
def test_rows_are_ordered_and_repeats_left_out_as_by_hand(places: list[tuple[str, str, int]], spare: int) -> None:
    rows = [
        (
            market,
            interval,
            DAYS[n],
            DAYS[n] + timedelta(milliseconds=INTERVALS[interval]),
            1.0 + n if n else None,
            1.0 + n,
        )
        for market, interval, n in places
    ]
    schema = {"market": pl.String, "interval": pl.String, "open_time": pl.Datetime("ms", "UTC")}
    schema |= {"close_time": pl.Datetime("ms", "UTC"), "open": pl.Float64, "close": pl.Float64}
    checked = check_candles(pl.DataFrame([*rows, *rows[:spare]], schema=schema, orient="row"))
    assert checked.select(schema.keys()).rows() == sorted(set(rows), key=lambda row: row[:3])


def test_missing_columns_and_wrong_kinds(candles: pl.DataFrame) -> None:
    with pytest.raises(ColumnError, match="missing: close_time, close; make_candles builds it"):
        check_candles(candles.drop("close_time", "close"))
    with pytest.raises(ColumnError, match="column 'name' of a candle table holds String; it must hold numbers"):
        check_candles(candles.with_columns(name=pl.lit("x")))
    with pytest.raises(ColumnError, match=r"candles need open_time .* and close; given: open_time, open"):
        make_candles(pl.DataFrame({"open_time": DAYS, "open": [1.0] * 4}), market=BTC)
    with pytest.raises(ColumnError, match="'open_time' holds Date; it must hold times with a zone"):
        make_candles(pl.DataFrame({"open_time": [date(2017, 1, 1)], "close": [1.0]}), market=BTC)


def test_times_without_a_zone_are_refused(candles: pl.DataFrame) -> None:
    with pytest.raises(CandleError, match="column 'close_time' has times without a zone"):
        check_candles(candles.with_columns(pl.col("close_time").dt.replace_time_zone(None)))


def test_many_columns_take_no_time() -> None:
    """The work grows with the columns, not with their square."""
    extra = {f"x{i}": [1.0, 2.0] for i in range(4000)}
    times = pl.Series([datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)])
    start = time.perf_counter()
    candles = make_candles(
        pl.DataFrame({"open_time": times, "close": [1.0, 2.0], **extra}), market="file:BTC/USD", interval="1d"
    )
    assert candles.width == 4009
    assert time.perf_counter() - start < 3
