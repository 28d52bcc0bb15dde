"""What the pictures of the study have in common: one panel for each coin, and days on the lower axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.sheehan.ground import Coin, Ground
from coincast.candles.table import add_intervals
from coincast.reports.canvas import FOOT, add_axes, new_figure
from coincast.reports.numbers import is_daily, quote_currency
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEAD, GAP = 1.15, 0.75  # inches above the first panel and between two
NAIVE: dict[str, Any] = {"linewidth": 1.2, "dashes": (4, 2), "gid": "naive", "zorder": 5}


def sheet(
    title: str, subtitle: str, theme: Palette, *, panels: int = 1, each: float = 2.4
) -> tuple[Figure, list[Axes]]:
    """A sheet with panels one below the other, each so many inches high."""
    height = HEAD + FOOT + panels * each + (panels - 1) * GAP
    figure = new_figure(title, subtitle, theme=theme, height=height)
    axes = []
    for place in range(panels):
        top = HEAD + place * (each + GAP)
        axes.append(add_axes(figure, theme, top=top, bottom=height - top - each))
    return figure, axes


def beside(
    title: str, subtitle: str, theme: Palette, *, panels: int, height: float = 4.6, foot: float = FOOT
) -> tuple[Figure, list[Axes]]:
    """A sheet with panels side by side."""
    figure = new_figure(title, subtitle, theme=theme, height=height)
    left, width, gap = 0.75, 8.5, 0.9
    each = (width - (panels - 1) * gap) / panels
    places = [left + place * (each + gap) for place in range(panels)]
    return figure, [
        add_axes(figure, theme, left=first, right=9.6 - first - each, top=HEAD + 0.1, bottom=foot) for first in places
    ]


def days(closes: pl.Series, interval: str) -> Any:
    """Close times as they are drawn: a daily candle stands at the day that it covers."""
    if not is_daily(interval):
        return closes.dt.replace_time_zone(None).to_numpy()
    opens = pl.select(add_intervals(pl.lit(closes), interval, -1)).to_series()
    return opens.dt.replace_time_zone(None).to_numpy()


def rows_days(coin: Coin, rows: Any) -> Any:
    """The same for some rows of a coin."""
    return days(coin.task.samples.candles["close_time"][np.asarray(rows).tolist()], coin.task.samples.interval)


def unit(coin: Coin) -> str:
    """What its prices are counted in."""
    return quote_currency(coin.market) or "as given"


def span(coin: Coin, part: str, ground: Ground) -> str:
    """First and last day of a part, as words."""
    own = getattr(coin.task.parts, part)
    first, last = (str(np.datetime64(day, "D" if is_daily(ground.interval) else "m")) for day in _ends(coin, own))
    return f"{first} to {last}".replace("T", " ")


def _ends(coin: Coin, part: Any) -> list[Any]:
    return list(rows_days(coin, [part.first, part.end - 1]))
