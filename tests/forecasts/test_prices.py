"""Prices on an even grid."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from coincast.forecasts.prices import CandleClock, price_path


def times(*texts: str) -> pl.Series:
    return pl.Series(texts).str.to_datetime("%Y-%m-%d %H:%M", time_unit="ms", time_zone="UTC")


def test_neighbours_differ_by_one() -> None:
    hours = times("2020-01-01 00:30", "2020-01-01 01:30", "2020-01-01 04:29")
    assert np.diff(CandleClock.of(hours, "1h").number(hours)).tolist() == [1, 3]
    for months in (
        times("2020-01-31 00:00", "2020-02-29 00:00", "2020-03-31 00:00"),
        times("2020-03-01 00:00", "2020-03-31 23:00", "2020-04-30 23:00"),  # the first of a month in London
        times("2020-02-20 00:00", "2020-03-20 00:00", "2020-04-20 00:00"),
    ):
        assert np.diff(CandleClock.of(months, "1M").number(months)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("interval", "closes", "origin", "closed"),
    [
        ("1d", ("2020-01-01 00:00", "2020-01-02 00:00"), "2020-01-01 18:05", 0),
        ("1d", ("2020-01-01 00:00", "2020-01-02 00:00"), "2020-01-01 22:59", 0),
        ("1d", ("2020-01-01 00:00", "2020-01-02 00:00"), "2020-01-01 23:59", 1),
        ("1d", ("2020-03-28 23:00", "2020-03-29 22:00"), "2020-03-29 22:00", 1),  # midnight in Berlin
        ("1h", ("2020-01-01 00:00", "2020-01-01 01:00"), "2020-01-01 00:58", 0),
        ("1m", ("2020-01-01 00:00", "2020-01-01 00:01"), "2020-01-01 00:00", 0),
        ("1w", ("2020-01-06 00:00", "2020-01-13 00:00"), "2020-01-12 00:00", 0),
        ("1M", ("2020-01-31 00:00", "2020-02-29 00:00"), "2020-02-28 00:00", 0),
        ("1M", ("2020-01-31 00:00", "2020-02-29 00:00"), "2020-02-29 00:00", 1),
        ("1M", ("2020-02-01 00:00", "2020-03-01 00:00"), "2020-02-29 00:00", 0),
    ],
)
def test_a_candle_that_has_not_closed_is_not_known(
    interval: str, closes: tuple[str, str], origin: str, closed: int
) -> None:
    known = times(*closes)
    clock = CandleClock.of(known, interval)
    assert clock.last_closed(times(origin)).tolist() == [clock.number(known)[closed]]
    assert clock.is_close(known).all()


def test_a_stamp_in_the_last_second_is_a_close() -> None:
    clock = CandleClock.of(times("2020-01-01 00:00"), "1m")
    stamps = pl.Series(["2020-01-01 00:00:59", "2020-01-01 00:00:58"]).str.to_datetime(time_unit="ms", time_zone="UTC")
    assert clock.is_close(stamps).tolist() == [True, False]
    assert np.diff(clock.last_closed(stamps)).tolist() == [-1]


def test_prices_come_from_origins_and_targets_and_gaps_stay_open() -> None:
    frame = pl.DataFrame(
        {
            "interval": "1d",
            "origin": times("2020-01-01 00:00", "2020-01-04 00:00"),
            "target_time": times("2020-01-02 00:00", "2020-01-05 00:00"),
            "last_close": [1.0, None],
            "actual": [2.0, 5.0],
        }
    )
    path = price_path(frame)
    assert np.array_equal(path.at(path.candles[0] + np.arange(5)), [1, 2, np.nan, np.nan, 5], equal_nan=True)
    day = pl.Series([datetime(2020, 1, 2, tzinfo=UTC)]).dt.cast_time_unit("ms")
    assert path.at(path.clock.number(day)).tolist() == [2]
    assert np.isnan(path.at(path.candles[0] + np.array([-1, 99]))).all()


def test_where_no_price_is_known_every_price_is_nan() -> None:
    frame = pl.DataFrame(
        {
            "interval": "1d",
            "origin": times("2020-01-01 00:00"),
            "target_time": times("2020-01-02 00:00"),
            "last_close": pl.Series([None], dtype=pl.Float64),
            "actual": pl.Series([None], dtype=pl.Float64),
        }
    )
    assert np.isnan(price_path(frame).at(np.array([0, 18262]))).all()


def test_a_time_far_away_costs_no_memory() -> None:
    frame = pl.DataFrame(
        {
            "interval": "1m",
            "origin": times("2020-01-01 00:00", "9999-01-01 00:00"),
            "target_time": times("2020-01-01 00:01", "9999-01-01 00:01"),
            "last_close": [1.0, 3.0],
            "actual": [2.0, 4.0],
        }
    )
    assert price_path(frame).prices.tolist() == [1, 2, 3, 4]


def test_an_actual_price_wins_over_a_last_close_of_the_same_candle() -> None:
    frame = pl.DataFrame(
        {
            "interval": "1d",
            "origin": times("2020-01-01 00:00", "2020-01-02 18:00"),
            "target_time": times("2020-01-02 00:00", "2020-01-04 00:00"),
            "last_close": [1.0, 7.0],
            "actual": [2.0, 5.0],
        }
    )
    assert price_path(frame).prices.tolist() == [1, 2, 5]
