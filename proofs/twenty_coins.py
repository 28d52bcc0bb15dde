"""Eight models walk forward on twenty real coins: how long one command takes, and what it says.

    python proofs/twenty_coins.py

Reads `binance/multi_1d` of the shared market data (`COINCAST_SHARED_DATA`, else `../shared/data`). The bound is five
minutes on two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

PROJECT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("COINCAST_SHARED_DATA", PROJECT.parent / "shared" / "data")) / "binance" / "multi_1d"
COINS = "ADA ATOM AVAX BCH BNB BTC DOGE DOT EOS ETC ETH FIL LINK LTC NEAR SOL THETA TRX XLM XRP"
MOST_SECONDS = 300


def main() -> int:
    """Run the command, and say whether it kept its bound."""
    files = [argument for coin in COINS.split() for argument in ("--candles", str(DATA / f"{coin}_USDT-1d.feather"))]
    spec = PROJECT / "examples" / "twenty-coins.toml"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        began = time.perf_counter()
        command = [sys.executable, "-m", "coincast", "compare", str(spec), *files, "--out", str(out), "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        words = pl.read_parquet(out / "scores.parquet").drop_nulls("verdict").group_by("model", "verdict").len()
        steps = pl.read_parquet(out / "further" / "steps.parquet").filter(pl.col("step").is_in([1, 5]))
        pooled = pl.read_parquet(out / "further" / "pooled.parquet")
    for row in words.sort("model", "verdict").iter_rows(named=True):
        print(f"{row['model']}: {row['verdict']} on {row['len']} coins")
    for row in steps.group_by("step", "verdict").len().sort("step", "verdict").iter_rows(named=True):
        print(f"{row['step']} ahead: {row['verdict']} in {row['len']} of the cases")
    for row in pooled.sort("model").iter_rows(named=True):
        print(f"over all coins, {row['model']}: {row['verdict']}, skill {100 * row['skill']:+.2f} %")
    print(f"{seconds:.0f} s; allowed: {MOST_SECONDS} s on two cores with nothing else to do")
    return 0 if seconds <= MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
