from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from coincast.candles.quality import find_gaps, find_outside_range
from coincast.candles.table import make_candles


def daily(days: list[int], market: str = "file:BTC/USD") -> pl.DataFrame:
    start = datetime(2017, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame({"open_time": [start + timedelta(days=day) for day in days], "close": [1.0] * len(days)})
    return make_candles(frame, market=market, interval="1d")


def test_gaps_are_found_per_market_and_their_candles_counted() -> None:
    candles = pl.concat([daily([0, 1, 3, 4, 9]), daily([20, 21], "file:ETH/USD")])
    gaps = find_gaps(candles)
    assert gaps.columns == ["market", "interval", "after", "before", "missing"]
    assert gaps["market"].to_list() == ["file:BTC/USD"] * 2
    assert gaps["after"].dt.day().to_list() == [3, 6]
    assert gaps["before"].dt.day().to_list() == [4, 10]
    assert gaps["missing"].to_list() == [1, 4]


def test_missing_months_are_counted_by_the_calendar() -> None:
    months = [datetime(2016, month, 1, tzinfo=UTC) for month in (1, 2, 5)] + [datetime(2018, 1, 1, tzinfo=UTC)]
    candles = make_candles(pl.DataFrame({"open_time": months, "close": [1.0] * 4}), market="file:A/B", interval="1M")
    assert find_gaps(candles)["missing"].to_list() == [2, 19]


def test_no_gaps() -> None:
    assert find_gaps(daily([0, 1, 2])).height == 0
    assert find_gaps(daily([0])).height == 0


def test_prices_outside_their_range_are_found() -> None:
    times = [datetime(2017, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
    prices = {"open": [2.0, 9.0, 2.0, None], "high": [3.0] * 4, "low": [1.0] * 4, "close": [3.0 + 1e-12, 2.0, 0.5, 2.0]}
    candles = make_candles(pl.DataFrame({"open_time": times, **prices}), market="file:A/B")
    assert find_outside_range(candles)["open_time"].dt.day().to_list() == [2, 3]
