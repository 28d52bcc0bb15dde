"""What the pictures of several articles share: a title and a caption that are said once, and logarithmic axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from coincast.reports.palette import Palette
from coincast.reports.study import Picture, Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW_DECADES = 2
"""An axis of fewer is also marked at 2 and 5."""


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


def log_axis(axes: Axes) -> None:
    """Make the left axis logarithmic, marked with plain numbers; call it when everything is drawn."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    marks = (1.0, 2.0, 5.0) if high / low < 10**FEW_DECADES else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=marks, numticks=8))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}")))
