"""The drawn graph of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coincast.reports.palette import LIGHT, Palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_network(
    title: str, layers: Sequence[tuple[str, str, tuple[int, ...], int]], *, theme: Palette = LIGHT
) -> Figure:
    """Draw a network as a column of boxes, input on top.

    Args:
        title: a line above the picture.
        layers: name, kind, shape and number of trained parameters of each layer, from the input on; an empty shape is
            not shown.
        theme: colours.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch

    height = 0.9 + 0.95 * len(layers)
    figure = Figure(figsize=(6.4, height), facecolor=theme.card)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 6.4), ylim=(0, height))
    axes.axis("off")
    axes.text(0.4, height - 0.4, title, color=theme.ink, fontsize=12, fontweight="bold", va="center")
    for number, (name, kind, shape, parameters) in enumerate(layers):
        top = height - 0.8 - 0.95 * number
        box = FancyBboxPatch(
            (0.4, top - 0.62),
            5.6,
            0.62,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=theme.card,
            edgecolor=theme.rule,
            linewidth=1,
        )
        axes.add_patch(box)
        axes.text(0.6, top - 0.31, name, color=theme.ink, fontsize=11, fontweight="bold", va="center")
        axes.text(1.75, top - 0.31, kind, color=theme.ink, fontsize=10, va="center")
        if number:
            axes.annotate(
                "",
                (3.2, top),
                (3.2, top + 0.33),
                arrowprops={"arrowstyle": "-|>", "color": theme.muted, "linewidth": 1},
            )
        size = " x ".join(str(side) for side in shape)
        count = f"{parameters:,} parameters" if parameters else "no parameters"
        axes.text(5.85, top - 0.2, size, color=theme.ink, fontsize=10, va="center", ha="right")
        axes.text(5.85, top - 0.44, count, color=theme.muted, fontsize=8.5, va="center", ha="right")
    return figure
