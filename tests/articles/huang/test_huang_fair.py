"""The fair way of article 2: what it may know, what it forecasts, and the walk-forward's candles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.huang.fair import (
    FairPlan,
    Fit,
    fair_networks,
    make_fair_samples,
    split_fairly,
    spread_out,
    tell_fairly,
)
from coincast.articles.huang.fair_forecasts import share_taken_back
from coincast.articles.huang.walk_forward import list_partitions, make_partitions, make_walk
from coincast.models.cnn import CNN
from coincast.samples.splits import Part

MakeBench = Callable[..., Bench]
SMALL = FairPlan(seeds=2, epochs=2, patience=2, windows=32)
FIRST_TEST = 2200


@pytest.mark.parametrize("changed", [FIRST_TEST, 2500])
def test_fair_forecasts_know_nothing_of_later_candles(
    walk: pl.DataFrame, make_bench: MakeBench, tiny: dict[str, Any], changed: int
) -> None:
    """Other candles from some row on: other truths, and the same choice, losses and forecasts of all that went before.

    The first row is that of the test part, so that scales, weights and epochs must be the same; the second lies within
    it, so that every forecast up to there must be.
    """
    parts = split_fairly(walk.height, FIRST_TEST)
    assert parts.train.end == parts.validation.first < parts.validation.end == parts.test.first == FIRST_TEST
    later = pl.int_range(walk.height) >= changed
    columns = [
        pl.when(later).then(pl.col(name) * 2).otherwise(pl.col(name)) for name in ("open", "high", "low", "close")
    ]
    moment = walk["open_time"][changed]
    told, known = [], []
    for number, candles in enumerate((walk, walk.with_columns(columns))):
        bench = make_bench(candles, folder=make_bench(walk).folder / str(number))
        samples = make_fair_samples(candles, candles["market"][0])
        told += tell_fairly(bench, "fair", samples, [Fit.make(samples, parts, SMALL)], tiny, SMALL)
        assert (told[number].forecasts["trained_until"] <= told[number].forecasts["origin"]).all()
        known.append(told[number].forecasts.filter(pl.col("origin") <= moment).sort("model", "run", "origin", "step"))
    models = {"cnn", "naive", "drift", "ar(order=5)", "ar(order=12)", "ar(order=24)", "robust AR(order=12)"}
    models |= {"block_copy"}
    origins = 1 + (changed - FIRST_TEST) // 16
    assert set(known[0]["model"]) == models
    assert known[0].height == (len(models) + SMALL.seeds - 1) * origins * 16
    unknown = ("actual",)
    assert known[0].drop(unknown).equals(known[1].drop(unknown))
    before = [one.filter(pl.col("target_time") <= moment) for one in known]
    assert before[0].equals(before[1])
    assert told[0].validation == told[1].validation
    assert told[0].choice == told[1].choice
    assert not known[0]["actual"].equals(known[1]["actual"])


def test_every_candle_of_the_test_part_is_forecast_once(
    walk: pl.DataFrame, make_bench: MakeBench, tiny: dict[str, Any]
) -> None:
    samples = make_fair_samples(walk, walk["market"][0])
    fit = Fit.make(samples, split_fairly(walk.height, FIRST_TEST), SMALL)
    [told] = tell_fairly(make_bench(walk), "fair", samples, [fit], tiny, SMALL)
    assert told.is_whole
    assert told.learnt == SMALL.windows
    naive = told.forecasts.filter(pl.col("model") == "naive")
    assert naive["target_time"].n_unique() == naive.height == (walk.height - FIRST_TEST) // 16 * 16
    assert naive["value"].equals(naive["last_close"])
    closes = walk.select("close_time", pl.col("close").alias("true"))
    joined = naive.join(closes, left_on="target_time", right_on="close_time")
    assert joined["actual"].equals(joined["true"])


def test_a_gap_in_the_test_part_leaves_candles_out(
    walk: pl.DataFrame, make_bench: MakeBench, tiny: dict[str, Any]
) -> None:
    """None is forecast twice; of those behind the gap the first 256 are only read."""
    cut = walk.filter(pl.int_range(walk.height) != FIRST_TEST + 100)
    samples = make_fair_samples(cut, cut["market"][0])
    fit = Fit.make(samples, split_fairly(cut.height, FIRST_TEST), SMALL)
    [told] = tell_fairly(make_bench(cut), "fair", samples, [fit], tiny, SMALL)
    assert not told.is_whole
    naive = told.forecasts.filter(pl.col("model") == "naive")
    assert naive["target_time"].n_unique() == naive.height < cut.height - FIRST_TEST - 256


def test_every_partition_chooses_by_its_own_validation_month(
    walk: pl.DataFrame, make_bench: MakeBench, tiny: dict[str, Any]
) -> None:
    """The validation month of a partition is the test month of the one before: it must not choose for that one.

    The month that the third partition validates on is changed so much that a mean over all partitions would choose by
    it alone. Whatever is said of the first two stays, but for the truth of the second one's month.
    """
    networks = tiny | {"other": CNN(filters=(1,), kernels=(8,), strides=(64,), head="dense")}
    wild = pl.int_range(walk.height) >= make_partitions(walk.height)[2].validation.first
    jump = pl.when(wild).then(1 + 0.5 * (pl.int_range(walk.height) % 2)).otherwise(1.0)
    found = []
    for number, candles in enumerate(
        (walk, walk.with_columns(pl.col(name) * jump for name in ("open", "high", "low", "close")))
    ):
        samples = make_fair_samples(candles, candles["market"][0])
        ready = make_walk(samples, networks, SMALL)
        found.append(ready.tell(make_bench(candles, folder=make_bench(walk).folder / str(number))))
    assert [len(told) for told in found] == [5, 5]
    for before, after in zip(found[0][:2], found[1][:2], strict=True):
        assert before.validation == after.validation
        assert before.choice == after.choice == min(before.validation, key=lambda label: before.validation[label])
        assert before.forecasts["value"][0] == after.forecasts["value"][0]
    assert found[0][0].forecasts.equals(found[1][0].forecasts)
    assert list_partitions(found[0]).head(1).equals(list_partitions(found[1]).head(1))
    assert found[0][2].validation != found[1][2].validation


def test_partitions_that_cannot_be_learnt_from_are_left_out(walk: pl.DataFrame) -> None:
    """A gap in the middle of each month of 282 leaves no window of 272; a price that stands still teaches nothing."""
    tiny_plan = FairPlan(1, 1, 1, 16)
    whole = make_fair_samples(walk, walk["market"][0])
    assert (len(make_walk(whole, {}, tiny_plan).fits), make_walk(whole, {}, tiny_plan).left_out) == (5, 0)
    cut = walk.filter(pl.int_range(walk.height) != 1700)
    ready = make_walk(make_fair_samples(cut, cut["market"][0]), {}, tiny_plan)
    assert ready.left_out == 5 - len(ready.fits) > 0
    assert len(ready.fits) > 0
    first = walk["close"][0]
    still = walk.with_columns(
        pl.when(pl.int_range(walk.height) >= 600).then(first).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )
    ready = make_walk(make_fair_samples(still, still["market"][0]), {}, tiny_plan)
    assert [fit.parts.train.first for fit in ready.fits] == [0, 282, 564]
    assert ready.left_out == 2
    assert make_walk(whole, {}, tiny_plan, most=2).fits[0].parts.train.first == 3 * 282
    short = make_fair_samples(walk.head(1200), walk["market"][0])
    assert make_walk(short, {}, tiny_plan).fits == ()


def test_windows_to_learn_from_are_evenly_spaced(walk: pl.DataFrame) -> None:
    windows = make_fair_samples(walk, walk["market"][0]).windows
    few = spread_out(windows, 10)
    assert len(few) == 10
    assert few.starts[-1] == windows.starts[-1]
    assert np.ptp(np.diff(few.starts)) <= 1
    assert spread_out(windows, 10**6) is windows


def test_the_fair_cnn_sees_the_newest_candle() -> None:
    from coincast.models.forecaster import Axes

    assert [rows[-1] for rows in fair_networks()["cnn"].visible(Axes(256, 1, 16))] == [255] * 16


def test_how_much_of_a_move_is_taken_back(walk: pl.DataFrame) -> None:
    """The slope of least squares through zero; nothing on a walk, much where every move is undone by hand."""
    samples, part = make_fair_samples(walk, walk["market"][0]), Part(0, 2000)
    level = np.log(walk["close"].to_numpy()[:2000])
    pairs = [(level[now] - level[now - 12], level[now + 16] - level[now]) for now in range(12, 2000 - 16)]
    past, future = np.array(pairs).T
    slope = np.linalg.lstsq(past[:, None], future, rcond=None)[0][0]
    share, low, high = share_taken_back(samples, part)
    assert share == pytest.approx(-slope)
    assert low < 0 < high
    wave = 1 + 0.2 * (pl.int_range(walk.height) * (2 * np.pi / 28)).sin()
    undone = walk.with_columns(pl.col(name) * wave for name in ("open", "high", "low", "close"))
    share, low, _ = share_taken_back(make_fair_samples(undone, walk["market"][0]), part)
    assert share > low > 0.5
    assert np.isnan(share_taken_back(samples, Part(0, 300))).all()
