"""Pictures of the fair way: directions, moves that come back, how far skill reaches, and levels beside returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.fmz.directions import LAST_CLOSE
from coincast.articles.fmz.frames import finish_rows, mark, name_row
from coincast.reports.canvas import add_axes, legend, name_axes, name_ends, new_figure, percent_axis, price_axis, write
from coincast.reports.numbers import model_name, percent
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONG_NAMES = 3.9
"""Left margin for names that tell what a mean is of, inches."""


def draw_fair_rates(table: pl.DataFrame, theme: Palette, *, title: str, caption: str) -> Figure:
    """Hit rates over all test candles with their intervals, beside a coin and the majority sign.

    Args:
        table: rows of `coincast.scores.direction.judge_direction` with a hit rate.
        theme: colours.
        title, caption: of the figure.
    """
    rows = table.filter(pl.col("hit_rate").is_not_null()).sort("hit_rate", descending=True).to_dicts()
    figure = new_figure(title, caption, theme=theme, height=2.2 + 0.4 * len(rows))
    axes = add_axes(figure, theme, left=LONG_NAMES, right=1.3, top=1.45, bottom=0.65)
    for place, row in enumerate(rows):
        if row["low"] is not None:
            axes.plot(
                [row["low"], row["high"]], [place, place], color=theme.model, linewidth=2.4, solid_capstyle="round"
            )
        axes.plot([row["hit_rate"]], [place], "o", color=theme.model, markersize=8, zorder=4)
        name_row(axes, theme, place, row["model"], f"{percent(row['hit_rate'])} of {row['n']:,}", room=LONG_NAMES)
    axes.axvline(0.5, color=theme.ink, linewidth=1.0, dashes=(1, 2))
    mark(axes, theme, 0.5, "a coin ", theme.ink, align="right", line=False)
    majority = [row["majority_hit_rate"] for row in rows if row["majority_hit_rate"] is not None]
    if majority:
        mark(axes, theme, float(np.median(majority)), " majority of the training rows", theme.naive, align="left")
    finish_rows(axes, theme, len(rows), x="share of directions right, counted from the last close that was known")
    return figure


def draw_reversion(table: pl.DataFrame, theme: Palette, *, noun: str, title: str, caption: str) -> Figure:
    """Correlation of returns by lag: bars of the training rows, dots of those after them, a band of chance.

    Args:
        table: what `measure_reversion` gave.
        theme: colours.
        noun: a candle, in a word.
        title, caption: of the figure.
    """
    figure = new_figure(title, caption, theme=theme, height=4.4)
    axes = add_axes(figure, theme, top=1.45)
    lags, band = table["lag"].to_numpy(), table["band"].to_numpy()
    chance = axes.fill_between(lags, -band, band, color=theme.rule, linewidth=0, zorder=0, label="chance alone")
    bars = axes.bar(lags, table["training"].to_numpy(), width=0.55, color=theme.muted, label="training rows")
    (dots,) = axes.plot(lags, table["test"].to_numpy(), "o", color=theme.price, markersize=5, label="after them")
    axes.axhline(0, color=theme.naive, linewidth=1.0)
    price_axis(axes)
    axes.set_xticks(lags[::2])
    name_axes(axes, theme, x=f"{noun}s between the two returns", y="correlation")
    legend(axes, theme, [bars, dots, chance])
    return figure


def draw_reach(steps: pl.DataFrame, network: str, theme: Palette, *, noun: str, title: str, caption: str) -> Figure:
    """Skill at each step ahead: the network with its interval, every rival as a thin line, naive at zero.

    Args:
        steps: what `list_steps` gave.
        network: its name there.
        theme: colours.
        noun: a candle, in a word.
        title, caption: of the figure.
    """
    figure = new_figure(title, caption, theme=theme, height=4.4)
    axes = add_axes(figure, theme, top=1.3, right=1.7)
    ends = []
    for (model,), own in steps.drop_nulls("skill").group_by("model", maintain_order=True):
        x, skill = own["step"].to_numpy(), own["skill"].to_numpy()
        is_own = model == network
        if is_own:
            whole = own.drop_nulls(["low", "high"])
            low, high = whole["low"].to_numpy(), whole["high"].to_numpy()
            axes.fill_between(whole["step"].to_numpy(), low, high, color=theme.band, linewidth=0)
        style: dict[str, Any] = {"linewidth": 2.2, "zorder": 4} if is_own else {"linewidth": 1.1, "dashes": (1, 1.5)}
        axes.plot(x, skill, color=theme.model if is_own else theme.muted, marker="o", markersize=4, **style)
        ends.append((float(skill[-1]), model_name(str(model))))
    axes.axhline(0, color=theme.naive, linewidth=1.4, dashes=(4, 2), gid="naive")
    axes.set_xticks(steps["step"].unique().sort().to_numpy())
    percent_axis(axes.yaxis, zero="last close", bins=5, signed=True)
    name_axes(axes, theme, x=f"{noun}s ahead", y="skill: share of the last close's error that is saved")
    name_ends(axes, theme, ends)
    return figure


def draw_shortfall(
    bins: pl.DataFrame, theme: Palette, *, unit: str, highest: float, title: str, caption: str
) -> Figure:
    """Mean of forecast minus close by the height of the price.

    Args:
        bins: `forecast, price, bias`, a line for each forecast.
        theme: colours.
        unit: of prices.
        highest: close of the training rows.
        title, caption: of the figure.
    """
    figure = new_figure(title, caption, theme=theme, height=4.6)
    axes = add_axes(figure, theme, top=1.45)
    colours = (theme.naive, theme.model, theme.undecided, theme.better)
    handles: list[Any] = []
    for (name, own), colour in zip(bins.group_by("forecast", maintain_order=True), colours, strict=False):
        style: dict[str, Any] = {"dashes": (4, 2), "gid": "naive", "zorder": 5} if name[0] == LAST_CLOSE else {}
        x, y = own["price"].to_numpy(), own["bias"].to_numpy()
        handles += axes.plot(x, y, color=colour, marker="o", markersize=4, linewidth=1.5, label=str(name[0]), **style)
    axes.axhline(0, color=theme.rule, linewidth=1.2)
    axes.axvline(highest, color=theme.ink, linewidth=1.0, dashes=(1, 2))
    axes.margins(x=0.03)
    side = axes.get_xaxis_transform()
    write(axes, highest, 0.02, " highest close learnt ", color=theme.ink, ha="right", transform=side)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    price_axis(axes)
    name_axes(axes, theme, x=f"close, {unit}", y=f"mean error, {unit}")
    legend(axes, theme, handles, columns=4)
    return figure
