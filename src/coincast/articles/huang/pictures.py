"""Pictures of the article's forecasts, beside the naive one, and of what its networks can see."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.articles.huang.blocks import Blocks, Floats
from coincast.articles.huang.networks import configurations
from coincast.articles.huang.opponents import copy_last, squared_error
from coincast.articles.huang.published import FILTER_AFTER_MONTH, HEADLINE, HORIZON
from coincast.reports.canvas import (
    BODY,
    WIDTH,
    add_axes,
    legend,
    log_axis,
    name_axes,
    name_ends,
    new_figure,
    price_axis,
    time_axis,
    write,
)
from coincast.reports.numbers import amount, quote_currency
from coincast.reports.palette import Palette
from coincast.reports.thinning import thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_BEFORE = 48
"""Past candles drawn before an enlarged block."""
ENLARGED = 3
"""Blocks that are drawn large."""
LEARNING = {HEADLINE: "-", "GRU tanh + LeakyReLU": "--", "CNN 2 LeakyReLU": ":", "CNN 4 LeakyReLU": "-."}
"""Networks whose error is drawn by epoch, and the dashes of each."""


def filter_months(blocks: Blocks, after: int = FILTER_AFTER_MONTH) -> NDArray[np.bool_]:
    """Validation blocks in the months after one, of the newest year; all of them where there are none such.

    Month and year are those of a block's first target.
    """
    first = blocks.times[blocks.validation.future_rows[:, 0]]
    years, months = first.astype("datetime64[Y]"), first.astype("datetime64[M]").astype(np.int64) % 12 + 1
    kept: NDArray[np.bool_] = (years == years.max()) & (months > after)
    return kept if kept.any() else np.ones_like(kept)


def draw_result(blocks: Blocks, said: Floats, name: str, theme: Palette, *, title: str, caption: str) -> Figure:
    """Draw the article's result plot: the price as a line, every forecast as a red dot, and the last close as a dash.

    Args:
        blocks: the article's, of which those of the months that it shows are drawn.
        said: forecasts of the validation blocks (block, 16).
        name: of the network.
        theme: the colours.
        title, caption: of the picture.
    """
    kept, windows = filter_months(blocks), blocks.validation
    rows, naive = windows.future_rows[kept], copy_last(blocks.pieces(windows)[0])[kept]
    figure = new_figure(title, caption, theme=theme, height=5.0)
    axes = add_axes(figure, theme, top=1.45)
    inside = np.arange(int(windows.starts[kept][0]), int(rows[-1, -1]) + 1)
    shown = inside[thin(blocks.close[inside])]
    (line,) = axes.plot(
        blocks.times[shown], blocks.close[shown], color=theme.price, linewidth=1.0, label="price", gid="price"
    )
    (dots,) = axes.plot(
        blocks.times[rows].reshape(-1),
        said[kept].reshape(-1),
        ".",
        color=theme.worse,
        markersize=3.5,
        zorder=4,
        label=name,
        gid="model",
    )
    dash = _draw_flat(axes, theme, blocks.times[rows], naive)
    price_axis(axes)
    time_axis(axes, theme, blocks.times[inside], blocks.interval)
    name_axes(axes, theme, y=f"close, {unit_of(blocks)}")
    legend(axes, theme, [line, dots, dash])
    return figure


def draw_blocks(blocks: Blocks, said: Floats, theme: Palette, *, title: str, caption: str) -> Figure:
    """Draw a few blocks large enough to be seen: each forecast a line of its own, beside the flat naive one."""
    chosen = choose_blocks(blocks)
    figure = new_figure(title, caption, theme=theme, height=4.4)
    panels = add_panels(figure, theme, chosen.size, left=0.85, right=0.3, gap=0.75, top=1.45, bottom=1.1)
    for place, (axes, block) in enumerate(zip(panels, chosen, strict=True)):
        _draw_block(axes, theme, blocks, int(block), said[block])
        name_axes(axes, theme, x="candles from the last close", y="" if place else f"close, {unit_of(blocks)}")
    return figure


def _draw_block(axes: Axes, theme: Palette, blocks: Blocks, block: int, said: Floats) -> None:
    """A validation block with its last past candles, the 16 forecasts of the network, and the error of both."""
    origin = int(blocks.validation.origin_rows[block])
    steps, ahead = np.arange(-SHOWN_BEFORE + 1, HORIZON + 1), np.arange(1, HORIZON + 1)
    naive = np.full(HORIZON, blocks.close[origin])
    axes.plot(steps, blocks.close[origin + steps], color=theme.price, linewidth=1.2, gid="price")
    axes.plot(ahead, said, color=theme.model, linewidth=1.8, marker=".", markersize=4, gid="model")
    axes.plot(ahead, naive, color=theme.naive, linewidth=1.4, dashes=(3, 2), zorder=5, gid="naive")
    axes.axvline(0, color=theme.rule, linewidth=1.0)
    price_axis(axes)
    axes.set_xticks([-40, -20, 0, HORIZON])
    roots = [amount(math.sqrt(squared_error(each, blocks.close[origin + ahead]))) for each in (said, naive)]
    moment = str(blocks.times[origin].astype("datetime64[m]")).replace("T", " ")
    write(axes, 1, 1.02, moment, color=theme.ink, ha="right", transform=axes.transAxes)
    text = f"network {roots[0]}\nlast close {roots[1]}"
    write(axes, 0, -0.24, text, color=theme.muted, va="top", linespacing=1.4, transform=axes.transAxes)


def add_panels(
    figure: Figure, theme: Palette, number: int, *, left: float, right: float, gap: float, top: float, bottom: float
) -> list[Axes]:
    """Add axes of equal width side by side; margins, and the gap between them, in inches."""
    width = (WIDTH - left - right - gap * (number - 1)) / number
    firsts = [left + place * (width + gap) for place in range(number)]
    return [
        add_axes(figure, theme, top=top, bottom=bottom, left=first, right=WIDTH - first - width) for first in firsts
    ]


def make_rows(axes: Axes, theme: Palette, number: int) -> None:
    """Lay axes out for rows from top to bottom, whose names stand at the left: 0 is the first one."""
    axes.set(ylim=(number - 0.4, -0.6), yticks=[])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)


def choose_blocks(blocks: Blocks, number: int = ENLARGED) -> NDArray[np.int64]:
    """Validation blocks to enlarge: evenly spaced, the newest among them, none chosen by eye."""
    return np.unique(np.linspace(0, blocks.held_back - 1, number + 1).round().astype(np.int64)[1:])


def draw_errors(
    runs: pl.DataFrame, marks: dict[str, float], unit: str, theme: Palette, *, title: str, caption: str
) -> Figure:
    """Draw the error of every run of every network as a dot, and copies of old prices as lines across.

    Args:
        runs: as `train_all` gives them.
        marks: copy -> squared error; the first one is persistence, drawn as naive.
        unit: of the squared error.
        theme: the colours.
        title, caption: of the picture.
    """
    names = [one.name for one in configurations()]
    figure = new_figure(title, caption, theme=theme, height=5.4)
    axes = add_axes(figure, theme, left=2.1, right=1.75, top=1.55)
    make_rows(axes, theme, len(names))
    side = axes.get_yaxis_transform()
    for place, name in enumerate(names):
        errors = runs.filter(pl.col("name") == name)["error"].to_numpy()
        jitter = place + 0.4 * (np.arange(errors.size) / max(errors.size - 1, 1) - 0.5)
        axes.plot(errors, jitter, ".", color=theme.model, markersize=6, alpha=0.7, gid=f"runs:{name}")
        median = float(np.median(errors))
        axes.plot([median, median], [place - 0.3, place + 0.3], color=theme.model, linewidth=2.2)
        write(axes, -0.02, place, name, size=BODY, color=theme.ink, ha="right", va="center", transform=side)
        write(axes, 1.02, place, f"median {amount(median)}", color=theme.ink, va="center", transform=side)
    top = axes.get_xaxis_transform()
    for number, (label, value) in enumerate(marks.items()):
        color, dashes = (theme.muted, (1, 2)) if number else (theme.naive, (3, 2))
        axes.axvline(value, color=color, linewidth=1.5, dashes=dashes, zorder=1, gid=label if number else "naive")
        text = f" {label}" if number else f"{label} "
        write(axes, value, 1.02, text, color=theme.ink, ha="left" if number else "right", transform=top)
    log_axis(axes.xaxis)
    name_axes(axes, theme, x=f"squared error, {unit}; to the left is better")
    return figure


def draw_learning(
    runs: pl.DataFrame, persistence: float, reach: float, unit: str, theme: Palette, *, title: str, caption: str
) -> Figure:
    """Draw the validation error by epoch: the median of the seeds of each network, persistence as a line across.

    Args:
        runs: as `train_all` gives them.
        persistence: squared error of the last close.
        reach: of the scale, whose square turns a loss into a squared error.
        unit: of it.
        theme: the colours.
        title, caption: of the picture.
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(title, caption, theme=theme, height=4.6)
    axes = add_axes(figure, theme, top=1.35, right=2.2)
    ends = []
    for name, dashes in LEARNING.items():
        losses = np.array(runs.filter(pl.col("name") == name)["validation_losses"].to_list(), dtype=np.float64)
        median = np.nanmedian(losses, axis=0) * reach**2
        epochs = np.arange(1, median.size + 1)
        axes.plot(epochs, median, color=theme.model, linewidth=1.5, linestyle=dashes)
        ends.append((float(median[-1]), name))
    axes.axhline(persistence, color=theme.naive, linewidth=1.5, dashes=(3, 2), gid="naive")
    ends.append((persistence, "last close (naive)"))
    log_axis(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    name_ends(axes, theme, ends)
    name_axes(axes, theme, x="epoch", y=f"squared error, {unit}")
    return figure


def _draw_flat(axes: Axes, theme: Palette, time: NDArray[np.datetime64], naive: Floats) -> Any:
    """The naive forecast of each block as a short dash; returns a handle for the legend."""
    from matplotlib.collections import LineCollection
    from matplotlib.dates import date2num
    from matplotlib.lines import Line2D

    ends = date2num(time[:, [0, -1]])  # type: ignore[no-untyped-call]
    pieces = [list(zip(ends[block], naive[block, [0, -1]], strict=True)) for block in range(len(ends))]
    axes.add_collection(
        LineCollection(pieces, colors=theme.naive, linewidths=1.6, zorder=5, gid="naive"), autolim=False
    )
    return Line2D([], [], color=theme.naive, linewidth=1.6, dashes=(3, 2), label="last close (naive)")


def unit_of(blocks: Blocks) -> str:
    """What prices are counted in."""
    return quote_currency(blocks.market) or "as given"


def square_of(blocks: Blocks) -> str:
    """What squared errors are counted in."""
    return f"{unit_of(blocks)}\N{SUPERSCRIPT TWO}"
