"""Pictures of scores: box plots of raw scores, skills with their intervals, and losses by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.sheehan.panels import HEAD, NAIVE, sheet
from coincast.reports.boxes import draw_box
from coincast.reports.canvas import (
    BODY,
    FOOT,
    LEFT,
    RIGHT,
    SMALL,
    WIDTH,
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
from coincast.reports.numbers import NOTHING, amount, capped, percent
from coincast.reports.palette import VERDICT_MARKERS, Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = 2.7
"""Inches: left margin of a list of rows, where their names stand."""
BESIDE = 0.9
"""Inches between two panels that stand side by side."""
IN_A_ROW = 2
"""Box plots that stand side by side; further ones stand below."""
BOXES_HIGH = 3.15
"""Inches: height of a box plot."""
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
    """One line of a chart of skills.

    `low` and `high` are None where no test was possible; `skill`, too, where naive made no error that could be saved.
    """

    group: str
    name: str
    skill: float | None
    low: float | None
    high: float | None
    n: int
    verdict: str | None = None


def draw_boxes(
    theme: Palette, *, title: str, subtitle: str, groups: Sequence[Group], unit: str, limits: tuple[float, float]
) -> Figure:
    """Box plots from raw scores, one panel a coin: whiskers to the outermost score within 1.5 boxes, dots for all."""
    is_long = max(len(group.boxes) + len(group.marks) for group in groups) > 3
    foot = 1.45 if is_long else FOOT
    lines, columns = -(-len(groups) // IN_A_ROW), min(len(groups), IN_A_ROW)
    height = HEAD + 0.1 + lines * (BOXES_HIGH + foot)
    figure = new_figure(title, subtitle, theme=theme, height=height)
    each = (WIDTH - LEFT - RIGHT - (columns - 1) * BESIDE) / columns
    for number, group in enumerate(groups):
        line, column = divmod(number, IN_A_ROW)
        left, top = LEFT + column * (each + BESIDE), HEAD + 0.1 + line * (BOXES_HIGH + foot)
        bottom = height - top - BOXES_HIGH
        axes = add_axes(figure, theme, left=left, right=WIDTH - left - each, top=top, bottom=bottom)
        names = _draw_group(axes, theme, group)
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


def _draw_group(axes: Axes, theme: Palette, group: Group) -> list[str]:
    """Draw boxes and marks; return their names from left to right."""
    names = [box.name for box in group.boxes]
    for place, box in enumerate(group.boxes):
        line, fill = (theme.model, theme.band) if box.is_model else (theme.muted, theme.rule)
        draw_box(axes, place, box.values, line=line, fill=fill)
    for mark in group.marks:
        if mark.is_naive:
            label = f"{group.title}: {mark.name} {amount(mark.value)}"
            legend(axes, theme, [axes.axhline(mark.value, color=theme.naive, label=label, **NAIVE)])
        else:
            axes.plot([len(names) - 0.3, len(names) + 0.3], [mark.value] * 2, color=theme.ink, linewidth=2.2)
            names.append(mark.name)
    return names


def draw_skills(theme: Palette, *, title: str, subtitle: str, rows: Sequence[Skill]) -> Figure:
    """Skills with their 95 % intervals, naive at zero, grouped by coin."""
    groups = {name: [row for row in rows if row.group == name] for name in dict.fromkeys(row.group for row in rows)}
    figure, axes, places = _list_rows(theme, title, subtitle, groups, right=1.5)
    ends = [end for row in rows for end in (row.skill, row.low, row.high) if end is not None]
    low, high = max(-REACH, min([-0.02, *ends])), min(REACH, max([0.02, *ends]))
    room = 0.05 * (high - low)
    low, high = low - room, high + room
    axes.set_xlim(low, high)
    for place, row in places:
        _draw_skill(theme, axes, place, row, low, high)
    axes.axvline(0, color=theme.naive, **NAIVE)
    percent_axis(axes.xaxis, zero="naive", bins=5, signed=True)
    is_cut = any(row.skill is not None and (row.skill < low or row.skill > high) for row in rows)
    name_axes(axes, theme, x=f"skill: share of naive's error that is saved{'; arrow: beyond the axis' * is_cut}")
    return figure


def _draw_skill(theme: Palette, axes: Axes, place: float, row: Skill, low: float, high: float) -> None:
    _name(axes, place, f"{row.name}, n = {row.n:,}", theme.ink)
    _tell_beside(axes, place, percent(row.skill, signed=True), theme.ink)
    if row.skill is None:
        return
    color = theme.verdict(row.verdict) if row.verdict else theme.model
    if row.low is not None and row.high is not None:
        ends = np.clip([row.low, capped(row.high) or 0.0], low, high)
        axes.plot(ends, [place, place], color=color, linewidth=2.2, solid_capstyle="round")
    marker = "<" if row.skill < low else ">" if row.skill > high else VERDICT_MARKERS.get(row.verdict or "", "o")
    at = np.clip(row.skill, low, high)
    axes.plot([at], [place], marker=marker, color=color, markersize=7, zorder=4, clip_on=False)


def draw_copying(theme: Palette, *, title: str, subtitle: str, rows: Sequence[dict[str, Any]]) -> Figure:
    """The error of every loss as a multiple of naive's, and at its right how far the forecasts leave the last price."""
    in_order = sorted(rows, key=lambda row: float(row["error"]))
    groups = {
        coin: [row for row in in_order if row["coin"] == coin] for coin in dict.fromkeys(row["coin"] for row in rows)
    }
    figure, axes, places = _list_rows(theme, title, subtitle, groups, right=2.3)
    _tell_beside(axes, 0, "own moves / real, right side", theme.muted)
    for place, row in places:
        if row["naive"] > 0:
            axes.plot([row["error"] / row["naive"]], [place], "o", color=theme.model, markersize=7, zorder=4)
        _name(axes, place, row["name"], theme.ink)
        boldness = NOTHING if row["boldness"] is None else f"{row['boldness']:.2f}"
        _tell_beside(axes, place, f"{boldness}, {percent(row['hit_rate'], digits=0)}", theme.ink)
    ratios = [row["error"] / row["naive"] for row in rows if row["naive"] > 0] or [1.0]
    axes.set_xlim(min(0.9, min(ratios) / 1.1), max(ratios) * 1.3)
    log_axis(axes.xaxis)
    axes.axvline(1, color=theme.naive, **NAIVE)
    name_axes(axes, theme, x="error as a multiple of naive's (1, dashed)")
    return figure


