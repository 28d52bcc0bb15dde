"""Which candles, and which windows of them, an experiment learns from and forecasts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest

import coincast as cc
from coincast.errors import CandleError, ColumnError, TooFewRowsError, UnknownNameError, UsageError
from coincast.experiments.sections import DataSection
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, choose_candles, make_tasks

WALK, ECHO = "simulated:WALK1/USD", "simulated:ECHO1/USD"


def live_tasks(spec: Spec, candles: pl.DataFrame) -> list[Task]:
    return [task for task in make_tasks(spec, candles, beyond=True) if task.is_live]


def test_markets_come_in_the_order_asked_for(two_markets: pl.DataFrame) -> None:
    chosen = choose_candles(two_markets, DataSection(markets=[WALK, ECHO]))
    assert chosen["market"].unique(maintain_order=True).to_list() == [WALK, ECHO]
    assert choose_candles(two_markets, DataSection(markets=[ECHO]))["market"].unique().to_list() == [ECHO]


@pytest.mark.parametrize(
    ("since", "until", "rows"),
    [
        (date(2015, 1, 11), None, 150),
        ("2015-01-11", None, 150),
        (None, date(2015, 1, 10), 10),  # a bare date includes its day
        (None, "2015-01-10", 10),
        (None, datetime(2015, 1, 10, tzinfo=UTC), 10),
        (None, datetime(2015, 1, 9, 12, tzinfo=UTC), 9),
        ("2015-01-05T00:00Z", "2015-01-06", 2),
        (datetime(2015, 1, 11, 1, tzinfo=timezone(timedelta(hours=1))), None, 150),
        (datetime(2015, 1, 5, 1, tzinfo=UTC), "2015-01-06", 1),
    ],
)
def test_since_and_until_are_open_times(echo: pl.DataFrame, since: object, until: object, rows: int) -> None:
    assert choose_candles(echo, DataSection(since=since, until=until)).height == rows  # type: ignore[arg-type]


def test_until_includes_every_hour_of_a_bare_date() -> None:
    hours = cc.simulate("walk", candles=100, interval="1h")
    assert choose_candles(hours, DataSection(until="2015-01-02")).height == 48


def test_wrong_choices_are_refused(two_markets: pl.DataFrame) -> None:
    with pytest.raises(UnknownNameError, match="unknown market 'x'"):
        choose_candles(two_markets, DataSection(markets=["x"]))
    with pytest.raises(UnknownNameError, match="unknown interval in these candles '1h'; known: 1d"):
        choose_candles(two_markets, DataSection(interval="1h"))
    with pytest.raises(TooFewRowsError, match="has no candles from 2016-01-01 to 2015-01-01"):
        choose_candles(two_markets, DataSection(since="2016-01-01", until="2015-01-01"))
    with pytest.raises(UsageError, match=r"data.since is 'gestern'; allowed: a date or time"):
        choose_candles(two_markets, DataSection(since="gestern"))


def test_one_of_several_intervals_is_chosen(echo: pl.DataFrame) -> None:
    both = pl.concat([echo, cc.simulate("echo", candles=50, interval="1h")])
    with pytest.raises(UsageError, match=r"several intervals: 1d, 1h; choose one with data.interval"):
        choose_candles(both, DataSection())
    assert choose_candles(both, DataSection(interval="1h")).height == 50


def test_windows_of_the_parts_count_as_they_must(echo: pl.DataFrame, small: Callable[..., Spec]) -> None:
    # 160 candles, the last 48 for the test, the 32 before for validation. The first candle has no log return.
    [task] = make_tasks(small(validation=32, test=48, lookback=5, horizon=2, reach_back=False), echo)
    assert [len(part) for part in (task.parts.train, task.parts.validation, task.parts.test)] == [80, 32, 48]
    assert [len(part) for part in (task.training, task.validation, task.test)] == [80 - 1 - 6, 32 - 6, 48 - 6]
    [reaching] = make_tasks(small(validation=32, test=48, lookback=5, horizon=2), echo)
    assert [len(part) for part in (reaching.training, reaching.validation, reaching.test)] == [73, 31, 47]
    closes = echo["close_time"]
    assert task.trained_until == reaching.trained_until == closes.dt.epoch("ms")[79]


def test_a_gap_of_the_split_lies_between_the_parts(echo: pl.DataFrame, small: Callable[..., Spec]) -> None:
    [task] = make_tasks(small(validation=32, test=48, gap=7), echo)
    assert (task.parts.train.end, task.parts.validation.first) == (66, 73)
    assert (task.parts.validation.end, task.parts.test.first) == (105, 112)


def test_no_window_straddles_missing_candles(echo: pl.DataFrame, small: Callable[..., Spec]) -> None:
    holed = echo.filter(~pl.int_range(pl.len()).is_in([50, 130]))
    [task] = make_tasks(small(lookback=3, features=["close"]), holed)
    for windows in (task.training, task.test):
        times = task.samples.open_time[windows.starts[:, None] + range(4)]
        assert ((times[:, 1:] - times[:, :-1]) == 86_400_000).all()


def test_unknown_volumes_leave_windows_out(echo: pl.DataFrame, small: Callable[..., Spec]) -> None:
    volume = pl.when(pl.int_range(pl.len()) != 60).then("volume").alias("volume")
    [full] = make_tasks(small(features=["close", "volume"]), echo)
    [holed] = make_tasks(small(features=["close", "volume"]), echo.with_columns(volume))
    assert len(full.training) - len(holed.training) == 3  # the windows of three candles that hold this one


def test_a_dead_input_is_named(echo: pl.DataFrame, small: Callable[..., Spec]) -> None:
    with pytest.raises(ColumnError, match="'volume' is unknown in every"):
        make_tasks(small(features=["close", "volume"]), echo.with_columns(volume=pl.lit(None, dtype=pl.Float64)))
    with pytest.raises(ColumnError, match="'volume' is 5 in all"):
        make_tasks(small(features=["close", "volume"]), echo.with_columns(volume=pl.lit(5.0)))


def test_an_input_that_leaves_no_window_is_named(echo: pl.DataFrame, small: Callable[..., Spec]) -> None:
    """Known in the last twenty candles only, of which the test part has 48."""
    late = echo.with_columns(volume=pl.when(pl.int_range(pl.len()) >= 140).then("volume"))
    with pytest.raises(TooFewRowsError, match=r"training part of .*: it has 112 rows, input 'volume' is known in 0 of"):
        make_tasks(small(features=["close", "volume"]), late)
    early = echo.with_columns(volume=pl.when(pl.int_range(pl.len()) < 20).then("volume"))
    with pytest.raises(TooFewRowsError, match=r"test part of .*: it has 48 rows, input 'volume' is known in 0 of"):
        make_tasks(small(features=["close", "volume"]), early)


def test_tasks_share_what_is_the_same(two_markets: pl.DataFrame, small: Callable[..., Spec]) -> None:
    """One table of joined inputs for every market, and one of each market for its test and what is beyond."""
    joined = make_tasks(small(inputs="all"), two_markets, beyond=True)
    assert [(task.market, task.is_live) for task in joined] == [
        (WALK, False),
        (ECHO, False),
        (WALK, True),
        (ECHO, True),
    ]
    assert len({id(task.samples.inputs) for task in joined}) == 1
    assert [float(task.samples.close[5]) for task in joined[:2]] == [
        two_markets.filter(market=market)["close"][5] for market in (WALK, ECHO)
    ]
    own = make_tasks(small(), two_markets, beyond=True)
    assert len({id(task.samples.inputs) for task in own}) == 2


def test_all_markets_are_inputs_of_each(two_markets: pl.DataFrame, small: Callable[..., Spec]) -> None:
    tasks = make_tasks(small(inputs="all", features=["close", "volume"], targets=[ECHO]), two_markets)
    assert [task.market for task in tasks] == [ECHO]
    assert set(tasks[0].samples.names) == {
        f"{coin} {name}" for coin in ("WALK1", "ECHO1") for name in ("close", "volume")
    }
    with pytest.raises(UnknownNameError, match=r"unknown market in samples.targets"):
        make_tasks(small(targets=["x"]), two_markets)


def test_markets_without_a_common_day_are_refused(echo: pl.DataFrame, small: Callable[..., Spec]) -> None:
    later = cc.simulate("walk", candles=160, start="2018-01-01")
    both = pl.concat([echo, later], how="diagonal")
    with pytest.raises(CandleError, match="no candle in common") as refused:
        make_tasks(small(inputs="all"), both)
    assert "2018-01-01" in str(refused.value)
    assert len(make_tasks(small(), both)) == 2  # each for itself is fine


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lookback": 500}, "need 501 candles in a row, but simulated:ECHO1/USD has 160"),
        ({"test": "2030-01-01"}, "the test span has no rows"),
        ({"test": 2, "horizon": 3}, "no window fits into the test part"),
        ({"test": 158}, "no window fits into the training part"),
        ({"test": 500}, "no rows are left for training"),
        ({"validation": 500}, "no rows are left for training"),
    ],
)
def test_spans_that_are_too_short_are_refused(
    echo: pl.DataFrame, small: Callable[..., Spec], changes: dict[str, object], says: str
) -> None:
    with pytest.raises(TooFewRowsError, match=says):
        make_tasks(small(**changes), echo)


def test_a_live_task_learns_everything_and_starts_at_the_last_close(
    echo: pl.DataFrame, small: Callable[..., Spec]
) -> None:
    [task] = live_tasks(small(horizon=2, lookback=3), echo)
    assert task.is_live
    assert len(task.training) == 160 - 1 - 4
    assert task.samples.close_time[task.test.origin_rows].tolist() == [echo["close_time"].dt.epoch("ms")[-1]]
    assert task.trained_until == echo["close_time"].dt.epoch("ms")[-1]


def test_a_live_task_needs_complete_last_candles(echo: pl.DataFrame, small: Callable[..., Spec]) -> None:
    holed = echo.filter(pl.int_range(pl.len()) != 158)
    with pytest.raises(TooFewRowsError, match="no complete window of 3 candles at its end"):
        live_tasks(small(lookback=3), holed)


def test_months_follow_the_calendar(small: Callable[..., Spec]) -> None:
    months = cc.simulate("echo", candles=120, interval="1M", seed=1)
    [task] = live_tasks(small(), months)
    assert len(task.training) == 120 - 1 - 3  # no month is taken for a gap
    assert months["close_time"][0] - months["open_time"][0] == timedelta(days=31)
