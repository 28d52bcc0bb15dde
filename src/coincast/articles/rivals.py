"""A model beside rivals that learn, too: is what it gains more than an autoregression shows?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from coincast.forecasts.combine import ENSEMBLE
from coincast.reports.numbers import model_name, percent, skill_span
from coincast.reports.palette import BETTER, WORSE
from coincast.scores.finding import Options, add_words
from coincast.scores.series import deciding_series, keep_common
from coincast.scores.significance import compare_losses
from coincast.scores.steps import judge_steps


def compare_with_rivals(forecasts: pl.DataFrame, model: str, rivals: Sequence[str]) -> pl.DataFrame:
    """The decisive test of a model against each of its rivals, which takes the place of the naive forecast.

    They are compared on the origins that all of them have. To look at the best of several rivals favours the rivals,
    since it is the best on this very span.

    Args:
        forecasts: a table of forecasts of one market, with the truth.
        model: a name in it, without `.ensemble`; its ensemble counts where it has several runs.
        rivals: names in it.

    Returns:
        A row for each rival, that with the least loss first: `rival`, its `loss`, its `rival_skill` beside naive (NaN
        where naive never errs), the model's `skill` beside it (null where the rival never errs) with `low, high, p,
        p_holm, verdict`, and `n`.
    """
    named = {one.panel.model.removesuffix(ENSEMBLE): one for one in deciding_series(forecasts)}
    (own, *others), _ = keep_common([named[name] for name in (model, *rivals)])
    rows = []
    for rival in others:
        naive = float(rival.naive.mean())
        found = compare_losses(own.losses, rival.losses, overlapping=own.overlapping)
        rows.append(
            {
                "rival": rival.panel.model.removesuffix(ENSEMBLE),
                "loss": found.loss,
                "naive": found.naive,
                "rival_skill": 1 - float(rival.losses.mean()) / naive if naive > 0 else math.nan,
                **{name: getattr(found, name) for name in ("skill", "low", "high", "p", "n", "is_too_few")},
            }
        )
    table = add_words(pl.DataFrame(rows, schema_overrides=dict.fromkeys(("low", "high", "p"), pl.Float64)))
    columns = ("rival_skill", "skill", "low", "high", "p", "p_holm", "verdict", "n")
    return table.sort("naive").select("rival", pl.col("naive").alias("loss"), *columns)


def say_beside_rival(name: str, skill: float, compared: pl.DataFrame) -> str:
    """One sentence on a model beside the best of its rivals.

    Args:
        name: of the model, as it is read.
        skill: of the model beside the naive forecast.
        compared: what `compare_with_rivals` found.
    """
    best = compared.row(0, named=True)
    rival = (
        f"{model_name(best['rival'])}, which is no network, has a skill of {percent(best['rival_skill'], signed=True)}"
    )
    own = f"the {name} one of {percent(skill, signed=True)}"
    if best["verdict"] == BETTER:
        told = f"beside it the {name} is better by {percent(best['skill'])}"
    elif best["verdict"] == WORSE:
        by = "" if best["skill"] is None else f" by {percent(-best['skill'])}"
        told = f"beside it the {name} is worse{by}"
    else:
        told = "the two cannot be told apart"
    span = f" (95 % interval {skill_span(best['low'], best['high'])} %)" if best["low"] is not None else ""
    return f"{rival} beside the last close, {own}: {told}{span}."


def list_steps(scores: pl.DataFrame, models: Sequence[str]) -> pl.DataFrame:
    """Skill at every step ahead, with a test of its own: `model, step, skill, low, high, p_holm, verdict, n`.

    Holm's adjustment is over the models named and all of their steps.

    Args:
        scores: a score table.
        models: names in it, without `.ensemble`, in the order in which they are listed.
    """
    base = pl.col("model").str.strip_suffix(ENSEMBLE)
    own = scores.filter(base.is_in(list(models)))
    table = judge_steps(pl.DataFrame(), own, Options()).table.with_columns(base)
    order = pl.col("model").replace_strict(list(models), list(range(len(models))), default=None)
    return table.sort(order, "step").select("model", "step", "skill", "low", "high", "p_holm", "verdict", "n")
