"""The fair twin: statistics and epochs chosen apart from the test span, all of it forecast, opponents beside."""

from __future__ import annotations

from coincast.articles.bench import Bench
from coincast.articles.fahimi import published
from coincast.articles.fahimi.days import Days, held_back
from coincast.articles.fahimi.published import FINAL
from coincast.articles.fahimi.versions import QUICK_EPOCHS, choose_depth, choose_units
from coincast.articles.window_error import error_on_windows
from coincast.experiments.result import Result
from coincast.experiments.spec import Spec

NETWORK = "lstm"
PATIENCE = 10


def fair_spec(bench: Bench, days: Days) -> Spec:
    """The final version with its epoch chosen on the last of the training rows, and a linear output.

    The past of the first test days may reach into the training rows, so that every test day is forecast that no gap
    cuts off from its past.
    """
    return Spec.from_dict(
        {
            "name": "fahimi-fair",
            "data": {"markets": list(days.markets)},
            "samples": {
                "inputs": "all",
                "features": list(days.features),
                "lookback": published.LOOKBACK,
                "target": "window_change",
                "scaling": "window",
            },
            "split": {"test": len(days.test), "validation": held_back(len(days.train))},
            "models": [
                {
                    "name": NETWORK,
                    "units": choose_units(bench, FINAL.units),
                    "depth": choose_depth(bench),
                    "dropout": FINAL.dropout,
                },
                *("naive", "drift", "ar", "average", "ridge"),
            ],
            "training": {
                "epochs": bench.pick(QUICK_EPOCHS, FINAL.epochs),
                "patience": PATIENCE,
                "batch_size": FINAL.batch_size,
                "loss": FINAL.loss,
                "seeds": bench.pick(1, 3, 5),
                "seed": published.SEED,
            },
        }
    )


def fair_error(result: Result, days: Days, market: int, model: str) -> float:
    """The article's figure of fair forecasts, on the test windows that the article forecasts.

    Args:
        result: of the fair experiment.
        days: of the final version.
        market: place of the coin.
        model: its name in the score table.
    """
    return error_on_windows(result.forecasts, model, days.samples[market], days.windows("test"))
