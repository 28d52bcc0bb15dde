from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.candles.quality import FINDINGS, KINDS, examine, find_gaps, find_outside_range, summarise
from coincast.candles.table import make_candles
from coincast.sources.simulated import simulate

START = datetime(2017, 1, 1, tzinfo=UTC)


def daily(days: list[int], market: str = "file:BTC/USD") -> pl.DataFrame:
    frame = pl.DataFrame({"open_time": [START + timedelta(days=day) for day in days], "close": [1.0] * len(days)})
    return make_candles(frame, market=market, interval="1d")


def walk(rows: int = 400, *, seed: int = 1, move: float = 0.01, market: str = "file:BTC/USD") -> pl.DataFrame:
    """Hours without a defect: a random walk, with volume."""
    chance = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(chance.normal(0, move, rows)))
    opens = np.concatenate([[100.0], close[:-1]])
    return make_candles(
        pl.DataFrame(
            {
                "open_time": [START + timedelta(hours=hour) for hour in range(rows)],
                "open": opens,
                "high": np.maximum(opens, close) * 1.002,
                "low": np.minimum(opens, close) * 0.998,
                "close": close,
                "volume": chance.exponential(10, rows),
            }
        ),
        market=market,
        interval="1h",
    )


def change(candles: pl.DataFrame, column: str, values: dict[int, float | None]) -> pl.DataFrame:
    numbers = candles[column].to_list()
    for row, value in values.items():
        numbers[row] = value
    return candles.with_columns(pl.Series(column, numbers, dtype=pl.Float64))


def freeze(candles: pl.DataFrame, rows: range, *, flat: bool) -> pl.DataFrame:
    """The close of the first of these rows in all of them; in a flat candle as open, high and low, too."""
    close = candles["close"][rows[0]]
    for column in ("open", "high", "low", "close") if flat else ("close",):
        candles = change(candles, column, dict.fromkeys(rows[1:], close))
    return candles


def found(candles: pl.DataFrame, kind: str) -> pl.DataFrame:
    return examine(candles).filter(kind=kind)


def rows_of(candles: pl.DataFrame, findings: pl.DataFrame) -> list[tuple[int, int, int]]:
    """First and last row and count of each finding."""
    times = candles["open_time"].to_list()
    return [(times.index(a), times.index(b), n) for a, b, n in findings.select("first", "last", "count").iter_rows()]


# gaps


def test_gaps_are_found_per_market_and_their_candles_counted() -> None:
    candles = pl.concat([daily([0, 1, 3, 4, 9]), daily([20, 21], "file:ETH/USD")])
    gaps = find_gaps(candles)
    assert gaps.columns == ["market", "interval", "after", "before", "missing"]
    assert gaps["market"].to_list() == ["file:BTC/USD"] * 2
    assert gaps["after"].dt.day().to_list() == [3, 6]
    assert gaps["before"].dt.day().to_list() == [4, 10]
    assert gaps["missing"].to_list() == [1, 4]
    assert find_gaps(candles.sample(fraction=1, shuffle=True, seed=3)).equals(gaps)


def test_missing_months_are_counted_by_the_calendar() -> None:
    months = [datetime(2016, month, 1, tzinfo=UTC) for month in (1, 2, 5)] + [datetime(2018, 1, 1, tzinfo=UTC)]
    candles = make_candles(pl.DataFrame({"open_time": months, "close": [1.0] * 4}), market="file:A/B", interval="1M")
    assert find_gaps(candles)["missing"].to_list() == [2, 19]
    assert found(candles, "gap")["last"].to_list() == [
        datetime(2016, 4, 1, tzinfo=UTC),
        datetime(2017, 12, 1, tzinfo=UTC),
    ]


def test_no_gaps() -> None:
    assert find_gaps(daily([0, 1, 2])).height == 0
    assert find_gaps(daily([0])).height == 0
    assert find_gaps(daily([0]).head(0)).columns == ["market", "interval", "after", "before", "missing"]


