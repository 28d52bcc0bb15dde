"""Prices on an even grid."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from coincast.forecasts.prices import CandleClock, price_path


def times(*texts: str) -> pl.Series:
    return pl.Series(texts).str.to_datetime("%Y-%m-%d %H:%M", time_unit="ms", time_zone="UTC")


def test_neighbours_differ_by_one() -> None:
    hours = times("2020-01-01 00:30", "2020-01-01 01:30", "2020-01-01 04:29")
    assert np.diff(CandleClock.of(hours, "1h").number(hours)).tolist() == [1, 3]
    months = times("2020-01-31 00:00", "2020-02-29 00:00", "2020-03-01 00:00")
    assert np.diff(CandleClock.of(months, "1M").number(months)).tolist() == [1, 1]


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
    assert np.array_equal(path.prices, [1, 2, np.nan, np.nan, 5], equal_nan=True)
    day = pl.Series([datetime(2020, 1, 2, tzinfo=UTC)]).dt.cast_time_unit("ms")
    assert path.at(path.clock.number(day)).tolist() == [2]
    assert np.isnan(path.at(np.array([path.start - 1, path.start + 99]))).all()


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
