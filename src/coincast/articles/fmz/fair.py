"""The question asked fairly: at every candle, which way does the next close go from the one that is known?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.bench import Bench
from coincast.articles.fmz import published
from coincast.articles.fmz.hours import LENGTH, Hours
from coincast.experiments.result import Result
from coincast.experiments.spec import Spec
from coincast.forecasts.combine import ENSEMBLE
from coincast.forecasts.directions import as_directions
from coincast.forecasts.table import FORECAST_COLUMNS, JOINED_COLUMNS
from coincast.scores.direction import judge_direction
from coincast.scores.verdict import deciding_rows, score_forecasts

NAME = "lstm"
RETURNS = ("log_return", "log_range", "volume_change")
VALIDATION_SHARE = 0.15
EPOCHS, PATIENCE = 100, 10


@dataclass(frozen=True)
class FairAnswer:
    """What the fair way found.

    Attributes:
        result: of the experiment on returns.
        directions: its forecasts as directions, ensembles only.
        scores: their deciding rows, against the majority sign of the training rows.
    """

    result: Result = field(repr=False)
    directions: pl.DataFrame = field(repr=False)
    scores: pl.DataFrame = field(repr=False)

    @property
    def row(self) -> dict[str, Any]:
        """The deciding row of the network."""
        return self.scores.filter(pl.col("model").str.starts_with(NAME)).row(0, named=True)

    @property
    def prices(self) -> pl.DataFrame:
        """The network's forecasts of the price, in order of time."""
        model = pl.col("model") == self.row["model"]
        return self.result.forecasts.filter(model, pl.col("run") == 0).sort("origin")


def fair_spec(bench: Bench, hours: Hours) -> Spec:
    """The article's network on returns: scaled by training rows, its epoch chosen on a part of its own.

    The test span holds the targets of `Hours.test_origins`, all of them.
    """
    known = hours.first_origin + 1
    features = [name for name in RETURNS if name != "volume_change" or _has_volume(hours)]
    if not {"high", "low"} <= set(hours.names):
        features.remove("log_range")
    return Spec.from_dict(
        {
            "name": "fmz-fair",
            "data": {"markets": [hours.market]},
            "samples": {"features": features, "lookback": LENGTH, "target": "log_return"},
            "split": {"test": len(hours.inputs) - known, "validation": round(VALIDATION_SHARE * known)},
            "models": [
                {"name": NAME, "units": list(published.UNITS), "convention": "torch"},
                *("naive", "drift", "ar", "average", "ridge"),
            ],
            "training": {
                "epochs": bench.pick(8, EPOCHS),
                "patience": PATIENCE,
                "batch_size": min(hours.training, 8_192),
                "learning_rate": published.LEARNING_RATE,
                "loss": "mse",
                "seeds": bench.pick(2, 25),
            },
        }
    )


def ask_fairly(bench: Bench, hours: Hours) -> FairAnswer:
    """Run the fair experiment, and judge the directions that it names."""
    result = bench.experiment("fair", fair_spec(bench, hours), hours.candles)
    ours = result.forecasts.filter(pl.col("run") == 0)
    directions = as_directions(ours, majority=majority_sign(hours))
    return FairAnswer(result, directions, deciding_rows(score_forecasts(directions)))


def majority_sign(hours: Hours) -> float:
    """1.0 where most moves among the training rows were rises, else 0.0."""
    moves = np.sign(np.diff(hours.close[: hours.first_origin]))
    return float(moves.sum() >= 0)


def price_table(hours: Hours, forecasts: Mapping[str, Float[np.ndarray, "start"]]) -> pl.DataFrame:
    """Forecasts for every start as a forecast table of the fair test: one row for each of `Hours.test_origins`.

    Args:
        hours: the candles.
        forecasts: of the close after each window, by the name of their model.
    """
    origins = hours.test_origins
    times, close = hours.candles["close_time"], hours.close
    common = pl.DataFrame(
        {
            "market": [hours.market] * len(origins),
            "interval": hours.interval,
            "run": 0,
            "quantity": "price",
            "trained_until": times[hours.first_origin],
            "origin": times.gather(origins),
            "step": 1,
            "target_time": times.gather(origins + 1),
            "actual": close[origins + 1],
            "last_close": close[origins],
            "first_close": close[origins - LENGTH + 1],
            "naive": close[origins],
            "majority": majority_sign(hours),
        }
    )
    tables = [
        common.with_columns(model=pl.lit(name), value=pl.Series(values[origins - LENGTH + 1]))
        for name, values in forecasts.items()
    ]
    schema = {**FORECAST_COLUMNS, **JOINED_COLUMNS}
    return pl.concat(tables).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def judge_hours(hours: Hours, forecasts: Mapping[str, Float[np.ndarray, "start"]]) -> pl.DataFrame:
    """Hit rates of forecasts over all test candles, each beside the majority sign of the training rows."""
    return judge_direction(price_table(hours, forecasts))


def judge_answer(answer: FairAnswer) -> pl.DataFrame:
    """The same table of the fair experiment's own forecasts, the copies of the last close left out."""
    table = judge_direction(answer.directions)
    return table.with_columns(pl.col("model").str.strip_suffix(ENSEMBLE)).filter(pl.col("n") > 0)


def _has_volume(hours: Hours) -> bool:
    candles = hours.candles
    return "volume" in candles.columns and not candles["volume"].null_count() and bool(candles["volume"].sum() > 0)
