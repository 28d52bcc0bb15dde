"""The same job done fairly: returns instead of levels, the epoch chosen apart from the test, every test day forecast.

Network, inputs, scaling inside the window and candles are the article's; only what was wrong is changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coincast.articles.bench import Bench
from coincast.articles.remains import judged_row
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import LSTM, run_spec
from coincast.articles.sheehan.ground import Coin, Ground, network
from coincast.articles.window_error import error_on_windows
from coincast.errors import TooFewRowsError
from coincast.experiments.result import Result
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import make_tasks

VALIDATION = 0.15
"""Share of the training rows that chooses the epoch, the newest ones."""
OPPONENTS = ("naive", "drift", "average", "ar")


def fair_spec(bench: Bench, ground: Ground, name: str = "fair", **changes: Any) -> Spec:
    """The fair experiment, with other values under `section__key`."""
    usual: dict[str, Any] = {
        "models": [network(), *OPPONENTS],
        "samples__target": "log_return",
        "samples__features": list(ground.known),
        "split__reach_back": True,
        "split__validation": held_back(len(ground.coins[0].task.parts.train)),
        "training__batch_size": 32,
        "training__epochs": bench.pick(4, 100),
        "training__patience": bench.pick(2, 10),
        "training__seeds": bench.pick(3, len(published.SEEDS)),
        "training__seed": published.SEEDS[0],
    }
    return ground.spec(name, **{**usual, **changes})


def held_back(rows: float) -> int:
    """How many of so many training rows are held back from training."""
    return max(1, round(VALIDATION * rows))


def refuse_unfit(bench: Bench, ground: Ground) -> None:
    """Refuse, before anything is trained, candles of which the fair way can forecast nothing that the article does.

    Raises:
        TooFewRowsError: an input is unknown in so many test rows that no window of it is left.
    """
    for coin, task in zip(ground.coins, make_tasks(fair_spec(bench, ground), ground.candles), strict=True):
        if not np.isin(task.test.starts, coin.task.test.starts).any():
            raise TooFewRowsError(
                f"none of the {len(coin.task.test)} test windows of {coin.market} knows all of "
                f"{', '.join(ground.known)}, and the fair way makes none up; choose another span with --since and "
                "--until, or only the published way with --faithful"
            )


def run_fair(bench: Bench, ground: Ground) -> Result:
    """Train and judge."""
    return run_spec(bench, "fair", fair_spec(bench, ground), ground.candles)


def fair_error(result: Result, coin: Coin, column: str = "value") -> float:
    """The article's figure of the fair ensemble, on the test windows that the article forecast.

    Args:
        result: of `run_fair`.
        coin: the market.
        column: `last_close` gives the figure of the naive forecast.
    """
    model = judged_row(result, coin.market, LSTM)["model"]
    return error_on_windows(result.forecasts, model, coin.task.samples, coin.task.test, column)
