"""Samples of one and of two markets, and article 0's counts and naive errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.errors import ColumnError, TooFewRowsError, UnknownNameError, UsageError
from coincast.samples.quantities import to_quantity
from coincast.samples.samples import Samples, make_samples, short_names
from coincast.samples.splits import Split, split_rows

Make = Callable[..., pl.DataFrame]
UP, DOWN = "made:UP/USD", "made:DOWN/USD"
SETTINGS: dict[str, Any] = {
    "market": UP,
    "inputs": [UP],
    "features": ["close"],
    "lookback": 3,
    "horizon": 2,
    "target": "window_change",
}
CLOSES = [10.0, 11.0, 12.0, 15.0, 18.0, 20.0, 24.0]


def test_a_window_knows_its_prices(make: Make) -> None:
    samples = make_samples(make(CLOSES), **SETTINGS)
    assert samples.windows.starts.tolist() == [0, 1, 2, 3, 4]
    assert samples.known.tolist() == [True, True, True, False, False]
    known = samples.windows.select(samples.known)
    assert samples.first_close(known).tolist() == [10, 11, 12]
    assert samples.last_close(known).tolist() == [12, 15, 18]
    assert samples.future_close(known).tolist() == [[15, 18], [18, 20], [20, 24]]
    assert samples.targets(known) == pytest.approx(np.array([[0.5, 0.8], [7 / 11, 9 / 11], [2 / 3, 1]]))
    assert to_quantity(samples, samples.targets(known), known) == pytest.approx(samples.future_close(known))


def test_the_newest_windows_are_there_though_their_future_is_not(make: Make) -> None:
    samples = make_samples(make(CLOSES), **SETTINGS)
    assert samples.windows_at(np.array([6])).starts.tolist() == [4]
    assert samples.windows_at(np.array([0, 1, 5])).starts.tolist() == [3]


def test_two_markets_are_joined_on_the_candles_that_both_have(make: Make) -> None:
    up = make(CLOSES, days=range(7))
    down = make(CLOSES[::-1], days=[0, 1, 2, 4, 5, 6, 7], market=DOWN)
    changes = {"inputs": [DOWN, UP], "features": ["close", "log_return"], "lookback": 2, "horizon": 1}
    samples = make_samples(pl.concat([up, down]), **{**SETTINGS, **changes})
    assert samples.names == ("DOWN close", "DOWN log_return", "UP close", "UP log_return")
    assert samples.is_level == (True, False, True, False)
    assert samples.close.tolist() == [10, 11, 12, 18, 20, 24]
    assert samples.inputs[:, 0].tolist() == [24, 20, 18, 15, 12, 11]
    # The first candle of each gap-free stretch has no return.
    assert np.isnan(samples.inputs[:, 3]).tolist() == [True, False, False, True, False, False]
    assert samples.windows.starts.tolist() == [1, 4]
    assert samples.known.tolist() == [False, False]


def test_a_market_can_be_forecast_from_another_alone(make: Make) -> None:
    candles = pl.concat([make(CLOSES), make(CLOSES[::-1], market=DOWN)])
    samples = make_samples(candles, **{**SETTINGS, "inputs": [DOWN]})
    assert samples.names == ("close",)
    assert samples.inputs[:, 0].tolist() == CLOSES[::-1]
    assert samples.close.tolist() == CLOSES


@pytest.mark.parametrize(
    ("markets", "expected"),
    [
        (["a:BTC/USD", "a:ETH/USD"], ["BTC", "ETH"]),
        (["a:BTC/USD", "a:BTC/EUR"], ["BTC/USD", "BTC/EUR"]),
        (["a:BTC/USD", "b:BTC/USD"], ["a:BTC/USD", "b:BTC/USD"]),
    ],
)
def test_short_names_still_differ(markets: list[str], expected: list[str]) -> None:
    assert short_names(markets) == expected


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"lookback": 0}, UsageError, "samples.lookback is 0"),
        ({"horizon": 0}, UsageError, "samples.horizon 0"),
        ({"features": []}, UsageError, "samples.features is empty"),
        ({"target": "prize"}, UnknownNameError, "did you mean 'price'"),
        ({"features": ["clos"]}, UnknownNameError, "did you mean 'close'"),
        ({"market": "made:UPP/USD"}, UnknownNameError, "unknown market"),
        ({"lookback": 6}, TooFewRowsError, "need 8 candles in a row, but made:UP/USD has 7 candles"),
        ({"features": ["close", "volume"]}, ColumnError, "'volume' is unknown in every candle of made:UP/USD"),
    ],
)
def test_what_cannot_be_is_refused(make: Make, changes: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make_samples(make(CLOSES), **{**SETTINGS, **changes})


def article_samples(article: pl.DataFrame, coin: str) -> Samples:
    markets = ["coinmarketcap:BTC/USD", "coinmarketcap:ETH/USD"]
    features = ["close", "quote_volume", "close_off_high", "volatility"]
    return make_samples(
        article,
        market=f"coinmarketcap:{coin}/USD",
        inputs=markets,
        features=features,
        lookback=10,
        horizon=1,
        target="window_change",
    )


@pytest.mark.parametrize(("coin", "naive_error"), [("BTC", 0.0378), ("ETH", 0.0417)])
def test_article_0_counts_and_naive_error(article: pl.DataFrame, coin: str, naive_error: float) -> None:
    """Articles.md: 517 and 174 rows, 507 and 164 windows, and "the price stays where it is" in the article's unit."""
    samples = article_samples(article, coin)
    parts = split_rows(samples.open_time, Split(test="2017-06-01"))
    assert (len(samples.close), len(parts.train), len(parts.test)) == (691, 517, 174)
    assert len(samples.windows_in(parts.train, reach_back=False)) == 507
    assert len(samples.windows_in(parts.test, reach_back=True)) == 174
    test = samples.windows_in(parts.test, reach_back=False)
    assert len(test) == 164
    naive = samples.target.from_price(
        samples.last_close(test)[:, None], samples.last_close(test), samples.first_close(test)
    )
    assert np.abs(naive - samples.targets(test)).mean() == pytest.approx(naive_error, abs=5e-5)


def test_article_0_inputs_are_alive(article: pl.DataFrame) -> None:
    samples = article_samples(article, "ETH")
    assert len(samples.names) == 8
    assert np.isfinite(samples.inputs).all()
    assert (samples.inputs.std(axis=0) > 0).all()
