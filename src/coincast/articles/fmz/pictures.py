"""Pictures of the candles, the network and its forecasts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from coincast.articles.fmz import published
from coincast.articles.fmz.directions import LAST_CLOSE
from coincast.articles.fmz.frames import finish_prices
from coincast.articles.fmz.hours import LENGTH, Hours
from coincast.articles.fmz.networks import Learnt
from coincast.reports.canvas import add_axes, legend, log_axis, name_axes, name_ends, new_figure, write
from coincast.reports.numbers import amount
from coincast.reports.palette import Palette
from coincast.reports.thinning import thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXPLAINED = 3
"""Windows of the picture that explains the formula."""
BLOCK = 20
"""Windows whose errors are averaged."""
BOX, TALL = 1.5, 1.1
RIGHT, UP = BOX + 0.85, BOX + 0.55
"""Of the tutorial's network: width and height of a box, and from one box to the next."""


def draw_unrolled(theme: Palette, *, title: str, caption: str) -> Figure:
    """The tutorial's network, one box for each layer and time step; what `output` holds, and what `h_n` holds."""
    time, layers = published.TUTORIAL_TIME, published.TUTORIAL_LAYERS
    figure = new_figure(title, caption, theme=theme, height=4.9)
    axes = figure.add_axes((0.03, 0.02, 0.94, 0.78), facecolor=theme.card)
    axes.set_xlim(-2.6, time * RIGHT + 1.6)
    axes.set_ylim(-1.35, layers * UP + 0.75)
    axes.axis("off")
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    for layer in range(layers):
        height = layer * UP + TALL / 2
        write(axes, -0.6, height, f"h_0, c_0\nlayer {layer + 1}", color=theme.muted, ha="right", va="center")
        for step in range(time):
            _draw_step(axes, theme, layer, step)
            words = f"layer {layer + 1}\nstep {step + 1}"
            write(axes, step * RIGHT + BOX / 2, height, words, color=theme.ink, **middle)
    for step in range(time):
        write(axes, step * RIGHT + BOX / 2, -0.85, f"x, step {step + 1}", color=theme.muted, **middle)
    end = (time - 1) * RIGHT + BOX
    write(axes, end + 0.35, UP * layers / 2, "h_n, c_n:\nthe filled\nboxes", color=theme.ink, va="center")
    words = "output: the top layer (blue frames) after every step"
    write(axes, end / 2, layers * UP + 0.3, words, color=theme.model, ha="center", weight="bold")
    return figure


def _draw_step(axes: Axes, theme: Palette, layer: int, step: int) -> None:
    """One box with the arrows into it, and out of it where it is of the top layer."""
    from matplotlib.patches import FancyBboxPatch

    x, y = step * RIGHT, layer * UP
    is_end, is_top = step == published.TUTORIAL_TIME - 1, layer == published.TUTORIAL_LAYERS - 1
    box = FancyBboxPatch(
        (x, y), BOX, TALL, boxstyle="round,pad=0,rounding_size=0.12", linewidth=2 if is_top else 1,
        facecolor=theme.band if is_end else theme.card, edgecolor=theme.model if is_top else theme.naive,
    )  # fmt: skip
    axes.add_patch(box)
    middle = x + BOX / 2
    ways = [((x - 0.6, y + TALL / 2), (x, y + TALL / 2)), ((middle, y - 0.55), (middle, y))]
    if is_top:
        ways.append(((middle, y + TALL), (middle, y + TALL + 0.55)))
    for begin, end in ways:
        axes.annotate("", end, begin, arrowprops={"arrowstyle": "-|>", "color": theme.muted, "linewidth": 1.0})


