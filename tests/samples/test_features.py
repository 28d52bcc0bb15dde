"""Features against figures worked out by hand, and against article 0's."""

from __future__ import annotations

import math
from collections.abc import Callable

import polars as pl
import pytest

from coincast.errors import UnknownNameError
from coincast.samples.features import FEATURES, compute_feature, find_feature

Make = Callable[..., pl.DataFrame]


@pytest.fixture
def candles(make: Make) -> pl.DataFrame:
    return make(
        [9.0, 11.0, 11.0],
        open=[10.0, 9.0, 11.0],
        high=[12.0, 12.0, 11.0],
        low=[8.0, 9.0, 11.0],
        volume=[100.0, 0.0, 300.0],
        trades=[5.0, 7.0, 9.0],
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("open", [10, 9, 11]),
        ("high", [12, 12, 11]),
        ("low", [8, 9, 11]),
        ("close", [9, 11, 11]),
        ("volume", [100, 0, 300]),
        ("close_off_high", [2 * 3 / 4 - 1, 2 * 1 / 3 - 1, 0]),
        ("volatility", [4 / 10, 3 / 9, 0]),
        ("day_diff", [-1 / 10, 2 / 9, 0]),
        ("log_return", [None, math.log(11 / 9), 0]),
        ("abs_log_return", [None, math.log(11 / 9), 0]),
        ("log_range", [math.log(12 / 8), math.log(12 / 9), 0]),
        # 1 % of the mean volume so far: 1, then 0.5, then 4 / 3.
        ("volume_change", [None, math.log(0.5 / 100.5), math.log((300 + 4 / 3) / (4 / 3))]),
        ("trades", [5, 7, 9]),
    ],
)
def test_every_value_is_as_worked_out_by_hand(candles: pl.DataFrame, name: str, expected: list[float | None]) -> None:
    values = compute_feature(name, candles, [(0, 3)])
    assert values.name == name
    assert values.dtype == pl.Float64
    assert [value is None for value in values] == [value is None for value in expected]
    assert values.drop_nulls().to_list() == pytest.approx([value for value in expected if value is not None], rel=1e-14)


def test_every_feature_is_worked_out_by_hand() -> None:
    cases = test_every_value_is_as_worked_out_by_hand.pytestmark[0].args[1]
    assert {name for name, _ in cases} >= set(FEATURES)


def test_close_off_high_is_minus_one_at_the_high_and_one_at_the_low(make: Make) -> None:
    candles = make([12.0, 8.0], open=[10.0, 10.0], high=[12.0, 12.0], low=[8.0, 8.0])
    assert compute_feature("close_off_high", candles, [(0, 2)]).to_list() == [-1, 1]


def test_what_a_source_does_not_tell_is_unknown(make: Make) -> None:
    closes_only = make([9.0, 10.0, 11.0])
    for name in ("open", "volume", "close_off_high", "volatility", "day_diff", "log_range", "volume_change"):
        assert compute_feature(name, closes_only, [(0, 3)]).null_count() == 3


def test_an_unknown_volume_is_no_zero(make: Make) -> None:
    candles = make([9.0, 10.0, 11.0, 12.0], volume=[100.0, None, 300.0, 300.0])
    change = compute_feature("volume_change", candles, [(0, 4)]).to_list()
    assert change[:3] == [None, None, None]
    assert change[3] == pytest.approx(0, abs=1e-15)


def test_volume_change_waits_for_the_first_volume(make: Make) -> None:
    candles = make([9.0, 10.0, 11.0], volume=[0.0, 0.0, 30.0])
    change = compute_feature("volume_change", candles, [(0, 3)]).to_list()
    assert change[:2] == [None, None]
    assert change[2] == pytest.approx(math.log(30.1 / 0.1))


def test_no_value_reaches_across_a_gap(make: Make) -> None:
    candles = make([9.0, 10.0, 20.0, 22.0], days=[0, 1, 5, 6])
    returns = compute_feature("log_return", candles, [(0, 2), (2, 4)]).to_list()
    assert [value is None for value in returns] == [True, False, True, False]
    assert returns[3] == pytest.approx(math.log(1.1))


def test_article_0_first_day(article: pl.DataFrame) -> None:
    """The figures of 2016-01-01 in articles.md, 0.2."""
    expected = {"coinmarketcap:BTC/USD": (-0.560641, 0.020292), "coinmarketcap:ETH/USD": (-0.418477, 0.025040)}
    for market, figures in expected.items():
        first = article.filter(pl.col("market") == market).sort("open_time").head(1)
        values = [compute_feature(name, first, [(0, 1)])[0] for name in ("close_off_high", "volatility")]
        assert values == pytest.approx(figures, abs=5e-7)


def test_a_level_is_told_from_a_ratio(candles: pl.DataFrame) -> None:
    levels = {name for name in FEATURES if FEATURES[name].is_level}
    assert levels == {"open", "high", "low", "close", "volume"}
    assert find_feature("trades", candles).is_level


@pytest.mark.parametrize("name", ["clse", "market", "open_time"])
def test_an_unknown_feature_is_named_with_its_neighbours(candles: pl.DataFrame, name: str) -> None:
    with pytest.raises(UnknownNameError, match=f"unknown feature '{name}'.*known: .*trades"):
        find_feature(name, candles)
