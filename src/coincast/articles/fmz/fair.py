"""The question asked fairly: at every candle, which way does the next close go from the one that is known?"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.bench import UNFINISHED, Bench
from coincast.articles.fmz import published
from coincast.articles.fmz.hours import LENGTH, Hours
from coincast.articles.rivals import compare_with_rivals, list_steps
from coincast.experiments.fingerprint import take_fingerprint
from coincast.experiments.folder import FinishedModels
from coincast.experiments.result import Result
from coincast.experiments.run import run_experiment
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
STEPS = LENGTH
"""Candles ahead, in the experiment that asks how far the skill reaches: as far as the article's windows jump."""
RIVALS: tuple[dict[str, Any], ...] = (
    *({"name": "ar", "label": f"AR({order})", "order": order} for order in (5, 12, 24)),
    {"name": "robust_ar", "label": "robust AR(12)", "order": 12},
)
"""Models that learn from past returns, as the network does, and are no networks."""
AUTOREGRESSIONS = tuple(str(rival["label"]) for rival in RIVALS)


@dataclass(frozen=True)
class FairAnswer:
    """What the fair way found.

    Attributes:
        result: of the experiment on returns.
        directions: its forecasts as directions, ensembles only.
        scores: their deciding rows, against the majority sign of the training rows.
        rivals: the network's forecasts of the price beside each autoregression (`compare_with_rivals`).
        steps: what `measure_reach` found of the price.
        ahead: what it found of the direction, a row.
    """

    result: Result = field(repr=False)
    directions: pl.DataFrame = field(repr=False)
    scores: pl.DataFrame = field(repr=False)
    rivals: pl.DataFrame = field(repr=False)
    steps: pl.DataFrame = field(repr=False)
    ahead: pl.DataFrame = field(repr=False)

    @property
    def row(self) -> dict[str, Any]:
        """The deciding row of the network's directions."""
        return self.scores.filter(pl.col("model").str.starts_with(NAME)).row(0, named=True)

    @property
    def price_row(self) -> dict[str, Any]:
        """The deciding row of the same forecasts as prices."""
        return self.result.headline

    @property
    def prices(self) -> pl.DataFrame:
        """The network's forecasts of the price, in order of time."""
        model = pl.col("model") == self.row["model"]
        return self.result.forecasts.filter(model, pl.col("run") == 0).sort("origin")


def fair_spec(bench: Bench, hours: Hours, *, horizon: int = 1) -> Spec:
    """The article's network on returns: scaled by training rows, its epoch chosen on a part of its own.

    The test span holds the targets of `Hours.test_origins`, all of them. With a longer horizon there are fewer seeds,
    and no opponents but the autoregressions.
    """
    known = hours.first_origin + 1
    is_there = {"log_range": {"high", "low"} <= set(hours.names), "volume_change": _has_volume(hours)}
    features = [name for name in RETURNS if is_there.get(name, True)]
    is_far = horizon > 1
    return Spec.from_dict(
        {
            "name": "fmz-steps" if is_far else "fmz-fair",
            "data": {"markets": [hours.market]},
            "samples": {"features": features, "lookback": LENGTH, "horizon": horizon, "target": "log_return"},
            "split": {"test": len(hours.inputs) - known, "validation": round(VALIDATION_SHARE * known)},
            "models": [
                {"name": NAME, "units": list(published.UNITS), "convention": "torch"},
                *("naive", *RIVALS, *(() if is_far else ("drift", "average", "ridge"))),
            ],
            "training": {
                "epochs": bench.pick(8, EPOCHS),
                "patience": PATIENCE,
                "batch_size": min(hours.training, 8_192),
                "learning_rate": published.LEARNING_RATE,
                "loss": "mse",
                "seeds": bench.pick(2, 10, 25) if is_far else bench.pick(2, 25),
            },
        }
    )


def ask_fairly(bench: Bench, hours: Hours) -> FairAnswer:
    """Run the fair experiments, and judge the directions that the network names."""
    result = bench.experiment("fair", fair_spec(bench, hours), hours.candles)
    ours = result.forecasts.filter(pl.col("run") == 0)
    directions = as_directions(ours, majority=majority_sign(hours))
    steps, ahead = measure_reach(bench, hours)
    return FairAnswer(
        result,
        directions,
        scores=deciding_rows(score_forecasts(directions)),
        rivals=compare_with_rivals(ours, NAME, AUTOREGRESSIONS),
        steps=steps,
        ahead=ahead,
    )


def measure_reach(bench: Bench, hours: Hours) -> tuple[pl.DataFrame, pl.DataFrame]:
    """How far ahead a network that forecasts `STEPS` candles at once sees.

    Only two tables are kept of the experiment; until they are written, so are its trainings.

    Returns:
        Skill at each step, the autoregressions' beside it (`list_steps`). And the network's direction of the last step
        from the close that is known at the origin, beside that of most moves over as many candles in the rows that it
        learnt from (a row of `judge_direction`).
    """
    spec = fair_spec(bench, hours, horizon=STEPS)
    fingerprint = take_fingerprint(spec, hours.candles, beyond=False)
    shelf = FinishedModels(bench.folder / UNFINISHED / f"reach-{fingerprint[:12]}", fingerprint=fingerprint)

    @cache
    def run() -> Result:
        return run_experiment(spec, hours.candles, beside=False, shelf=shelf, on_progress=bench.on_progress)

    def judge_last() -> pl.DataFrame:
        is_own = pl.col("model").str.starts_with(NAME) & (pl.col("step") == STEPS)
        return judge_direction(run().forecasts.filter(is_own))

    steps = bench.table("reach", spec.to_dict(), lambda: list_steps(run().scores, (NAME, *AUTOREGRESSIONS)))
    ahead = bench.table("reach-directions", spec.to_dict(), judge_last)
    shutil.rmtree(shelf.folder, ignore_errors=True)
    return steps, ahead


def majority_sign(hours: Hours) -> float:
    """1.0 where most moves among the training rows were rises, else 0.0."""
    return float(np.sign(hours.training_moves).sum() >= 0)


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
