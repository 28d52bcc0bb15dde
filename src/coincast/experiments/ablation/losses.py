"""What the losses with and without a part say: the decisive test on their difference, and the luck of single runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from scipy.special import stdtr

from coincast.experiments.ablation.variants import Comparison
from coincast.experiments.tasks import Task
from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.finding import add_words, make_table, tell_lost
from coincast.scores.panel import make_panels
from coincast.scores.point import metrics_of
from coincast.scores.series import LossSeries, deciding_series, keep_common
from coincast.scores.significance import ALPHA, compare_losses
from coincast.scores.verdict import losses_per_origin

Losses = dict[tuple[str, str], LossSeries]
"""Deciding losses by market and model."""
RunLosses = dict[tuple[str, str], dict[int, float]]
"""Mean deciding losses of single runs, by market and ensemble."""

FEWEST_RUNS = 2
UNDECIDED = "not distinguishable"
WORDS = {"better": "helps", "worse": "hurts"}
"""Words of the decisive test as those of an ablation; the others stay."""

FIGURES = ("low", "high", "statistic", "p", "detectable")


def _columns(texts: str, numbers: str, counts: str) -> dict[str, pl.DataType]:
    kinds = ((texts, pl.String()), (numbers, pl.Float64()), (counts, pl.Int64()))
    return {name: kind for names, kind in kinds for name in names.split()}


_DIFFERENCE = f"skill_without skill_with difference {' '.join(FIGURES)} p_runs"
_SKILL = f"skill {' '.join(FIGURES)}"
COMPARED_COLUMNS = _columns("part beside market interval quantity model", _DIFFERENCE, "n overlap runs runs_helped")
POOLED_COLUMNS = _columns("part beside interval quantity model", _DIFFERENCE, "n overlap markets runs runs_helped")
LEARNING_COLUMNS = _columns("market interval quantity model", _SKILL, "training_rows training_windows n overlap")
POOLED_LEARNING_COLUMNS = _columns("interval quantity model", _SKILL, "training_rows n overlap markets")
SKILL_COLUMNS = _columns("variant market interval quantity model", "loss naive skill low high", "n")
FOR_WORDS = {**_columns("", "loss naive run_difference", ""), "is_too_few": pl.Boolean()}


def deciding_losses(forecasts: pl.DataFrame) -> Losses:
    """Losses of every market and model but naive itself."""
    return {(one.panel.market, one.panel.model): one for one in deciding_series(forecasts) if not one.is_own_naive}


def list_skills(losses: Mapping[str, Losses]) -> pl.DataFrame:
    """The skill of every variant on every market."""
    names = ("loss", "naive", "skill", "low", "high", "n")
    rows = []
    for variant, own in losses.items():
        for series in own.values():
            compared = series.compare()
            rows.append({"variant": variant, **series.keys, **{name: getattr(compared, name) for name in names}})
    return make_table(rows, SKILL_COLUMNS)


def run_losses(forecasts: pl.DataFrame) -> RunLosses:
    """Mean deciding loss of every single run, by market and the name of its ensemble."""
    found: RunLosses = {}
    for panel in make_panels(forecasts):
        if panel.level == "run" and panel.origins.size:
            losses, _ = losses_per_origin(panel, metrics_of(panel.quantity)[0])
            found.setdefault((panel.market, panel.model + ENSEMBLE), {})[panel.run] = float(losses.mean())
    return found


def compare_all(
    comparisons: Sequence[Comparison], losses: Mapping[str, Losses], runs: Mapping[str, RunLosses]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
    """Every comparison on every market, the same pooled where there are several, and what pooling left out."""
    rows, pooled = [], []
    losing: dict[tuple[int, int], list[str]] = {}
    for one in comparisons:
        bare, full = losses[one.bare], losses[one.full]
        pairs: dict[str, list[tuple[LossSeries, LossSeries]]] = {}
        for key, without in bare.items():
            if key in full:
                luck = _compare_runs([runs[one.bare].get(key, {})], [runs[one.full].get(key, {})])
                rows += [row | luck for row in _compare(one, [(without, full[key])])]
                pairs.setdefault(key[1], []).append((without, full[key]))
        for model, several in pairs.items():
            if len(several) > 1:
                keys = [(without.panel.market, model) for without, _ in several]
                luck = _compare_runs(*([runs[side].get(key, {}) for key in keys] for side in (one.bare, one.full)))
                pooled += [row | luck for row in _compare(one, several)]
                common, lost = keep_common([series for pair in several for series in pair])
                names = losing.setdefault((lost, lost + common[0].origins.size), [])
                names += [model] if model not in names else []
    tables = (_give_words(rows, COMPARED_COLUMNS, WORDS), _give_words(pooled, POOLED_COLUMNS, WORDS))
    return *tables, tell_lost("the mean over markets", losing, "market")


def _compare(one: Comparison, pairs: Sequence[tuple[LossSeries, LossSeries]]) -> list[dict[str, Any]]:
    """A row on the losses without and with a part, averaged over markets, at the origins that all have.

    The decisive test compares naive's losses plus the difference with naive's losses: its skill is the difference in
    skill, its interval that of the difference, and its p says whether the losses with and without differ.
    """
    common, _ = keep_common([series for pair in pairs for series in pair])
    if not common[0].origins.size:
        return []
    without, having = _mean(common[::2]), _mean(common[1::2])
    compared = compare_losses(
        having.naive + having.losses - without.losses, having.naive, overlapping=having.overlapping
    )
    before, after = (
        None if compared.skill is None else 1 - one.losses.mean() / one.naive.mean() for one in (without, having)
    )
    figures = {name: getattr(compared, name) for name in (*FIGURES, "n", "loss", "naive", "is_too_few")}
    skills = {"skill_without": before, "skill_with": after, "difference": compared.skill}
    places = {"part": one.part, "beside": one.beside, "markets": len(pairs), **having.keys}
    return [{**places, **skills, **figures, "overlap": having.overlapping}]


def _compare_runs(without: Sequence[Mapping[int, float]], having: Sequence[Mapping[int, float]]) -> dict[str, Any]:
    """Whether the losses of single runs differ, averaged over markets: Welch's t test; nothing for less than two runs.

    Runs with and without a part are independent draws, for their first layers differ in shape.
    """
    common = sorted(set.intersection(*(set(one) for one in (*without, *having))))
    if len(common) < FEWEST_RUNS:
        return {}
    before, after = (np.array([np.mean([one[run] for one in side]) for run in common]) for side in (without, having))
    difference = float(after.mean() - before.mean())
    variances = np.array([before.var(ddof=1), after.var(ddof=1)]) / len(common)
    error = float(np.sqrt(variances.sum()))
    degrees = (len(common) - 1) * error**4 / float((variances**2).sum()) if error > 0 else 1.0
    p = float(2 * stdtr(degrees, -abs(difference) / error)) if error > 0 else float(difference == 0)
    return {"runs": len(common), "runs_helped": int((after < before).sum()), "p_runs": p, "run_difference": difference}


def learn(learnt: Mapping[int, tuple[Losses, Sequence[Task]]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Skill beside naive by training rows, on every market and pooled over markets where there are several."""
    rows, pooled = [], []
    for count, (losses, tasks) in learnt.items():
        by_model: dict[str, list[LossSeries]] = {}
        windows = {task.market: len(task.training) for task in tasks}
        for series in losses.values():
            rows += [row | {"training_windows": windows[series.panel.market]} for row in _judge(count, [series])]
            by_model.setdefault(series.panel.model, []).append(series)
        pooled += [row for several in by_model.values() if len(several) > 1 for row in _judge(count, several)]
    order = ("model", "training_rows")
    return (
        _give_words(rows, LEARNING_COLUMNS).sort("market", *order),
        _give_words(pooled, POOLED_LEARNING_COLUMNS).sort(order),
    )


