from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincast.candles.join import join_markets, join_outside
from coincast.candles.table import make_candles
from coincast.errors import CandleError, ColumnError, DataError, UnknownNameError
from coincast.samples.samples import Samples, make_samples
from coincast.sources.files import read_candle_files
from coincast.sources.outside import read_outside

BTC, ETH, LTC = "file:BTC/USD", "file:ETH/USD", "file:LTC/USD"


def series(market: str, numbers: list[int], interval: str = "1d", step: timedelta = timedelta(days=1)) -> pl.DataFrame:
    times = [datetime(2017, 1, 1, tzinfo=UTC) + step * number for number in numbers]
    frame = pl.DataFrame({"open_time": times, "close": [number + 1.0 for number in numbers]})
    return make_candles(frame, market=market, interval=interval)


def test_markets_are_cut_to_their_common_candles_in_order_of_time() -> None:
    candles = pl.concat([series(BTC, [0, 1, 2, 3, 5]), series(ETH, [1, 2, 3, 4, 5]), series(LTC, [5, 1, 2, 9])])
    eth, btc, ltc = join_markets(candles.sample(fraction=1, shuffle=True, seed=2), [ETH, BTC, LTC])
    assert eth["market"].unique().to_list() == [ETH]
    for table in (eth, btc, ltc):
        assert table["close"].to_list() == [2.0, 3.0, 6.0]
        assert table["close_time"].equals(eth["close_time"])
    assert join_markets(candles, [BTC])[0].height == 5


def test_an_unknown_market() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown market 'file:ETC/USD'; .*known: file:BTC/USD") as caught:
        join_markets(series(BTC, [0, 1]), ["file:ETC/USD"])
    assert caught.value.exit_code == 2


def test_markets_without_a_common_day() -> None:
    candles = pl.concat([series(BTC, [0, 1]), series(ETH, [5, 9])])
    with pytest.raises(CandleError) as caught:
        join_markets(candles, [BTC, ETH])
    assert str(caught.value) == (
        "file:BTC/USD and file:ETH/USD have no candle in common: file:BTC/USD covers 2017-01-01 to 2017-01-02, "
        "file:ETH/USD covers 2017-01-06 to 2017-01-10; give markets whose times overlap"
    )
    assert caught.value.exit_code == 3


def test_different_intervals() -> None:
    candles = pl.concat([series(BTC, [0, 1]), series(ETH, [0, 1], "1h", timedelta(hours=1))])
    with pytest.raises(CandleError, match="file:BTC/USD is 1d, file:ETH/USD is 1h; give candles of one interval"):
        join_markets(candles, [BTC, ETH])


def test_the_two_coins_of_article_0(shared_data: Path) -> None:
    folder = shared_data / "cmc" / "kaggle2018"
    candles, _ = read_candle_files([folder / "bitcoin_price.csv", folder / "ethereum_price.csv"])
    span = pl.col("open_time").is_between(datetime(2016, 1, 1, tzinfo=UTC), datetime(2017, 11, 21, tzinfo=UTC))
    btc, eth = join_markets(candles.filter(span), ["coinmarketcap:BTC/USD", "coinmarketcap:ETH/USD"])
    assert btc.height == eth.height == 691


# outside series

START = datetime(2017, 1, 1, tzinfo=UTC)


def outside(rows: list[tuple[int, float, float | None]]) -> pl.DataFrame:
    """Rows of date and moment of becoming known, both in days, and a value."""
    return pl.DataFrame(
        {
            "date": [START + timedelta(days=date) for date, _, _ in rows],
            "known_at": [START + timedelta(days=known) for _, known, _ in rows],
            "value": pl.Series([value for _, _, value in rows], dtype=pl.Float64),
        }
    )


def joined(candles: pl.DataFrame, series: pl.DataFrame) -> list[float | None]:
    return join_outside(candles, series, prefix="mood").candles["mood_value"].to_list()


def test_a_value_is_seen_once_its_day_has_ended() -> None:
    """The candle of day 1 closes when day 1 ends: at that very moment the value of day 1 is not known before."""
    series = outside([(day, day + 1, 10.0 * day) for day in range(4)])
    days = series_of(BTC, 5)
    assert joined(days, series) == [None, 0.0, 10.0, 20.0, 30.0]
    hours = series_of(BTC, 49, "1h", timedelta(hours=1))
    assert joined(hours, series) == [None] * 24 + [0.0] * 24 + [10.0]
    published_as_the_day_begins = series.with_columns(known_at="date")
    assert joined(days, published_as_the_day_begins) == [0.0, 10.0, 20.0, 30.0, 30.0]


def series_of(market: str, rows: int, interval: str = "1d", step: timedelta = timedelta(days=1)) -> pl.DataFrame:
    return series(market, list(range(rows)), interval, step)


def test_rows_stay_in_their_order_and_markets_apart() -> None:
    candles = pl.concat([series_of(BTC, 5), series_of(ETH, 3)]).sample(fraction=1, shuffle=True, seed=1)
    result = join_outside(candles, outside([(0, 1, 7.0), (1, 2, 8.0)]).reverse(), prefix="mood").candles
    assert result.drop("mood_value").equals(candles)
    assert result.sort("market", "open_time")["mood_value"].to_list() == [None, 7.0, 8.0, 8.0, 8.0, None, 7.0, 8.0]