def draw_span(hours: Hours, theme: Palette, *, title: str, caption: str) -> Figure:
    """The close over the whole span, with what is learnt, what the formula scores, and the rest."""
    figure = new_figure(title, caption, theme=theme, height=4.4)
    axes = add_axes(figure, theme, top=1.15)
    times, close = hours.times, hours.close
    kept = thin(close)
    axes.plot(times[kept], close[kept], color=theme.price, linewidth=1.0)
    ends = [0, hours.first_origin, hours.scored_starts()[-1] + LENGTH, len(close) - 1]
    names = [f"learnt from: {hours.training:,} windows", f"scored: {hours.scored:,}", "rest"]
    for number, (first, last) in enumerate(pairwise(ends)):
        if number == 1:
            axes.axvspan(times[first], times[last], color=theme.rule, alpha=0.7, linewidth=0, zorder=0)
        middle = times[first] + (times[last] - times[first]) / 2
        if last - first > 0.05 * len(close):
            side = axes.get_xaxis_transform()
            write(axes, middle, 0.97, names[number], color=theme.muted, ha="center", va="top", transform=side)
    finish_prices(axes, theme, hours, times, room=0.08)
    return figure


def draw_losses(learnt: Learnt, naive: float, theme: Palette, *, title: str, caption: str) -> Figure:
    """The loss of every run by epoch on a logarithmic axis, beside what a copy of the last close scores."""
    figure = new_figure(title, caption, theme=theme, height=4.4)
    axes = add_axes(figure, theme, top=1.35, right=1.9)
    epochs = np.arange(1, learnt.losses.shape[1] + 1)
    for losses in learnt.losses:
        axes.plot(epochs, losses, color=theme.model, linewidth=0.6, alpha=0.35)
    middle = np.median(learnt.losses, axis=0)
    axes.plot(epochs, middle, color=theme.model, linewidth=2.0)
    axes.axhline(naive, color=theme.naive, linewidth=1.4, dashes=(4, 2), gid="naive")
    log_axis(axes.yaxis)
    axes.set_xlim(1, len(epochs))
    name_axes(axes, theme, x="epoch", y="mean squared error, standardised, logarithmic")
    name_ends(axes, theme, [(middle[-1], f"LSTM, median {middle[-1]:.6f}"), (naive, f"last close {naive:.6f}")])
    return figure


def draw_windows(
    hours: Hours, learnt: Learnt, windows: slice, theme: Palette, *, border: bool, title: str, caption: str
) -> Figure:
    """Last-step forecasts of jumping windows against their targets, with the last close that each of them knew."""
    figure = new_figure(title, caption, theme=theme, height=4.8)
    axes = add_axes(figure, theme, top=1.45)
    starts = hours.jumping_starts()[windows]
    actual, last = hours.close[starts + LENGTH], hours.close[starts + LENGTH - 1]
    runs, times = learnt.prices[:, starts], hours.times[starts + LENGTH]
    kept = thin(actual, runs.mean(axis=0))
    band = axes.fill_between(
        times[kept], runs.min(axis=0)[kept], runs.max(axis=0)[kept], color=theme.band, linewidth=0, label="all runs"
    )
    (price,) = axes.plot(times[kept], actual[kept], color=theme.price, linewidth=1.2, label="price", zorder=3)
    (model,) = axes.plot(times[kept], runs.mean(axis=0)[kept], color=theme.model, linewidth=1.3, label="LSTM", zorder=4)
    style: dict[str, Any] = {"color": theme.naive, "dashes": (3, 2), "zorder": 5, "gid": "naive"}
    (naive,) = axes.plot(times[kept], last[kept], linewidth=0.9, label="last close", **style)
    if border:
        _mark_border(hours, axes, theme)
    finish_prices(axes, theme, hours, times)
    legend(axes, theme, [price, model, band, naive])
    return figure


def _mark_border(hours: Hours, axes: Axes, theme: Palette) -> None:
    """Where training ends, and the highest close that it knew."""
    place, highest = hours.times[hours.first_origin], hours.highest_learnt
    axes.axvline(place, color=theme.ink, linewidth=1.0, gid="border")
    words = f" window {hours.training:,}: unseen from here "
    write(axes, place, 0.02, words, color=theme.ink, ha="right", transform=axes.get_xaxis_transform())
    axes.axhline(highest, color=theme.undecided, linewidth=1.0, dashes=(1, 2))
    words = f"highest close of the training rows: {amount(highest)}"
    write(axes, 0.01, highest, words, color=theme.undecided, va="bottom", transform=axes.get_yaxis_transform())


