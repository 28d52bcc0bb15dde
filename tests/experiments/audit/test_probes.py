"""Changed futures and probes: what is known stays, what is leaked shows, with its horizon and its first row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.candles.table import check_candles
from coincast.experiments.audit.coverage import choose_cuts, probe_rows
from coincast.experiments.audit.futures import FUTURES, SAME_LENGTH, Futures, World
from coincast.experiments.audit.probes import Finding, Reading, find_changes
from coincast.experiments.audit.subjects import function_subject

ROWS = 60


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return cc.simulate("walk", candles=ROWS, coins=2, seed=1)


@pytest.fixture(scope="module")
def one(candles: pl.DataFrame) -> World:
    return World(candles.filter(pl.col("market") == candles["market"][0]))


def find(function: Callable[[pl.DataFrame], Any], world: World, seconds: float = 60.0) -> Finding:
    [finding] = probe_rows(function_subject("x", "m", function), world, seconds=seconds, special=[]).values()
    return finding


@pytest.mark.parametrize("future", FUTURES)
def test_a_future_leaves_what_is_known_and_candles_that_can_be(candles: pl.DataFrame, future: str) -> None:
    world = World(candles)
    cut = int(world.moments[20])
    changed = Futures.draw(world, seed=3).change(future, cut).candles
    known = pl.col("close_time").dt.epoch("ms") <= cut
    assert changed.filter(known).equals(candles.filter(known))
    assert check_candles(changed).equals(changed)
    later, truth = changed.filter(~known), candles.filter(~known)
    assert (later.height == truth.height) == (future in SAME_LENGTH)
    if future in ("noise", "mirrored"):
        assert all((later[name] != truth[name]).all() for name in ("open", "close", "volume"))


def test_noise_and_its_mirror_lie_on_either_side(candles: pl.DataFrame) -> None:
    futures = Futures.draw(World(candles), seed=3)
    above, below = (futures.change(name, 0).candles["close"] > candles["close"] for name in ("noise", "mirrored"))
    assert (above != below).all()


def test_an_outside_value_is_the_future_until_a_candle_closes_after_it_was_known(candles: pl.DataFrame) -> None:
    series = candles[:ROWS].select(date="open_time", known_at="close_time", value="close")
    world = World(candles, {"mood": series})
    cut = int(world.moments[20])
    changed = Futures.draw(world, seed=3).change("noise", cut).outside["mood"]
    is_same = changed["value"] == series["value"]
    assert is_same.to_list() == [moment < cut for moment in series["known_at"].dt.epoch("ms")]


@pytest.mark.parametrize("ahead", [1, 3, 20])
def test_a_shift_has_its_horizon_and_its_reach(one: World, ahead: int) -> None:
    finding = find(lambda frame: frame["close"].shift(-ahead), one)
    assert (finding.horizon, finding.reach, finding.first) == (ahead, ahead, one.moments[0])
    assert len(finding.at) == finding.rows == ROWS - 1


def test_a_centred_window_feels_the_next_row_and_those_up_to_its_edge(one: World) -> None:
    finding = find(lambda frame: frame["close"].rolling_mean(9, center=True), one)
    assert (finding.horizon, finding.reach, finding.first) == (1, 4, one.moments[4])


def test_what_is_fitted_on_all_rows_feels_the_last(one: World) -> None:
    finding = find(lambda frame: frame["close"] / frame["close"].max(), one)
    assert finding.is_leak
    assert finding.reach == ROWS - 1


def test_a_leak_in_one_row_is_found_there(one: World) -> None:
    touched = pl.int_range(pl.len()) == 33
    following = pl.col("close").shift(-1).fill_null(1.0)
    finding = find(lambda frame: frame.select(pl.when(touched).then(following).otherwise("close")).to_series(), one)
    assert (finding.first, finding.horizon, finding.reach) == (one.moments[33], 1, 1)


def test_a_sign_is_found_though_most_futures_leave_it(one: World) -> None:
    def rises(frame: pl.DataFrame) -> pl.Series:
        return (frame["close"].shift(-2) > frame["close"]).fill_null(False).cast(pl.Float64)

    finding = find(rises, one)
    assert (finding.is_leak, finding.horizon) == (True, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda frame: frame["close"].rolling_std(5),
        lambda frame: frame["volume"].cum_sum(),
        lambda frame: frame["close"].to_numpy() + 1e-16 * frame["close"].to_numpy() * (frame.height % 7),
    ],
    ids=["window", "running sum", "rounding that depends on the length"],
)
def test_what_looks_backwards_is_clean(one: World, function: Callable[[pl.DataFrame], Any]) -> None:
    finding = find(function, one)
    assert not finding.is_leak
    assert finding.is_steady


def test_a_long_market_is_probed_in_stretches() -> None:
    world = World(cc.simulate("walk", candles=3000, seed=2))
    day = pl.col("open_time").dt.epoch("d")
    following = pl.col("close").shift(-2).fill_null(1.0)
    leak = pl.when(day % 50 == 0).then(following).otherwise("close")
    finding = find(lambda frame: frame.select(leak).to_series(), world, seconds=1.0)
    assert (finding.is_leak, finding.horizon, finding.reach) == (True, 2, 2)
    assert finding.rows == 2999
    assert not find(lambda frame: frame["close"].diff(), world, seconds=0.3).is_leak


def test_bits_are_compared_and_unknown_equals_unknown() -> None:
    moments = np.array([1, 2, 3])

    def reading(*values: float) -> Reading:
        return Reading(moments, np.array(values)[:, None])

    assert find_changes(reading(1, np.nan, 0.0), reading(1, -np.nan, 0.0))[0].size == 0
    assert find_changes(reading(1, 2, 0.0), reading(1, 2, -0.0))[0].tolist() == [3]
    assert find_changes(reading(1, 2, 3), reading(1, 2, np.nextafter(3, 4)))[0].tolist() == [3]
    assert find_changes(reading(1, 2, 4), reading(1, 2, 5)) == (np.array([3]), 0.25)
    assert find_changes(reading(1, 2, 3), reading(1, np.nan, 3))[1] == np.inf
    assert find_changes(reading(1, 2, 3), Reading(moments[:2], np.ones((2, 1))))[1] == np.inf


def test_cuts_are_the_adversarial_ones_first() -> None:
    moments = np.arange(100, 200)
    cuts, marked = choose_cuts(moments, [150], most=20)
    assert len(cuts) == 20
    assert {100, 149, 150, 151, 198} <= marked <= set(cuts)
    assert choose_cuts(moments, [], most=1000)[0] == list(range(100, 199))
