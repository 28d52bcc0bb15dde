from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from coincast.candles import folding
from coincast.candles.resample import longer_intervals, resample
from coincast.candles.table import INTERVALS, check_candles, make_candles, next_close_times
from coincast.errors import CandleError, ColumnError, UsageError

BTC, ETH = "file:BTC/USD", "file:ETH/USD"
LENGTHS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def walk(
    times: list[datetime], interval: str, market: str = BTC, *, seed: int = 0, unknown: float = 0.0
) -> pl.DataFrame:
    """Candles at these times; a share of all numbers but the closes is unknown."""
    rng = np.random.default_rng(seed)
    prices = np.exp(rng.normal(0, 0.1, (len(times), 4)))
    columns = {
        **{"open": prices[:, 0], "high": prices.max(axis=1), "low": prices.min(axis=1), "close": prices[:, 1]},
        **{name: rng.exponential(1, len(times)) for name in ("volume", "quote_volume", "trades", "market_cap")},
    }
    holes = {
        name: np.where((rng.random(len(times)) < unknown) & (name != "close"), np.nan, of)
        for name, of in columns.items()
    }
    return make_candles(pl.DataFrame({"open_time": times, **holes}), market=market, interval=interval)


def steps(start: datetime, interval: str, numbers: list[int]) -> list[datetime]:
    length = int(interval[:-1]) * LENGTHS[interval[-1]]
    return [start + number * length for number in numbers]


def open_of(time: datetime, interval: str) -> datetime:
    """Open of the longer candle in which a time lies, by the calendar."""
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "1M":
        return midnight.replace(day=1)
    if interval == "1w":
        return midnight - timedelta(days=midnight.weekday())
    if interval == "3d":
        return midnight - timedelta(days=(midnight - datetime(1970, 1, 1, tzinfo=UTC)).days % 3)
    length = int(interval[:-1]) * LENGTHS[interval[-1]]
    return midnight + (time - midnight) // length * length


def known(values: list[Any]) -> bool:
    return all(value is not None for value in values)


def slow(candles: pl.DataFrame, interval: str) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """Rows of the longer candles and of those that are incomplete, candle by candle."""
    groups = defaultdict(list)
    for row in candles.rows(named=True):
        groups[row["market"], open_of(row["open_time"], interval)].append(row)
    made, incomplete = [], []
    for (market, start), rows in sorted(groups.items()):
        end = next_close_times(start, interval, 1)[0]
        places = []
        while (time := places[-1] + (rows[0]["close_time"] - rows[0]["open_time"]) if places else start) < end:
            places.append(time)
        have = [row["open_time"] for row in rows if row["open_time"] in places]
        if have != places or len(rows) != len(places):
            incomplete.append((market, start, len(have), len(places), len(rows) - len(have)))
            continue
        values = {name: [row[name] for row in rows] for name in candles.columns}
        one: dict[str, Any] = {"market": market, "interval": interval, "open_time": start, "close_time": end}
        one |= {"open": values["open"][0], "close": values["close"][-1], "market_cap": values["market_cap"][-1]}
        for name, combine in {"high": max, "low": min, "volume": sum, "quote_volume": sum, "trades": sum}.items():
            one[name] = combine(values[name]) if known(values[name]) else None
        made.append(one)
    return made, incomplete


def check_against_slow(candles: pl.DataFrame, interval: str) -> None:
    done = resample(candles, interval)
    made, incomplete = slow(candles, interval)
    assert done.candles.columns == candles.columns
    assert_frame_equal(done.candles, pl.DataFrame(made, schema=candles.schema), rel_tol=1e-12)
    assert done.incomplete.columns == ["market", "open_time", "have", "need", "astray"]
    assert done.incomplete.rows() == incomplete
    assert_frame_equal(check_candles(done.candles), done.candles)


PAIRS = [(source, target) for source in INTERVALS for target in longer_intervals(source)]


@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if INTERVALS[pair[0]] >= INTERVALS["1h"]])
def test_every_pair_is_as_a_slow_loop_makes_it(source: str, target: str) -> None:
    rng, ratio = np.random.default_rng(1), INTERVALS[target] // INTERVALS[source]
    start = datetime(2019, 12, 20, tzinfo=UTC)
    candles = [
        walk(
            steps(start, source, [n for n in range(4 * ratio + 40) if rng.random() > share]),
            source,
            market,
            unknown=0.02,
        )
        for market, share in ((BTC, 0.0), (ETH, 0.05))
    ]
    check_against_slow(pl.concat(candles), target)


@pytest.mark.parametrize(
    ("source", "target"), [("1m", "3m"), ("1m", "5m"), ("1m", "15m"), ("1m", "30m"), ("3m", "15m"), ("5m", "1h")]
)
def test_minutes(source: str, target: str) -> None:
    rng = np.random.default_rng(2)
    start = datetime(2019, 12, 31, 22, int(source[:-1]), tzinfo=UTC)
    check_against_slow(walk(steps(start, source, [n for n in range(900) if rng.random() > 0.01]), source), target)


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=150, unique=True),
    st.sampled_from(["5m", "15m", "1h", "1d"]),
    st.integers(0, 90),
    st.sampled_from([1, 500]),
)
def test_any_minutes_with_candles_that_stand_elsewhere(
    half_minutes: list[int], target: str, start: int, run: int
) -> None:
    """Half minutes between the full ones are candles astray; `run` decides how the rows are found."""
    begin = datetime(2020, 1, 1, 22, 0, tzinfo=UTC) + start * timedelta(minutes=1)
    times = [begin + number * timedelta(seconds=60 if number % 7 else 30) for number in sorted(half_minutes)]
    candles = walk(sorted(set(times)), "1m", unknown=0.05)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "_LONG_RUN", run)
        patch.setattr(folding, "_LONGER", 4)
        patch.setattr(folding, "_ROWS", 16)
        check_against_slow(candles, target)


