"""Pictures of scores: box plots of raw scores, skills with their intervals, and losses by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.sheehan.panels import NAIVE, beside, sheet
from coincast.reports.boxes import draw_box
from coincast.reports.canvas import (
    BODY,
    SMALL,
    add_axes,
    legend,
    log_axis,
    name_axes,
    name_ends,
    new_figure,
    percent_axis,
    price_axis,
    write,
)
from coincast.reports.numbers import amount, capped, percent
from coincast.reports.palette import VERDICT_MARKERS, Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES, WORDS = 2.7, 1.5  # margins of a chart of skills, inches
REACH = 0.6
"""Skills beyond this leave the axis, and their mark becomes an arrow."""


@dataclass(frozen=True)
class Box:
    """Raw scores of one group, one a seed."""

    name: str
    values: np.ndarray
    is_model: bool = True


@dataclass(frozen=True)
class Mark:
    """A single score beside the boxes."""

    name: str
    value: float
    is_naive: bool = False


@dataclass(frozen=True)
class Group:
    """A panel of a box plot.

    Attributes:
        title: of the panel.
        boxes: from left to right.
        marks: lines across, or single scores in the order in which they stand right of the boxes.
    """

    title: str
    boxes: tuple[Box, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Skill:
    """One line of a chart of skills; `low` and `high` are None where no test was possible."""

    group: str
    name: str
    skill: float
    low: float | None
    high: float | None
    n: int
    verdict: str | None = None


def draw_boxes(
    theme: Palette, *, title: str, subtitle: str, groups: Sequence[Group], unit: str, limits: tuple[float, float]
) -> Figure:
    """Box plots from raw scores, one panel a coin: whiskers to the outermost score within 1.5 boxes, dots beyond."""
    is_long = max(len(group.boxes) + len(group.marks) for group in groups) > 3
    foot = 1.45 if is_long else 0.62
    figure, every = beside(title, subtitle, theme, panels=len(groups), height=4.4 + foot, foot=foot)
    for group, axes in zip(groups, every, strict=True):
        names = [box.name for box in group.boxes]
        for place, box in enumerate(group.boxes):
            colour, fill = (theme.model, theme.band) if box.is_model else (theme.muted, theme.rule)
            draw_box(axes, place, box.values, line=colour, fill=fill)
        for mark in group.marks:
            if mark.is_naive:
                label = f"{group.title}: {mark.name} {amount(mark.value)}"
                line = axes.axhline(
                    mark.value, color=theme.naive, linewidth=1.4, dashes=(4, 2), gid="naive", label=label
                )
                legend(axes, theme, [line])
                continue
            axes.plot([len(names) - 0.3, len(names) + 0.3], [mark.value] * 2, color=theme.ink, linewidth=2.2)
            names.append(mark.name)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_xticks(range(len(names)), names)
        if is_long:
            for text in axes.get_xticklabels():
                text.set(rotation=40, ha="right", rotation_mode="anchor")
        axes.set_ylim(*limits)
        price_axis(axes)
        name_axes(axes, theme, y=unit)
        corner = {"ha": "left", "va": "top", "transform": axes.transAxes}
        write(axes, 0.02, 0.98, group.title, size=BODY, color=theme.ink, weight="bold", **corner)
    return figure


def draw_skills(theme: Palette, *, title: str, subtitle: str, rows: Sequence[Skill], note: str = "") -> Figure:
    """Skills with their 95 % intervals, naive at zero, grouped by coin."""
    groups = list(dict.fromkeys(row.group for row in rows))
    height = 2.1 + 0.3 * len(rows) + 0.42 * len(groups)
    figure = new_figure(title, subtitle, theme=theme, height=height)
    axes = add_axes(figure, theme, left=NAMES, right=WORDS, top=1.15, bottom=0.65)
    ends = [end for row in rows for end in (row.skill, row.low, row.high) if end is not None]
    low, high = max(-REACH, min(-0.02, *ends)), min(REACH, max(0.02, *ends))
    room = 0.05 * (high - low)
    low, high, place = low - room, high + room, 0.0
    axes.set_xlim(low, high)
    for group in groups:
        _name(axes, place, group, theme.ink, weight="bold")
        place += 1.0
        for row in (row for row in rows if row.group == group):
            _draw_skill(theme, axes, place, row, low, high)
            place += 1.0
        place += 0.4
    axes.set_ylim(place - 0.6, -0.7)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    axes.axvline(0, color=theme.naive, linewidth=1.4, dashes=(3, 2), gid="naive")
    percent_axis(axes.xaxis, zero="naive", bins=5, signed=True)
    is_cut = any(row.skill < low or row.skill > high for row in rows)
    name_axes(
        axes,
        theme,
        x="skill: share of naive's error that is saved" + ("; arrow: beyond the axis" if is_cut else "") + note,
    )
    return figure


def _draw_skill(theme: Palette, axes: Axes, place: float, row: Skill, low: float, high: float) -> None:
    side = axes.get_yaxis_transform()
    color = theme.verdict(row.verdict) if row.verdict else theme.model
    if row.low is not None and row.high is not None:
        ends = np.clip([row.low, capped(row.high) or 0.0], low, high)
        axes.plot(ends, [place, place], color=color, linewidth=2.2, solid_capstyle="round")
    marker = "<" if row.skill < low else ">" if row.skill > high else VERDICT_MARKERS.get(row.verdict or "", "o")
    axes.plot(
        [np.clip(row.skill, low, high)], [place], marker=marker, color=color, markersize=7, zorder=4, clip_on=False
    )
    _name(axes, place, f"{row.name}, n = {row.n:,}", theme.ink)
    write(axes, 1.03, place, percent(row.skill, signed=True), color=theme.ink, va="center", transform=side)


def _name(axes: Axes, place: float, text: str, color: str, **style: Any) -> None:
    axes.annotate(
        text, (0, place), xycoords=axes.get_yaxis_transform(), xytext=((0.25 - NAMES) * 72, 0),
        textcoords="offset points", va="center", fontsize=SMALL, color=color, parse_math=False, **style,
    )  # fmt: skip


def draw_learning(theme: Palette, *, title: str, subtitle: str, table: pl.DataFrame, names: dict[str, str]) -> Figure:
    """Loss on training rows and on rows held back, by epoch, for every number of units; naive's loss dashed."""
    figure, every = sheet(title, subtitle, theme, panels=len(names), each=2.5)
    units = table["units"].unique().sort().to_list()
    for (market, name), axes in zip(names.items(), every, strict=True):
        own, ends = table.filter(pl.col("market") == market), list[tuple[float, str]]()
        for number, count in enumerate(units):
            one, shade = own.filter(pl.col("units") == count), 0.35 + 0.65 * number / max(1, len(units) - 1)
            epochs = one["epoch"].to_numpy()
            axes.plot(epochs, one["loss"].to_numpy(), color=theme.muted, linewidth=1.2, alpha=shade)
            held = one["validation_loss"].to_numpy()
            axes.plot(epochs, held, color=theme.model, linewidth=1.6, alpha=shade, gid="model")
            ends.append((float(held[-1]), f"{count}"))
        naive = float(own["naive"][0])
        axes.axhline(naive, color=theme.naive, **{key: value for key, value in NAIVE.items() if key != "zorder"})
        axes.set_ylim(0, 2.2 * max(naive, float(own["validation_loss"].min())))  # type: ignore[arg-type]
        axes.set_xlim(1, max(2, int(own["epoch"].max())))  # type: ignore[arg-type]
        name_ends(axes, theme, ends)
        price_axis(axes)
        name_axes(
            axes,
            theme,
            x="epoch" if axes is every[-1] else "",
            y=f"{name}: mean absolute error, share of the first close",
        )
    _name_curves(theme, every[0])
    return figure


