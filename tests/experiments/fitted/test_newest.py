"""The newest window, found from the end of the candles, is the one that all candles give."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import CandleError, ColumnError, DataError, TooFewRowsError
from coincast.experiments.fitted.newest import ROWS_BEFORE, Newest, count_rows, find_newest
from coincast.experiments.spec import Spec
from coincast.samples.features import FEATURES
from coincast.samples.quantities import naive_values
from coincast.samples.samples import make_sample_sets
from coincast.samples.splits import Part


def spec_of(**given: Any) -> Spec:
    return Spec.from_keywords(**{"lookback": 4, **given})


def find(candles: pl.DataFrame, spec: Spec, *, inputs: list[str] | None = None, market: str | None = None) -> Newest:
    market = market or candles["market"][0]
    return find_newest(candles, spec=spec, market=market, inputs=inputs or [market], interval="1d")


def whole(candles: pl.DataFrame, spec: Spec, inputs: list[str] | None = None) -> Any:
    """The samples of all candles."""
    market = candles["market"][0]
    own = spec.samples
    return make_sample_sets(
        candles,
        markets=[market],
        inputs=inputs or [market],
        features=own.features,
        lookback=own.lookback,
        horizon=own.horizon,
        target=spec.target,
        quantity=own.quantity,
    )[0]


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_has_the_same_bits_from_few_rows(echo: pl.DataFrame, name: str) -> None:
    spec = spec_of(features=[name])
    found = find(echo, spec).samples
    assert found.inputs.tobytes() == whole(echo, spec).inputs[-4:].tobytes()
    assert (count_rows(spec) is None) == (name not in ROWS_BEFORE)
    rows = count_rows(spec)
    if rows is not None:
        few = find(echo.tail(rows), spec).samples
        assert few.inputs.tobytes() == found.inputs.tobytes()


def test_columns_of_the_candles_are_inputs(echo: pl.DataFrame) -> None:
    spec = spec_of(features=["fear", "close"])
    with pytest.raises(ColumnError, match="the model needs the column 'fear', and these candles have market,"):
        find(echo, spec)
    feared = echo.with_columns(fear=pl.int_range(pl.len()).cast(pl.Float64))
    assert find(feared, spec).samples.inputs[:, 0].tolist() == [156, 157, 158, 159]
    assert count_rows(spec) == 4


def test_keys_of_the_window(echo: pl.DataFrame) -> None:
    samples = find(echo, spec_of(features=["close", "log_return"])).samples
    all_of_them = whole(echo, spec_of(features=["close", "log_return"]))
    for name in ("close", "open_time", "close_time"):
        assert getattr(samples, name).tolist() == getattr(all_of_them, name)[-4:].tolist()
    assert (samples.names, samples.is_level) == (all_of_them.names, all_of_them.is_level)
    assert samples.last_close(samples.windows).tolist() == [echo["close"][-1]]


def test_only_the_end_is_looked_at(echo: pl.DataFrame) -> None:
    """What lies before could not even be a candle."""
    spec = spec_of()
    spoiled = pl.concat([echo.head(150).with_columns(close=-pl.col("close")), echo.tail(10)])
    assert find(spoiled, spec).samples.inputs.tobytes() == find(echo, spec).samples.inputs.tobytes()


@pytest.mark.parametrize("features", [["log_return"], ["volume_change"]])
def test_any_order_and_any_company(echo: pl.DataFrame, features: list[str]) -> None:
    spec, market = spec_of(features=features), echo["market"][0]
    wanted = find(echo, spec).samples.inputs.tobytes()
    other = cc.simulate("walk", candles=170, seed=2)
    hours = cc.simulate("echo", candles=50, interval="1h", seed=5)
    bare = echo.select("market", "interval", "open_time", "close_time", "close", "volume")
    for candles in (
        echo.reverse(),
        echo.sample(fraction=1.0, shuffle=True, seed=1),
        pl.concat([echo, other], how="diagonal"),
        pl.concat([other, echo, hours], how="diagonal"),
        echo.cast({"open_time": pl.Datetime("us", "UTC"), "close_time": pl.Datetime("us", "UTC")}),
        bare,
    ):
        assert find(candles, spec, market=market).samples.inputs.tobytes() == wanted


def test_windows_begin_after_a_gap(echo: pl.DataFrame) -> None:
    spec = spec_of(features=["volume_change"])
    torn = pl.concat([echo.head(100), echo.tail(20)])
    assert find(torn, spec).samples.inputs.tobytes() == find(echo.tail(20), spec).samples.inputs.tobytes()
    assert find(torn, spec).samples.inputs.tobytes() == whole(torn, spec).inputs[-4:].tobytes()
    with pytest.raises(TooFewRowsError, match="has a gap before the candle that opens 20"):
        find(pl.concat([echo.head(100), echo.tail(3)]), spec)


def test_several_markets_are_joined(two_markets: pl.DataFrame) -> None:
    markets = two_markets["market"].unique(maintain_order=True).to_list()
    spec = spec_of(features=["log_return", "volume"])
    found = find(two_markets, spec, inputs=markets).samples
    wanted = whole(two_markets, spec, inputs=markets)
    assert found.names == wanted.names
    assert found.inputs.tobytes() == wanted.inputs[-4:].tobytes()
    first, second = (two_markets.filter(market=market) for market in markets)
    lacking = pl.concat([first, second.filter(pl.int_range(pl.len()) != 130)], how="diagonal")
    assert find(lacking, spec, inputs=markets).samples.inputs.tobytes() == found.inputs.tobytes()
    gap = pl.concat([first, second.filter(pl.int_range(pl.len()) != 158)], how="diagonal")
    with pytest.raises(TooFewRowsError, match="has a gap before"):
        find(gap, spec, inputs=markets)
    with pytest.raises(
        TooFewRowsError, match=f"{markets[1]} has no candle that closes at .* and the model needs the same"
    ):
        find(pl.concat([first, second.head(159)], how="diagonal"), spec, inputs=markets)


def test_the_naive_volatility_of_few_rows_is_that_of_all() -> None:
    candles = cc.simulate("walk", candles=3000, seed=1)
    spec = spec_of(quantity="volatility", horizon=3)
    samples = whole(candles, spec)
    wanted = naive_values(samples, samples.windows_at(np.array([2999])), Part(0, 3000))
    assert find(candles, spec).volatility == pytest.approx(wanted[0, 0], rel=1e-14)
    assert find(candles, spec_of()).volatility is None


def test_candles_that_cannot_be_true_are_refused(echo: pl.DataFrame) -> None:
    last = pl.int_range(pl.len()) == 158
    for wrong in (
        echo.with_columns(pl.when(last).then(-1.0).otherwise("close").alias("close")),
        echo.with_columns(pl.when(last).then(None).otherwise("close").alias("close")),
        echo.with_columns(pl.when(last).then(0.0).otherwise("open").alias("open")),
        echo.with_columns(pl.when(last).then(pl.col("low") / 2).otherwise("high").alias("high")),
        echo.with_columns(pl.when(last).then(-1.0).otherwise("volume").alias("volume")),
        pl.concat([echo, echo.tail(1).with_columns(pl.col("close") * 1.5, pl.col("high") * 2)]),
    ):
        with pytest.raises(CandleError, match="the 1d candle of simulated:ECHO1/USD that opens"):
            find(wrong, spec_of())
    with pytest.raises(ColumnError, match="a candle table needs market"):
        find_newest(echo.drop("market"), spec=spec_of(), market="simulated:ECHO1/USD", inputs=["a"], interval="1d")
    with pytest.raises(DataError, match="those that were given are none"):
        find_newest(echo.clear(), spec=spec_of(), market="file:A/B", inputs=["file:A/B"], interval="1d")


def test_an_unknown_input_is_named(echo: pl.DataFrame) -> None:
    unknown = echo.with_columns(pl.when(pl.int_range(pl.len()) == 157).then(None).otherwise("volume").alias("volume"))
    with pytest.raises(
        TooFewRowsError, match="input 'volume' of simulated:ECHO1/USD is unknown in the candle that opens"
    ):
        find(unknown, spec_of(features=["close", "volume"]))