def _list_rows(
    theme: Palette, title: str, subtitle: str, groups: Mapping[str, Sequence[Any]], *, right: float
) -> tuple[Figure, Axes, list[tuple[float, Any]]]:
    """A sheet on which each group is named in a line of its own, and the place of every row below it."""
    height = 2.1 + 0.42 * len(groups) + 0.3 * sum(map(len, groups.values()))
    figure = new_figure(title, subtitle, theme=theme, height=height)
    axes = add_axes(figure, theme, left=NAMES, right=right, top=HEAD, bottom=0.65)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    place, places = 0.0, list[tuple[float, Any]]()
    for name, rows in groups.items():
        _name(axes, place, name, theme.ink, weight="bold")
        places += [(place + number, row) for number, row in enumerate(rows, 1)]
        place += len(rows) + 1.4
    axes.set_ylim(place - 0.6, -0.7)
    return figure, axes, places


def _name(axes: Axes, place: float, text: str, color: str, **style: Any) -> None:
    axes.annotate(
        text, (0, place), xycoords=axes.get_yaxis_transform(), xytext=((0.25 - NAMES) * 72, 0),
        textcoords="offset points", va="center", fontsize=SMALL, color=color, parse_math=False, **style,
    )  # fmt: skip


def _tell_beside(axes: Axes, place: float, text: str, color: str) -> None:
    write(axes, 1.03, place, text, color=color, va="center", transform=axes.get_yaxis_transform())


def draw_learning(theme: Palette, *, title: str, subtitle: str, table: pl.DataFrame, names: dict[str, str]) -> Figure:
    """Loss on training rows and on rows held back, by epoch, for every number of units; naive's loss dashed."""
    from matplotlib.lines import Line2D

    learnt: dict[str, Any] = {"color": theme.muted, "linewidth": 1.2}
    held: dict[str, Any] = {"color": theme.model, "linewidth": 1.6}
    known: dict[str, Any] = {"color": theme.naive, **NAIVE}
    figure, every = sheet(title, subtitle, theme, panels=len(names), each=2.5)
    units = table["units"].unique().sort().to_list()
    for (market, name), axes in zip(names.items(), every, strict=True):
        own, ends = table.filter(pl.col("market") == market), list[tuple[float, str]]()
        for number, count in enumerate(units):
            one, shade = own.filter(pl.col("units") == count), 0.35 + 0.65 * number / max(1, len(units) - 1)
            epochs, losses = one["epoch"].to_numpy(), one["validation_loss"].to_numpy()
            axes.plot(epochs, one["loss"].to_numpy(), alpha=shade, **learnt)
            axes.plot(epochs, losses, alpha=shade, gid="model", **held)
            ends.append((float(losses[-1]), f"{count}"))
        naive = float(own["naive"][0])
        axes.axhline(naive, **known)
        axes.set_ylim(0, 2.2 * max(naive, float(own["validation_loss"].min())))  # type: ignore[arg-type]
        axes.set_xlim(1, max(2, int(own["epoch"].max())))  # type: ignore[arg-type]
        name_ends(axes, theme, ends)
        price_axis(axes)
        x = "epoch" if axes is every[-1] else ""
        name_axes(axes, theme, x=x, y=f"{name}: mean absolute error, share of the first close")
    lines = (("training rows, dropout on", learnt), ("rows held back", held), ("naive, rows held back", known))
    legend(every[0], theme, [Line2D([], [], label=name, **style) for name, style in lines])
    return figure