def draw_window_errors(
    hours: Hours, forecasts: dict[str, Float[np.ndarray, "start"]], theme: Palette, *, title: str, caption: str
) -> Figure:
    """Mean absolute errors over blocks of jumping windows, beside those of the last close; NaN where none is made."""
    figure = new_figure(title, caption, theme=theme, height=4.8)
    axes = add_axes(figure, theme, top=1.45)
    starts = hours.jumping_starts()
    starts = starts[: len(starts) // BLOCK * BLOCK]
    times = hours.times[starts + LENGTH].reshape(-1, BLOCK)[:, BLOCK // 2]
    colours = dict(zip(forecasts, (theme.naive, theme.model, theme.better), strict=False))
    handles = []
    for name, forecast in forecasts.items():
        errors = np.abs(forecast[starts] - hours.close[starts + LENGTH]).reshape(-1, BLOCK).mean(axis=1)
        style = {"dashes": (4, 2), "gid": "naive", "zorder": 5} if name == LAST_CLOSE else {"zorder": 3}
        handles += axes.plot(times, errors, color=colours[name], linewidth=1.6, label=name, **style)
    axes.set_ylim(bottom=0)
    place = hours.times[hours.first_origin]
    axes.axvline(place, color=theme.ink, linewidth=1.0, gid="border")
    write(axes, place, 0.97, " unseen from here", color=theme.ink, va="top", transform=axes.get_xaxis_transform())
    finish_prices(axes, theme, hours, times, what="mean |forecast - close|")
    legend(axes, theme, handles)
    return figure


def draw_jump(hours: Hours, theme: Palette, *, title: str, caption: str) -> Figure:
    """Three neighbouring windows of the score: from which close the formula counts, and what was known by then."""
    figure = new_figure(title, caption, theme=theme, height=4.6)
    axes = add_axes(figure, theme, top=1.45)
    starts = _telling_windows(hours)
    rows = np.arange(starts[0], starts[-1] + LENGTH + 1)
    times = hours.times
    axes.plot(times[rows], hours.close[rows], color=theme.price, linewidth=1.0, marker=".", markersize=4)
    for number, start in enumerate(starts):
        base, known, target = start, start + LENGTH - 1, start + LENGTH
        axes.axvspan(times[base], times[known], color=theme.band, alpha=0.8, linewidth=0, zorder=0)
        axes.plot(times[base], hours.close[base], "s", color=theme.worse, markersize=7, zorder=4)
        axes.plot(times[known], hours.close[known], "o", color=theme.naive, markersize=7, zorder=4)
        axes.plot(
            times[target], hours.close[target], "D", color=theme.ink, markersize=11, zorder=6, markerfacecolor="none",
            markeredgewidth=1.6,
        )  # fmt: skip
        if number == 1:
            middle = times[base] + (times[known] - times[base]) / 2
            words, side = f"{LENGTH - 1} moves: known\nwhen it forecasts", axes.get_xaxis_transform()
            write(axes, middle, 0.03, words, color=theme.model, ha="center", transform=side, linespacing=1.3)
    finish_prices(axes, theme, hours, times[rows], room=0.12)
    legend(axes, theme, _jump_handles(theme), columns=4)
    return figure


def _telling_windows(hours: Hours) -> Int[np.ndarray, "window"]:
    """Starts of the neighbouring windows of the score whose mean move is nearest to the median one."""
    starts = hours.scored_starts()
    moves = np.abs(hours.close[starts + LENGTH] - hours.close[starts])
    groups = np.lib.stride_tricks.sliding_window_view(moves, EXPLAINED).mean(axis=1)
    first = int(np.argmin(np.abs(groups - np.median(groups))))
    return starts[first : first + EXPLAINED]


def _jump_handles(theme: Palette) -> list[Any]:
    from matplotlib.lines import Line2D

    marks: tuple[dict[str, Any], ...] = (
        {"marker": "s", "color": theme.worse, "label": "the formula counts from here"},
        {"marker": "o", "color": theme.naive, "label": "last close known"},
        {"marker": "D", "color": theme.ink, "label": "target", "fillstyle": "none"},
    )
    return [Line2D([], [], linestyle="", markersize=7, **mark) for mark in marks]