def test_the_cause_of_a_gap_is_guessed_from_the_other_markets_of_the_source() -> None:
    """All miss day 3; only A misses day 6; A and B miss day 9, C does not; D ends before; E is of another source."""
    days = {
        "x:A/USD": [0, 1, 2, 4, 5, 7, 8, 10, 11],
        "x:B/USD": [0, 1, 2, 4, 5, 6, 7, 8, 10, 11],
        "x:C/USD": [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11],
        "x:D/USD": [0, 1, 2],
        "y:E/USD": [0, 1, 2, 3, 5],
    }
    gaps = found(pl.concat([daily(own, market) for market, own in days.items()]), "gap")
    causes = [(row["market"][2], row["first"].day - 1, row["cause"]) for row in gaps.iter_rows(named=True)]
    assert causes == [
        ("A", 3, "outage"),
        ("A", 6, "illiquid"),
        ("A", 9, "unknown"),
        ("B", 3, "outage"),
        ("B", 9, "unknown"),
        ("C", 3, "outage"),
        ("E", 4, "unknown"),
    ]
    assert gaps["detail"][0] == "1 candle missing, 2 of 2 other markets of x without it too"
    assert gaps["detail"][6] == "1 candle missing"
    assert summarise(gaps) == [
        "7 gaps, 7 candles missing, the longest 1 from 2017-01-04; "
        "3 while other markets miss them too; 1 of this market alone, in 4 markets"
    ]


# prices


