"""Article 2 without any training: blocks, scale, what networks see, and copies of old prices.

Golden values are those of articles.md, marked there [C] (calculated) or [R] (of the repository).
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.articles.bench import Bench
from coincast.articles.huang.blocks import make_blocks
from coincast.articles.huang.data_file import list_arrays, pass_through_file
from coincast.articles.huang.networks import configurations, count_parameters, describe_views, mean_age
from coincast.articles.huang.opponents import (
    compare_copies,
    compare_views,
    copy_block,
    copy_last,
    copy_noisily,
    forecast_blocks,
    level_effect,
    ratio_of,
    ratios_of_walks,
    regress,
    squared_error,
)
from coincast.articles.huang.pictures import filter_months
from coincast.articles.huang.published import TABLE
from coincast.errors import TooFewRowsError
from coincast.samples.hdf5 import read_samples_file


@pytest.mark.parametrize(
    ("name", "rows", "blocks", "learnt"), [("poloniex", 26_761, 98, 78), ("binance", 104_816, 385, 308)]
)
def test_block_counts(request: pytest.FixtureRequest, name: str, rows: int, blocks: int, learnt: int) -> None:
    """2.1 and issue 6, "done when" 1 and 4."""
    made = make_blocks(request.getfixturevalue(name))
    assert (len(made.close), len(made), made.learnt, made.held_back) == (rows, blocks, learnt, blocks - learnt)


@pytest.mark.parametrize(("name", "ratios"), [("poloniex", (1.41, 1.65, 1.83)), ("binance", (1.90, 2.10, 1.85))])
def test_the_lag_baseline_is_nearly_twice_as_bad(
    request: pytest.FixtureRequest, name: str, ratios: tuple[float, ...]
) -> None:
    """2.9 item 1 and issue 6, "done when" 1: over blocks, over the validation part, over every start."""
    candles = request.getfixturevalue(name)
    table = compare_copies(make_blocks(candles), make_blocks(candles, sliding=True))
    assert tuple(round(ratio, 2) for ratio in table["ratio"]) == pytest.approx(ratios, abs=0.0051)


def test_the_ratio_on_hourly_candles_and_what_a_cnn_could_copy(shared_data: Path) -> None:
    """2.9 items 1 and 2: 1.85 over every start of Bitfinex by hour; 132 k, 125 k and 156 k from the lag row."""
    candles = cc.read_candles(shared_data / "bitfinex" / "Bitfinex_BTCUSD_1h.csv")
    sliding = make_blocks(candles, sliding=True)
    table = compare_copies(make_blocks(candles), sliding)
    assert round(table["ratio"][2], 2) == 1.85
    views = compare_views(sliding, block_copy=TABLE["block copy"].error)
    assert [round(value / 1000) for value in views["scaled"]] == [132, 125, 156]


def test_the_ratio_of_a_price_without_memory() -> None:
    """16 / 8.5 on a Gaussian walk (checklist B4: 1.88 +- 0.05 on 20,000 blocks)."""
    steps = np.random.default_rng(1).normal(0, 1, 20_000 * 272)
    past, future = np.split((10_000 + np.cumsum(steps)).reshape(-1, 272), [256], axis=1)
    ratio = squared_error(copy_block(past), future) / squared_error(copy_last(past), future)
    assert ratio == pytest.approx(1.88, abs=0.05)


def test_how_far_chance_moves_the_ratio() -> None:
    """Issue 6, "done when" 1: with 98 blocks even a pure random walk gives 1.6 to 2.3; with many, 16 / 8.5."""
    assert ratios_of_walks(98) == pytest.approx((1.6, 2.3), abs=0.1)
    assert ratios_of_walks(5000) == pytest.approx((1.88, 1.88), abs=0.06)


def test_parameters() -> None:
    """2.3 [C]."""
    assert [count_parameters(one.settings) for one in configurations()] == [
        *(297, 297, 657, 657, 313, 313),
        *(11_216, 11_216, 8_616, 8_616),
    ]
    # The second tanh of some scripts has no weights: either network takes the same file (2.9 item 11).
    twice = configurations(second_tanh=True)
    assert [count_parameters(one.settings) for one in twice[-4:]] == [11_216, 11_216, 8_616, 8_616]
    assert {one.settings.after for one in twice[-4:]} == {"tanh"}


def test_what_the_networks_see() -> None:
    """2.9 item 2: fixed slices, 11, 5 and 0 newest inputs never read, mean ages 109.5, 103.5 and 128.5."""
    table = describe_views()
    assert table["step 1 reads"].to_list() == ["0 to 64", "0 to 70", "0 to 15", "0 to 255", "0 to 255"]
    assert table["step 16 reads"].to_list() == ["180 to 244", "180 to 250", "240 to 255", "0 to 255", "0 to 255"]
    assert table["newest inputs never read"].to_list() == [11, 5, 0, 0, 0]
    assert [mean_age(one.settings) for one in configurations()[::2]] == [109.5, 103.5, 128.5, 8.5, 8.5]
    # 2.3: the lengths of each layer.
    assert table["lengths"].to_list()[:3] == [
        "256 \u2192 79 \u2192 16",
        "256 \u2192 83 \u2192 38 \u2192 16",
        "256 \u2192 128 \u2192 64 \u2192 32 \u2192 16",
    ]


def test_copies_are_those_of_a_loop() -> None:
    past = np.arange(2 * 256, dtype=float).reshape(2, 256)
    assert np.array_equal(copy_last(past), [[past[block, 255]] * 16 for block in range(2)])
    # 2.5: target step k is predicted by input step 240 + k.
    assert np.array_equal(copy_block(past), [[past[block, 240 + k] for k in range(16)] for block in range(2)])


def test_noise_can_only_add_to_the_error(walk: pl.DataFrame) -> None:
    """E (copy x factor - y)^2 = (copy - y)^2 + copy^2 x 0.005^2, for a factor of mean 1."""
    blocks = make_blocks(walk)
    past, future = blocks.pieces(blocks.windows)
    noisy = np.mean([squared_error(copy_noisily(past, seed=seed), future) for seed in range(200)])
    expected = squared_error(copy_block(past), future) + 0.005**2 * float(np.mean(copy_block(past) ** 2))
    assert noisy == pytest.approx(expected, rel=0.02)


def test_the_regression_is_least_squares(walk: pl.DataFrame) -> None:
    """Fewer blocks than inputs: it fits its training blocks without error, as scikit-learn's does."""
    blocks = make_blocks(walk)
    past, future = blocks.pieces(blocks.training)
    assert np.allclose(regress(blocks, past), future, rtol=1e-9)
    sklearn = pytest.importorskip("sklearn.linear_model").LinearRegression()
    sklearn.fit(blocks.scale(past), blocks.scale(future))
    held_back, _ = blocks.pieces(blocks.validation)
    theirs = blocks.unscale(sklearn.predict(blocks.scale(held_back)))
    assert np.allclose(regress(blocks, held_back), theirs, rtol=1e-9)


