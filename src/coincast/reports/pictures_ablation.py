"""Pictures of an ablation: what each input is worth, and what more training rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.reports.canvas import BODY, HEAD, LEFT, WIDTH, add_axes, name_axes, new_figure, percent_axis, write
from coincast.reports.numbers import count, model_name, things
from coincast.reports.palette import LIGHT, Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS, PANEL, GAP = 3, 3.4, 0.8
"""Panels side by side, the height of each, and what is between two of them, in inches."""
MOST_LETTERS = 44


def draw_differences(differences: pl.DataFrame, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the difference in skill that each input makes, with its interval.

    Args:
        differences: a row per `input` and `model` with `difference`, `low`, `high`, `verdict` ("helps", "hurts" or
            neither) and `n`; of one or several `market`, or the mean over `markets`.
        theme: the colours.

    Returns:
        The picture, `None` where no difference is known.
    """
    rows = differences.filter(pl.col("difference").is_not_null()).to_dicts()
    if not rows:
        return None
    subtitle = (
        f"{_name_markets(differences)}, {things(rows[0]['n'], 'forecast')}. Difference in skill of the same model with "
        "and without an input, on the same windows. Mark: difference; line: 95 % interval of the test that gives the "
        "word."
    )
    figure = new_figure("What the inputs are worth", subtitle, theme=theme, height=2.0 + 0.42 * len(rows))
    axes = add_axes(figure, theme, left=3.3, right=1.75, top=1.15, bottom=0.65)
    axes.axvline(0, color=theme.naive, linewidth=1.2, dashes=(4, 2))
    ends = [row[name] for row in rows for name in ("low", "difference", "high") if row[name] is not None]
    reach = max(1.1 * max(map(abs, ends)), 1e-4)
    axes.set(xlim=(-reach, reach), ylim=(len(rows) - 0.4, -0.6), yticks=[])
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    for place, row in enumerate(rows):
        _draw_difference(axes, theme, place, row, market=row["market"] if _is_mixed(differences) else "")
    percent_axis(axes.xaxis, zero="none", signed=True)
    name_axes(axes, theme, x="difference in skill: the input helps to the right")
    return figure


def draw_learning(learning: pl.DataFrame, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw skill by training rows with its interval and naive at zero, a panel for each model and market.

    Args:
        learning: a row per `model` and `training_rows` with `skill`, `low`, `high` and `n`; of one or several `market`,
            or the mean over `markets`.
        theme: the colours.

    Returns:
        The picture, `None` where no skill is known.
    """
    table = learning.filter(pl.col("skill").is_not_null())
    if table.is_empty():
        return None
    subtitle = (
        f"{_name_markets(table)}, the same {things(table['n'][0], 'forecast')} each time: skill beside naive when only "
        "the newest rows are learnt from. Mark: skill; line: 95 % interval; dashes: naive. Every panel has a scale of "
        "its own."
    )
    panels = table.partition_by([name for name in ("market", "model") if name in table.columns], maintain_order=True)
    lines, across = -(-len(panels) // ACROSS), min(ACROSS, len(panels))
    height = HEAD + 0.2 + PANEL * lines
    figure = new_figure("Skill by training rows", subtitle, theme=theme, height=height)
    width = (WIDTH - LEFT - 0.35 - GAP * (across - 1)) / across
    for number, rows in enumerate(panels):
        line, column = divmod(number, across)
        left, top = LEFT + column * (width + GAP), HEAD + 0.45 + line * PANEL
        box = {"top": top, "bottom": height - top - PANEL + 0.9, "left": left, "right": WIDTH - left - width}
        axes = add_axes(figure, theme, **box)
        _draw_curve(axes, theme, rows)
        title = model_name(rows["model"][0]) + (f", {rows['market'][0]}" if _is_mixed(table) else "")
        write(axes, 0, 1.04, title, color=theme.ink, weight="bold", transform=axes.transAxes)
    return figure


def _name_markets(table: pl.DataFrame) -> str:
    """The market of a picture, or how many it shows."""
    if "markets" in table.columns:
        return f"mean of {table['markets'][0]} markets"
    markets = table["market"].unique(maintain_order=True)
    return str(markets[0]) if len(markets) == 1 else f"{len(markets)} markets"


def _is_mixed(table: pl.DataFrame) -> bool:
    return "market" in table.columns and table["market"].n_unique() > 1


def _draw_difference(axes: Axes, theme: Palette, place: int, row: dict[str, Any], *, market: str) -> None:
    """Draw one row: the input and its model on the left, the mark and its interval, the word on the right."""
    color = {"helps": theme.better, "hurts": theme.worse}.get(row["verdict"], theme.undecided)
    if row["low"] is not None:
        axes.hlines(place, row["low"], row["high"], color=color, linewidth=2.2)
    axes.plot(row["difference"], place, marker="o", markersize=6, color=color)
    name, side = row["input"], axes.get_yaxis_transform()
    short = name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
    write(axes, -0.02, place - 0.08, short, size=BODY, color=theme.ink, ha="right", transform=side)
    model = model_name(row["model"]) + (f", {market}" if market else "")
    write(axes, -0.02, place + 0.32, model, color=theme.muted, ha="right", transform=side)
    write(axes, 1.02, place, row["verdict"], size=BODY, color=color, va="center", transform=side)


def _draw_curve(axes: Axes, theme: Palette, rows: pl.DataFrame) -> None:
    """Draw the skill of one model by training rows, on a logarithmic scale."""
    axes.axhline(0, color=theme.naive, linewidth=1.2, dashes=(4, 2))
    known, ticks = rows.drop_nulls("low"), rows["training_rows"].to_list()
    axes.vlines(known["training_rows"], known["low"], known["high"], color=theme.model, linewidth=1.6)
    axes.plot(ticks, rows["skill"], marker="o", markersize=5, linewidth=1.2, color=theme.model)
    ends = [0.0, *(end for name in ("low", "skill", "high") for end in rows[name].drop_nulls())]
    margin = 0.08 * max(max(ends) - min(ends), 1e-3)
    axes.set(xscale="log", ylim=(min(ends) - margin, max(ends) + margin), xlim=(0.8 * ticks[0], 1.25 * ticks[-1]))
    axes.set_xticks(ticks, [count(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    percent_axis(axes.yaxis, zero="naive", signed=True)
    name_axes(axes, theme, x="training rows")