def test_nothing_is_filled() -> None:
    candles = series_of(BTC, 12)
    result = join_outside(candles, outside([(0, 1, 5.0), (1, 2, None), (2, 3, 6.0)]), prefix="mood")
    assert result.candles["mood_value"].to_list() == [None, 5.0, None, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, None, None]
    assert result.notes == (
        "mood: unknown in 1 candle that closed before its first value was known",
        "mood: unknown in 2 candles, for nothing new was known for over 7 periods",
    )
    short = join_outside(candles, outside([(0, 1, 5.0), (1, 2, None), (2, 3, 6.0)]), prefix="mood", stale_after=1)
    assert short.candles["mood_value"].to_list() == [None, 5.0, None, 6.0] + [None] * 8


def test_a_revision_counts_from_the_moment_it_is_known_on() -> None:
    series = outside([(0, 0.5, 1.0), (0, 2.5, 1.5), (1, 1.5, 2.0), (1, 3.5, 2.5)])
    assert joined(series_of(BTC, 5), series) == [1.0, 2.0, 2.0, 2.5, 2.5]


def test_a_later_date_is_not_replaced_by_an_earlier_one() -> None:
    """The value of day 0 comes late, after that of day 1."""
    assert joined(series_of(BTC, 4), outside([(0, 2.5, 1.0), (1, 1.5, 2.0)])) == [None, 2.0, 2.0, 2.0]


def test_what_cannot_be_joined() -> None:
    candles, good = series_of(BTC, 3), outside([(0, 1, 1.0)])
    with pytest.raises(ColumnError, match="needs date, known_at and values; given: date, value"):
        join_outside(candles, good.drop("known_at"), prefix="x")
    with pytest.raises(ColumnError, match="needs date, known_at and values"):
        join_outside(candles, good.drop("value"), prefix="x")
    with pytest.raises(ColumnError, match="'date' of an outside series must hold times with a zone"):
        join_outside(candles, good.with_columns(pl.col("date").dt.replace_time_zone(None)), prefix="x")
    with pytest.raises(ColumnError, match="'value' of an outside series holds String"):
        join_outside(candles, good.with_columns(value=pl.lit("x")), prefix="x")
    with pytest.raises(ColumnError, match="the candles have a column 'x_value' already; give another prefix"):
        join_outside(join_outside(candles, good, prefix="x").candles, good, prefix="x")
    with pytest.raises(DataError, match="two different rows of 2017-01-01 00:00 UTC"):
        join_outside(candles, outside([(0, 1, 1.0), (0, 1, 2.0)]), prefix="x")


def by_hand(close_time: datetime, series: pl.DataFrame, period: timedelta | None) -> float | None:
    """The slow way: look at every row that was known."""
    known = [row for row in series.iter_rows(named=True) if row["known_at"] < close_time]
    if not known:
        return None
    last = max(known, key=lambda row: (row["date"], row["known_at"]))
    since = max(row["known_at"] for row in known if row["date"] == last["date"])
    return None if period and close_time - since > 7 * period else last["value"]


PLACES = st.tuples(st.integers(0, 12), st.sampled_from([0.0, 0.25, 1.0, 1.5, 3.0, 11.0]))
VALUES = st.none() | st.floats(-5, 5)


@settings(max_examples=60)
@given(st.dictionaries(PLACES, VALUES, min_size=1, max_size=12), st.sampled_from(["1d", "8h"]), st.integers(0, 25))
def test_the_future_changes_nothing(values: dict[tuple[int, float], float | None], interval: str, end: int) -> None:
    """Other values from the close of a candle on move neither it nor any candle before it."""
    step = timedelta(days=1) if interval == "1d" else timedelta(hours=8)
    candles = pl.concat([series_of(BTC, 26, interval, step), series_of(ETH, 9, interval, step)])
    table = outside([(date, date + delay, value) for (date, delay), value in values.items()])
    now = candles["close_time"][end]
    altered = table.with_columns(
        pl.when(pl.col("known_at") >= now).then(pl.col("value").fill_null(0) + 100).otherwise("value").alias("value")
    )
    before, after = (join_outside(candles, one, prefix="x").candles for one in (table, altered))
    past = pl.col("close_time") <= now
    assert before.filter(past).equals(after.filter(past))
    dates = table["date"].unique().sort().diff().drop_nulls()
    expected = [by_hand(close, table, dates.median() if dates.len() else None) for close in candles["close_time"]]
    assert before["x_value"].to_list() == expected


def test_fear_and_greed_does_not_leak(shared_data: Path) -> None:
    """Altering the value dated D moves no sample whose origin is on or before the end of D, and moves later ones."""
    index = read_outside(shared_data / "exogenous" / "fear_greed_index.csv").table
    candles, _ = read_candle_files([shared_data / "yahoo" / "bitcoin_daily.csv"])

    def samples(series: pl.DataFrame) -> Samples:
        joined = join_outside(candles, series, prefix="fear_greed").candles
        settings = {"features": ["log_return", "fear_greed_value"], "lookback": 5, "horizon": 1, "target": "log_return"}
        market = candles["market"][0]
        return make_samples(joined, market=market, inputs=[market], **settings)

    before = samples(index)
    for row in (0, 700, 1400):
        day = index["date"][row]
        after = samples(index.with_columns(pl.when(pl.col("date") == day).then(-1.0).otherwise("value").alias("value")))
        assert np.array_equal(before.windows.starts, after.windows.starts)
        past_rows = before.windows.past_rows
        moved = (before.inputs[past_rows] != after.inputs[past_rows]).any(axis=(1, 2))
        origins = before.candles["close_time"].to_numpy()[before.windows.origin_rows][moved]
        first_moved = [day + timedelta(days=number) for number in range(2, 7)]
        expected = np.array([moment.replace(tzinfo=None) for moment in first_moved], dtype="datetime64[ms]")
        known = before.candles["close_time"].to_numpy()[before.windows.origin_rows]
        assert np.array_equal(origins, expected[np.isin(expected, known)])
        assert len(origins)
