"""The questions that the author left open, each as a table that answers it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import LSTM
from coincast.articles.sheehan.fair import VALIDATION, fair_spec
from coincast.articles.sheehan.ground import Ground, network
from coincast.experiments.result import Result
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import make_tasks
from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.series import deciding_series
from coincast.scores.verdict import deciding_rows

SKILLS = ("market", "model", "skill", "low", "high", "verdict", "n")
SUBSETS = {
    "all": "all forecasts",
    "after_jump_up": "after a sharp rise",
    "after_jump_down": "after a sharp fall",
    "calm": "in calm stretches",
    "wild": "in wild stretches",
}
FEWEST_PERIODS = 3


def few_seeds(bench: Bench) -> dict[str, Any]:
    """A few seeds are enough for what only has to be seen."""
    return {"training__seeds": bench.pick(2, 4), "training__seed": published.SEEDS[0]}


def _run(bench: Bench, spec: Spec, candles: pl.DataFrame) -> Result:
    return run_experiment(spec, candles, beside=False, on_progress=bench.on_progress)


def learn_longer(bench: Bench, ground: Ground) -> pl.DataFrame:
    """More units and more epochs: the mean losses by epoch, on the training rows and on rows held back from them.

    The article's target, inputs and loss; larger batches and a higher rate, so that hundreds of epochs take seconds.

    Returns:
        market, units, epoch, loss, validation_loss, and `naive`: the loss of the naive forecast on the rows held back.
    """
    rows = len(ground.coins[0].task.parts.train)
    spec = ground.spec(
        "units",
        models=[network(), "naive"],
        grid={"lstm.units": bench.pick([5, 20], [5, 20, 80], [5, 20, 80, 320])},
        split__validation=max(1, round(VALIDATION * rows)),
        training__batch_size=16,
        training__learning_rate=0.003,
        training__epochs=bench.pick(6, 200, 400),
        **few_seeds(bench),
    )

    def make() -> pl.DataFrame:
        history = _run(bench, spec, ground.candles).history
        units = pl.col("model").str.extract(r"units=(\d+)").cast(pl.Int64).alias("units")
        losses = [pl.col("loss").mean(), pl.col("validation_loss").mean()]
        mean = history.with_columns(units).group_by("market", "units", "epoch").agg(losses)
        naive = [(task.market, _naive_loss(task)) for task in make_tasks(spec, ground.candles)]
        known = pl.DataFrame(naive, schema={"market": pl.String, "naive": pl.Float64}, orient="row")
        return mean.join(known, on="market").sort("market", "units", "epoch")

    return bench.table("units", spec.to_toml(), make)


def _naive_loss(task: Any) -> float:
    samples, windows = task.samples, task.validation
    first, last, came = samples.first_close(windows), samples.last_close(windows), samples.future_close(windows)[:, 0]
    return float(np.mean(np.abs(came - last) / first))


def vary_window(bench: Bench, ground: Ground) -> pl.DataFrame:
    """Shorter and longer windows, the same test span for all: `SKILLS` and `lookback`."""
    lookbacks = bench.pick([5, 10], [3, 5, 10, 20, 40])
    spec = fair_spec(
        bench, ground, "windows", models=[network(), "naive"], grid={"samples.lookback": lookbacks}, **few_seeds(bench)
    )

    def make() -> pl.DataFrame:
        found = skills_of(_run(bench, spec, ground.candles).scores)
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
        runs = result.forecasts.filter(pl.col("model") == "lstm", pl.col("value").is_finite())
        found = runs.group_by("market", "run").agg(bias=error.mean(), naive=naive.mean()).sort("market", "run")
        tables.append(found.select(pl.lit(way).alias("way"), "market", "run", "bias", "naive"))
    return pl.concat(tables)


def split_by_moves(results: dict[str, Result]) -> pl.DataFrame:
    """Does it fail after sharp moves? Skill of each ensemble after jumps, in calm and in wild stretches.

    Returns:
        `way`, `subset`, and `SKILLS` without the word: such subsets get none.
    """
    wanted = (
        (pl.col("metric") == "abs_log_error")
        & (pl.col("view") == "every_origin")
        & (pl.col("step") == 0)
        & (pl.col("level") == "ensemble")
        & pl.col("model").is_in([LSTM, LSTM.removesuffix(ENSEMBLE)])
    )
    tables = [
        result.scores.filter(wanted, pl.col("subset").is_in(list(SUBSETS)))
        .with_columns(pl.lit(way).alias("way"))
        .select("way", "subset", *SKILLS)
        for way, result in results.items()
    ]
    return pl.concat(tables)


def walk_forward(bench: Bench, ground: Ground) -> pl.DataFrame:
    """Does a pattern disappear? Skill by period of a network that is trained anew on the way through most of the span.

    Returns:
        `period` (a year, or a quarter where there are fewer than three years), market, n, skill, low, high.
    """
    every = max(20, ground.rows // bench.pick(4, 12))
    first = 0.35 * ground.rows
    spec = fair_spec(
        bench,
        ground,
        "periods",
        models=[network(), "naive"],
        split__test=0.65,
        split__validation=max(1, round(VALIDATION * first)),
        split__refit="every",
        split__every=every,
        **few_seeds(bench),
    )

    def make() -> pl.DataFrame:
        forecasts = _run(bench, spec, ground.candles).forecasts
        return pl.DataFrame(
            [row for one in deciding_series(forecasts) if not one.is_own_naive for row in _periods(one)]
        )

    return bench.table("periods", spec.to_toml(), make)


def _periods(series: Any) -> list[dict[str, Any]]:
    """Skill in every period, by the decisive test where there are enough forecasts for it."""
    days = series.origins.astype("datetime64[ms]")
    years = days.astype("datetime64[Y]")
    months = days.astype("datetime64[M]").astype(int) % 12
    if np.unique(years).size >= FEWEST_PERIODS:
        names = years.astype(str)
    else:
        names = np.char.add(np.char.add(years.astype(str), " Q"), (months // 3 + 1).astype(str))
    rows = []
    for name in np.unique(names):
        found = series.keep(names == name).compare()
        rows.append({"period": str(name), "market": series.panel.market, **{key: getattr(found, key) for key in _KEPT}})
    return rows


_KEPT = ("n", "skill", "low", "high")


def skills_of(scores: pl.DataFrame) -> pl.DataFrame:
    """The judge's rows on the network: `SKILLS`."""
    decided = deciding_rows(scores)
    return decided.filter(pl.col("model").str.starts_with("lstm")).select(SKILLS)
