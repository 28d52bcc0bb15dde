"""The score table: every metric beside the naive one, with its uncertainty, and one word per market and model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import ForecastError
from coincast.forecasts.combine import add_ensembles, failed_runs
from coincast.forecasts.table import check_forecasts
from coincast.scores.panel import Panel, find_subsets, make_panels
from coincast.scores.point import DECIDING, LARGEST, Metric, floor_price, metrics_of, naive_forecast
from coincast.scores.significance import (
    ALPHA,
    Comparison,
    adjust_holm,
    compare_losses,
    count_needed,
    count_overlapping,
    interval_of_mean,
)

Floats = NDArray[np.float64]

NAIVE = "naive"
"""Name of our own naive forecast, whose rows carry no word."""

SCORE_COLUMNS: dict[str, pl.DataType] = {
    "market": pl.String(),
    "interval": pl.String(),
    "model": pl.String(),
    "level": pl.String(),
    "run": pl.Int64(),
    "quantity": pl.String(),
    "view": pl.String(),
    "subset": pl.String(),
    "step": pl.Int64(),
    "metric": pl.String(),
    "unit": pl.String(),
    "value": pl.Float64(),
    "naive": pl.Float64(),
    "skill": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "statistic": pl.Float64(),
    "p": pl.Float64(),
    "p_holm": pl.Float64(),
    "dm": pl.Float64(),
    "p_dm": pl.Float64(),
    "n": pl.Int64(),
    "detectable": pl.Float64(),
    "verdict": pl.String(),
    "overlap": pl.Int64(),
}
"""The score table; `overlap` is h, the successive origins with overlapping targets (a word needs 20 h origins)."""

IS_DECIDING = (
    (pl.col("level") == "ensemble")
    & (pl.col("view") == "every_origin")
    & (pl.col("subset") == "all")
    & (pl.col("step") == 0)
    & (pl.col("metric") == pl.col("quantity").replace_strict(DECIDING, default=None))
)
"""The one row per market and model that may carry a word."""


def score_forecasts(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Score every forecast beside the naive one on exactly the same targets.

    Ensembles are added where a model has several runs. Rows of level `ensemble` hold every metric for all origins, for
    each step, for origins whose targets do not overlap (view `segments`) and for the subsets of `find_subsets`; rows of
    level `run` hold every metric for all origins. For `bias` there is no skill: `low, high` bound its value. A model
    that names a direction nowhere has no row, beside others that do.

    Args:
        forecasts: a table of forecasts with `actual` and, for prices, `last_close`.

    Returns:
        The score table: `SCORE_COLUMNS`, sorted; the word stands in the rows of `IS_DECIDING`.

    Raises:
        ForecastError: a model has not one origin that can be judged.
        UsageError: a quantity that cannot be judged yet.
    """
    table = add_ensembles(forecasts)
    for quantity in table["quantity"].unique().to_list():
        metrics_of(quantity)
    rows = [row for panel in _sound_panels(table) for row in _score_panel(panel)]
    return _give_verdicts(pl.DataFrame(rows, schema={**SCORE_COLUMNS, "is_copy": pl.Boolean()}))


