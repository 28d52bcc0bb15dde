"""What pictures and pages read from the tables of one market: the rows that decide, the lines to draw, the losses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.forecasts.combine import ENSEMBLE
from coincast.reports.numbers import is_daily, is_oracle
from coincast.reports.quantities import OPPONENTS, scale_values
from coincast.reports.story import Story
from coincast.scores.panel import make_panels
from coincast.scores.point import DECIDING, METRICS
from coincast.scores.verdict import NAIVE, deciding_rows, losses_per_origin
from coincast.scores.words import is_naive_itself


@dataclass(frozen=True)
class Lines:
    """The forecasts of one model against what happened, in order of time.

    Attributes:
        model: whose forecasts these are.
        time: the dates to draw them at (UTC, `datetime64[ms]`).
        actual, value, naive: what happened, what was said, the naive forecast; a direction and a volatility in percent.
        low, high: the band that holds 90 % of the runs; `None` for a single run.
        runs: how many runs the band is made of.
        step: the step ahead that is drawn.
        steps: how many steps ahead the model speaks.
    """

    model: str
    time: NDArray[np.datetime64]
    actual: NDArray[np.float64]
    value: NDArray[np.float64]
    naive: NDArray[np.float64]
    low: NDArray[np.float64] | None
    high: NDArray[np.float64] | None
    runs: int
    step: int
    steps: int

    @property
    def scored_step(self) -> int:
        """The step by which the score table calls the drawn forecasts; 0 where there is no other."""
        return self.step if self.steps > 1 else 0


def run_rows(scores: pl.DataFrame) -> pl.DataFrame:
    """Return the deciding error of each of several runs, over all origins and steps."""
    metric = pl.col("quantity").replace_strict(DECIDING, default=None)
    whole = (pl.col("view") == "every_origin") & (pl.col("subset") == "all") & (pl.col("step") == 0)
    return scores.filter(pl.col("level") == "run", whole, pl.col("metric") == metric)


def rivals(story: Story) -> list[str]:
    """Return the models that the headline may speak of, best first.

    All but naive and the oracle; where something was trained here, only what was.
    """
    rows = deciding_rows(story.scores).filter(pl.col("model") != NAIVE)
    rows = rows.sort("skill", descending=True, nulls_last=True)
    if story.quantity in OPPONENTS:  # a model that is the naive one by its nature, such as EWMA, is no rival of it
        is_copy = [is_naive_itself(row) for row in rows.iter_rows(named=True)]
        rows = rows if all(is_copy) else rows.filter(~pl.Series(is_copy, dtype=pl.Boolean))
    names = rows["model"].to_list()
    names = [name for name in names if not is_oracle(name, story.market)]
    if story.history is None:
        return names
    trained = set(story.history["model"].unique().to_list())
    networks = [name for name in names if name.endswith(ENSEMBLE) or name in trained]
    return networks or names


def subject_row(story: Story) -> dict[str, Any] | None:
    """Return the deciding row that the headline of one market speaks of."""
    names = rivals(story)
    return row_of(deciding_rows(story.scores), names[0]) if names else None


def row_of(rows: pl.DataFrame, model: str, **conditions: Any) -> dict[str, Any] | None:
    """Return the first row of a model that meets the conditions."""
    found = rows.filter(pl.col("model") == model, *(pl.col(name) == value for name, value in conditions.items()))
    return None if found.is_empty() else found.row(0, named=True)


def metric_row(story: Story, model: str, metric: str, *, step: int = 0) -> dict[str, Any] | None:
    """Return a model's row for another metric on the same forecasts, over all steps or for one."""
    conditions = {"level": "ensemble", "view": "every_origin", "subset": "all", "step": step, "metric": metric}
    return row_of(story.scores, model, **conditions)


def runs_of(scores: pl.DataFrame, model: str) -> pl.DataFrame:
    """Return the deciding errors of the single runs behind an ensemble; empty for any other model."""
    return run_rows(scores).filter(pl.col("model") == model.removesuffix(ENSEMBLE))


def forecast_lines(story: Story, model: str | None = None) -> Lines | None:
    """Collect what a forecast chart draws; `None` where forecasts, their truth or their naive line are missing.

    Where a model speaks of several steps, the first step is drawn: one forecast for each date.
    """
    model = model or next(iter(rivals(story)), None)
    table = story.forecasts
    if table is None or model is None or "actual" not in table.columns:
        return None
    own = table.filter(pl.col("model") == model)
    if own.is_empty():
        return None
    step, steps = int(own["step"].min()), int(own["step"].max())  # type: ignore[arg-type]
    naive = _naive_values(table.filter(pl.col("step") == step))
    judged = judged_origins(own).select("origin")
    lines = own.filter(pl.col("step") == step).join(judged, on="origin", how="semi")
    lines = lines.select("target_time", "value", "actual").join(naive, on="target_time", how="inner")
    lines = lines.drop_nulls().unique("target_time").sort("target_time")
    if lines.is_empty():
        return None
    factor = scale_values(story.quantity)
    lines = lines.with_columns(pl.col("value", "actual", "naive") * factor)
    band, runs = _run_band(table.with_columns(pl.col("value") * factor), model, step, lines)
    values = {name: lines[name].to_numpy() for name in ("actual", "value", "naive")}
    low, high = (None, None) if band is None else (band["low"].to_numpy(), band["high"].to_numpy())
    time = drawn_time(lines["target_time"], story)
    return Lines(model=model, time=time, **values, low=low, high=high, runs=runs, step=step, steps=steps)


