"""Time to import one million 1-minute rows from CSV, beside pandas reading the same file with its dates.

    python benchmarks/import_rows.py

They take turns; figures are medians of the times and of the ratios. "read and check" gives the candle table: the
form recognised, the hash taken, rows that cannot be true refused, gaps counted. "import --check" examines the candles
as well (bad prints, stale runs and the like), and "import" stores them as Parquet, a file for each month, each brought
to disk. pandas only reads the file and its dates.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from coincast.sources.files import read_candle_file
from coincast.sources.importing import ImportOptions, import_files

ROWS, ROUNDS = 1_000_000, 9


def write_minutes(path: Path, rows: int) -> None:
    """A random walk in minutes, as text a person could read."""
    rng = np.random.default_rng(0)
    close = 30_000 * np.exp(np.cumsum(rng.normal(0, 0.0005, rows)))
    open_ = np.concatenate([[30_000.0], close[:-1]])
    high, low = np.maximum(open_, close) * 1.0002, np.minimum(open_, close) * 0.9998
    minutes = pl.datetime_range(
        pl.datetime(2020, 1, 1), pl.datetime(2020, 1, 1) + pl.duration(minutes=rows - 1), "1m", eager=True
    )
    prices = {"open": open_, "high": high, "low": low, "close": close}
    table = {"timestamp": minutes.dt.to_string("%Y-%m-%d %H:%M:%S"), **{k: v.round(2) for k, v in prices.items()}}
    pl.DataFrame({**table, "volume": rng.random(rows).round(6)}).write_csv(path)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "BTC-USD.csv"
        write_minutes(path, ROWS)
        works: dict[str, Callable[[int], object]] = {
            "pandas, reading only": lambda _: pd.read_csv(path, parse_dates=["timestamp"]),
            "read and check": lambda _: read_candle_file(path),
            "import --check": lambda _: import_files([path], ImportOptions(store=False)),
            "import": lambda turn: import_files([path], folder=folder / f"store-{turn}"),
        }
        for work in works.values():
            work(-1)
        seconds = {what: [] for what in works}  # type: dict[str, list[float]]
        for turn in range(ROUNDS):
            for what, work in works.items():
                seconds[what].append(timed(lambda work=work, turn=turn: work(turn)))  # type: ignore[misc]
    peer = seconds["pandas, reading only"]
    print(f"seconds, median of {ROUNDS} turns, {ROWS:,} rows; times pandas:")
    for what, taken in seconds.items():
        ratio = statistics.median(ours / theirs for ours, theirs in zip(taken, peer, strict=True))
        print(f"  {what:22} {statistics.median(taken):.3f}   {ratio:.2f}")


if __name__ == "__main__":
    main()
