"""Twenty demos: on how many markets is the LSTM called better? Run: python proofs/twenty_demos.py

On a `walk` nothing can beat the naive forecast, so every `better` there is a false alarm; on an `echo` a skill of 9 %
is planted, so every other word there is a miss. At most two of the twenty walks may be `better`, and at least 18 of the
echoes must be.
"""

from __future__ import annotations

import sys

import polars as pl

from coincast.experiments.demo import demo_candles, demo_spec
from coincast.experiments.run import run_experiment

SEEDS = range(20)
MODEL = "lstm.ensemble"


def main() -> int:
    """Print one line per seed and the counts; 1 where they are not as they must be."""
    print(f"seed  {'walk: verdict':<20} {'skill %':>8}   {'echo: verdict':<20} {'skill %':>8}  oracle %")
    counts = {"WALK": 0, "ECHO": 0}
    for seed in SEEDS:
        board = run_experiment(demo_spec(seed), demo_candles(seed)).leaderboard
        cells = []
        for kind in counts:
            rows = board.filter(pl.col("market").str.contains(kind))
            own = rows.filter(pl.col("model") == MODEL).row(0, named=True)
            counts[kind] += own["verdict"] == "better"
            cells.append(f"{own['verdict']:<20} {100 * own['skill']:8.1f}")
            oracle = rows.filter(pl.col("model") == "oracle")["skill"][0]
        print(f"{seed:4}  {cells[0]}   {cells[1]}  {100 * oracle:8.1f}", flush=True)
    walks, echoes = counts.values()
    print(f"\nbetter on {walks} of {len(SEEDS)} walks (at most 2), {echoes} of {len(SEEDS)} echoes (at least 18)")
    return 0 if walks <= 2 and echoes >= 18 else 1


if __name__ == "__main__":
    sys.exit(main())