def score_full_interval(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Score forecasts of a whole span from one origin, in which errors compound.

    Returns:
        Rows of the score table with view `full_interval`: each metric over all steps of the origin. One origin is no
        sample, so there is no test and no word.

    Raises:
        ForecastError: a model has not one origin that can be judged.
    """
    rows = [
        row
        for panel in _sound_panels(add_ensembles(forecasts))
        for row in _score_cut(panel, subset="all", step=0, view="full_interval")
    ]
    return pl.DataFrame(rows, schema={**SCORE_COLUMNS, "is_copy": pl.Boolean()}).select(
        pl.lit(None).cast(SCORE_COLUMNS[name]).alias(name) if name == "verdict" else name for name in SCORE_COLUMNS
    )


def find_segments(panel: Panel) -> NDArray[np.bool_]:
    """Origins whose targets do not overlap: the first, and each next one at or after the last target before it."""
    chosen = np.zeros(panel.origins.size, dtype=bool)
    end = panel.origins[0] if panel.origins.size else 0
    for number, (origin, last) in enumerate(zip(panel.origins, panel.targets[:, -1], strict=True)):
        if origin >= end:
            chosen[number], end = True, last
    return chosen


def count_origins(forecasts: pl.DataFrame) -> pl.DataFrame:
    """How many origins of each run can be judged, and why others cannot.

    Returns:
        market, interval, quantity, model, run, `judged`, `dropped`, `reasons` (text, empty where none was dropped) and
        `floored`, the price forecasts at or below zero that are scored as 1 % of the last close.
    """
    rows = [
        {
            **{name: getattr(panel, name) for name in ("market", "interval", "quantity", "model", "run")},
            "judged": panel.origins.size,
            "dropped": sum(panel.dropped.values()),
            "reasons": ", ".join(f"{reason}: {count:,}" for reason, count in panel.dropped.items()),
            "floored": int((panel.value <= 0).sum()) if panel.quantity == "price" else 0,
        }
        for panel in make_panels(check_forecasts(forecasts))
    ]
    return pl.DataFrame(rows)


def count_tests(scores: pl.DataFrame) -> int:
    """How many tests Holm's adjustment holds together."""
    return scores["p_holm"].len() - scores["p_holm"].null_count()


def deciding_rows(scores: pl.DataFrame) -> pl.DataFrame:
    """The rows that may carry a word, best skill first within each market; naive's own stands where its 0 puts it."""
    order = pl.col("skill").fill_null(-np.inf)
    return scores.filter(IS_DECIDING).sort("market", "interval", order, "model", descending=[False, False, True, False])


def summarise_runs(scores: pl.DataFrame) -> pl.DataFrame:
    """Spread of the single runs of every network: a description, not a test, for the runs share their test rows.

    Returns:
        One row per market, interval, model, quantity and metric: `runs`, `mean`, `sd` (null for one run), `best` and
        `worst` (nearest to and farthest from zero), `naive` and `better`, how many runs have a smaller error than
        naive.
    """
    value, naive = pl.col("value"), pl.col("naive")
    whole = (pl.col("view") == "every_origin") & (pl.col("subset") == "all") & (pl.col("step") == 0)
    return (
        scores.filter(whole & (pl.col("run") > 0))
        .group_by("market", "interval", "model", "quantity", "metric", "unit", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("runs"),
            value.mean().alias("mean"),
            value.std().alias("sd"),
            value.sort_by(value.abs()).first().alias("best"),
            value.sort_by(value.abs()).last().alias("worst"),
            naive.mean().alias("naive"),
            (value.abs() < naive.abs()).sum().cast(pl.Int64).alias("better"),
        )
    )


def _sound_panels(table: pl.DataFrame) -> list[Panel]:
    panels = list(make_panels(table))
    if not panels:
        failed = failed_runs(table)["model"].unique(maintain_order=True).to_list()
        raise ForecastError(f"there is no forecast to score; failed: {', '.join(failed) or 'none'}")
    judged = [panel for panel in panels if not panel.is_undirected]
    if not judged:
        raise ForecastError(
            f"{panels[0].model} on {panels[0].market} names no direction: every probability of a rise that could be "
            "judged is exactly 0.5, so there is no hit rate and no word"
        )
    for panel in judged:
        if panel.origins.size == 0:
            reasons = ", ".join(f"{reason} ({count:,})" for reason, count in panel.dropped.items())
            raise ForecastError(
                f"{panel.model} on {panel.market} has no origin that can be judged: {reasons}; "
                "each needs a forecast, the actual value and the last price known before it"
            )
    return judged


def _score_panel(panel: Panel) -> Iterator[dict[str, Any]]:
    """Rows of one run: all origins and, for an ensemble, its subsets and its single steps."""
    everything = np.ones(panel.origins.size, dtype=bool)
    yield from _score_cut(panel, subset="all", step=0)
    if panel.level == "run":
        return
    for subset, mask in find_subsets(panel).items():
        if mask.any():
            yield from _score_cut(panel.keep(mask), subset=subset, step=0)
    if panel.steps.size > 1:
        for column, step in enumerate(panel.steps):
            yield from _score_cut(panel.keep(everything, step=column), subset="all", step=int(step))
        yield from _score_cut(panel.keep(find_segments(panel)), subset="all", step=0, view="segments")


def _score_cut(panel: Panel, *, subset: str, step: int, view: str = "every_origin") -> Iterator[dict[str, Any]]:
    for metric in metrics_of(panel.quantity):
        cut = panel if metric.scale is None else panel.keep((getattr(panel, metric.scale) > 0).all(axis=1))
        if cut.origins.size:
            yield {**_score_metric(cut, metric), "view": view, "subset": subset, "step": step}


def _score_metric(panel: Panel, metric: Metric) -> dict[str, Any]:
    overlapping = count_overlapping(panel.origins, panel.targets[:, -1], steps=int(panel.steps[-1]))
    losses, naive = losses_per_origin(panel, metric)
    is_too_few = losses.size < count_needed(overlapping)
    is_copy = False
    if metric.is_signed:
        figures = {} if is_too_few else _show_bias(losses, overlapping)
    else:
        compared = compare_losses(losses, naive, overlapping=overlapping)
        figures, is_copy = _show_skill(compared, metric), compared.is_copy
    unit = quote_of(panel.market) if metric.unit == "quote" else metric.unit
    return {
        **{name: getattr(panel, name) for name in ("market", "interval", "model", "level", "run", "quantity")},
        **{"metric": metric.name, "unit": unit},
        **{"value": _known(metric.reduce(losses)), "naive": _known(metric.reduce(naive)), "p_holm": None},
        **figures,
        **{"n": losses.size, "verdict": "too few" if is_too_few else None, "overlap": overlapping},
        "is_copy": is_copy,
    }


def losses_per_origin(panel: Panel, metric: Metric) -> tuple[Floats, Floats]:
    """Losses of the forecasts and of the naive forecast, averaged over the steps of each origin."""
    forecast = floor_price(panel.value, panel.last_close) if metric.name == "abs_log_error" else panel.value
    naive = naive_forecast(panel.quantity, panel.last_close, panel.naive)
    scale = 1.0 if metric.scale is None else getattr(panel, metric.scale)
    with np.errstate(over="ignore"):
        losses = [metric.loss(panel.actual, line) / scale for line in (forecast, naive)]
    own, base = (np.clip(each, -LARGEST, LARGEST).mean(axis=1) for each in losses)
    return own, base


def _show_skill(compared: Comparison, metric: Metric) -> dict[str, float | None]:
    names = ("statistic", "p", "dm", "p_dm")
    skills = {name: getattr(compared, name) for name in ("skill", "low", "high", "detectable")}
    if metric.is_root:
        skills = {name: _root_skill(skill) for name, skill in skills.items()}
    return {**{name: getattr(compared, name) for name in names}, **skills}


def _root_skill(skill: float | None) -> float | None:
    """A skill in mean squared error as the skill in its root."""
    return None if skill is None else 1 - max(1 - skill, 0.0) ** 0.5


def _show_bias(errors: Floats, overlapping: int) -> dict[str, float | None]:
    low, high = interval_of_mean(errors, overlapping=overlapping)
    return {"low": _known(low), "high": _known(high)}


def _known(figure: float) -> float | None:
    return figure if np.isfinite(figure) else None


def quote_of(market: str) -> str:
    """Quote currency of a market, "price" where its name does not tell."""
    return market.rpartition("/")[2].partition(":")[0] if "/" in market else "price"


def _give_verdicts(scores: pl.DataFrame) -> pl.DataFrame:
    """Holm's adjustment over the deciding rows, and their words; naive's own rows get none."""
    is_own = (pl.col("model") == NAIVE) & pl.col("is_copy")
    scores = scores.with_columns(
        verdict=pl.when(IS_DECIDING & ~is_own).then(pl.col("verdict")), index=pl.int_range(pl.len())
    )
    tested = scores.filter(IS_DECIDING & ~is_own & pl.col("p").is_not_null())
    adjusted = adjust_holm(tested["p"].to_numpy())
    is_better = (tested["value"] < tested["naive"]).to_numpy()
    words = np.where(adjusted < ALPHA, np.where(is_better, "better", "worse"), "not distinguishable")
    found = pl.DataFrame({"index": tested["index"], "p_holm": adjusted, "verdict": words.astype(str)})
    return scores.update(found, on="index", how="left").select(list(SCORE_COLUMNS))
