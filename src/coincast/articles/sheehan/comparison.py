"""The article's 25 runs beside its random walk and beside the opponents that it wished for."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.ground import Coin, Ground, network
from coincast.articles.sheehan.walks import score_walks
from coincast.experiments.result import Result
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec

OPPONENTS: dict[str, str] = {"drift": "", "average": "", "ar": "", "arima": "statsforecast", "ets": "statsforecast"}
"""Opponents that the author wished for, and the package that they need."""
LSTM = "lstm"
OVERALL = (pl.col("view") == "every_origin") & (pl.col("subset") == "all") & (pl.col("step") == 0)
"""Rows of a table of scores that are of all forecasts."""
WHOLE = OVERALL & (pl.col("metric") == "mae_window")
"""Those of them in the article's unit."""


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

    def values(self, market: str, box: str) -> Float[np.ndarray, "seed"]:
        """The raw scores of one box, one a seed."""
        return self.runs.filter(pl.col("market") == market, pl.col("box") == box).sort("seed")["value"].to_numpy()

    def median(self, market: str) -> float:
        """The middle one of the network's runs."""
        return float(np.median(self.values(market, "lstm")))

    def single_scores(self, market: str) -> list[tuple[str, float]]:
        """The figures of what has a single score, the ensemble among them, best first; the walk and naive apart."""
        rows = self.result.scores.filter(WHOLE, pl.col("market") == market, pl.col("level") == "ensemble")
        others = rows.filter(~pl.col("model").is_in(["naive", "random_walk"])).sort("value", maintain_order=True)
        return others.select("model", "value").rows()


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
    result = run_spec(bench, "comparison", spec, ground.filled)
    boxes = [_network_scores(result), *(_walk_scores(coin) for coin in ground.coins)]
    return Comparison(result, pl.concat(boxes), missing)


def run_spec(bench: Bench, name: str, spec: Spec, candles: pl.DataFrame) -> Result:
    """Run a spec in a folder of its own; a first look has none, for its pages take longer than its trainings."""
    if not bench.is_quick:
        return bench.experiment(name, spec, candles)
    bench.say(name)
    return _run_unkept(bench, spec, candles)


def run_for_table(bench: Bench, name: str, spec: Spec, candles: pl.DataFrame) -> Result:
    """Run a spec for a table that is kept; a long study, which may take hours over it, also goes on within it."""
    return bench.experiment(name, spec, candles) if bench.size == "long" else _run_unkept(bench, spec, candles)


def _run_unkept(bench: Bench, spec: Spec, candles: pl.DataFrame) -> Result:
    return run_experiment(spec, candles, beside=False, on_progress=bench.on_progress)


def _network_scores(result: Result) -> pl.DataFrame:
    rows = result.scores.filter(WHOLE, pl.col("run") > 0, pl.col("model") == LSTM)
    seed = (pl.col("run") + published.SEEDS[0] - 1).alias("seed")
    return rows.select("market", pl.lit("lstm").alias("box"), seed, "value")


def _walk_scores(coin: Coin) -> pl.DataFrame:
    scores = score_walks(coin, published.SEEDS).unpivot(index="seed", variable_name="box", value_name="value")
    return scores.select(pl.lit(coin.market).alias("market"), "box", "seed", "value")
