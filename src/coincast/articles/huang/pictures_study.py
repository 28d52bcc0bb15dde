"""Pictures of the regulariser study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.articles.huang.comparisons import describe_scores
from coincast.articles.huang.pictures import make_rows
from coincast.articles.huang.regularisers import SETTINGS, scores_of
from coincast.reports.boxes import draw_box
from coincast.reports.canvas import add_axes, log_axis, name_axes, new_figure, write
from coincast.reports.numbers import amount
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ON_LOG_AXIS = ("kernel", "activity")
"""Terms whose published box plot has a logarithmic axis."""
MEDIANS, WORDS = 1.2, 1.23
"""Where the column of medians ends and that of verdicts begins, as shares of the axes' width."""


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
    axes.axvline(persistence, color=theme.naive, linewidth=1.5, dashes=(3, 2), gid="naive")
    _draw_boxes(axes, groups, theme, unit=unit, log=True, dots=True)
    side = axes.get_yaxis_transform()
    for place, (name, values) in enumerate(groups.items()):
        median, color = amount(float(np.median(values))), theme.verdict(words.get(name))
        write(axes, MEDIANS, place, median, color=theme.ink, ha="right", va="center", transform=side)
        write(axes, WORDS, place, words.get(name, "the control"), color=color, va="center", transform=side)
    write(axes, MEDIANS, 1.01, "median", color=theme.ink, ha="right", transform=axes.transAxes)
    write(axes, persistence, 1.01, "last close", color=theme.ink, ha="center", transform=axes.get_xaxis_transform())
    return figure


def _draw_boxes(
    axes: Axes, groups: dict[str, NDArray[np.float64]], theme: Palette, *, unit: str, log: bool, dots: bool = False
) -> None:
    """A box for each group, its name at the left; `dots` draws every value, else those beyond the whiskers."""
    from matplotlib.ticker import EngFormatter

    make_rows(axes, theme, len(groups))
    for place, (name, values) in enumerate(groups.items()):
        finite = values[np.isfinite(values)]
        if finite.size:
            draw_box(axes, place, finite, line=theme.model, fill=theme.band, lies=True, only_outer=not dots)
        side = axes.get_yaxis_transform()
        write(axes, -0.01, place, name, color=theme.ink, ha="right", va="center", transform=side)
    if log:
        log_axis(axes.xaxis)
    else:
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    name_axes(axes, theme, x=f"squared error on the validation blocks, {unit}")
