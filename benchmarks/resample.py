"""Five million candles of a minute to candles of five minutes, beside pandas.

    python benchmarks/resample.py

Ours looks at every time first, leaves out what is incomplete and names it; pandas makes candles of whatever is there.
The two take turns, because absolute times drift on shared machines; the figures are medians of the times and of the
ratios. Once the candles are without a gap, and once one in ten thousand is missing.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import polars as pl

from coincast.candles.resample import resample
from coincast.candles.table import make_candles

ROWS, ROUNDS, MISSING = 5_000_000, 15, 1e-4
HOW = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def make_minutes(rows: int) -> pl.DataFrame:
    """Checked candles of a random walk."""
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, rows)))
    open_ = np.concatenate([[100.0], close[:-1]])
    spread = 1 + rng.exponential(5e-4, rows)
    minutes = pl.datetime(2017, 1, 1, time_zone="UTC") + pl.duration(minutes=pl.int_range(rows))
    prices = {"open": open_, "high": np.maximum(open_, close) * spread, "low": np.minimum(open_, close) / spread}
    columns = pl.DataFrame({**prices, "close": close, "volume": rng.exponential(1, rows)})
    return make_candles(columns.with_columns(minutes.alias("open_time")), market="simulated:BTC/USD", interval="1m")


def to_indexed(candles: pl.DataFrame) -> pd.DataFrame:
    index = pd.DatetimeIndex(candles["open_time"].to_numpy(), tz="UTC")
    return pd.DataFrame({name: candles[name].to_numpy() for name in HOW}, index=index)


def resample_with_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.resample("5min").agg(HOW)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(candles: pl.DataFrame, title: str) -> None:
    frame = to_indexed(candles)
    ours, theirs = partial(resample, candles, "5m"), partial(resample_with_pandas, frame)
    turns = [(timed(ours), timed(theirs)) for _ in range(ROUNDS + 1)][1:]
    ratios = [mine / its for mine, its in turns]
    mine, its = (statistics.median(column) for column in zip(*turns, strict=True))
    print(f"{title}: milliseconds, median of {ROUNDS} turns, {candles.height:,} candles of a minute to five")
    print(f"  coincast {1000 * mine:6.0f}")
    print(f"  pandas   {1000 * its:6.0f}")
    print(f"  ratio    {statistics.median(ratios):6.3f}   ({min(ratios):.3f} to {max(ratios):.3f}), 1/5 is allowed")


def main() -> None:
    candles = make_minutes(ROWS)
    compare(candles, "no gap")
    present = np.random.default_rng(1).random(ROWS) > MISSING
    compare(candles.filter(pl.Series(present)), "one in 10,000 missing")


if __name__ == "__main__":
    main()
