"""The sheet every picture is drawn on: margins, type, axes of time, and text that is never read as mathematics.

Figures are made without pyplot and without touching matplotlib's global settings, so that a program which draws its own
pictures sees no trace of them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coincast.reports.numbers import is_daily, percent, tick_digits
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.6  # inches
DPI = 110
LEFT, RIGHT = 0.75, 0.35  # margins, inches
HEAD, FOOT = 0.95, 0.62
SMALL, BODY, TITLE = 9.0, 10.0, 13.5
MISSING = "\N{WHITE SQUARE}"
FALLBACKS = (
    *("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Hiragino Sans"),
    *("PingFang SC", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic", "WenQuanYi Zen Hei", "Arial Unicode MS"),
)
"""Faces that are asked, where they are installed, for letters that the usual one does not have."""


def new_figure(title: str, subtitle: str, *, theme: Palette, height: float = 4.6, letters: int = 124) -> Figure:
    """Return an empty sheet with a title and up to three lines that say what is shown, over which span, on how much.

    `letters` is how many of them a line takes, fewer where something stands at its right.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=theme.card)
    FigureCanvasAgg(figure)
    top = 1 - 0.36 / height
    write(figure, 0.25 / WIDTH, top, title, size=TITLE, color=theme.ink, weight="bold")
    lines = textwrap.wrap(subtitle, letters)[:3]
    write(
        figure,
        0.25 / WIDTH,
        1 - 0.46 / height,
        "\n".join(lines),
        size=SMALL,
        color=theme.muted,
        va="top",
        linespacing=1.4,
    )
    return figure


def write(
    place: Figure | Axes, x: float, y: float, text: str, *, size: float = SMALL, color: str, **options: Any
) -> Any:
    """Write text at a place; a dollar sign in a name stays a dollar sign."""
    return place.text(x, y, drawable(text), fontsize=size, color=color, parse_math=False, **faces(text), **options)


def drawable(text: str) -> str:
    """Return a text in which letters that no installed face can draw are squares."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    fonts = [_font(family) for family in (*_own_families(), *_fallbacks())]
    return "".join(
        letter if letter == "\n" or any(font.get_char_index(ord(letter)) for font in fonts) else MISSING
        for letter in text
    )


def faces(text: str) -> dict[str, Any]:
    """Return the faces to ask for the letters of a text, as an option of whatever draws it; none for plain ones."""
    return {} if text.isascii() else {"fontfamily": [*_own_families(), *_fallbacks()]}


def add_axes(
    figure: Figure,
    theme: Palette,
    *,
    top: float = HEAD,
    bottom: float = FOOT,
    left: float = LEFT,
    right: float = RIGHT,
    **options: Any,
) -> Axes:
    """Add axes with the given margins in inches, without frame, and with a faint grid."""
    width, height = figure.get_size_inches()
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box, facecolor=theme.card, **options)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=theme.muted, pad=5)
    axes.grid(axis="y", color=theme.rule, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def name_axes(axes: Axes, theme: Palette, *, x: str = "", y: str = "") -> None:
    """Write the unit of each axis: below the lower one, and above the left one, where it can be read upright."""
    if x:
        axes.set_xlabel(x, fontsize=SMALL, color=theme.muted, loc="right", labelpad=4, parse_math=False)
    if y:
        axes.annotate(
            drawable(y), (0, 1), xycoords="axes fraction", xytext=(-0.5 * 72, 7), textcoords="offset points",
            fontsize=SMALL, color=theme.muted, parse_math=False, **faces(y),
        )  # fmt: skip


def time_axis(axes: Axes, theme: Palette, time: NDArray[np.datetime64], interval: str, *, label: bool = True) -> None:
    """Mark the lower axis with dates, few enough to be read."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    formats = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S s"]
    zero = ["", "%Y", "%m-%d", "%m-%d", "%H:%M", "%H:%M"]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, formats=formats, zero_formats=zero, show_offset=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)
    first, last = time[0].astype("datetime64[us]").item(), time[-1].astype("datetime64[us]").item()
    margin = max((last - first) * 0.01, np.timedelta64(1, "h").astype("timedelta64[us]").item())
    axes.set_xlim(first - margin, last + margin)
    if label:
        name_axes(axes, theme, x="day (UTC)" if is_daily(interval) else "close of the candle (UTC)")


def price_axis(axes: Axes) -> None:
    """Write prices with thousands set apart and as many decimals as the ticks need."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, axes.get_yticks())))


def percent_axis(axis: Any, *, zero: str = "", bins: int = 6, signed: bool = False, absolute: bool = False) -> None:
    """Write shares as percentages, and a word at zero where one is given."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def text(value: float, _: int) -> str:
        if zero and abs(value) < 1e-9:
            return zero
        ticks = axis.get_majorticklocs()
        step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else 1.0
        return percent(abs(value) if absolute else value, signed=signed, digits=tick_digits(step))

    axis.set_major_locator(MaxNLocator(nbins=bins, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(text))


def log_axis(axis: Any) -> None:
    """Make an axis logarithmic and mark it with plain numbers; call it when everything is drawn.

    The same ratio is the same distance. An axis of fewer than two powers of ten is also marked at 2 and 5.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    low, high = sorted(axis.get_view_interval())
    marks = (1.0, 2.0, 5.0) if high < 100 * low else (1.0,)
    axis.set_major_locator(LogLocator(subs=marks, numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))


def name_ends(axes: Axes, theme: Palette, ends: Sequence[tuple[float, str]], *, apart: float = 0.06) -> None:
    """Write names at the right ends of lines, pushed apart where they would overlap; call it when everything is drawn.

    Args:
        axes: on a linear or a logarithmic scale.
        theme: the colours.
        ends: last value and name of each line.
        apart: least distance of two names, as a share of the axes' height.
    """
    left = axes.get_xlim()[0]
    values = [(left, value) for value, _ in ends]
    heights = axes.transAxes.inverted().transform(axes.transData.transform(values))[:, 1]
    place = -np.inf
    for height, (_, name) in sorted(zip(heights.tolist(), ends, strict=True)):
        place = max(min(height, 1.0), place + apart)
        write(axes, 1.01, place, name, color=theme.ink, va="center", transform=axes.transAxes)


def legend(axes: Axes, theme: Palette, handles: Sequence[Any], *, columns: int = 5) -> None:
    """Name lines in one row above the axes, where they hide nothing."""
    box = axes.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.005), ncols=columns, frameon=False, fontsize=SMALL,
        labelcolor=theme.ink, handlelength=2.2, columnspacing=1.6, borderaxespad=0.0, borderpad=0.2,
    )  # fmt: skip
    for text in box.get_texts():
        text.set_parse_math(False)
        text.set(**faces(text.get_text()))
        text.set_text(drawable(text.get_text()))


def _plain(value: float) -> str:
    """A mark of a logarithmic axis: without powers of ten, and short where there are many zeros."""
    text = f"{value / 1e6:,.6g} M" if value >= 1e6 else f"{value:,.6g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _tick(value: float, ticks: Any) -> str:
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(value) or 1.0
    if step < 1e-7 or max(abs(ticks[0]), abs(ticks[-1])) >= 1e8:
        return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
    decimals = int(max(0, np.ceil(-np.log10(step) - 1e-9)))
    decimals += int(abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6)
    return f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def _own_families() -> list[str]:
    from matplotlib import rcParams

    return list(rcParams["font.family"])


@cache
def _fallbacks() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    installed = {face.name for face in fontManager.ttflist}
    return tuple(name for name in FALLBACKS if name in installed)


def _font(family: str) -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family=[family])))
