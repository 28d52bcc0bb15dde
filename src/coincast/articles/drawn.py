"""What the pictures of several articles share: title and caption said once, and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.table import add_intervals
from coincast.reports.numbers import is_daily
from coincast.reports.palette import Palette
from coincast.reports.study import Picture, Side

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Draw(Protocol):
    """Draws in the colours given, under a title and a caption."""

    def __call__(self, theme: Palette, /, *, title: str, caption: str) -> Figure: ...


def make_picture(name: str, title: str, caption: str, draw: Draw, *, side: Side = "both", repeats: str = "") -> Picture:
    """A picture that is drawn with its own title and caption.

    Args:
        name, title, caption, side, repeats: as of `Picture`.
        draw: what is left of a drawing function once its data are given: `partial(draw_losses, hours, learnt)`.
    """
    return Picture(name, title, caption, lambda theme: draw(theme, title=title, caption=caption), side, repeats)


def drawn_times(close_times: pl.Series, interval: str) -> NDArray[np.datetime64]:
    """Where candles are drawn: a daily one at the day that it covers, a shorter one at its close."""
    if is_daily(interval):
        close_times = pl.select(add_intervals(pl.lit(close_times), interval, -1)).to_series()
    return close_times.dt.replace_time_zone(None).to_numpy()
