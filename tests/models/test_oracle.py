"""The oracle on a market whose truth is known, and on one where it is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coincast.errors import ColumnError
from coincast.models.naive import Naive
from coincast.models.oracle import Oracle
from coincast.samples.samples import Samples, make_samples
from coincast.samples.splits import Part
from coincast.sources.simulated import simulate


def samples_of(kind: str, **settings: float) -> Samples:
    candles = simulate(kind, candles=4000, seed=4, **settings)
    market = candles["market"][0]
    return make_samples(
        candles, market=market, inputs=[market], features=["log_return"], lookback=1, horizon=3, target="log_return"
    )


def test_the_oracle_lets_the_last_return_echo() -> None:
    samples = samples_of("echo", skill=0.1)
    origins = np.arange(1, len(samples.close) - 1)
    forecast = Oracle().forecast(samples, training=Part(0, 10), origins=origins, seed=0)
    last, decay = np.diff(np.log(samples.close))[origins - 1], samples.candles["oracle_decay"][0]
    path = last[:, None] * np.cumsum(decay ** np.arange(1, 4))
    assert np.log(forecast / samples.close[origins][:, None]) == pytest.approx(path, abs=1e-12)
    truth = np.log(samples.close[origins + 1])
    error, naive = (np.abs(truth - np.log(price)).mean() for price in (forecast[:, 0], samples.close[origins]))
    # The planted skill is 10 %; over 4,000 candles its estimate is within three points of it.
    assert 1 - error / naive == pytest.approx(0.10, abs=0.03)


def test_on_a_walk_nobody_knows_more_than_the_last_close() -> None:
    samples = samples_of("walk")
    origins = np.arange(100)
    oracle, naive = (
        model.forecast(samples, training=Part(0, 10), origins=origins, seed=0) for model in (Oracle(), Naive())
    )
    assert oracle.tolist() == naive.tolist()


def test_there_is_no_oracle_on_a_real_market(make_closes: Callable[..., Samples]) -> None:
    samples = make_closes([10.0, 11.0, 12.0, 13.0])
    with pytest.raises(ColumnError, match="the oracle exists on simulated markets only"):
        Oracle().forecast(samples, training=Part(0, 2), origins=np.array([2]), seed=0)