def test_many_minutes_are_as_pandas_makes_them() -> None:
    times = pl.select(
        pl.datetime(2020, 1, 1, 0, 3, time_zone="UTC") + pl.duration(minutes=pl.int_range(200_000))
    ).to_series()
    candles = walk(times.to_list(), "1m")
    frame = pd.DataFrame(
        {name: candles[name].to_numpy() for name in candles.columns[4:]},
        index=pd.DatetimeIndex(times.to_numpy(), tz="UTC"),
    )
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "market_cap": "last"}
    for target, rule in {"5m": "5min", "1h": "1h", "1d": "1D", "1w": "W-MON", "1M": "MS"}.items():
        options = {"closed": "left", "label": "left"} if target == "1w" else {}
        theirs = frame.resample(rule, **options).agg(how)
        counts = frame["close"].resample(rule, **options).count()
        ours = resample(candles, target).candles
        whole = theirs[counts.index.isin(pd.DatetimeIndex(ours["open_time"].to_numpy(), tz="UTC"))]
        assert len(theirs) - 2 <= len(whole) == ours.height > 0
        for name in how:
            np.testing.assert_allclose(ours[name].to_numpy(), whole[name].to_numpy(), rtol=1e-12)


def test_an_incomplete_candle_is_dropped_and_named() -> None:
    candles = walk(steps(datetime(2020, 1, 1, tzinfo=UTC), "1h", [n for n in range(96) if n not in (30, 31)]), "1h")
    done = resample(candles[:-1], "1d")
    assert done.candles["open_time"].dt.day().to_list() == [1, 3]
    assert done.incomplete.rows() == [
        (BTC, datetime(2020, 1, 2, tzinfo=UTC), 22, 24, 0),
        (BTC, datetime(2020, 1, 4, tzinfo=UTC), 23, 24, 0),
    ]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    candles = walk(steps(datetime(2020, 1, 1, tzinfo=UTC), "1d", list(range(92))), "1d")
    weeks = resample(candles, "1w").candles
    assert weeks["open_time"].dt.weekday().unique().to_list() == [1]
    assert weeks.height == 12
    months = resample(candles, "1M")
    assert months.candles["close_time"].to_list() == [datetime(2020, month, 1, tzinfo=UTC) for month in (2, 3, 4)]
    assert months.incomplete.select("have", "need").rows() == [(1, 30)]


def test_closes_only_stay_closes_only() -> None:
    times = steps(datetime(2020, 1, 1, tzinfo=UTC), "1h", list(range(48)))
    candles = make_candles(pl.DataFrame({"open_time": times, "close": np.arange(1.0, 49)}), market=BTC)
    days = resample(candles, "1d").candles
    assert days["close"].to_list() == [24.0, 48.0]
    assert all(days[name].null_count() == 2 for name in ("open", "high", "low", "volume"))


def test_days_that_begin_elsewhere_make_no_week() -> None:
    candles = walk(steps(datetime(2020, 1, 6, 5, tzinfo=UTC), "1d", list(range(7))), "1d")
    done = resample(candles, "1w")
    assert done.candles.height == 0
    assert done.incomplete.rows() == [(BTC, datetime(2020, 1, 6, tzinfo=UTC), 0, 7, 7)]


def test_no_candles_make_none() -> None:
    candles = walk(steps(datetime(2020, 1, 1, tzinfo=UTC), "1h", [0, 1]), "1h")
    assert resample(candles.clear(), "1d").candles.height == 0
    assert resample(candles, "1d").candles.schema == candles.schema


@pytest.mark.parametrize(
    ("source", "target", "possible"),
    [
        ("1h", "30m", "possible: 2h 4h 6h 8h 12h 1d 3d 1w 1M"),
        ("8h", "12h", "possible: 1d 3d 1w 1M"),
        ("1d", "1d", "possible: 3d 1w 1M"),
        ("1w", "1M", "nothing longer can be made of them"),
    ],
)
def test_what_is_no_multiple_is_refused(source: str, target: str, possible: str) -> None:
    candles = walk(steps(datetime(2020, 1, 6, tzinfo=UTC), source, list(range(9))), source)
    with pytest.raises(UsageError) as caught:
        resample(candles, target)
    assert str(caught.value) == (
        f"{source} candles cannot be made into {target}, which is no multiple of {source}; {possible}"
    )


def test_candles_that_cannot_be_resampled() -> None:
    hours = walk(steps(datetime(2020, 1, 1, tzinfo=UTC), "1h", list(range(48))), "1h")
    days = walk(steps(datetime(2020, 1, 1, tzinfo=UTC), "1d", [0, 1]), "1d")
    with pytest.raises(UsageError, match="unknown interval '7m'"):
        resample(hours, "7m")
    with pytest.raises(CandleError, match=r"of several intervals \(1d, 1h\)"):
        resample(check_candles(pl.concat([hours, days])), "1w")
    with pytest.raises(CandleError, match="are not in order of time, each once; check_candles brings"):
        resample(hours[::-1], "1d")
    with pytest.raises(ColumnError, match="a candle table needs"):
        resample(hours.drop("close"), "1d")
    mixed = hours.drop("volume").with_columns(pl.lit(1).alias("volume"))
    assert resample(mixed, "1d").candles["volume"].to_list() == [24.0, 24.0]
