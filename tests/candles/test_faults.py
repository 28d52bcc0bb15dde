from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincast.candles.faults import FAULTS, POLICIES, clear_faults, find_faults
from coincast.candles.table import check_candles, make_candles
from coincast.errors import CandleError, ColumnError, UnknownNameError

NAN, INF = float("nan"), float("inf")


def day(number: int) -> datetime:
    return datetime(2017, 1, number, tzinfo=UTC)


def frame(**columns: list[float | None]) -> pl.DataFrame:
    """Four days that are as they should be, but for the columns that are given."""
    sound = {"open": [10.0] * 4, "high": [12.0] * 4, "low": [9.0] * 4, "close": [11.0] * 4, "volume": [1.0] * 4}
    times = {"open_time": [day(number) for number in (1, 2, 3, 4)]}
    return pl.DataFrame({**times, **sound, **columns}, strict=False)


@pytest.mark.parametrize(
    ("columns", "kind", "detail"),
    [
        ({"open_time": [day(1), None, day(3), day(4)]}, "no time", "no readable time"),
        ({"close": [11.0, None, 11.0, 11.0]}, "no close", "no close"),
        ({"close": [11.0, NAN, 11.0, 11.0]}, "no close", "no close"),
        ({"close": [11.0, 0.0, 11.0, 11.0]}, "impossible price", "close 0.0"),
        ({"low": [9.0, -1.0, 9.0, 9.0]}, "impossible price", "low -1.0"),
        ({"open": [9.0, INF, None, 9.0], "high": [12.0, -INF, None, NAN]}, "impossible price", "open inf, high -inf"),
        ({"high": [12.0, 0.33, 12.0, 12.0]}, "high below low", "high 0.33 below low 9.0"),
        ({"volume": [None, -2.0, 0.0, NAN]}, "impossible volume", "volume -2.0"),
        ({"volume": [None, INF, 0.0, 1.0]}, "impossible volume", "volume inf"),
    ],
)
def test_one_fault(columns: dict[str, list[float | None]], kind: str, detail: str) -> None:
    faults = find_faults(frame(**columns))
    assert faults.schema == FAULTS
    time = None if kind == "no time" else day(2)
    assert faults.rows() == [(1, time, kind, detail)]


def test_sound_rows_have_none() -> None:
    assert find_faults(frame()).is_empty()
    assert find_faults(pl.concat([frame(), frame()])).is_empty()
    assert find_faults(frame(high=[12.0, 9.0 - 1e-12, 9.0, 9.0])).is_empty()
    assert find_faults(frame(open=[20.0] * 4)).is_empty()
    assert find_faults(frame().head(0)).is_empty()
    assert find_faults(frame().select("open_time", "close")).is_empty()


def test_every_row_of_a_conflict_is_a_fault() -> None:
    table = pl.concat([frame(), frame(close=[11.0, 11.5, 11.0, 11.0]).slice(1, 1), frame().slice(1, 2)])
    faults = find_faults(table)
    assert faults["row"].to_list() == [1, 4, 5]
    assert faults["kind"].unique().to_list() == ["conflicting duplicate"]
    assert faults["detail"].to_list()[1] == "close 11.5, and another row of that time differs"
    by_close = table.rename({"open_time": "close_time"})
    assert find_faults(by_close).equals(faults)


def test_markets_do_not_conflict_with_one_another() -> None:
    one, other = (
        make_candles(frame(close=[close] * 4), market=f"file:{coin}/USD") for coin, close in (("A", 10), ("B", 11))
    )
    assert find_faults(pl.concat([one, other])).is_empty()
    assert find_faults(pl.concat([one, other, one.head(1).with_columns(close=10.5)]))["row"].to_list() == [0, 8]


DIRTY = pl.DataFrame(
    {
        "open_time": [day(1), day(2), day(2), None, day(4), day(5), day(6), day(6), day(7)],
        "open": [10.0, 10.0, 10.0, 10.0, 0.0, 10.0, 10.0, 10.0, 10.0],
        "high": [12.0, 12.0, 13.0, 12.0, 12.0, 1.0, 12.0, 12.0, 12.0],
        "low": [9.0] * 9,
        "close": [11.0, 11.0, 11.5, 11.0, 11.0, 11.0, 11.0, 0.0, 11.0],
        "volume": [-1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, NAN],
    }
)


def test_drop_leaves_out_every_row_with_a_fault() -> None:
    cleared, done = clear_faults(DIRTY, "drop")
    assert cleared["open_time"].to_list() == [day(7)]
    assert done.columns == [*FAULTS, "done"]
    assert done["row"].to_list() == [0, 1, 2, 3, 4, 5, 6, 7, 7]
    assert done["done"].unique().to_list() == ["left out"]


