"""Pictures of the fair part: skill by step beside an autoregression, and the months of the walk-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.huang.published import HORIZON
from coincast.reports.canvas import add_axes, legend, name_axes, new_figure, percent_axis, write
from coincast.reports.numbers import is_finite, model_name, percent_digits
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TOLD = 8
"""Months whose date and figure are written out; of more, every second, third ... one."""


def draw_steps(steps: pl.DataFrame, theme: Palette, *, title: str, caption: str) -> Figure:
    """Draw the skill of a network at each step, with its intervals, and that of a rival, the last close at zero.

    Args:
        steps: as `list_steps` gives them, the network first.
        theme: the colours.
        title, caption: of the picture.
    """
    figure = new_figure(title, caption, theme=theme, height=4.4)
    axes = add_axes(figure, theme, top=1.45)
    handles = [
        axes.axhline(0, color=theme.naive, linewidth=1.5, dashes=(3, 2), label="last close (naive)", gid="naive")
    ]
    styles: tuple[dict[str, Any], ...] = (
        {"color": theme.model, "marker": "o"},
        {"color": theme.price, "marker": "s", "linestyle": ":"},
    )
    models = steps["model"].unique(maintain_order=True)
    for model, style in zip(models, styles, strict=True):
        own = steps.filter(pl.col("model") == model)
        handles += axes.plot(
            own["step"], own["skill"], linewidth=1.6, markersize=4, label=model_name(model), gid=model, **style
        )
    network = steps.filter((pl.col("model") == models[0]) & pl.col("low").is_not_null())
    axes.fill_between(network["step"], network["low"], network["high"], color=theme.band, linewidth=0, zorder=0)
    axes.set(xlim=(0.5, HORIZON + 0.5), xticks=[1, 4, 8, 12, HORIZON])
    percent_axis(axes.yaxis, signed=True)
    name_axes(axes, theme, x="step ahead, candles", y="skill beside the last close")
    legend(axes, theme, handles)
    return figure


def draw_months(partitions: pl.DataFrame, theme: Palette, *, title: str, caption: str) -> Figure:
    """Draw the skill of every partition of the walk-forward, the last close at zero; nothing where there is none."""
    figure = new_figure(title, caption, theme=theme, height=4.2)
    axes = add_axes(figure, theme, top=1.25)
    skill = partitions["skill, %"].to_numpy() / 100
    place = np.arange(1, skill.size + 1)
    axes.bar(place, skill, width=0.6, color=theme.model)
    axes.axhline(0, color=theme.naive, linewidth=1.5, dashes=(3, 2), gid="naive")
    known = np.isfinite(skill)
    reach = max(0.02, 1.35 * float(np.abs(skill).max(initial=0, where=known)))
    axes.set(ylim=(-reach, reach), xlim=(0.4, skill.size + 0.6))
    told = slice(None, None, max(1, -(-place.size // MOST_TOLD)))
    axes.set_xticks(place[told], [f"{one:%Y-%m-%d}" for one in partitions["forecast from"].to_list()[told]])
    for x, value in zip(place[told].tolist(), skill[told].tolist(), strict=True):
        if not is_finite(value):
            continue
        above = value >= 0
        write(
            axes,
            x,
            value + (0.02 if above else -0.02) * reach,
            percent_digits(value, signed=True),
            color=theme.ink,
            ha="center",
            va="bottom" if above else "top",
        )
    percent_axis(axes.yaxis, zero="naive", signed=True)
    name_axes(axes, theme, x="first forecast of the month", y="skill beside the last close")
    return figure
