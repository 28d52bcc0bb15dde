"""Pictures of the data, and of what the convolutional networks can see of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coincast.articles.huang.blocks import Blocks
from coincast.articles.huang.networks import architectures
from coincast.articles.huang.pictures import add_panels, unit_of
from coincast.articles.huang.published import HORIZON, LOOKBACK
from coincast.reports.canvas import add_axes, name_axes, new_figure, price_axis, time_axis, write
from coincast.reports.palette import Palette
from coincast.reports.thinning import thin

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_views(theme: Palette, *, title: str, caption: str) -> Figure:
    """Draw which of the 256 closes each of the 16 steps of the CNNs reads."""
    from coincast.models.forecaster import Axes as Sizes

    networks = [one for one in architectures() if one.kind == "CNN"]
    figure = new_figure(title, caption, theme=theme, height=4.4)
    panels = add_panels(figure, theme, len(networks), left=0.75, right=0.35, gap=0.55, top=1.5, bottom=0.65)
    for place, (axes, one) in enumerate(zip(panels, networks, strict=True)):
        reads: Sequence[range] = one.settings.visible(Sizes(LOOKBACK, 1, HORIZON))
        starts = [rows[0] for rows in reads]
        axes.barh(np.arange(1, HORIZON + 1), [len(rows) for rows in reads], left=starts, height=0.7, color=theme.model)
        axes.axvline(LOOKBACK - 1, color=theme.naive, linewidth=1.6, dashes=(3, 2), gid="naive")
        axes.set(xlim=(-4, LOOKBACK + 4), ylim=(HORIZON + 0.7, 0.3))
        axes.set(xticks=[0, 64, 128, 192, LOOKBACK - 1], yticks=[1, 4, 8, 12, HORIZON])
        axes.grid(visible=False, axis="y")
        name, side = f"CNN {one.layers}", axes.transAxes
        write(axes, 0.5, 1.03, name, color=theme.ink, ha="center", weight="bold", transform=side)
        name_axes(axes, theme, x=f"close of the window, {LOOKBACK - 1} is the last", y="" if place else "step")
    return figure


def draw_split(blocks: Blocks, theme: Palette, *, title: str, caption: str) -> Figure:
    """Draw the price with its training and validation blocks, and the least and largest close that scale both."""
    time, border = blocks.times, int(blocks.validation.starts[0])
    figure = new_figure(title, caption, theme=theme)
    axes = add_axes(figure, theme, top=1.45, right=1.3)
    for first, end, color in ((0, border, theme.muted), (border, len(blocks.close), theme.price)):
        kept = thin(blocks.close[first:end]) + first
        axes.plot(time[kept], blocks.close[kept], color=color, linewidth=1.1)
    axes.axvspan(time[border], time[-1], color=theme.rule, alpha=0.7, linewidth=0, zorder=0)
    for value, word in ((blocks.low, "0 of the scale"), (blocks.low + blocks.reach, "1 of the scale")):
        axes.axhline(value, color=theme.naive, linewidth=1.0, dashes=(1, 2))
        write(axes, 1.01, value, word, color=theme.muted, va="center", transform=axes.get_yaxis_transform())
    for share, word in ((border / 2, "training"), ((border + len(time)) / 2, "held back")):
        write(axes, time[int(share)], 0.95, word, color=theme.muted, ha="center", transform=axes.get_xaxis_transform())
    price_axis(axes)
    time_axis(axes, theme, time, blocks.interval)
    name_axes(axes, theme, y=f"close, {unit_of(blocks)}")
    return figure
