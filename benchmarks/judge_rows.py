"""Time to judge 20,000 forecasts, beside pandas reading the same CSV file.

    python benchmarks/judge_rows.py

The two take turns; the figure is the median of the times and of the ratios. Start-up (imports, a first small call) is
left out of both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

import coincast as cc
from coincast.experiments.story import write_judgement

ROWS, ROUNDS = 20_000, 9


def write_forecasts(path: Path, rows: int) -> None:
    """Hourly prices of a random walk, forecast by the last price with a little noise."""
    rng = np.random.default_rng(0)
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    hours = pl.select(pl.datetime(2020, 1, 1, time_zone="UTC") + pl.duration(hours=pl.int_range(rows))).to_series()
    predicted = np.concatenate([price[:1], price[:-1]]) * np.exp(rng.normal(0, 0.002, rows))
    pl.DataFrame({"target_time": hours, "actual": price, "predicted": predicted}).write_csv(path)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.csv", Path(folder) / "large.csv"
        write_forecasts(small, 200)
        write_forecasts(large, ROWS)
        write_judgement(cc.judge(small), Path(folder) / "warm")
        judged, reported, read = [], [], []
        for number in range(ROUNDS):
            judged.append(timed(lambda: cc.judge(large)))
            report = partial(write_judgement, cc.judge(large), Path(folder) / f"report-{number}")
            reported.append(timed(report))
            read.append(timed(lambda: pd.read_csv(large, parse_dates=["target_time"])))
    print(f"seconds, median of {ROUNDS} turns, {ROWS:,} forecasts:")
    print(f"  judge                 {statistics.median(judged):.3f}")
    print(f"  page and pictures     {statistics.median(reported):.3f}")
    print(f"  pandas, reading only  {statistics.median(read):.3f}")
    print(f"  judge / reading       {statistics.median(j / r for j, r in zip(judged, read, strict=True)):.1f}")


if __name__ == "__main__":
    main()
