"""How often is a model called better on markets where nothing can be?

Every market is a `walk`, on which no forecast has a smaller expected error than the last close; so every `better` is a
false alarm. Trained networks and opponents are judged by the main path itself, `run_experiment`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from coincast.experiments.calibration.markets import OnStep, cut_chunks, draw_markets, give_words
from coincast.experiments.calibration.shares import share_row, share_table
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.scores.verdict import deciding_rows

RUNS = 3
EPOCHS = 5
MODELS: tuple[Any, ...] = ({"name": "lstm", "units": 8}, "ar", "ridge", "drift", "average", "ewma")
MOST_MODELS = 0.035
"""False `better` of one model at one horizon, alone."""
MOST_TABLES = 0.06
"""Tables of one market with any false `better`, after Holm."""
FIRST = 1_000_000
"""Number of the first market, beyond those of the other parts."""


def walk_spec(n: int, horizon: int, *, seed: int) -> Spec:
    """The experiment that walks of this length are judged by."""
    return Spec.from_keywords(
        name="calibrate",
        models=list(MODELS),
        features=["log_return"],
        lookback=10,
        horizon=horizon,
        test=n + horizon - 1,
        epochs=EPOCHS,
        batch_size=32,
        learning_rate=0.003,
        seeds=RUNS,
        seed=seed,
    )


def judge_walks(
    *, settings: Sequence[tuple[int, int]], markets: int, training: int, seed: int, on_step: OnStep | None = None
) -> pl.DataFrame:
    """Judge every model on walks.

    Args:
        settings: pairs of origins and horizon.
        markets: how many for each pair, all of them independent.
        training: candles to learn from.
        seed: of the markets and of the first run.
        on_step: told the progress.

    Returns:
        One row per market and model: `n`, `horizon`, `market`, `model`, `skill`, `p` and the columns of `give_words`.
    """
    chunks = [
        (n, horizon, numbers)
        for place, (n, horizon) in enumerate(settings)
        for numbers in cut_chunks(
            FIRST + place * markets, markets, rows_per_market=n * horizon * (RUNS + 2 + len(MODELS))
        )
    ]
    tables = []
    for done, (n, horizon, numbers) in enumerate(chunks):
        if on_step is not None:
            on_step(f"walks, {n} origins, horizon {horizon}", done, len(chunks))
        candles = draw_markets("walk", numbers, candles=training + n + horizon - 1, seed=seed)
        scores = run_experiment(walk_spec(n, horizon, seed=seed), candles, beside=False).scores
        rows = give_words(deciding_rows(scores).select("market", "model", "skill", "p"))
        tables.append(rows.select(pl.lit(n).alias("n"), pl.lit(horizon).alias("horizon"), pl.all()))
    return pl.concat(tables)


def count_alarms(judged: pl.DataFrame, *, lenient: bool) -> pl.DataFrame:
    """Share of markets where a model is found better, alone, by horizon and model; `worse` stands beside, unbounded.

    Args:
        judged: what `judge_walks` gave.
        lenient: see `share_row`.
    """
    rows = []
    for (horizon, model), own in judged.group_by("horizon", "model", maintain_order=True):
        better = int((own["found"] == "better").sum())
        worse = float((own["found"] == "worse").fill_null(False).mean())  # type: ignore[arg-type]
        row = share_row(better, own.height, most=MOST_MODELS, lenient=lenient)
        rows.append({"horizon": horizon, "model": model, **row, "worse": worse})
    return share_table(rows).sort("horizon", "model", maintain_order=True)


def count_tables(judged: pl.DataFrame, *, lenient: bool) -> pl.DataFrame:
    """Share of tables of one market with any `better` after Holm, by length and horizon, and of all of them.

    Returns:
        Columns `n` and `horizon`, null in the last row, which is of all tables, and those of `share_row`.
    """
    tables = judged.group_by("n", "horizon", "market", maintain_order=True).agg(
        wrong=(pl.col("verdict") == "better").any()
    )
    parts = [*tables.group_by("n", "horizon", maintain_order=True), ((None, None), tables)]
    return share_table(
        [
            {"n": n, "horizon": horizon}
            | share_row(int(own["wrong"].sum()), own.height, most=MOST_TABLES, lenient=lenient)
            for (n, horizon), own in parts
        ]
    )
