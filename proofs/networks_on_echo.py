"""Does every network find what is there to be found? Run: python proofs/networks_on_echo.py [--models lstm,gru]

On an `echo` market the next return depends on past ones in a known way; here the oracle, which knows it, has a skill of
30 % beside the naive forecast, whose loss is so 1.43 times the oracle's. The ensemble of every network must come to at
most 1.1 times, on the market of the training but later. Every run stops early, by its validation part.
"""

from __future__ import annotations

import argparse
import sys
import time

import polars as pl

import coincast as cc
from coincast.models import MODELS

SKILL, CANDLES, ALLOWED = 0.3, 6_000, 1.1


def main() -> int:
    """Print a line for each network; 1 where one loses more than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", default=",".join(name for name, kind in MODELS.items() if hasattr(kind, "build")))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args()
    candles = cc.simulate("echo", skill=SKILL, candles=CANDLES, seed=5)
    failed = []
    print(f"{'network':<14}{'ensemble':>10}{'worst run':>11}{'seconds':>9}    loss beside the oracle's")
    for name in options.models.split(","):
        began = time.perf_counter()
        result = cc.compare(
            candles,
            models=[name, "oracle"],
            lookback=24,
            test=0.3,
            validation=0.15,
            epochs=options.epochs,
            patience=6,
            batch_size=64,
            loss="mse",
            seeds=options.seeds,
        )
        rows = result.scores.filter(
            (pl.col("metric") == "abs_log_error") & (pl.col("view") == "every_origin") & (pl.col("subset") == "all")
        ).filter(pl.col("step") == 0)
        loss = {(row["model"], row["run"]): row["value"] for row in rows.iter_rows(named=True)}
        oracle = loss["oracle", 0]
        runs = [value / oracle for (model, run), value in loss.items() if model == name and run > 0]
        ensemble = loss[f"{name}.ensemble", 0] / oracle
        if ensemble > ALLOWED:
            failed.append(name)
        print(f"{name:<14}{ensemble:>10.3f}{max(runs):>11.3f}{time.perf_counter() - began:>9.1f}", flush=True)
    print(f"naive         {loss['naive', 0] / oracle:>10.3f}")
    print(f"more than {ALLOWED}: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
