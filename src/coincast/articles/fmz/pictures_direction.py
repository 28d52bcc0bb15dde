"""Pictures of directions: the article's figure, what explains it, and the fair one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.fmz import published
from coincast.articles.fmz.directions import LAST_CLOSE
from coincast.articles.fmz.hours import LENGTH
from coincast.reports.canvas import SMALL, add_axes, legend, name_axes, new_figure, percent_axis, write
from coincast.reports.numbers import percent
from coincast.reports.palette import Palette
from coincast.scores.direction.jumps import jump_hit_rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = 2.5
"""Left margin for names, inches."""
MOST_ERROR = 3.0
"""Hourly standard deviations; the end of the axis of errors."""

Shares = Float[np.ndarray, "_run"]


def draw_formula(
    rows: Mapping[str, Shares], theme: Palette, *, headline: bool, theory: bool, title: str, caption: str
) -> Figure:
    """Shares of directions by the article's formula: dots for runs, a diamond where there is only one.

    Args:
        rows: a name, and the shares of its runs.
        theme: colours.
        headline: whether the published figure is marked.
        theory: whether the share of a copy on a random walk is marked.
        title, caption: of the figure.
    """
    figure = new_figure(title, caption, theme=theme, height=2.2 + 0.42 * len(rows))
    axes = add_axes(figure, theme, left=NAMES, right=1.45, top=1.3, bottom=0.65)
    rng = np.random.default_rng(0)
    for place, (name, shares) in enumerate(rows.items()):
        colour = theme.naive if name == LAST_CLOSE else theme.model if len(shares) > 1 else theme.muted
        if len(shares) > 1:
            first, median, third = np.quantile(shares, [0.25, 0.5, 0.75])
            axes.barh([place], [third - first], left=first, height=0.6, color=theme.band, zorder=1)
            axes.plot([median, median], [place - 0.3, place + 0.3], color=colour, linewidth=2.2, zorder=2)
            jitter = place + 0.5 * (rng.permutation(len(shares)) / max(len(shares) - 1, 1) - 0.5)
            axes.plot(shares, jitter, ".", color=colour, markersize=8, alpha=0.75, zorder=3)
        else:
            axes.plot(shares, [place], "D", color=colour, markersize=7, zorder=3)
        _name_row(axes, theme, place, name, percent(float(np.median(shares))))
    naive = float(rows[LAST_CLOSE][0])
    axes.axvline(naive, color=theme.naive, linewidth=1.4, dashes=(4, 2), gid="naive")
    if headline:
        _mark(axes, theme, published.HEADLINE, "published", theme.ink, align="right")
    if theory:
        _mark(axes, theme, jump_hit_rate(LENGTH), "random walk", theme.undecided, align="left")
    _finish(axes, theme, len(rows), x="share of directions right by the article's formula")
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
    side = axes.get_yaxis_transform()
    ends: list[tuple[float, str, str]] = []
    if runs is not None:
        phases = np.arange(runs.shape[1])
        axes.fill_between(phases, runs.min(axis=0), runs.max(axis=0), color=theme.band, linewidth=0)
        middle = np.median(runs, axis=0)
        axes.plot(phases, middle, color=theme.model, linewidth=2.0)
        ends.append((float(middle[-1]), f"LSTM, {len(runs)} runs", theme.model))
    for name, own in table.group_by("forecast", maintain_order=True):
        shares = (own["hits"] / own["pairs"]).to_numpy()
        is_naive = name[0] == LAST_CLOSE
        style: dict[str, Any] = (
            {"color": theme.naive, "dashes": (4, 2), "linewidth": 1.8, "gid": "naive"}
            if is_naive
            else {"color": theme.muted, "linewidth": 0.9, "dashes": (1, 1.5)}
        )
        axes.plot(own["phase"].to_numpy(), shares, **style)
        ends.append((float(shares[-1]), str(name[0]), theme.muted))
    _label_ends(axes, theme, ends, side)
    axes.set_xticks(range(LENGTH))
    percent_axis(axes.yaxis, bins=6)
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
        write(
            axes,
            1.0,
            published.HEADLINE,
            words,
            color=theme.ink,
            ha="right",
            va="bottom",
            transform=axes.get_yaxis_transform(),
        )
    axes.set_xlim(-0.06, MOST_ERROR)
    percent_axis(axes.yaxis, bins=6)
    name_axes(
        axes, theme, x="distance from a copy of the last close, in standard deviations of one move",
        y="directions right",
    )  # fmt: skip
    legend(axes, theme, handles, columns=4)
    return figure


def draw_fair_rates(table: pl.DataFrame, theme: Palette, *, title: str, caption: str) -> Figure:
    """Hit rates over all test candles with their intervals, beside a coin and the majority sign.

    Args:
        table: rows of `coincast.scores.direction.judge_direction` with a hit rate.
        theme: colours.
        title, caption: of the figure.
    """
    rows = table.filter(pl.col("hit_rate").is_not_null()).sort("hit_rate", descending=True).to_dicts()
    figure = new_figure(title, caption, theme=theme, height=2.2 + 0.4 * len(rows))
    axes = add_axes(figure, theme, left=NAMES, right=1.3, top=1.45, bottom=0.65)
    for place, row in enumerate(rows):
        if row["low"] is not None:
            axes.plot(
                [row["low"], row["high"]], [place, place], color=theme.model, linewidth=2.4, solid_capstyle="round"
            )
        axes.plot([row["hit_rate"]], [place], "o", color=theme.model, markersize=8, zorder=4)
        _name_row(axes, theme, place, row["model"], f"{percent(row['hit_rate'])} of {row['n']:,}")
    axes.axvline(0.5, color=theme.ink, linewidth=1.0, dashes=(1, 2))
    _mark(axes, theme, 0.5, "a coin ", theme.ink, align="right", line=False)
    majority = [row["majority_hit_rate"] for row in rows if row["majority_hit_rate"] is not None]
    if majority:
        _mark(axes, theme, float(np.median(majority)), " majority of the training rows", theme.naive, align="left")
    _finish(axes, theme, len(rows), x="share of directions right, counted from the last close that was known")
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
    write(
        axes, highest, 0.02, " highest close learnt ", color=theme.ink, ha="right", transform=axes.get_xaxis_transform()
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace("-", "\N{MINUS SIGN}"))
    name_axes(axes, theme, x=f"close, {unit}", y=f"mean miss, {unit}")
    legend(axes, theme, handles, columns=4)
    return figure


def _name_row(axes: Axes, theme: Palette, place: int, name: str, figure: str) -> None:
    side = axes.get_yaxis_transform()
    text = axes.annotate(
        name, (0, place), xycoords=side, xytext=((0.25 - NAMES) * 72, 0), textcoords="offset points",
        fontsize=SMALL + 0.5, va="center", color=theme.ink, parse_math=False,
    )  # fmt: skip
    text.set_wrap(False)
    write(axes, 1.03, place, figure, color=theme.ink, va="center", transform=side)


def _mark(axes: Axes, theme: Palette, x: float, words: str, colour: str, *, align: str, line: bool = True) -> None:
    """A vertical line with its name above the axes."""
    if line:
        axes.axvline(x, color=colour, linewidth=1.2, dashes=(1, 2))
    text = f"{words} {percent(x)}" if line else words
    text = f" {text}" if align == "left" else f"{text} "
    write(axes, x, 1.01, text, color=colour, ha=align, va="bottom", transform=axes.get_xaxis_transform())


def _finish(axes: Axes, theme: Palette, rows: int, *, x: str) -> None:
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    axes.margins(x=0.06)
    percent_axis(axes.xaxis, bins=6)
    name_axes(axes, theme, x=x)


def _label_ends(axes: Axes, theme: Palette, ends: Sequence[tuple[float, str, str]], side: Any) -> None:
    """Names at the ends of their lines, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    place = -np.inf
    for value, text, colour in sorted(ends):
        place = max(value, place + 0.06 * (high - low))
        write(axes, 1.02, place, text, color=colour, va="center", transform=side)
