"""Pictures of intervals: the fan around the last forecasts, what it covered, and where the prices fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from coincast.reports.canvas import (
    BODY,
    SMALL,
    add_axes,
    legend,
    name_axes,
    new_figure,
    percent_axis,
    price_axis,
    time_axis,
    write,
)
from coincast.reports.numbers import model_name, percent, things
from coincast.reports.palette import LIGHT, Palette
from coincast.reports.pictures_market import day, where
from coincast.reports.quantities import value_axis
from coincast.reports.reading_intervals import Fan, coverage_rows, fan, interval_text, pit_bins
from coincast.reports.rows import THIRDS
from coincast.reports.story import Story

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = 2.2  # margin for the names at the left, inches


def draw_fan(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw interval bands around the last forecasts, the naive interval beside them."""
    from matplotlib.patches import Patch

    found = fan(story)
    if found is None:
        return None
    figure = new_figure("How sure it was", f"{where(story)}. {fan_text(found, story)}", theme=theme, height=5.2)
    axes = add_axes(figure, theme, top=1.5)
    for number, (_, low, high) in enumerate(found.bands):
        shade: dict[str, Any] = {"color": theme.model, "alpha": 0.16, "linewidth": 0, "zorder": 1 + 0.1 * number}
        axes.fill_between(found.time, low, high, **shade)
    style: dict[str, Any] = {"color": theme.naive, "linewidth": 1.1, "dashes": (4, 2), "gid": "naive", "zorder": 3}
    name, widest = model_name(found.model), found.bands[0][0]
    handles = axes.plot(found.time, found.actual, color=theme.price, linewidth=1.4, label="price", zorder=5)
    handles += axes.plot(found.time, found.middle, color=theme.model, linewidth=1.2, label=name, zorder=4)
    naive = axes.plot(found.time, found.naive[0], label=f"naive interval, {widest} %", **style)
    axes.plot(found.time, found.naive[1], **style)
    price_axis(axes)
    time_axis(axes, theme, found.time, story.interval)
    name_axes(axes, theme, y=value_axis(story))
    band = Patch(color=theme.model, alpha=0.35, label=f"{band_names(found)} % intervals")
    legend(axes, theme, [*handles, band, *naive])
    return figure


def draw_coverage(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw what the intervals covered beside what they promised, and where the prices fell between their quantiles."""
    rows, bins = coverage_rows(story), pit_bins(story)
    if not rows or bins is None:
        return None
    text = f"{where(story)}. {model_name(rows[0]['model'])}. {interval_text(story)}"
    height = 5.4 + 0.3 * len(rows)
    figure = new_figure("What the intervals covered", text, theme=theme, height=height)
    upper = add_axes(figure, theme, top=1.25, bottom=height - 1.55 - 0.3 * len(rows), left=NAMES, right=1.2)
    _draw_coverage(upper, theme, rows)
    lower = add_axes(figure, theme, top=2.75 + 0.3 * len(rows))
    _draw_pit(lower, theme, bins)
    return figure


def fan_text(found: Fan, story: Story) -> str:
    """Say what a fan shows, and how many of its intervals are infinite."""
    ahead = "one step" if found.steps == 1 else f"step {found.step} of {found.steps}"
    span = f"{day(found.time[0], story)} to {day(found.time[-1], story)}"
    text = f"The last {things(found.time.size, 'forecast')}, {ahead} ahead, {span}."
    if found.infinite:
        text += f" {things(found.infinite, 'interval')} of these reach without end and have gaps here."
    return text


def pit_text(bins: pl.DataFrame) -> str:
    """Say what a PIT histogram shows, and how many of its bars are out of order."""
    outside = int(((bins["share"] < bins["band_low"]) | (bins["share"] > bins["band_high"])).sum())
    return (
        f"How often the price fell between neighbouring quantiles, over how often it should: 1 is right. "
        f"{things(bins['n'][0], 'forecast')}; {outside} of {bins.height} bars leave the band that holds 95 % of the "
        "bars of a calibrated forecast. High at both ends: too narrow; in the middle: too wide."
    )


def band_names(found: Fan) -> str:
    """The percent of every band, narrowest first."""
    return ", ".join(name for name, _, _ in reversed(found.bands))


def _draw_coverage(axes: Axes, theme: Palette, rows: list[dict[str, Any]]) -> None:
    side = axes.get_yaxis_transform()
    for place, row in enumerate(rows):
        name = f"{100 * row['nominal']:g} % interval"
        name += "" if row["subset"] == "all" else f", {THIRDS[row['subset']]}"
        axes.annotate(
            name, (0, place), xycoords=side, xytext=((0.25 - NAMES) * 72, 0), textcoords="offset points", va="center",
            fontsize=BODY, color=theme.ink,
        )  # fmt: skip
        axes.plot([row["nominal"]] * 2, [place - 0.42, place + 0.42], color=theme.ink, linewidth=1.2, dashes=(3, 2))
        if row["low"] is not None and row["high"] is not None:
            axes.plot([row["low"], row["high"]], [place, place], color=theme.model, linewidth=2.2)
        axes.plot([row["value"]], [place], "o", color=theme.model, markersize=7, gid="covered")
        axes.plot([row["naive"]], [place], "D", color=theme.muted, markersize=5, gid="naive")
        write(axes, 1.03, place, percent(row["value"]), color=theme.ink, va="center", transform=side)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    percent_axis(axes.xaxis)
    name_axes(axes, theme, x="covered: dot and 95 % interval; dashed: promised; diamond: the naive interval")


def _draw_pit(axes: Axes, theme: Palette, bins: pl.DataFrame) -> None:
    names = ("from_level", "to_level", "share", "expected", "naive", "band_low", "band_high")
    start, end, share, expected, naive, low, high = (bins[name].to_numpy() for name in names)
    edges = np.stack([start, end], axis=1).ravel()
    axes.fill_between(edges, np.repeat(low / expected, 2), np.repeat(high / expected, 2), color=theme.rule, linewidth=0)
    axes.bar(start, share / expected, width=(end - start) * 0.985, align="edge", color=theme.model, alpha=0.55)
    axes.plot(edges, np.repeat(naive / expected, 2), color=theme.naive, linewidth=1.3, dashes=(4, 2), gid="naive")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    percent_axis(axes.xaxis)
    price_axis(axes)
    name_axes(axes, theme, x="level of the quantiles", y="prices seen in each bin over those promised; 1 is right")
    axes.text(
        1, 1.03, "grey: expected if calibrated; dashed: naive", fontsize=SMALL, color=theme.muted, ha="right",
        transform=axes.transAxes,
    )  # fmt: skip
