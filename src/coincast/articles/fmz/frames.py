"""What the pictures of this article share: rows with names, and axes of price over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coincast.articles.fmz.hours import Hours
from coincast.reports.canvas import SMALL, name_axes, percent_axis, price_axis, time_axis, write
from coincast.reports.numbers import percent, quote_currency
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = 2.5
"""Left margin for names, inches."""


def finish_prices(
    axes: Axes, theme: Palette, hours: Hours, times: NDArray[np.datetime64], *, what: str = "close", room: float = 0.0
) -> None:
    """Prices over time; `room` is left above and below, as a share of the axes' height."""
    low, high = axes.get_ylim()
    axes.set_ylim(low - room * (high - low), high + room * (high - low))
    price_axis(axes)
    time_axis(axes, theme, times, hours.interval)
    name_axes(axes, theme, y=f"{what}, {quote_currency(hours.market)}")


def name_row(axes: Axes, theme: Palette, place: int, name: str, figure: str, *, room: float = NAMES) -> None:
    """A name at the left of a row, where the axes leave so many inches, and its figure at the right."""
    side = axes.get_yaxis_transform()
    axes.annotate(
        name, (0, place), xycoords=side, xytext=((0.25 - room) * 72, 0), textcoords="offset points",
        fontsize=SMALL + 0.5, va="center", color=theme.ink, parse_math=False,
    )  # fmt: skip
    write(axes, 1.03, place, figure, color=theme.ink, va="center", transform=side)


def mark(axes: Axes, theme: Palette, x: float, words: str, colour: str, *, align: str, line: bool = True) -> None:
    """A vertical line with its name and its share above the axes; without `line` the name alone."""
    if line:
        axes.axvline(x, color=colour, linewidth=1.2, dashes=(1, 2))
    text = f"{words} {percent(x)}" if line else words
    text = f" {text}" if align == "left" else f"{text} "
    write(axes, x, 1.01, text, color=colour, ha=align, va="bottom", transform=axes.get_xaxis_transform())


def finish_rows(axes: Axes, theme: Palette, rows: int, *, x: str) -> None:
    """Rows from top to bottom, and shares along the lower axis."""
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    axes.margins(x=0.06)
    percent_axis(axes.xaxis, bins=6)
    name_axes(axes, theme, x=x)