def _name_curves(theme: Palette, axes: Axes) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=theme.muted, linewidth=1.2, label="training rows, dropout on"),
        Line2D([], [], color=theme.model, linewidth=1.6, label="rows held back"),
        Line2D([], [], color=theme.naive, linewidth=1.2, dashes=(4, 2), label="naive, rows held back"),
    ]
    legend(axes, theme, handles)


def draw_copying(theme: Palette, *, title: str, subtitle: str, rows: Sequence[dict[str, Any]]) -> Figure:
    """The error of every loss as a multiple of naive's, and at its right how far the forecasts leave the last price."""
    coins = list(dict.fromkeys(row["coin"] for row in rows))
    figure = new_figure(title, subtitle, theme=theme, height=2.1 + 0.3 * len(rows) + 0.42 * len(coins))
    axes = add_axes(figure, theme, left=NAMES, right=2.3, top=1.15, bottom=0.65)
    side, place = axes.get_yaxis_transform(), 0.0
    for coin in coins:
        _name(axes, place, coin, theme.ink, weight="bold")
        write(axes, 1.03, place, "own moves / real, right side", color=theme.muted, va="center", transform=side)
        own = sorted((row for row in rows if row["coin"] == coin), key=lambda row: float(row["error"]))
        for row in own:
            place += 1.0
            axes.plot([row["error"] / row["naive"]], [place], "o", color=theme.model, markersize=7, zorder=4)
            _name(axes, place, row["name"], theme.ink)
            told = f"{row['boldness']:.2f}, {percent(row['hit_rate'], digits=0)}"
            write(axes, 1.03, place, told, color=theme.ink, va="center", transform=side)
        place += 1.4
    axes.set_ylim(place - 0.6, -0.7)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    ratios = [row["error"] / row["naive"] for row in rows]
    axes.set_xlim(min(0.9, min(ratios) / 1.1), max(ratios) * 1.3)
    log_axis(axes.xaxis)
    axes.axvline(1, color=theme.naive, linewidth=1.4, dashes=(3, 2), gid="naive")
    name_axes(axes, theme, x="error as a multiple of naive's (1, dashed)")
    return figure
