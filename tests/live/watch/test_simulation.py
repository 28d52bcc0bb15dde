"""The local exchange in fast time: its prices are honest, its time goes on, and the real client reads it."""

from __future__ import annotations

import json
import threading
import time
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from coincast.errors import UnreadableFileError, UsageError
from coincast.live.simulation.binance import BINANCE
from coincast.live.simulation.clock import BEGINNING, LONGEST_ABSENCE, FastClock, KeptTime, check_speed, read_kept
from coincast.live.simulation.local import run_simulation
from coincast.live.simulation.prices import AT_FIRST, SimulatedMarket, SimulatedWorld, first_open
from coincast.live.simulation.server import LocalExchange
from coincast.sources.exchange.client import Exchange
from coincast.sources.retry import Stopped

QUARTER = 900_000
SYMBOL = "SIMBTC/USDT"


def make_world(now: list[int], *markets: SimulatedMarket, interval: str = "15m", seed: int = 0) -> SimulatedWorld:
    listed = markets or (SimulatedMarket(SYMBOL),)
    return SimulatedWorld(listed, interval, since=first_open(interval), clock=lambda: now[0], seed=seed, skill=0.2)


def test_candles_follow_each_other_and_do_not_change_when_more_are_drawn() -> None:
    now = [BEGINNING]
    world = make_world(now)
    before = world.candles(SYMBOL, "15m", BEGINNING - 100 * QUARTER, BEGINNING)
    assert len(before) == 100
    for one, after in pairwise(before):
        assert (one.close_time, one.close) == (after.open_time, after.open)
        assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
    now[0] += 2 * AT_FIRST * QUARTER  # beyond what was drawn
    assert world.latest(SYMBOL, "15m", now[0], 1)[0].open_time > BEGINNING + AT_FIRST * QUARTER
    assert world.candles(SYMBOL, "15m", BEGINNING - 100 * QUARTER, BEGINNING) == before
    beside = make_world([BEGINNING], SimulatedMarket("SIMETH/USDT", "echo"), SimulatedMarket(SYMBOL))
    assert beside.candles(SYMBOL, "15m", BEGINNING - 100 * QUARTER, BEGINNING) == before


def test_the_last_trade_stands_at_the_open_and_then_at_the_close() -> None:
    """Seen every 9 seconds of 50 candles: it has no third value, and the moment is spread over the candle."""
    now = [BEGINNING]
    world, moments = make_world(now), []
    for number in range(50):
        start = BEGINNING + number * QUARTER
        now[0] = start + QUARTER - 1
        candle = world.candles(SYMBOL, "15m", start, start + 1)[0]
        seen = []
        for offset in range(0, QUARTER, 9000):
            now[0] = start + offset
            trade = world.last_trade(SYMBOL)
            assert trade is not None
            assert trade.time <= now[0]
            growing = world.candles(SYMBOL, "15m", start, start + 1)[0]
            assert growing.close == trade.price
            seen.append(trade.price)
        changes = [place for place, (one, after) in enumerate(pairwise(seen)) if one != after]
        assert {seen[0], seen[-1]} <= {candle.open, candle.close}
        assert len(changes) <= 1
        moments += changes
    assert 30 < np.mean(moments) < 70


def test_what_is_between_two_closes_tells_nothing_of_the_rest_of_the_way() -> None:
    """At a third of the candle the best forecast of its close is the last trade: the rest has no slope on the way."""
    now = [BEGINNING + 4000 * QUARTER]
    world = make_world(now)
    closed = world.candles(SYMBOL, "15m", BEGINNING, now[0])
    way, rest = [], []
    for candle in closed[:4000]:
        now[0] = candle.open_time + QUARTER // 3
        trade = world.last_trade(SYMBOL)
        assert trade is not None
        way.append(np.log(trade.price / candle.open))
        rest.append(np.log(candle.close / trade.price))
    way_array, rest_array = np.array(way), np.array(rest)
    slope = way_array @ rest_array / (way_array @ way_array)
    assert abs(slope) < 1e-9  # where it has moved, nothing is left
    assert abs(np.mean(np.sign(rest_array[way_array == 0]))) < 3 / np.sqrt(len(rest_array))
    assert np.mean(way_array != 0) == pytest.approx(1 / 3, abs=0.03)


def test_longer_candles_are_made_of_the_drawn_ones_and_shorter_ones_there_are_none() -> None:
    now = [BEGINNING + 5 * 24 * 4 * QUARTER]
    world = make_world(now)
    day = world.candles(SYMBOL, "1d", BEGINNING, now[0])
    parts = world.candles(SYMBOL, "15m", BEGINNING, now[0])
    assert [candle.close for candle in day] == [candle.close for candle in parts[95::96]][: len(day)]
    assert len(day) == 5
    assert world.candles(SYMBOL, "1m", BEGINNING, now[0]) == []