def test_the_scale_knows_the_future_and_the_copies_do_not(walk: pl.DataFrame) -> None:
    """The published scale moves with the last rows: that is its flaw. What is copied and learnt from does not."""
    blocks = make_blocks(walk)
    first_held_back = int(blocks.validation.starts[0])
    later = pl.int_range(walk.height) >= first_held_back
    changed = make_blocks(walk.with_columns(close=pl.when(later).then(pl.col("close") * 3).otherwise(pl.col("close"))))
    assert changed.reach > blocks.reach
    assert np.array_equal(changed.training.starts, blocks.training.starts)
    for before, after in zip(blocks.pieces(blocks.training), changed.pieces(changed.training), strict=True):
        assert np.array_equal(before, after)
    assert level_effect(changed)[0] < level_effect(blocks)[0]


def test_the_data_file_holds_what_is_learnt_from(walk: pl.DataFrame) -> None:
    blocks = make_blocks(walk)
    file = blocks.to_file()
    past, future = blocks.pieces(blocks.windows)
    assert np.allclose(file.inputs[..., 0], blocks.scale(past))
    assert np.allclose(file.unscale(file.outputs)[..., 0], future)
    span = blocks.span(validates=True)
    assert np.allclose(span.training.targets, file.outputs[: blocks.learnt, :, 0])
    assert np.allclose(span.validation.targets, file.outputs[blocks.learnt :, :, 0])


