"""The article's 25 runs beside its random walk and beside the opponents that it wished for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.ground import Coin, Ground, network
from coincast.articles.sheehan.walks import score_walks, yardsticks
from coincast.experiments.result import Result
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.verdict import deciding_rows

OPPONENTS: dict[str, str] = {"drift": "", "average": "", "ar": "", "arima": "statsforecast", "ets": "statsforecast"}
"""Opponents that the author wished for, and the package that they need."""
LSTM = "lstm" + ENSEMBLE
WHOLE = (
    (pl.col("view") == "every_origin")
    & (pl.col("subset") == "all")
    & (pl.col("step") == 0)
    & (pl.col("metric") == "mae_window")
)


@dataclass(frozen=True)
class Comparison:
    """Many runs of the article's network, and all that stands beside them, on the same test windows.

    Attributes:
        result: of the spec: runs, ensemble, opponents, verdicts.
        runs: raw scores in the article's unit: `market, box, seed, value`; boxes `lstm`, `article` (its walk as it
            scored it) and `corrected`.
        missing: opponents whose package is not installed.
    """

    result: Result
    runs: pl.DataFrame = field(repr=False)
    missing: tuple[str, ...]

    def values(self, market: str, box: str) -> Any:
        """The raw scores of one box, one a seed."""
        return self.runs.filter(pl.col("market") == market, pl.col("box") == box).sort("seed")["value"].to_numpy()

    def median(self, market: str) -> float:
        """The middle one of the network's runs."""
        return float(np.median(self.values(market, "lstm")))

    def opponents(self, market: str) -> dict[str, float]:
        """The figure of every opponent with a single score, best first; naive is called `lag`."""
        rows = self.result.scores.filter(WHOLE, pl.col("market") == market, pl.col("level") == "ensemble")
        found = {name: value for name, value in rows.select("model", "value").iter_rows() if name != "random_walk"}
        found["lag"] = found.pop("naive")
        return dict(sorted(found.items(), key=lambda item: item[1]))

    @cached_property
    def deciding(self) -> pl.DataFrame:
        """The judge's rows."""
        return deciding_rows(self.result.scores)

    def verdict(self, market: str, model: str = LSTM) -> dict[str, Any]:
        """The judge's row on one model."""
        return deciding_row(self.result, market, model)


def compare_runs(bench: Bench, ground: Ground) -> Comparison:
    """Train the article's network from many seeds, and ask everybody else once."""
    seeds = bench.pick(3, len(published.SEEDS))
    wanted = dict(OPPONENTS) if bench.is_quick else {**OPPONENTS, "prophet": "prophet"}
    missing = tuple(name for name, package in wanted.items() if package and find_spec(package) is None)
    spec = ground.spec(
        "comparison",
        models=[network(), "naive", *(name for name in wanted if name not in missing), "random_walk"],
        training__epochs=bench.pick(2, published.EPOCHS),
        training__seeds=seeds,
        training__seed=published.SEEDS[0],
    )
    result = run_spec(bench, "comparison", spec, ground)
    boxes = [_network_scores(result), *(_walk_scores(coin) for coin in ground.coins)]
    return Comparison(result, pl.concat(boxes), missing)


def run_spec(bench: Bench, name: str, spec: Spec, ground: Ground) -> Result:
    """Run a spec in a folder of its own; a first look has none, for its pages take longer than its trainings."""
    if not bench.is_quick:
        return bench.experiment(name, spec, ground.candles)
    bench.say(name)
    return run_experiment(spec, ground.candles, beside=False, on_progress=bench.on_progress)


def deciding_row(result: Result, market: str, model: str) -> dict[str, Any]:
    """The judge's row on one model; where a network has a single run, on that one."""
    rows = deciding_rows(result.scores).filter(pl.col("market") == market)
    found = rows.filter(pl.col("model") == model)
    if found.is_empty():
        found = rows.filter(pl.col("model") == model.removesuffix(ENSEMBLE))
    return found.row(0, named=True)


def list_yardsticks(ground: Ground) -> pl.DataFrame:
    """What needs no network, for every coin: `coin, forecast, error`."""
    rows = [
        {"coin": coin.name, "forecast": name, "error": error}
        for coin in ground.coins
        for name, error in yardsticks(coin).items()
    ]
    return pl.DataFrame(rows)


def _network_scores(result: Result) -> pl.DataFrame:
    rows = result.scores.filter(WHOLE, pl.col("run") > 0, pl.col("model") == "lstm")
    seed = (pl.col("run") + published.SEEDS[0] - 1).alias("seed")
    return rows.select("market", pl.lit("lstm").alias("box"), seed, "value")


def _walk_scores(coin: Coin) -> pl.DataFrame:
    scores = score_walks(coin, published.SEEDS).unpivot(index="seed", variable_name="box", value_name="value")
    return scores.select(pl.lit(coin.market).alias("market"), "box", "seed", "value")
