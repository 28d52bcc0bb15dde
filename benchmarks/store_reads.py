"""One month out of five years of minutes in the store: which files are opened, and how long it takes.

    python benchmarks/store_reads.py

Every opened file is seen by an audit hook of the interpreter. The two reads take turns; the figures are medians of the
times and of the ratios.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from coincast.candles.store import last_open_time, list_stored, read_stored, write_candles
from coincast.sources.simulated import simulate

MINUTES, ROUNDS = 5 * 365 * 1440, 9
MONTH = {"since": datetime(2019, 3, 1, tzinfo=UTC), "until": datetime(2019, 4, 1, tzinfo=UTC)}


def watch_opened_files() -> list[str]:
    """Names of the Parquet files that are opened from now on, as they are."""
    opened: list[str] = []

    def see(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(".parquet"):
            opened.append(Path(str(arguments[0])).name)

    sys.addaudithook(see)
    return opened


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    candles = simulate("walk", candles=MINUTES, interval="1m", start="2017-01-01")
    market = candles["market"][0]
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "candles"
        write = partial(write_candles, candles, source="benchmark", on_conflict="refuse", folder=folder)
        first, again = timed(write), timed(write)
        opened = watch_opened_files()
        month = read_stored(market, "1m", **MONTH, folder=folder)
        expected = candles.filter(candles["open_time"].is_between(MONTH["since"], MONTH["until"], closed="left"))
        assert month.equals(expected)
        assert opened == ["2019-03.parquet"], opened
        read_month = partial(read_stored, market, "1m", **MONTH, folder=folder)
        read_all = partial(read_stored, market, "1m", folder=folder)
        turns = [(timed(read_month), timed(read_all)) for _ in range(ROUNDS + 1)][1:]
        listed = timed(partial(list_stored, folder))
        last = timed(partial(last_open_time, market, "1m", folder=folder))
        files, size = list_stored(folder).select("files", "bytes").row(0)
    one, every = (1000 * statistics.median(column) for column in zip(*turns, strict=True))
    print(f"{candles.height:,} candles of a minute in {files} files, {size / 1e6:.0f} MB; milliseconds:")
    print(f"  write all, in one go   {1000 * first:8.0f}")
    print(f"  write the same again   {1000 * again:8.0f}")
    print(f"  read everything        {every:8.1f}   (median of {ROUNDS} turns)")
    print(f"  read one month         {one:8.1f}   ({month.height:,} candles)")
    print(f"  month / everything     {statistics.median(a / b for a, b in turns):8.3f}")
    print(f"  list what is stored    {1000 * listed:8.1f}")
    print(f"  last open time         {1000 * last:8.1f}")
    print("files opened for the month: 2019-03.parquet and no other")


if __name__ == "__main__":
    main()
