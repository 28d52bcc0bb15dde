"""The truth of the test server: what tests compare downloads with had better be right itself."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from exchange_server.world import DAY, HOUR, INTERVALS, MINUTE, Listing, World, moment

JANUARY, FEBRUARY = moment("2024-01-01"), moment("2024-02-01")


def test_the_same_question_has_the_same_answer_in_any_cut() -> None:
    whole = World().truth("BTC/USDT", "1h", JANUARY, FEBRUARY)
    middle = moment("2024-01-17T05:30")
    assert World().truth("BTC/USDT", "1h", JANUARY, middle) + World().truth("BTC/USDT", "1h", middle, FEBRUARY) == whole
    assert len(whole) == 31 * 24


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_follow_each_other_and_can_be_true(interval: str) -> None:
    """Each opens at the price at which the one before closed, when that one closed."""
    candles = World().candles("ETH/USDT", interval, moment("2023-11-01"), FEBRUARY, most=50)
    assert len(candles) >= 2
    for before, after in pairwise(candles):
        assert (after.open_time, after.open) == (before.close_time, before.close)
    for candle in candles:
        assert 0 < candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert 0 < candle.taker_volume < candle.volume
        assert candle.low <= candle.quote_volume * 100 / candle.volume <= candle.high


def test_closes_of_all_intervals_agree() -> None:
    minutes = {row[0] + MINUTE: row[4] for row in World().truth("BTC/USDT", "1m", JANUARY, JANUARY + DAY)}
    hours = World().truth("BTC/USDT", "1h", JANUARY, JANUARY + DAY)
    assert [row[4] for row in hours] == [minutes[row[0] + HOUR] for row in hours]


def test_prices_are_whole_cents_and_move() -> None:
    closes = [row[4] for row in World().truth("BTC/USDT", "1d", moment("2020-01-01"), FEBRUARY)]
    assert all(close == round(close, 2) for close in closes)
    assert 10_000 < min(closes) < 25_000 < 35_000 < max(closes) < 50_000
    assert len(set(closes)) > 0.99 * len(closes)


def test_weeks_start_on_monday_or_on_thursday_and_months_on_their_first() -> None:
    def weekdays(world: World, interval: str) -> set[int]:
        rows = world.truth("BTC/USDT", interval, moment("2023-01-01"))
        return {datetime.fromtimestamp(row[0] / 1000, UTC).weekday() for row in rows}

    assert (weekdays(World(), "1w"), weekdays(World(week_starts=0), "1w")) == ({0}, {3})
    months = [row[0] for row in World().truth("BTC/USDT", "1M", moment("2023-12-01"))]
    assert months == [moment("2023-12-01"), moment("2024-01-01"), moment("2024-02-01")]


def test_nothing_before_the_listing_after_the_clock_or_in_a_hole() -> None:
    hole, outage = (JANUARY + 5 * HOUR, JANUARY + 9 * HOUR), (JANUARY + 20 * HOUR, JANUARY + 22 * HOUR)
    world = World((Listing("A/B", since=JANUARY, holes=(hole,)),), now=JANUARY + DAY + 90 * MINUTE, outages=(outage,))
    opens = [row[0] for row in world.truth("A/B", "1h", JANUARY - DAY)]
    assert opens == [JANUARY + hour * HOUR for hour in range(25) if hour not in (5, 6, 7, 8, 20, 21)]
    assert world.truth("B/A", "1h", JANUARY) == []


def test_a_thin_market_lacks_about_its_share() -> None:
    found = World((Listing("A/B", thin=0.2),)).truth("A/B", "1h", JANUARY, FEBRUARY)
    assert 0.7 < len(found) / (31 * 24) < 0.9


def test_the_last_candle_is_unfinished_until_the_clock_passes_it() -> None:
    world = World(now=JANUARY + 90 * MINUTE)
    last = world.candles("BTC/USDT", "1h", JANUARY, FEBRUARY)[-1]
    assert (last.open_time, last.close_time) == (JANUARY + HOUR, JANUARY + 2 * HOUR)
    assert [row[0] for row in world.truth("BTC/USDT", "1h", JANUARY)] == [JANUARY]
    world.now = JANUARY + 2 * HOUR
    finished = world.candles("BTC/USDT", "1h", JANUARY + HOUR, JANUARY + 2 * HOUR)[0]
    assert finished.close != last.close
    assert finished.volume > last.volume


def test_a_candle_that_settles_changes_later_and_the_truth_does_not() -> None:
    world = World(now=JANUARY + DAY, settling=HOUR)
    shown = world.candles("BTC/USDT", "1h", JANUARY, JANUARY + DAY)
    truth = world.truth("BTC/USDT", "1h", JANUARY, JANUARY + DAY)
    assert [candle.row for candle in shown[:-1]] == truth[:-1]
    assert shown[-1].row != truth[-1]
    world.now = JANUARY + DAY + HOUR
    assert world.candles("BTC/USDT", "1h", JANUARY, JANUARY + DAY)[-1].row == truth[-1]


def test_a_revision_is_the_truth_from_then_on() -> None:
    world = World()
    before = world.truth("BTC/USDT", "1d", JANUARY, FEBRUARY)
    world.revisions["BTC/USDT", "1d", JANUARY + DAY] = 100
    after = world.truth("BTC/USDT", "1d", JANUARY, FEBRUARY)
    assert [number for number, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]] == [1]
    assert after[1][1:5] == tuple(pytest.approx(price + 1) for price in before[1][1:5])


def test_the_latest_are_the_end_of_all() -> None:
    world = World((Listing("A/B", thin=0.3, since=JANUARY),))
    everything = world.candles("A/B", "1h", 0, moment("2030-01-01"))
    for most in (1, 10, 720, 10_000):
        assert world.latest("A/B", "1h", moment("2030-01-01"), most) == everything[-most:]
    assert world.latest("A/B", "1h", FEBRUARY, 5, since=FEBRUARY - 3 * HOUR) == world.candles(
        "A/B", "1h", FEBRUARY - 3 * HOUR, FEBRUARY
    )
