"""What holds for every feature: known at the candle's close, unmoved by later candles, never across a gap."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.samples.features import CANDLE_KEYS, FEATURES, compute_feature, find_feature
from coincast.sources.simulated import simulate

ROWS = 80


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    """Simulated candles with what is awkward in real ones: no volume, an unknown one, a candle without range."""
    awkward = pl.int_range(pl.len())
    frame = simulate("walk", candles=ROWS, seed=1).with_columns(trades=1.0 + awkward % 7)
    return frame.with_columns(
        volume=pl.when(awkward.is_in([5, 6, 30])).then(0.0).when(awkward == 40).then(None).otherwise("volume"),
        high=pl.when(awkward.is_in([0, 50])).then("close").otherwise("high"),
        low=pl.when(awkward.is_in([0, 50])).then("close").otherwise("low"),
    )


@pytest.fixture(params=[*FEATURES, "trades"])
def name(request: pytest.FixtureRequest) -> str:
    """Every feature of the registry, and an extra column."""
    return str(request.param)


def bits(values: pl.Series) -> list[bytes | None]:
    return [None if value is None else np.float64(value).tobytes() for value in values]


def with_other_rows_from(candles: pl.DataFrame, row: int, seed: int) -> pl.DataFrame:
    """The same candles up to a row, and another market a thousand times as dear from there on."""
    other = simulate("walk", candles=ROWS, seed=seed).with_columns(trades=pl.lit(99.0))
    numbers = [column for column in candles.columns if column not in CANDLE_KEYS]
    later = candles[row:].with_columns(other[column][row:] * 1000 for column in numbers)
    return pl.concat([candles[:row], later])


@pytest.mark.parametrize("row", [1, 2, 7, 31, 79])
def test_later_candles_change_no_bit(candles: pl.DataFrame, name: str, row: int) -> None:
    before = bits(compute_feature(name, candles, [(0, ROWS)]))[:row]
    for seed in (2, 3):
        after = compute_feature(name, with_other_rows_from(candles, row, seed), [(0, ROWS)])
        assert bits(after)[:row] == before


@pytest.mark.parametrize("row", [1, 41, 80])
def test_candles_that_are_not_there_yet_change_no_bit(candles: pl.DataFrame, name: str, row: int) -> None:
    whole, cut = compute_feature(name, candles, [(0, ROWS)]), compute_feature(name, candles[:row], [(0, row)])
    assert bits(cut) == bits(whole)[:row]


def test_a_gap_is_a_new_beginning(candles: pl.DataFrame, name: str) -> None:
    stretches = [(0, 20), (20, 21), (21, ROWS)]
    apart = [compute_feature(name, candles[first:end], [(0, end - first)]) for first, end in stretches]
    assert bits(compute_feature(name, candles, stretches)) == bits(pl.concat(apart))


def test_one_number_per_candle_known_or_not(candles: pl.DataFrame, name: str) -> None:
    values = compute_feature(name, candles, [(0, ROWS)])
    assert (values.name, values.dtype, values.len()) == (name, pl.Float64, ROWS)
    assert values.is_finite().drop_nulls().all()
    assert values.drop_nulls().n_unique() > 1


def test_the_feature_describes_itself(candles: pl.DataFrame, name: str) -> None:
    assert find_feature(name, candles).description
