"""The fair twin: statistics and epochs chosen apart from the test span, every test day forecast, opponents beside."""

from __future__ import annotations

from typing import Any

from coincast.articles.bench import Bench
from coincast.articles.fahimi import published
from coincast.articles.fahimi.days import Days
from coincast.articles.fahimi.published import FINAL
from coincast.articles.fahimi.versions import choose_depth, choose_units
from coincast.articles.window_error import error_on_windows
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


def fair_error(result: Result, days: Days, market: int, model: str | None = None) -> float:
    """The article's figure of fair forecasts, on the test windows that the article forecasts.

    Args:
        result: of the fair experiment.
        days: of the final version.
        market: place of the coin.
        model: its name in the score table; else the network.
    """
    name = headline_of(result, days.markets[market])["model"] if model is None else model
    return error_on_windows(result.forecasts, name, days.samples[market], days.windows("test"))


def headline_of(result: Result, market: str) -> dict[str, Any]:
    """The deciding row of the network on a market: of its ensemble, where it has several runs."""
    [row] = [row for row in result.headlines if row["market"] == market]
    return row