def test_keep_keeps_what_can_stand() -> None:
    cleared, done = clear_faults(DIRTY, "keep")
    assert cleared.rows() == [
        (day(1), 10.0, 12.0, 9.0, 11.0, None),
        (day(2), 10.0, 13.0, 9.0, 11.5, 1.0),
        (day(4), None, 12.0, 9.0, 11.0, 1.0),
        (day(5), 10.0, None, None, 11.0, 1.0),
        (day(6), 10.0, 12.0, 9.0, 11.0, 1.0),
        (day(7), 10.0, 12.0, 9.0, 11.0, None),
    ]
    assert done.select("row", "kind", "done").rows() == [
        (0, "impossible volume", "made unknown"),
        (1, "conflicting duplicate", "left out"),
        (2, "conflicting duplicate", "kept, the last of its time"),
        (3, "no time", "left out"),
        (4, "impossible price", "made unknown"),
        (5, "high below low", "high and low made unknown"),
        (6, "conflicting duplicate", "kept, the last of its time"),
        (7, "impossible price", "left out"),
        (7, "conflicting duplicate", "left out"),
    ]


def test_rows_are_numbered_as_in_their_file() -> None:
    _, done = clear_faults(DIRTY.slice(3), "drop", rows=pl.Series([30, 40, 50, 60, 70, 80]))
    assert done["row"].to_list() == [30, 40, 50, 60, 70, 70]


def test_refuse_names_the_first_rows_and_the_way_out() -> None:
    with pytest.raises(CandleError) as caught:
        clear_faults(DIRTY, "refuse")
    assert str(caught.value) == (
        "8 rows cannot be true: row 1 (2017-01-01: volume -1.0), "
        "row 2 (2017-01-02: close 11.0, and another row of that time differs), "
        "row 3 (2017-01-02: close 11.5, and another row of that time differs), row 4 (no readable time), "
        "row 5 (2017-01-04: open 0.0), and 3 more\n"
        "leave such rows out with --on-bad drop, or keep what can stand with --on-bad keep"
    )
    late = DIRTY.slice(7, 1).with_columns(open_time=pl.lit(datetime(2017, 1, 2, 7, 30, tzinfo=UTC)))
    with pytest.raises(CandleError, match=r"^1 row cannot be true: row 8 \(2017-01-02 07:30: close 0.0\)\n"):
        clear_faults(late, "refuse", rows=pl.Series([7]))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_sound_frame_is_left_as_it_is(policy: str) -> None:
    cleared, done = clear_faults(frame(), policy)
    assert cleared.equals(frame())
    assert done.is_empty()
    assert done.columns == [*FAULTS, "done"]


def test_an_unknown_policy_and_missing_columns() -> None:
    with pytest.raises(UnknownNameError, match="'fix'; known: drop, keep, refuse"):
        clear_faults(frame(), "fix")
    with pytest.raises(ColumnError, match="candles need open_time"):
        find_faults(frame().drop("open_time"))
    with pytest.raises(ColumnError, match="candles need open_time"):
        find_faults(frame().drop("close"))


NUMBER = st.sampled_from([None, 0.0, -1.0, 1.0, 1.5, 2.0, INF, NAN])
ROW = st.tuples(st.sampled_from([None, *range(5)]), NUMBER, NUMBER, NUMBER, NUMBER, NUMBER)


def as_frame(rows: list[tuple[float | None, ...]]) -> pl.DataFrame:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    names = ("open", "high", "low", "close", "volume")
    numbers = {name: pl.Series([row[i] for row in rows], dtype=pl.Float64) for i, name in enumerate(names, 1)}
    times = [None if row[0] is None else start + timedelta(days=row[0]) for row in rows]
    return pl.DataFrame({"open_time": pl.Series(times, dtype=pl.Datetime("ms", "UTC")), **numbers})


def is_refused(table: pl.DataFrame) -> bool:
    try:
        make_candles(table, market="file:A/B", interval="1d")
    except CandleError:
        return True
    return False


@settings(max_examples=40)
@given(st.lists(ROW, max_size=6))
def test_the_rules_are_those_of_the_candle_table(rows: list[tuple[float | None, ...]]) -> None:
    """There is a fault exactly where `check_candles` refuses, and none is left under either policy."""
    table = as_frame(rows)
    assert find_faults(table).is_empty() == (not is_refused(table))
    for policy in ("drop", "keep"):
        cleared, done = clear_faults(table, policy)
        assert find_faults(cleared).is_empty()
        assert not is_refused(cleared)
        left_out = done.filter(done="left out")["row"].n_unique()
        assert cleared.height == table.height - left_out
        known = {row for row in table.select("open_time", "close").iter_rows() if row[0] is not None}
        assert set(cleared.select("open_time", "close").iter_rows()) <= known


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_the_impossible_first_row_of_poloniex(shared_data: Path, coin: str) -> None:
    table = pl.read_csv(shared_data / "poloniex" / f"USDT_{coin}-1d.csv", try_parse_dates=True)
    times = pl.col("date").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC").alias("open_time")
    candles = table.select(times, "open", "high", "low", "close")
    faults = find_faults(candles)
    assert faults.select("row", "kind").rows() == [(0, "high below low")]
    assert faults["detail"][0].startswith("high 0.33 below low")
    kept, _ = clear_faults(candles, "keep")
    assert kept.height == candles.height
    assert check_candles(make_candles(kept, market="poloniex:X/USDT"))["high"][0] is None
