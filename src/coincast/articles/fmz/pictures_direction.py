"""Pictures of the article's figure: what it is for forecasts of all kinds, and what explains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.fmz import published
from coincast.articles.fmz.directions import LAST_CLOSE
from coincast.articles.fmz.frames import NAMES, finish_rows, mark, name_row
from coincast.articles.fmz.hours import LENGTH
from coincast.reports.boxes import draw_box
from coincast.reports.canvas import add_axes, legend, name_axes, name_ends, new_figure, percent_axis, write
from coincast.reports.numbers import percent
from coincast.reports.palette import Palette
from coincast.scores.direction.jumps import jump_hit_rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ERROR = 3.0
"""Hourly standard deviations; the end of the axis of errors."""

Shares = Float[np.ndarray, "_run"]


def draw_formula(
    rows: Mapping[str, Shares], theme: Palette, *, headline: bool, theory: bool, title: str, caption: str
) -> Figure:
    """Shares of directions by the article's formula: dots and a box for runs, a diamond where there is one.

    Args:
        rows: a name, and the shares of its runs.
        theme: colours.
        headline: whether the published figure is marked.
        theory: whether the share of a copy on a random walk is marked.
        title, caption: of the figure.
    """
    figure = new_figure(title, caption, theme=theme, height=2.2 + 0.42 * len(rows))
    axes = add_axes(figure, theme, left=NAMES, right=1.45, top=1.3, bottom=0.65)
    for place, (name, shares) in enumerate(rows.items()):
        if len(shares) > 1:
            draw_box(axes, place, shares, line=theme.model, fill=theme.band, lies=True)
        else:
            colour = theme.naive if name == LAST_CLOSE else theme.muted
            axes.plot(shares, [place], "D", color=colour, markersize=7, zorder=3)
        name_row(axes, theme, place, name, percent(float(np.median(shares))))
    naive = float(rows[LAST_CLOSE][0])
    axes.axvline(naive, color=theme.naive, linewidth=1.4, dashes=(4, 2), gid="naive")
    if headline:
        mark(axes, theme, published.HEADLINE, "published", theme.ink, align="right")
    if theory:
        mark(axes, theme, jump_hit_rate(LENGTH), "random walk", theme.undecided, align="left")
    finish_rows(axes, theme, len(rows), x="share of directions right by the article's formula")
    return figure


def draw_phases(table: pl.DataFrame, runs: Shares | None, theme: Palette, *, title: str, caption: str) -> Figure:
    """The formula's share at each phase: of every forecast a line, of the runs of the network their whole span.

    Args:
        table: `forecast, phase, hits, pairs`.
        runs: (run, phase) shares of the network, where it was trained.
        theme: colours.
        title, caption: of the figure.
    """
    figure = new_figure(title, caption, theme=theme, height=4.6)
    axes = add_axes(figure, theme, top=1.35, right=2.1)
    ends: list[tuple[float, str]] = []
    if runs is not None:
        phases = np.arange(runs.shape[1])
        axes.fill_between(phases, runs.min(axis=0), runs.max(axis=0), color=theme.band, linewidth=0)
        middle = np.median(runs, axis=0)
        axes.plot(phases, middle, color=theme.model, linewidth=2.0)
        ends.append((float(middle[-1]), f"LSTM, {len(runs)} runs"))
    for name, own in table.group_by("forecast", maintain_order=True):
        shares = (own["hits"] / own["pairs"]).to_numpy()
        is_naive = name[0] == LAST_CLOSE
        style: dict[str, Any] = (
            {"color": theme.naive, "dashes": (4, 2), "linewidth": 1.8, "gid": "naive"}
            if is_naive
            else {"color": theme.muted, "linewidth": 0.9, "dashes": (1, 1.5)}
        )
        axes.plot(own["phase"].to_numpy(), shares, **style)
        ends.append((float(shares[-1]), str(name[0])))
    axes.set_xticks(range(LENGTH))
    percent_axis(axes.yaxis, bins=6)
    name_ends(axes, theme, ends)
    name_axes(axes, theme, x="row of the first window (phase)", y="share of directions right by the article's formula")
    return figure


def draw_spoilt(
    spoilt: pl.DataFrame,
    models: Mapping[str, tuple[Shares, Shares]],
    theme: Palette,
    *,
    headline: bool,
    title: str,
    caption: str,
) -> Figure:
    """The share that a copy of the last close scores when it is made worse, and where the forecasts lie.

    Args:
        spoilt: `noise, bias, share` on the real windows.
        models: a name, and for each run the size of its error beyond a copy and its share.
        theme: colours.
        headline: whether the published figure is marked.
        title, caption: of the figure.
    """
    figure = new_figure(title, caption, theme=theme, height=4.6)
    axes = add_axes(figure, theme, top=1.45, right=0.5)
    errors = np.linspace(0, MOST_ERROR, 121)
    theory = [jump_hit_rate(LENGTH, error=float(error)) for error in errors]
    handles = axes.plot(errors, theory, color=theme.undecided, linewidth=1.6, label="noise on a random walk")
    noisy = spoilt.filter(pl.col("bias") == 0)
    handles += axes.plot(
        noisy["noise"].to_numpy(), noisy["share"].to_numpy(), "s", color=theme.naive, markersize=7,
        label="noise on these windows", gid="naive",
    )  # fmt: skip
    for (name, (size, share)), (marker, colour) in zip(
        models.items(), ((".", theme.model), ("D", theme.muted)), strict=False
    ):
        inside = np.minimum(size, MOST_ERROR)
        handles += axes.plot(inside, share, marker, color=colour, markersize=8, alpha=0.75, label=name, zorder=4)
    if headline:
        axes.axhline(published.HEADLINE, color=theme.ink, linewidth=1.0, dashes=(1, 2))
        words = f"published: {percent(published.HEADLINE)} "
        side = axes.get_yaxis_transform()
        write(axes, 1.0, published.HEADLINE, words, color=theme.ink, ha="right", va="bottom", transform=side)
    axes.set_xlim(-0.06, MOST_ERROR + 0.06)
    percent_axis(axes.yaxis, bins=6)
    name_axes(
        axes, theme, x="distance from a copy of the last close, in standard deviations of one move",
        y="directions right",
    )  # fmt: skip
    legend(axes, theme, handles, columns=4)
    return figure