def test_the_networks_learn_from_what_was_read_back(walk: pl.DataFrame, tmp_path: Path) -> None:
    """2.2: seven arrays in a file, from which inputs, targets and the scale come; other arrays are other lessons."""
    blocks = make_blocks(walk)
    read, told = pass_through_file(Bench(walk, folder=tmp_path), blocks)
    assert "data/walk1_5m_close.h5" in told
    path = tmp_path / "data" / "walk1_5m_close.h5"
    assert read.arrays is not None
    assert [getattr(read, name) for name in ("low", "reach", "learnt")] == [blocks.low, blocks.reach, blocks.learnt]
    assert list_arrays(read.arrays).select("array", "shape").rows()[:2] == [
        *(("inputs", "10 x 256 x 1"), ("outputs", "10 x 16 x 1"))
    ]
    asked, made = read.span(validates=True), blocks.span(validates=True)
    assert np.array_equal(asked.inputs, made.inputs)
    assert np.array_equal(asked.training.targets, made.training.targets)
    with h5py.File(path, "a") as file:
        file["inputs"][...] = 0.25
        file["outputs"][...] = 0.75
        file["original_datas"][0] = 10 * file["original_datas"][...].max()
    changed = blocks.of_file(read_samples_file(path))
    span = changed.span(validates=True)
    rows = span.inputs.reshape(-1, 272)
    assert (np.unique(rows[:, :256]).tolist(), np.unique(rows[:, 256:]).tolist()) == ([0.25], [0.75])
    assert np.unique(np.concatenate([span.training.targets, span.validation.targets])).tolist() == [0.75]
    assert changed.reach > 5 * blocks.reach


def test_without_h5py_the_same_arrays_are_learnt_from(
    walk: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    blocks = make_blocks(walk)
    same, told = pass_through_file(Bench(walk, folder=tmp_path), blocks)
    assert same is blocks
    assert "There is no data file" in told
    assert "coincast[hdf5]" in told


def test_a_first_look_learns_from_the_newest_blocks(walk: pl.DataFrame) -> None:
    blocks = make_blocks(walk)
    few = blocks.newest(3)
    assert np.array_equal(few.training.starts, blocks.training.starts[-3:])
    assert np.array_equal(few.validation.starts, blocks.validation.starts)
    assert blocks.newest(1000).training.starts.size == blocks.learnt == 8


def test_months_after_july(poloniex: pl.DataFrame, walk: pl.DataFrame) -> None:
    """2.4: of the newest year, month > 7; all blocks where no month is."""
    blocks = make_blocks(poloniex)
    assert filter_months(blocks).all()
    first = blocks.open_time[blocks.validation.future_rows[:, 0]].astype("datetime64[ms]")
    in_october = first >= np.datetime64("2017-10-01T00:00")
    assert np.array_equal(filter_months(blocks, after=9), in_october)
    assert in_october.any()
    assert not in_october.all()
    assert filter_months(make_blocks(walk), after=12).all()


def test_opponents_of_the_validation_blocks(walk: pl.DataFrame) -> None:
    blocks = make_blocks(walk)
    said = forecast_blocks(blocks)
    assert [one.shape for one in said.values()] == [(blocks.held_back, 16)] * 7
    assert list(said)[:4] == ["persistence", "block copy", "noisy copy", "linear regression"]


def test_too_few_candles(walk: pl.DataFrame) -> None:
    with pytest.raises(TooFewRowsError, match="271 rows hold no window"):
        make_blocks(walk.head(271))
    for rows in (272, 543):
        with pytest.raises(TooFewRowsError, match=f"{rows} candles make one block of 272.*give 544 candles or more"):
            make_blocks(walk.head(rows))
    assert make_blocks(walk.head(544)).held_back == 1
    assert not make_blocks(walk.head(5 * 272)).has_halves
    assert make_blocks(walk.head(6 * 272)).has_halves


def test_copies_of_a_price_that_stands_still(walk: pl.DataFrame) -> None:
    """It moves in its first 100 candles alone: copies make no error in every block but the first."""
    still = pl.when(pl.int_range(walk.height) < 100).then(pl.col("close")).otherwise(1.0)
    quiet = walk.with_columns(close=still)
    blocks, every_start = make_blocks(quiet), make_blocks(quiet, sliding=True)
    assert compare_copies(blocks, every_start)["ratio"].is_nan().all()
    assert compare_views(every_start, block_copy=1.0)["ratio"].is_nan().all()
    assert (ratio_of(3.0, 2.0), np.isnan(ratio_of(0.0, 0.0)), np.isnan(ratio_of(1.0, 0.0))) == (1.5, True, True)
