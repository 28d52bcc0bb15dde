"""Pictures of the regulariser study and of the walk-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.articles.huang.comparisons import describe_scores
from coincast.articles.huang.regularisers import SETTINGS, scores_of
from coincast.reports.canvas import add_axes, name_axes, new_figure, percent_axis, write
from coincast.reports.numbers import amount, percent
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ON_LOG_AXIS = ("kernel", "activity")
"""Terms whose published box plot has a logarithmic axis."""


def draw_published_boxes(
    study: pl.DataFrame, term: str, unit: str, theme: Palette, *, title: str, caption: str
) -> Figure:
    """Draw boxes as the article drew them: of the eight rows of describe(), the count of repeats among them."""
    groups = {
        name: np.array(list(describe_scores(scores_of(study, term, name)).values()), dtype=float) for name in SETTINGS
    }
    figure = new_figure(title, caption, theme=theme, height=5.0)
    axes = add_axes(figure, theme, top=1.35, left=1.1, right=0.5)
    _draw_boxes(axes, groups, theme, unit=unit, log=term in ON_LOG_AXIS)
    return figure


def draw_raw_boxes(
    study: pl.DataFrame,
    term: str,
    persistence: float,
    words: dict[str, str],
    unit: str,
    theme: Palette,
    *,
    title: str,
    caption: str,
) -> Figure:
    """Draw boxes and dots of the raw scores, persistence as a line across, and the word of the rank test at the right.

    Args:
        study: as `run_study` gives it.
        term: which.
        persistence: squared error of the last close.
        words: of each setting (`compare_settings`).
        unit: of the error.
        theme: the colours.
        title, caption: of the picture.
    """
    groups = {name: scores_of(study, term, name) for name in SETTINGS}
    figure = new_figure(title, caption, theme=theme, height=5.0)
    axes = add_axes(figure, theme, top=1.45, left=1.1, right=2.75)
    _draw_boxes(axes, groups, theme, unit=unit, log=True, dots=True)
    side = axes.get_yaxis_transform()
    for place, (name, values) in enumerate(groups.items()):
        write(
            axes,
            1.01,
            place,
            f"median {amount(float(np.median(values)))}",
            color=theme.ink,
            va="center",
            transform=side,
        )
        color = theme.verdict(words.get(name))
        write(axes, 1.23, place, words.get(name, "the control"), color=color, va="center", transform=side)
    axes.axvline(persistence, color=theme.naive, linewidth=1.5, dashes=(3, 2), gid="naive")
    write(axes, persistence, 1.01, "last close", color=theme.ink, ha="center", transform=axes.get_xaxis_transform())
    return figure


def _draw_boxes(
    axes: Axes, groups: dict[str, NDArray[np.float64]], theme: Palette, *, unit: str, log: bool, dots: bool = False
) -> None:
    """A box for each group, its name at the left; `dots` draws every value, else those beyond the whiskers."""
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    if log:
        axes.set_xscale("log")
        axes.minorticks_off()
    else:
        from matplotlib.ticker import EngFormatter

        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    for place, (name, values) in enumerate(groups.items()):
        finite = values[np.isfinite(values)]
        if finite.size:
            _draw_box(axes, theme, place, finite, dots=dots)
        side = axes.get_yaxis_transform()
        write(axes, -0.01, place, name, color=theme.ink, ha="right", va="center", transform=side)
    name_axes(axes, theme, x=f"squared error on the validation blocks, {unit}")


def _draw_box(axes: Axes, theme: Palette, place: int, values: NDArray[np.float64], *, dots: bool) -> None:
    """A box of quartiles with whiskers to the farthest value within 1.5 of its length, as matplotlib has it."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    reach = 1.5 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    axes.plot([inside.min(), inside.max()], [place, place], color=theme.muted, linewidth=1.0, zorder=1)
    axes.barh(place, high - low, left=low, height=0.56, color=theme.band, zorder=2)
    axes.plot([median, median], [place - 0.28, place + 0.28], color=theme.model, linewidth=2.0, zorder=3)
    shown = values if dots else values[(values < inside.min()) | (values > inside.max())]
    spread = (
        place + 0.36 * (np.arange(shown.size) / max(shown.size - 1, 1) - 0.5) if dots else np.full(shown.size, place)
    )
    axes.plot(shown, spread, ".", color=theme.model, markersize=4, alpha=0.7, zorder=4)


def draw_months(partitions: pl.DataFrame, theme: Palette, *, title: str, caption: str) -> Figure:
    """Draw the skill of every partition of the walk-forward, the last close at zero."""
    figure = new_figure(title, caption, theme=theme, height=4.2)
    axes = add_axes(figure, theme, top=1.25)
    skill = partitions["skill, %"].to_numpy() / 100
    place = np.arange(1, skill.size + 1)
    axes.bar(place, skill, width=0.6, color=theme.model)
    axes.axhline(0, color=theme.naive, linewidth=1.5, dashes=(3, 2), gid="naive")
    reach = max(0.02, 1.35 * float(np.abs(skill).max()))
    axes.set(ylim=(-reach, reach), xlim=(0.4, skill.size + 0.6))
    labels = [f"{one:%Y-%m-%d}" for one in partitions["forecast from"].to_list()]
    axes.set_xticks(place[:: max(1, place.size // 8)], labels[:: max(1, place.size // 8)])
    for x, value in zip(place.tolist(), skill.tolist(), strict=True):
        above = value >= 0
        write(
            axes,
            x,
            value + (0.02 if above else -0.02) * reach,
            percent(value, signed=True),
            color=theme.ink,
            ha="center",
            va="bottom" if above else "top",
        )
    percent_axis(axes.yaxis, zero="naive", signed=True)
    name_axes(axes, theme, x="first forecast of the month", y="skill beside the last close")
    return figure
