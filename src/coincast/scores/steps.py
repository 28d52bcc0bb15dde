"""A verdict for every step ahead: a family of tests of its own, beside the one decisive test."""

from __future__ import annotations

import polars as pl

from coincast.scores.finding import KEY_COLUMNS, Finding, Options, add_words
from coincast.scores.point import DECIDING
from coincast.scores.significance import ORIGINS_PER_OVERLAP
from coincast.scores.verdict import IS_DECIDING, NAIVE

STEP_COLUMNS = (*KEY_COLUMNS, "step", "n", "skill", "low", "high", "p", "p_holm", "verdict")


def judge_steps(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """The decisive test at every single step, with Holm's adjustment over markets x models x steps.

    The tests are those of the score table (rows of `step` above 0 in the deciding metric); only their words are new.
    They form a second family: the word of a model is that of the decisive row, whichever its steps get.

    Args:
        forecasts: not used; every further test takes the same arguments.
        scores: the score table.
        options: not used.

    Returns:
        market, interval, quantity, model, step, n, skill, low, high, p, p_holm, verdict; without rows where every
        forecast has one step. Naive's own rows are not among them.
    """
    is_step = (
        (pl.col("level") == "ensemble")
        & (pl.col("view") == "every_origin")
        & (pl.col("subset") == "all")
        & (pl.col("step") > 0)
        & (pl.col("metric") == pl.col("quantity").replace_strict(DECIDING, default=None))
    )
    own = scores.filter(IS_DECIDING & (pl.col("model") == NAIVE) & pl.col("verdict").is_null()).select(*KEY_COLUMNS)
    rows = scores.filter(is_step).join(own, on=list(KEY_COLUMNS), how="anti", maintain_order="left")
    table = rows.rename({"value": "loss"}).with_columns(
        is_too_few=pl.col("n") < ORIGINS_PER_OVERLAP * pl.col("overlap")
    )
    return Finding(add_words(table.drop("p_holm", "verdict")).select(*STEP_COLUMNS))
