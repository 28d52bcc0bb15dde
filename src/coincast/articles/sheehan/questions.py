"""The questions that the author left open, each as a table that answers it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import LSTM, run_for_table
from coincast.articles.sheehan.fair import fair_spec, held_back
from coincast.articles.sheehan.ground import FEWEST_TEST, Ground, network
from coincast.errors import TooFewRowsError
from coincast.experiments.result import Result
from coincast.experiments.tasks import Task, make_tasks
from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.series import LossSeries, deciding_series
from coincast.scores.verdict import deciding_rows

FOUND = ("skill", "low", "high", "n")
SKILLS = ("market", "model", "skill", "low", "high", "verdict", "n")
SUBSETS = {
    "all": "all forecasts",
    "after_jump_up": "after a sharp rise",
    "after_jump_down": "after a sharp fall",
    "calm": "in calm stretches",
    "wild": "in wild stretches",
}
BATCH, LEARNING_RATE = 16, 0.003
"""Of `learn_longer`: larger than the article's, so that hundreds of epochs take seconds."""
FEWEST_HELD_BACK = published.LOOKBACK + FEWEST_TEST
"""Rows that it holds back at least: their windows lie among them, and so begin only after the first ten."""
FORECAST = 0.65
"""Share of the candles that `walk_forward` forecasts."""
FEWEST_YEARS = 3
"""Where a span touches fewer, its periods are quarters."""


def few_seeds(bench: Bench) -> dict[str, Any]:
    """A few seeds are enough for what only has to be seen."""
    return {"training__seeds": bench.pick(2, 4), "training__seed": published.SEEDS[0]}


def learn_longer(bench: Bench, ground: Ground) -> pl.DataFrame:
    """More units and more epochs: the mean losses by epoch, on the training rows and on rows held back from them.

    Target, inputs and loss are the article's.

    Returns:
        market, units, epoch, loss, validation_loss, and `naive`: the loss of the naive forecast on the rows held back.

    Raises:
        TooFewRowsError: no window fits into the rows held back, which have gaps.
    """
    spec = ground.spec(
        "units",
        models=[network(), "naive"],
        grid={"lstm.units": bench.pick([5, 20], [5, 20, 80], [5, 20, 80, 320])},
        split__validation=rows_held_back(ground),
        training__batch_size=BATCH,
        training__learning_rate=LEARNING_RATE,
        training__epochs=bench.pick(6, 200, 400),
        **few_seeds(bench),
    )

    def make() -> pl.DataFrame:
        naive = [(task.market, _naive_loss(task)) for task in make_tasks(spec, ground.filled)]
        history = run_for_table(bench, "units", spec, ground.filled).history
        units = pl.col("model").str.extract(r"units=(\d+)").cast(pl.Int64).alias("units")
        losses = [pl.col("loss").mean(), pl.col("validation_loss").mean()]
        mean = history.with_columns(units).group_by("market", "units", "epoch").agg(losses)
        known = pl.DataFrame(naive, schema={"market": pl.String, "naive": pl.Float64}, orient="row")
        return mean.join(known, on="market").sort("market", "units", "epoch")

    return bench.table("units", spec.to_toml(), make)


def rows_held_back(ground: Ground) -> int:
    """Training rows, the newest ones, that `learn_longer` does not learn from."""
    return max(FEWEST_HELD_BACK, held_back(len(ground.coins[0].task.parts.train)))


def _naive_loss(task: Task) -> float:
    samples, windows = task.samples, task.validation
    if len(windows) == 0:
        raise TooFewRowsError(
            f"none of the newest {len(task.parts.validation)} training rows of {task.market} end {windows.lookback} "
            "or more without a gap"
        )
    first, last, came = samples.first_close(windows), samples.last_close(windows), samples.future_close(windows)[:, 0]
    return float(np.mean(np.abs(came - last) / first))