def test_prices_outside_their_range_are_found() -> None:
    times = [datetime(2017, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
    prices = {"open": [2.0, 9.0, 2.0, None], "high": [3.0] * 4, "low": [1.0] * 4, "close": [3.0 + 1e-12, 2.0, 0.5, 2.0]}
    candles = make_candles(pl.DataFrame({"open_time": times, **prices}), market="file:A/B")
    assert find_outside_range(candles)["open_time"].dt.day().to_list() == [2, 3]
    finding = found(candles, "outside range")
    assert rows_of(candles, finding) == [(1, 2, 2)]
    assert finding["detail"][0] == "2 of 4 candles with open or close outside low to high"


def test_a_sound_walk_has_no_findings() -> None:
    assert examine(walk()).is_empty()
    assert examine(walk().head(1)).is_empty()
    empty = examine(walk().head(0))
    assert empty.is_empty()
    assert empty.schema == FINDINGS


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("factor", [0.42, 1.3])
def test_up_to_three_bad_prints_are_found(length: int, factor: float) -> None:
    candles = walk()
    close = candles["close"][199]
    candles = change(candles, "close", {200 + step: close * factor * (1 + 0.001 * step) for step in range(length)})
    finding = found(candles, "bad print")
    assert rows_of(candles, finding) == [(200, 199 + length, length)]
    assert finding["severity"].to_list() == ["doubtful"]


def test_what_is_no_bad_print() -> None:
    candles = walk()
    close = candles["close"]
    for rows in (range(200, 204), range(200, 400), range(397, 400), range(0, 2)):
        moved = change(candles, "close", {row: close[row] * 4.9 for row in rows})
        assert found(moved, "bad print").is_empty(), rows
    small = change(candles, "close", {200: close[199] * 1.08})
    assert found(small, "bad print").is_empty()
    half_back = change(candles, "close", {200: close[199] * 4} | {row: close[row] * 2 for row in range(201, 400)})
    assert found(half_back, "bad print").is_empty()


def test_a_wild_series_makes_wild_moves_usual() -> None:
    """A move there and back of 30 % is 30 usual moves of one walk and three of the other."""
    for move, expected in ((0.01, 1), (0.1, 0)):
        candles = walk(move=move)
        there = change(candles, "close", {200: candles["close"][199] * 1.35, 201: candles["close"][199]})
        assert found(there, "bad print").height == expected


def test_a_high_or_low_far_from_its_candle() -> None:
    candles = walk()
    high, low = (candles[name] for name in ("high", "low"))
    finding = found(change(candles, "high", {0: high[0] * 9, 50: high[50] * 1.5, 60: high[60] * 1.2}), "bad print")
    assert rows_of(candles, finding) == [(50, 50, 1)]
    assert finding["detail"][0].startswith("a high of ")
    finding = found(change(candles, "low", {0: low[0] / 9, 70: low[70] / 1.5, 80: low[80] / 1.2}), "bad print")
    assert rows_of(candles, finding) == [(70, 70, 1)]
    assert finding["detail"][0].startswith("a low of ")


# values that stand still or come back


def test_a_stale_run_is_one_that_the_series_does_not_make_usual() -> None:
    """Among n = 400 hours without another unchanged close the share is 1 / (399 - L + 2), so L = 2 is doubted.

    400 (1 / 399)^2 is below 0.01, and 400 / 400 is not.
    """
    candles = walk()
    assert rows_of(candles, found(freeze(candles, range(100, 103), flat=False), "stale run")) == [(100, 102, 3)]
    assert found(freeze(candles, range(100, 102), flat=False), "stale run").is_empty()


def test_where_closes_often_stand_still_only_longer_runs_are_doubted() -> None:
    """Half the closes unchanged: 4,000 q^L falls below 0.01 at L = 19."""
    chance = np.random.default_rng(5)
    moves = np.where(chance.random(4000) < 0.5, 0.0, chance.normal(0, 0.01, 4000))
    times = [START + timedelta(hours=hour) for hour in range(4000)]
    closes = pl.DataFrame({"open_time": times, "close": 100 * np.exp(np.cumsum(moves))})
    candles = make_candles(closes, market="file:A/B", interval="1h")
    assert found(candles, "stale run").is_empty()
    frozen = freeze(candles, range(2000, 2026), flat=False)
    assert found(frozen, "stale run").height == 1
    assert found(freeze(candles, range(2000, 2012), flat=False), "stale run").is_empty()


def test_flat_candles_are_rarer_than_unchanged_closes() -> None:
    """A tenth of the closes unchanged makes two in a row usual, and not two that are wholly flat."""
    candles = walk()
    for row in range(5, 395, 10):
        candles = freeze(candles, range(row, row + 2), flat=False)
    assert found(candles, "stale run").is_empty()
    assert found(freeze(candles, range(200, 203), flat=False), "stale run").is_empty()
    assert rows_of(candles, found(freeze(candles, range(200, 203), flat=True), "stale run")) == [(200, 202, 3)]


def test_moving_candles_with_the_values_of_another_time() -> None:
    candles = walk()
    rows = candles
    for column in ("open", "high", "low", "close", "volume"):
        rows = change(rows, column, {row + 5: rows[column][row] for row in (100, 101, 102)})
    finding = found(rows, "repeated values")
    assert rows_of(rows, finding) == [(105, 107, 3)]
    assert finding["detail"][0] == "3 candles with all the values of an earlier one, the first of 2017-01-05 04:00"
    assert found(change(rows, "volume", dict.fromkeys(range(100, 108), 0.0)), "repeated values").is_empty()
    assert found(change(rows, "volume", {105: 1.0, 106: None, 107: 2.0}), "repeated values").is_empty()


# times


def test_a_change_of_clocks_is_odd_spacing() -> None:
    summer = [START + timedelta(days=day, hours=-2 if day < 200 else -1) for day in range(300)]
    candles = make_candles(pl.DataFrame({"open_time": summer, "close": [1.0] * 300}), market="file:A/B", interval="1d")
    finding = found(candles, "odd spacing")
    assert rows_of(candles, finding) == [(200, 299, 100)]
    assert finding["detail"][0] == "100 candles off the grid of the others by one hour, as clocks change"
    assert found(candles, "gap").is_empty()


def test_times_off_the_grid() -> None:
    times = [START + timedelta(hours=hour, minutes=7 if hour == 3 else 0) for hour in range(9)]
    candles = make_candles(pl.DataFrame({"open_time": times, "close": [1.0] * 9}), market="file:A/B", interval="1h")
    finding = found(candles, "odd spacing")
    assert rows_of(candles, finding) == [(3, 3, 1)]
    assert finding["detail"][0] == "1 candle off the grid of the others, by up to 0.117 hours"
    monday = [datetime(2017, 1, 2, tzinfo=UTC) + timedelta(weeks=week) for week in range(9)]
    weeks = make_candles(pl.DataFrame({"open_time": monday, "close": [1.0] * 9}), market="file:A/B", interval="1w")
    assert found(weeks, "odd spacing").is_empty()
    months = [datetime(2017, month, 2 if month == 5 else 1, tzinfo=UTC) for month in range(1, 10)]
    frame = pl.DataFrame({"open_time": months, "close": [1.0] * 9})
    assert rows_of(frame, found(make_candles(frame, market="file:A/B", interval="1M"), "odd spacing")) == [(4, 4, 1)]


# notes


def test_volumes_and_constant_columns_are_noted() -> None:
    candles = change(walk(), "volume", {3: 0.0, 5: 0.0, 9: None}).with_columns(funding=pl.lit(0.5), empty=pl.lit(None))
    findings = examine(candles)
    assert findings.select("kind", "severity", "count").rows() == [
        ("constant column", "note", 400),
        ("zero volume", "note", 2),
        ("unknown volume", "note", 1),
    ]
    assert findings["detail"].to_list() == [
        "funding is 0.5 in all 400 candles that tell it",
        "2 of 400 candles with volume 0",
        "1 of 400 candles without a volume",
    ]


def test_every_market_and_interval_is_examined_alone() -> None:
    one, other = walk(), walk(seed=2, market="file:ETH/USD")
    bad = change(other, "close", {200: other["close"][199] * 3})
    together = pl.concat([one, bad])
    assert examine(together).equals(examine(bad))
    assert examine(together.sample(fraction=1, shuffle=True, seed=1)).equals(examine(bad))
    assert set(examine(together)["kind"]) <= set(KINDS)


def test_a_summary_has_a_sentence_for_each_kind() -> None:
    candles = change(walk(), "volume", {3: 0.0})
    close = candles["close"]
    candles = change(candles, "close", {100: close[99] * 3, 200: close[199] * 3})
    assert summarise(examine(candles).filter(pl.col("kind") != "outside range")) == [
        f"doubtful: bad print in 2 places, the first 2017-01-05 04:00: a close of {close[99] * 3:,.8g} between "
        f"{close[99]:,.8g} and {close[101]:,.8g}",
        "note: zero volume: 1 of 400 candles with volume 0 (2017-01-01 03:00)",
    ]
    assert summarise(examine(walk())) == []


@pytest.mark.parametrize(("share", "doubted"), [(0.03, True), (0.5, False), (0.0, False)])
def test_a_last_candle_that_is_a_part_only(share: float, doubted: bool) -> None:
    candles = walk().with_columns(volume=10.0 + pl.int_range(pl.len()) % 3)
    candles = change(candles, "volume", {candles.height - 1: share * 11})
    found = examine(candles).filter(kind="unfinished end")
    assert (found.height == 1) == doubted
    assert not doubted or found["first"][0] == candles["open_time"][-1]


def test_simulated_markets_are_above_suspicion() -> None:
    assert examine(simulate("walk", candles=3000, seed=4)).filter(severity="doubtful").is_empty()


# real files


def kinds_of(candles: pl.DataFrame) -> dict[str, int]:
    findings = examine(candles)
    return dict(findings.group_by("kind").agg(pl.sum("count")).sort("kind").rows())


def test_the_three_bad_prints_of_poloniex(shared_data: Path) -> None:
    table = pl.read_csv(shared_data / "poloniex" / "BTCUSDT-30m.csv")
    times = (pl.col("date") * 1000).cast(pl.Datetime("ms", "UTC")).alias("open_time")
    candles = make_candles(
        table.select(times, "open", "high", "low", "close", volume="quoteVolume"), market="poloniex:BTC/USDT"
    )
    prints = found(candles, "bad print")
    assert prints.height < 10
    april = prints.filter(pl.col("first").dt.date() == datetime(2015, 4, 10).date())
    assert april["detail"].to_list() == ["3 closes near 99 between 235.87268 and 230"]


def test_daily_candles_of_46_coins_are_above_suspicion(shared_data: Path) -> None:
    """Among them DOGE, which rose by 1.59 in natural logs in a day and stayed."""
    files = sorted((shared_data / "binance" / "multi_1d").glob("*.feather"))
    assert len(files) == 46
    tables = [
        make_candles(
            pl.read_ipc(file).rename({"date": "open_time"}),
            market=f"binance:{file.name.split('_')[0]}/USDT",
            interval="1d",
        )
        for file in files
    ]
    assert examine(pl.concat(tables)).is_empty()


def test_hourly_candles_of_five_coins_share_their_outages(shared_data: Path) -> None:
    files = sorted((shared_data / "binance" / "multi_1h").glob("*.feather"))
    tables = [
        make_candles(
            pl.read_ipc(file).rename({"date": "open_time"}), market=f"binance:{file.name[:3]}/USDT", interval="1h"
        )
        for file in files
    ]
    gaps = found(pl.concat(tables), "gap")
    assert gaps.group_by("market").agg(pl.len(), pl.sum("count")).select("len", "count").unique().rows() == [(11, 23)]
    assert gaps["cause"].unique().to_list() == ["outage"]


def test_the_repeated_hours_of_coinbase(shared_data: Path) -> None:
    """22 rows repeat another: 5 that move, in the night of 2017-11-12, and 17 that are flat and without volume."""
    table = pl.read_csv(shared_data / "coinbase" / "coinbase-1h-btc-usd.csv", infer_schema_length=None)
    times = pl.col("Date").str.to_datetime("%Y-%m-%d %H:%M", time_unit="ms", time_zone="UTC").alias("open_time")
    prices = {name: pl.col(name.title()) for name in ("open", "high", "low", "close")}
    candles = make_candles(table.select(times, volume="VolumeFrom", **prices), market="coinbase:BTC/USD")
    assert found(candles, "repeated values")["count"].to_list() == [5]
    stale = found(candles, "stale run")
    assert stale["first"].dt.strftime("%Y-%m-%d").to_list() == ["2017-09-25", "2018-02-01", "2018-08-10"]
    same = [*prices, "volume"]
    repeats = candles.filter(~pl.struct(same).is_first_distinct())
    assert repeats.height == 22
    assert repeats.filter(pl.col("high") == pl.col("low"))["volume"].to_list() == [0.0] * 17
    assert kinds_of(candles)["zero volume"] == 28


def test_the_stale_days_of_investing(shared_data: Path) -> None:
    table = pl.read_csv(shared_data / "investing" / "bitcoin2015to2017.csv", infer_schema=False)
    times = pl.col("Date").str.to_datetime("%b %d, %Y", time_unit="ms", time_zone="UTC").alias("open_time")
    given = {"open": "Open", "high": "High", "low": "Low", "close": "Price"}
    prices = {name: pl.col(column).str.replace_all(",", "").cast(pl.Float64) for name, column in given.items()}
    days = table.select(times, **prices).filter(pl.col("close") > 0)
    candles = make_candles(days, market="investing:BTC/USD", interval="1d")
    stale = found(candles, "stale run")
    assert stale["detail"].to_list() == ["the close stays at 604.1 for 3 candles"]
    assert stale["first"][0] == datetime(2016, 8, 7, tzinfo=UTC)
    assert kinds_of(candles)["outside range"] == 7
