"""The fair twin: statistics and epochs chosen apart from the test span, every test day forecast, opponents beside."""

from __future__ import annotations

from typing import Any

import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.fahimi import published
from coincast.articles.fahimi.days import Days
from coincast.articles.fahimi.published import FINAL
from coincast.articles.fahimi.versions import choose_depth, choose_units
from coincast.experiments.result import Result
from coincast.experiments.spec import Spec

NAME = "lstm"
VALIDATION_SHARE = 0.2
"""Of the training rows."""
PATIENCE = 10


def fair_spec(bench: Bench, days: Days) -> Spec:
    """The final version with its epoch chosen on the last fifth of the training rows, and a linear output.

    The past of the first test days may reach into the training rows, so that every test day is forecast.
    """
    names = [name.partition(" ")[2] if len(days.markets) > 1 else name for name in days.samples[0].names]
    return Spec.from_dict(
        {
            "name": "fahimi-fair",
            "data": {"markets": list(days.markets)},
            "samples": {
                "inputs": "all",
                "features": list(dict.fromkeys(names)),
                "lookback": published.LOOKBACK,
                "target": "window_change",
                "scaling": "window",
            },
            "split": {"test": len(days.test), "validation": round(VALIDATION_SHARE * len(days.train))},
            "models": [
                {
                    "name": NAME,
                    "units": choose_units(bench, FINAL.units),
                    "depth": choose_depth(bench),
                    "dropout": FINAL.dropout,
                },
                *("naive", "drift", "ar", "average", "ridge"),
            ],
            "training": {
                "epochs": bench.pick(3, FINAL.epochs),
                "patience": PATIENCE,
                "batch_size": FINAL.batch_size,
                "loss": FINAL.loss,
                "seeds": bench.pick(1, 3, 5),
                "seed": published.SEED,
            },
        }
    )


def run_fairly(bench: Bench, days: Days) -> Result:
    """Run the fair experiment on the coins of the article."""
    return bench.experiment("fair", fair_spec(bench, days))


def window_error(result: Result, market: str, model: str | None = None) -> float:
    """Mean absolute error in the article's unit over all test days.

    Args:
        result: of the fair experiment.
        market: which coin.
        model: its name in the score table; else the network.
    """
    whole = {"view": "every_origin", "subset": "all", "level": "ensemble", "metric": "mae_window", "market": market}
    rows = result.scores.filter(pl.col("step") == 0, *(pl.col(name) == value for name, value in whole.items()))
    own = rows.filter(pl.col("model") == (network_name(result) if model is None else model))
    return float(own["value"][0])


def network_name(result: Result) -> str:
    """What the judged network is called: its ensemble, where it has several runs."""
    names = result.scores.filter(pl.col("level") == "ensemble")["model"].unique().sort().to_list()
    return next(str(name) for name in names if name.partition(".")[0] == NAME)


def headline_of(result: Result, market: str) -> dict[str, Any]:
    """The deciding row of the network on a market."""
    [row] = [row for row in result.headlines if row["market"] == market]
    return row
