"""Does a training for profit earn more after cost than one for small errors? Run: python proofs/trading_on_echo.py

On an `echo` market the next move is partly known, so that there is something to earn. An LSTM is trained with the
trading loss and, the same otherwise, with squared errors, on 20 markets drawn apart, each with a seed of its own. Both
then trade the test part by the same rule, and pay the same cost. Three rules are tried:

* `tanh`: the position between -1 and 1 that the trading loss has in mind, tanh(forecast move / typical move);
* `sign`: always in the market, on the side of the forecast;
* `threshold`: on that side where the forecast move is larger than the cost, else out of it.

A position is opened at each close and closed again at the next one; its earnings are position x relative move, less
|position| x cost. By the first rule, for which it was trained, the trading loss must earn more than squared errors do,
beyond chance (95 %, Student's t of the differences). The last line tells what who learnt from squared errors and has a
better rule earns beside that: on a market whose expected move can be learnt, a threshold on it is hard to beat.
"""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np
import polars as pl
from scipy import stats

import coincast as cc

SKILL, CANDLES, COST = 0.3, 6_000, 0.01
LOSSES = ("mse", "trading")
RULES = ("tanh", "sign", "threshold")


def main() -> int:
    """Print what each loss earns by each rule; 1 where the trading loss does not earn more."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--cost", type=float, default=COST, help="of opening and closing, as a share of the price")
    options = parser.parse_args()
    markets = draw_markets(options.seeds)
    earned = {loss: trade(markets, loss, options.epochs, options.cost) for loss in LOSSES}
    oracle = trade(markets, "oracle", options.epochs, options.cost)
    print(f"mean earnings after a cost of {options.cost:.2%}, in % of the price a candle, {options.seeds} markets")
    print(f"{'rule':<11}{'oracle':>9}{'mse':>9}{'trading':>9}{'difference, 95 % interval':>31}{'more on':>9}")
    least = {rule: describe(rule, oracle[rule], earned["mse"][rule], earned["trading"][rule]) for rule in RULES}
    best = max(RULES, key=lambda rule: float(np.mean(earned["mse"][rule])))
    print(f"\ntrading by its own rule beside squared errors by their best one, {best}:")
    describe(best, oracle[best], earned["mse"][best], earned["trading"]["tanh"])
    return 0 if least["tanh"] > 0 else 1


def draw_markets(count: int, candles: int = CANDLES) -> pl.DataFrame:
    """One candle table of markets that have nothing to do with each other."""
    tables = [
        cc.simulate("echo", skill=SKILL, candles=candles, seed=seed).with_columns(
            market=pl.lit(f"simulated:ECHO{seed + 1}/USD")
        )
        for seed in range(count)
    ]
    return pl.concat(tables)


def trade(markets: pl.DataFrame, loss: str, epochs: int, cost: float) -> dict[str, np.ndarray]:
    """Mean earnings of a candle on each market, by rule; the loss "oracle" trades what the market's maker knows."""
    is_oracle = loss == "oracle"
    result = cc.compare(
        markets,
        models=["oracle"] if is_oracle else ["lstm"],
        lookback=24,
        test=0.3,
        validation=0.15,
        epochs=epochs,
        patience=6,
        batch_size=64,
        seeds=1,
        loss="mse" if is_oracle else loss,
        cost=cost,
    )
    model, run = ("oracle", 0) if is_oracle else ("lstm", 1)
    rows = result.forecasts.filter((pl.col("model") == model) & (pl.col("run") == run) & (pl.col("step") == 1))
    rows = rows.sort("market", "origin")
    typical = typical_moves(result.candles, rows)
    earned: dict[str, list[float]] = {rule: [] for rule in RULES}
    for (market,), own in rows.group_by("market", maintain_order=True):
        forecast = np.log(own["value"].to_numpy() / own["last_close"].to_numpy())
        move = own["actual"].to_numpy() / own["last_close"].to_numpy() - 1
        positions = {
            "tanh": np.tanh(forecast / typical[str(market)]),
            "sign": np.sign(forecast),
            "threshold": np.sign(forecast) * (np.abs(forecast) > cost),
        }
        for rule, position in positions.items():
            earned[rule].append(float(np.mean(position * move - np.abs(position) * cost)))
    return {rule: np.array(values) for rule, values in earned.items()}


def typical_moves(candles: pl.DataFrame, rows: pl.DataFrame) -> dict[str, float]:
    """Root mean square of the log returns before each market's first forecast."""
    first = rows.group_by("market").agg(pl.col("origin").min().alias("first"))
    moves = (
        candles.sort("market", "open_time")
        .with_columns(move=pl.col("close").log().diff().over("market"))
        .join(first, on="market")
        .filter(pl.col("open_time") < pl.col("first"))
        .group_by("market")
        .agg((pl.col("move") ** 2).mean().sqrt())
    )
    return dict(moves.iter_rows())


def describe(rule: str, oracle: np.ndarray, squared: np.ndarray, trading: np.ndarray) -> float:
    """Print a line; the lower end of the difference's interval of 95 %, in % of the price."""
    difference = 100 * (trading - squared)
    half = stats.t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / math.sqrt(len(difference))
    middle = difference.mean()
    print(
        f"{rule:<11}{100 * oracle.mean():>9.4f}{100 * squared.mean():>9.4f}{100 * trading.mean():>9.4f}"
        f"{f'{middle:+.4f} ({middle - half:+.4f} to {middle + half:+.4f})':>31}"
        f"{f'{int((difference > 0).sum())} of {len(difference)}':>9}",
        flush=True,
    )
    return float(middle - half)


if __name__ == "__main__":
    sys.exit(main())