def test_the_client_reads_it_as_it_reads_binance() -> None:
    clock = FastClock(BEGINNING / 1000 + 450, 60)
    world = make_world([0])
    world._clock = lambda: round(1000 * clock.wall())
    with LocalExchange(BINANCE, world) as local:
        exchange = Exchange("binance", base_url=local.url, clock=clock, grace=2000)
        exchange.connect()
        assert abs(exchange.now() - world.clock()) < 60 * 500
        rows = exchange.pages(SYMBOL, "15m", {}, print).fetch(BEGINNING - 10 * QUARTER, BEGINNING + QUARTER)
        right = world.candles(SYMBOL, "15m", BEGINNING - 10 * QUARTER, BEGINNING)
        assert [tuple(row) for row in rows] == [candle.row for candle in right]
        trade = exchange.last_trade(SYMBOL)
        assert trade is not None
        assert abs(trade.time - world.clock()) < 2 * QUARTER


def test_an_exchange_that_tells_no_trades_has_no_last_one() -> None:
    now = [first_open("15m") - 1]
    with LocalExchange(BINANCE, make_world(now)) as local:
        with urlopen(f"{local.url}/api/v3/aggTrades?symbol=SIMBTCUSDT") as answer:
            assert json.load(answer) == []
        exchange = Exchange("binance", base_url=local.url, clock=FastClock(now[0] / 1000, 1))
        exchange.connect()
        assert exchange.last_trade(SYMBOL) is None


@pytest.mark.parametrize("number", ["many", "inf", "nan"])
def test_what_is_no_number_is_refused_in_words(number: str) -> None:
    with LocalExchange(BINANCE, make_world([BEGINNING])) as local:
        answer = local.respond(f"/api/v3/klines?symbol=SIMBTCUSDT&interval=15m&startTime={number}")
    assert (answer.status, json.loads(answer.body)["code"]) == (400, -1100)


def test_a_fast_clock() -> None:
    clock = FastClock(1000.0, 600)
    began = time.monotonic()
    clock.sleep(30)
    assert 0.04 < time.monotonic() - began < 1.0
    assert clock.wall() >= 1030
    threading.Timer(0.05, clock.stop).start()
    with pytest.raises(Stopped):
        clock.sleep(1e6)


@pytest.mark.parametrize(("absence", "seconds"), [(0, 0), (10_000, 10), (-5000, 0), (10**9, LONGEST_ABSENCE)])
def test_simulated_time_goes_on_while_nothing_runs_but_not_for_ever(absence: int, seconds: float) -> None:
    kept = KeptTime(BEGINNING + 7, 1_000_000, {})
    assert kept.resumed(60, 1_000_000 + absence) == BEGINNING + 7 + 60_000 * seconds


def test_a_simulation_goes_on_in_the_same_time_with_the_same_prices(tmp_path: Path) -> None:
    markets, settings = [SimulatedMarket(SYMBOL)], {"seed": 1, "skill": 0.1}
    with run_simulation(markets, "15m", 600, tmp_path, **settings) as simulation:
        simulation.clock.sleep(60)
        simulation.keep_time()
    kept = read_kept(tmp_path / "time.json")
    assert kept is not None
    with run_simulation(markets, "15m", 60, tmp_path, **settings) as simulation:
        assert kept.now >= BEGINNING + 60_000
        assert kept.now <= 1000 * simulation.clock.wall() < kept.now + 1000 * 60 * LONGEST_ABSENCE
    with run_simulation(markets, "15m", 60, tmp_path, **settings, not_before=BEGINNING * 2) as simulation:
        assert simulation.clock.wall() >= BEGINNING / 500
    changes = [({"seed": 2, "skill": 0.1}, markets), (settings, [SimulatedMarket(SYMBOL, "echo")])]
    for changed, listed in changes:
        with pytest.raises(UsageError, match="set it back"), run_simulation(listed, "15m", 60, tmp_path, **changed):
            pass
    (tmp_path / "time.json").write_text('{"form": 1, "now": "x"}')
    with pytest.raises(UnreadableFileError, match="to begin a new one"):
        read_kept(tmp_path / "time.json")


@pytest.mark.parametrize("speed", [0, -1, float("nan"), 1e6])
def test_a_speed_that_is_none(speed: float) -> None:
    with pytest.raises(UsageError, match="is no speed"):
        check_speed(speed)
