"""The drawn graph of a network."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coincast.reports.canvas import BODY, DPI, SMALL, write
from coincast.reports.numbers import MINUS, things
from coincast.reports.palette import LIGHT, Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, MARGIN, PAD = 6.4, 0.4, 0.2  # of the sheet, inches
BOX, GAP = 0.72, 0.34
LINE = 0.24
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def draw_network(
    title: str, layers: Sequence[tuple[str, str, tuple[int, ...], int]], *, theme: Palette = LIGHT
) -> Figure:
    """Draw a network as a column of boxes, input on top.

    Names and kinds that are too long for a box end in an ellipsis; they never run into shapes and counts.

    Args:
        title: a line above the picture, broken where it is long.
        layers: name, kind, shape and number of trained parameters of each layer, from the input on; an empty shape is
            not shown.
        theme: colours.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heading = textwrap.wrap(title, 54)[:3]
    head = 0.4 + LINE * len(heading)
    height = head + (BOX + GAP) * len(layers) + 0.1
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=theme.card)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    for number, line in enumerate(heading):
        text = write(axes, MARGIN, height - 0.4 - LINE * number, line, size=12, color=theme.ink, weight="bold")
        text.set_verticalalignment("center")
        _fit(text, WIDTH - 2 * MARGIN)
    for number, layer in enumerate(layers):
        top = height - head - (BOX + GAP) * number
        _draw_layer(axes, theme, top, *layer)
        if number:
            style = {"arrowstyle": "-|>", "color": theme.muted, "linewidth": 1, "shrinkA": 1, "shrinkB": 1}
            axes.annotate("", (WIDTH / 2, top), (WIDTH / 2, top + GAP), arrowprops=style)
    return figure


def _draw_layer(
    axes: Axes, theme: Palette, top: float, name: str, kind: str, shape: tuple[int, ...], parameters: int
) -> None:
    """Draw one box: what it is on the left, shape and parameters on the right, the left as wide as the right allows."""
    from matplotlib.patches import FancyBboxPatch

    corner: dict[str, Any] = {
        "boxstyle": "round,pad=0,rounding_size=0.08",
        "facecolor": theme.card,
        "edgecolor": theme.naive,
    }
    axes.add_patch(FancyBboxPatch((MARGIN, top - BOX), WIDTH - 2 * MARGIN, BOX, linewidth=1, **corner))
    size = " \N{MULTIPLICATION SIGN} ".join(f"{side:,}".replace("-", MINUS) for side in shape)
    number = things(parameters, "parameter") if parameters else "no parameters"
    left, right = MARGIN + PAD, WIDTH - MARGIN - PAD
    rows = ((name, size, BODY + 1, theme.ink, "bold", 0.24), (kind, number, SMALL + 0.5, theme.muted, "normal", 0.5))
    for words, figure, points, color, weight, down in rows:
        place = top - down
        beside = write(axes, right, place, figure, size=SMALL + 0.5, color=color, ha="right", va="center")
        text = write(axes, left, place, words, size=points, color=theme.ink, weight=weight, va="center")
        _fit(text, right - left - _width(beside) - PAD)


def _fit(text: Any, most: float) -> None:
    """Cut a text at its end until it is no wider than so many inches."""
    whole = text.get_text()

    def fits(kept: int) -> bool:
        text.set_text(whole if kept == len(whole) else whole[:kept].rstrip() + ELLIPSIS)
        return _width(text) <= 0.97 * most  # other resolutions set type a little wider

    if fits(len(whole)):
        return
    low, high = 0, len(whole) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    fits(low)


def _width(text: Any) -> float:
    return float(text.get_window_extent().width / text.figure.dpi)