def judged_origins(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return the origins that can be judged: all steps there, each with forecast, actual value and last close.

    Returns:
        `model, run, origin, first, last`: the first and last target time of each.
    """
    table = forecasts if "actual" in forecasts.columns else forecasts.with_columns(actual=pl.lit(None, pl.Float64))
    is_sound = pl.col("value").is_finite() & pl.col("actual").is_finite()
    if "last_close" in table.columns:
        sound_price = (pl.col("actual") > 0) & pl.col("last_close").is_finite() & (pl.col("last_close") > 0)
        is_sound &= (pl.col("quantity") != "price") | sound_price
    target = pl.col("target_time")
    origins = table.group_by("model", "run", "origin").agg(
        first=target.min(), last=target.max(), sound=is_sound.fill_null(False).all(), steps=pl.len()
    )
    return origins.filter("sound", pl.col("steps") == pl.col("steps").max().over("model", "run"))


def judged_span(story: Story) -> NDArray[np.datetime64] | None:
    """Return the first and the last date that the scores of a market rest on; `None` without forecasts."""
    if story.forecasts is None or story.forecasts.is_empty():
        return None
    names = deciding_rows(story.scores)["model"].unique().to_list()
    judged = judged_origins(story.forecasts.filter(pl.col("model").is_in(names)))
    if judged.is_empty():
        return None
    return drawn_time(pl.Series([judged["first"].min(), judged["last"].max()]), story)


def drawn_time(close_times: pl.Series, story: Story) -> NDArray[np.datetime64]:
    """Return where candles are drawn: a daily candle at the day it covers, a shorter one at its close."""
    if is_daily(story.interval) and not story.dates_are_targets:
        close_times = (close_times - timedelta(milliseconds=1)).dt.truncate("1d")
    return close_times.dt.replace_time_zone(None).to_numpy().astype("datetime64[ms]")


def losses(story: Story, model: str) -> pl.DataFrame | None:
    """Return the deciding losses of a model and of naive for each origin, averaged over its steps.

    Returns:
        `target_time` (of the last step)`, loss, naive_loss`, in order of time, for the origins that can be judged;
        `None` where there are none.
    """
    own = None if story.forecasts is None else story.forecasts.filter(pl.col("model") == model)
    if own is None or own.is_empty():
        return None
    panel = next(make_panels(own), None)
    if panel is None or panel.origins.size == 0 or panel.quantity not in DECIDING:
        return None
    mine, naive = losses_per_origin(panel, METRICS[DECIDING[panel.quantity]])
    ends = pl.Series("target_time", panel.targets[:, -1]).cast(pl.Datetime("ms", "UTC"))
    return pl.DataFrame({"target_time": ends, "loss": mine, "naive_loss": naive})


def _naive_values(table: pl.DataFrame) -> pl.DataFrame:
    """Return the naive forecast of every date: naive's own rows, else what each row knew of it."""
    rows = table.filter(pl.col("model") == NAIVE).select("target_time", naive="value")
    if rows.is_empty() and "naive" in table.columns:
        rows = table.filter(pl.col("naive").is_not_null()).select("target_time", "naive")
    if rows.is_empty() and "last_close" in table.columns:
        rows = table.filter(pl.col("quantity") == "price").select("target_time", naive="last_close")
    if rows.is_empty():
        rows = table.filter(pl.col("quantity") == "log_return").select("target_time", naive=pl.lit(0.0))
    return rows.drop_nulls().unique("target_time")


def _run_band(table: pl.DataFrame, model: str, step: int, lines: pl.DataFrame) -> tuple[pl.DataFrame | None, int]:
    stem = pl.col("model") == model.removesuffix(ENSEMBLE)
    runs = table.filter(stem, pl.col("step") == step, pl.col("run") > 0, pl.col("value").is_finite())
    number = runs["run"].n_unique()
    if number < 2:
        return None, max(number, 1)
    value = pl.col("value")
    spread = runs.group_by("target_time").agg(low=value.quantile(0.05, "linear"), high=value.quantile(0.95, "linear"))
    return lines.select("target_time").join(spread, on="target_time", how="left", maintain_order="left"), number
