"""What pictures and pages read from the intervals of one market: the fan, its coverage and where the prices fell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.reports.numbers import percent, things
from coincast.reports.reading import drawn_time, rivals
from coincast.reports.story import Story
from coincast.scores.interval import TERCILES, pit_histogram
from coincast.scores.quantile_panel import QuantilePanel, make_quantile_panels

Floats = NDArray[np.float64]

SHOWN = 100
"""Forecasts in a fan."""
TOLD = 80
"""The interval that is told in words, in percent; where it is not there, the nearest one."""


@dataclass(frozen=True)
class Fan:
    """The last forecasts of one model with their intervals, in prices.

    Attributes:
        model: whose.
        time: dates as they are drawn.
        actual, middle, last_close: what came, the forecast and the naive one.
        bands: (percent, low, high) of each central interval, widest first; NaN where it is infinite.
        naive: the naive interval that belongs to the widest one.
        step: steps ahead.
        steps: steps that the model speaks of.
        infinite: how many of the shown intervals are infinite at some level.
    """

    model: str
    time: NDArray[np.datetime64]
    actual: Floats
    middle: Floats
    last_close: Floats
    bands: tuple[tuple[str, Floats, Floats], ...]
    naive: tuple[Floats, Floats]
    step: int
    steps: int
    infinite: int


def interval_model(section: Story) -> str | None:
    """Return the best model that has intervals."""
    if section.intervals is None or section.intervals.is_empty() or section.quantity != "price":
        return None
    there = set(section.intervals["model"].unique().to_list())
    return next((name for name in rivals(section) if name in there), None)


def fan(section: Story) -> Fan | None:
    """Collect the last forecasts with their intervals; `None` where there are none that can be judged."""
    model = interval_model(section)
    panel = None if model is None else _first_panel(section, model)
    if panel is None or section.forecasts is None:
        return None
    panel = panel.keep(np.arange(panel.origins.size) >= panel.origins.size - SHOWN)
    every = section.forecasts.filter(pl.col("model") == model)
    step = int(panel.steps[0])
    own = every.filter(pl.col("step") == step)
    keys = pl.DataFrame({"origin": panel.origins}).with_columns(pl.col("origin").cast(pl.Datetime("ms", "UTC")))
    own = keys.join(own.unique("origin"), on="origin", how="left", maintain_order="left")
    last, pairs = own["last_close"].to_numpy(), central_pairs(panel.levels)
    if not pairs or last.size < 2:
        return None
    prices = np.where(np.isfinite(panel.own[:, 0]), panel.own[:, 0], np.nan) * last[:, None]
    naive, (first, final, _) = panel.naive[:, 0] * last[:, None], pairs[0]
    return Fan(
        model=panel.model,
        time=drawn_time(pl.Series(panel.targets[:, 0]).cast(pl.Datetime("ms", "UTC")), section),
        actual=panel.truth[:, 0] * last,
        middle=own["value"].cast(pl.Float64).to_numpy(),
        last_close=last,
        bands=tuple((name, *_whole(prices[:, low], prices[:, high])) for low, high, name in pairs),
        naive=(naive[:, first], naive[:, final]),
        step=step,
        steps=int(every["step"].max()),  # type: ignore[arg-type]
        infinite=int((~np.isfinite(panel.own[:, 0])).any(axis=1).sum()),
    )


def pit_bins(section: Story) -> pl.DataFrame | None:
    """Return the PIT histogram of the best model with intervals, all steps together; `None` where there is none."""
    model = interval_model(section)
    tables = None if model is None else _tables(section, model)
    if tables is None:
        return None
    forecasts, intervals, calibration = tables
    bins = pit_histogram(forecasts, intervals, calibration=calibration).filter(pl.col("step") == 0).sort("bin")
    return None if bins.is_empty() else bins


def coverage_rows(section: Story) -> list[dict[str, Any]]:
    """Return the rows of the score table that tell coverage, of the best model with intervals, widest first.

    Each has `nominal`, the share that was promised; those of volatility terciles follow for the interval that is told
    in words.
    """
    model = interval_model(section)
    if model is None:
        return []
    rows = section.scores.filter(
        pl.col("model") == model, pl.col("level") == "ensemble", pl.col("metric").str.starts_with("coverage_"),
        pl.col("step") == 0, pl.col("view") == "every_origin",
    )  # fmt: skip
    if rows.is_empty():
        return []
    nominal = pl.col("metric").str.strip_prefix("coverage_").cast(pl.Float64) / 100
    rows = rows.with_columns(nominal=nominal).sort("nominal", descending=True)
    told = told_percent(rows["nominal"].unique().to_list())
    whole = rows.filter(pl.col("subset") == "all").to_dicts()
    thirds = rows.filter(pl.col("subset").is_in(TERCILES), (pl.col("nominal") - told).abs() < 1e-9).to_dicts()
    return [*whole, *sorted(thirds, key=lambda row: TERCILES.index(row["subset"]))]


def told_percent(nominals: list[float]) -> float:
    """Choose the interval that is told in words."""
    return min(nominals, key=lambda share: (abs(share - TOLD / 100), -share))


def interval_text(section: Story) -> str:
    """Say what the intervals covered, and how wide they are beside the naive ones; empty without them."""
    rows = [row for row in coverage_rows(section) if row["subset"] == "all"]
    if not rows:
        return ""
    nominal = told_percent([row["nominal"] for row in rows])
    row = next(row for row in rows if row["nominal"] == nominal)
    name = f"{100 * nominal:g}"
    low, high = percent(row["low"]), percent(row["high"])
    text = (
        f"The {name} % intervals covered {percent(row['value'])} (between {low} and {high}) of "
        f"{things(row['n'], 'forecast')}; the naive intervals {percent(row['naive'])}."
    )
    width, infinite = (_figure(section, row["model"], f"{what}_{name}") for what in ("width", "infinite"))
    if width is not None and width["value"] is not None:
        text += f" Mean width {percent(width['value'])} of the price; naive's {percent(width['naive'])}."
    if infinite is not None and infinite["value"]:
        endless = things(int(infinite["value"]), "interval")
        text += f" {endless} {'is' if infinite['value'] == 1 else 'are'} infinite, and left out of the width."
    return text


def central_pairs(levels: Floats) -> list[tuple[int, int, str]]:
    """Return places of the levels a and 1 - a, and the percent between them, widest first."""
    pairs = []
    for low in range(levels.size // 2):
        high = levels.size - 1 - low
        if abs(levels[low] + levels[high] - 1) < 1e-9:
            pairs.append((low, high, f"{round(100 * (1 - 2 * levels[low]), 2):g}"))
    return pairs


def _figure(section: Story, model: str, metric: str) -> dict[str, Any] | None:
    whole = (pl.col("view") == "every_origin") & (pl.col("subset") == "all") & (pl.col("step") == 0)
    rows = section.scores.filter(pl.col("model") == model, pl.col("metric") == metric, whole)
    return rows.filter(pl.col("level") == "ensemble").to_dicts()[0] if rows.height else None


def _tables(section: Story, model: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame | None] | None:
    """Forecasts, intervals and calibration of one model, as the scores take them."""
    if section.forecasts is None or section.intervals is None:
        return None
    forecasts = section.forecasts.filter(pl.col("model") == model)
    if not {"actual", "last_close"} <= set(forecasts.columns):
        return None
    intervals = section.intervals.filter(pl.col("model") == model)
    past = section.calibration
    return forecasts, intervals, None if past is None else past.filter(pl.col("model") == model)


def _first_panel(section: Story, model: str) -> QuantilePanel | None:
    """The first step of one model's intervals."""
    tables = _tables(section, model)
    if tables is None or tables[1].is_empty():
        return None
    forecasts, intervals, past = tables
    first = intervals.filter(pl.col("step") == pl.col("step").min())
    return next(make_quantile_panels(forecasts, first, past), None)


def _whole(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Both ends, NaN where either is missing."""
    known = np.isfinite(low) & np.isfinite(high)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)
