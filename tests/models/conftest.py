"""Samples for opponents: made-up closes and simulated candles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from coincast.candles.table import make_candles
from coincast.samples.samples import Samples, make_samples

MARKET = "made:UP/USD"


@pytest.fixture(scope="session")
def make_closes() -> Callable[..., Samples]:
    """Samples of closes; `days` are their places on the calendar, so that a number left out is a gap."""

    def make(close: Sequence[float], *, days: Sequence[int] | None = None, horizon: int = 2) -> Samples:
        days = range(len(close)) if days is None else days
        times = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=int(day)) for day in days]
        schema = {"open_time": pl.Datetime("ms", "UTC"), "close": pl.Float64}
        candles = make_candles(
            pl.DataFrame({"open_time": times, "close": list(close)}, schema=schema), market=MARKET, interval="1d"
        )
        settings = {"market": MARKET, "inputs": [MARKET], "features": ["close"], "target": "log_return"}
        return make_samples(candles, **settings, lookback=1, horizon=horizon)

    return make