def _judge(count: int, markets: list[LossSeries]) -> list[dict[str, Any]]:
    common, _ = keep_common(markets)
    if not common[0].origins.size:
        return []
    mean = _mean(common)
    compared = mean.compare()
    figures = {name: getattr(compared, name) for name in (*FIGURES, "skill", "n", "loss", "naive", "is_too_few")}
    return [{"training_rows": count, "markets": len(markets), **mean.keys, "overlap": mean.overlapping, **figures}]


def _mean(markets: Sequence[LossSeries]) -> LossSeries:
    """Losses averaged over markets with the same origins, under the name of the first one."""
    first = markets[0]
    targets = np.max([one.panel.targets for one in markets], axis=0)
    losses, naive = (np.mean([getattr(one, name) for one in markets], axis=0) for name in ("losses", "naive"))
    return LossSeries(replace(first.panel, targets=targets), losses, naive)


def _give_words(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, pl.DataType], words: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Rows as a table with Holm's adjustment over all of them, and their words."""
    table = add_words(make_table(rows, {**columns, **FOR_WORDS}))
    if "p_runs" in columns:
        turned = (pl.col("run_difference") > 0) != (pl.col("loss") > pl.col("naive"))
        p_runs = pl.when(turned).then(1.0).otherwise(pl.col("p_runs"))
        is_luck = (p_runs >= ALPHA) & pl.col("verdict").is_in(list(WORDS))
        table = table.with_columns(
            p_runs=p_runs, verdict=pl.when(is_luck).then(pl.lit(UNDECIDED)).otherwise(pl.col("verdict"))
        )
    return table.with_columns(pl.col("verdict").replace(dict(words or {}))).select(*columns, "p_holm", "verdict")