def vary_window(bench: Bench, ground: Ground) -> pl.DataFrame:
    """Shorter and longer windows, the same test span for all: `SKILLS` and `lookback`."""
    lookbacks = bench.pick([5, 10], [3, 5, 10, 20, 40])
    spec = fair_spec(
        bench, ground, "windows", models=[network(), "naive"], grid={"samples.lookback": lookbacks}, **few_seeds(bench)
    )

    def make() -> pl.DataFrame:
        found = skills_of(run_for_table(bench, "windows", spec, ground.candles).scores)
        return found.with_columns(lookback=pl.col("model").str.extract(r"lookback=(\d+)").cast(pl.Int64))

    return bench.table("windows", spec.to_toml(), make).sort("market", "lookback")


def measure_bias(results: dict[str, Result]) -> pl.DataFrame:
    """Does it overestimate? The mean error of every run as a share of the last close.

    Args:
        results: name -> experiment.

    Returns:
        `way`, market, run, `bias`, and `naive`, the same of the naive forecast: above 0 where forecasts are too high.
    """
    error = (pl.col("value") - pl.col("actual")) / pl.col("last_close")
    naive = 1 - pl.col("actual") / pl.col("last_close")
    tables = []
    for way, result in results.items():
        runs = result.forecasts.filter(pl.col("model") == LSTM, pl.col("value").is_finite())
        found = runs.group_by("market", "run").agg(bias=error.mean(), naive=naive.mean()).sort("market", "run")
        tables.append(found.select(pl.lit(way).alias("way"), "market", "run", "bias", "naive"))
    return pl.concat(tables)


def split_by_moves(results: dict[str, Result]) -> pl.DataFrame:
    """Does it fail after sharp moves? Skill of each ensemble after jumps, in calm and in wild stretches.

    Args:
        results: name -> experiment.

    Returns:
        `way`, `subset`, market and `FOUND`; such subsets get no verdict.
    """
    wanted = (
        (pl.col("metric") == "abs_log_error")
        & (pl.col("view") == "every_origin")
        & (pl.col("step") == 0)
        & (pl.col("level") == "ensemble")
        & (pl.col("model").str.strip_suffix(ENSEMBLE) == LSTM)
        & pl.col("subset").is_in(list(SUBSETS))
    )
    return pl.concat(
        result.scores.filter(wanted).select(pl.lit(way).alias("way"), "subset", "market", *FOUND)
        for way, result in results.items()
    )


def walk_forward(bench: Bench, ground: Ground) -> pl.DataFrame:
    """Does a pattern disappear? Skill by period of a network that is trained anew on the way through most of the span.

    Returns:
        `period` (a year, or a quarter where there are fewer than three years), market and `FOUND`.
    """
    spec = fair_spec(
        bench,
        ground,
        "periods",
        models=[network(), "naive"],
        split__test=FORECAST,
        split__validation=held_back((1 - FORECAST) * ground.rows),
        split__refit="every",
        split__every=max(20, ground.rows // bench.pick(4, 12)),
        **few_seeds(bench),
    )

    def make() -> pl.DataFrame:
        forecasts = run_for_table(bench, "periods", spec, ground.candles).forecasts
        return pl.DataFrame(
            [row for one in deciding_series(forecasts) if not one.is_own_naive for row in _judge_periods(one)]
        )

    return bench.table("periods", spec.to_toml(), make)


def _judge_periods(series: LossSeries) -> list[dict[str, Any]]:
    """Skill in every period, by the decisive test where there are enough forecasts for it."""
    months = series.origins.astype("datetime64[ms]").astype("datetime64[M]")
    names = months.astype("datetime64[Y]").astype(str)
    if np.unique(names).size < FEWEST_YEARS:
        names = np.array(
            [f"{year} Q{month // 3 + 1}" for year, month in zip(names, months.astype(int) % 12, strict=True)]
        )
    rows = []
    for name in np.unique(names).tolist():
        found = series.keep(names == name).compare()
        rows.append({"period": name, "market": series.panel.market, **{key: getattr(found, key) for key in FOUND}})
    return rows


def skills_of(scores: pl.DataFrame) -> pl.DataFrame:
    """The judge's rows on the network: `SKILLS`."""
    return deciding_rows(scores).filter(pl.col("model").str.starts_with(LSTM)).select(SKILLS)
