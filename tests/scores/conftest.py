"""Made-up forecast tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

Table = Callable[..., pl.DataFrame]


@pytest.fixture
def make_forecasts() -> Table:
    """Factory of a table of one model: daily origins on a seeded walk, forecasts from a function of (last, actual)."""

    def make(
        forecast: Callable[[np.ndarray, np.ndarray], np.ndarray],
        *,
        n: int = 120,
        steps: int = 1,
        stride: int = 1,
        model: str = "model",
        run: int = 0,
        market: str = "made:UP/USD",
        seed: int = 0,
    ) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        prices = 100 * np.exp(np.cumsum(0.03 * rng.standard_t(4, n * stride + steps + 1)))
        start = datetime(2020, 1, 1, tzinfo=UTC)
        times = pl.datetime_range(start, interval="1d", end=datetime(2040, 1, 1, tzinfo=UTC), eager=True)[: prices.size]
        origins = np.repeat(np.arange(n) * stride, steps)
        ahead = np.tile(np.arange(1, steps + 1), n)
        last, actual = prices[origins], prices[origins + ahead]
        return pl.DataFrame(
            {
                "market": market,
                "interval": "1d",
                "model": model,
                "run": run,
                "quantity": "price",
                "trained_until": times[origins],
                "origin": times[origins],
                "step": ahead,
                "target_time": times[origins + ahead],
                "value": forecast(last, actual),
                "actual": actual,
                "last_close": last,
            }
        )

    return make
