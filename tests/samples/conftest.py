"""Made-up candles, and the table of article 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coincast.candles.table import make_candles
from coincast.sources.files import read_candle_files

BTC, ETH = "coinmarketcap:BTC/USD", "coinmarketcap:ETH/USD"


@pytest.fixture(scope="session")
def make() -> Callable[..., pl.DataFrame]:
    """Candles from closes; `days` are their places on the calendar, so that a number left out is a gap."""

    def make(
        close: Sequence[float], *, days: Sequence[int] | None = None, market: str = "made:UP/USD", **columns: Any
    ) -> pl.DataFrame:
        days = range(len(close)) if days is None else days
        times = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in days]
        schema = {"open_time": pl.Datetime("ms", "UTC"), "close": pl.Float64}
        frame = pl.DataFrame({"open_time": times, "close": list(close)}, schema=schema)
        return make_candles(
            frame.with_columns(**{k: pl.Series(k, v) for k, v in columns.items()}), market=market, interval="1d"
        )

    return make


@pytest.fixture(scope="session")
def article(shared_data: Path) -> pl.DataFrame:
    """The candles of article 0: Bitcoin and Ethereum by day, 2016-01-01 to 2017-11-21."""
    folder = shared_data / "cmc" / "kaggle2018"
    candles, _ = read_candle_files([folder / "bitcoin_price.csv", folder / "ethereum_price.csv"])
    since, until = datetime(2016, 1, 1, tzinfo=UTC), datetime(2017, 11, 21, tzinfo=UTC)
    return candles.filter(pl.col("open_time").is_between(since, until))
