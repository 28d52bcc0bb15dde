"""A drawing for a page: without what the page says in its own words, and laid out anew where there is little room.

Margins keep their width, for they hold type; what shrinks is the axes between them. Ticks that would touch are spared.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from coincast.reports.canvas import WIDTH
from coincast.reports.thinning import thin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INDENT = 0.25 / WIDTH
"""Where title and subtitle of a sheet begin, as a share of its width."""
LEAST_AXES = 2.1
"""Inches that the axes of a narrow drawing have together, at least."""
MOST_POINTS = 1600
"""Points of a line that a page shows; of more, the extremes are kept."""
MOST_DOTS = 1500
"""Dots that are drawn one by one; more become one picture."""
CORNERS = 8
"""Corners of areas that weigh as much as one dot."""
GAP = 10.0
"""Dots between two names of ticks, at least."""
THINNER = 0.75
"""What lines on a narrow sheet have of their width."""
SLACK = 1e-6
"""Difference below which two places are the same."""
AIR = 0.06
"""Inches left around what is drawn."""


def take_heading(figure: Figure) -> str:
    """Take title and subtitle off a sheet of `canvas.new_figure`, and return the subtitle on one line.

    A drawing that was made in another way keeps all that is written on it.
    """
    heading = figure.texts[:2]
    if len(heading) < 2 or any(abs(text.get_position()[0] - INDENT) > SLACK for text in heading):
        return ""
    words = " ".join(str(heading[1].get_text()).split())
    for text in heading:
        text.remove()
    return words


def take_legends(figure: Figure) -> list[tuple[Any, str]]:
    """Take all legends off a figure, and return each handle with its words, none of them twice."""
    legends = [*figure.legends, *(found for axes in _all_axes(figure) if (found := axes.get_legend()) is not None)]
    entries: dict[str, Any] = {}
    for legend in legends:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            entries.setdefault(text.get_text(), handle)
        legend.remove()
    return [(handle, words) for words, handle in entries.items()]


def lighten(figure: Figure) -> None:
    """Thin lines of thousands of points without losing an extreme, and make thousands of dots one picture."""
    for axes in _all_axes(figure):
        for line in axes.lines:
            points = np.ma.filled(np.ma.asarray(line.get_xydata(), dtype=np.float64), np.nan)
            if line.get_linestyle() in ("None", "none", "", " "):
                line.set_rasterized(len(points) > MOST_DOTS)
            elif len(points) > MOST_POINTS:
                line.set_data(*points[thin(points[:, 1], most=MOST_POINTS)].T)
        for collection in axes.collections:
            corners = sum(len(np.asarray(path.vertices)) for path in collection.get_paths())
            dots = len(np.asarray(collection.get_offsets()))
            collection.set_rasterized(max(dots, corners // CORNERS) > MOST_DOTS)


def narrow(figure: Figure, width: float) -> None:
    """Lay a figure out on a narrower sheet: what is between its axes stays as wide as it is, so does what is written.

    Args:
        figure: changed in place.
        width: wanted of what is drawn, inches; a figure whose margins and words need more becomes less narrow.
    """
    old, height = figure.get_size_inches()
    spans = _covered([axes.get_position(original=True).intervalx * old for axes in figure.axes])
    covered = sum(last - first for first, last in spans)
    needed = _width_of_words(figure, spans)
    drawn = figure.get_tightbbox(_renderer(figure))
    unused = max(0.0, drawn.x0) + max(0.0, old - drawn.x1)
    new = min(old, max(width + unused, old - covered + needed))
    if covered <= 0 or new >= old:
        return
    edges = [0.0, *(edge for span in spans for edge in span), old]
    share = (new - (old - covered)) / covered
    steps = [(b - a) * (share if number % 2 else 1.0) for number, (a, b) in enumerate(pairwise(edges))]
    places = np.concatenate([[0.0], np.cumsum(steps)])

    def move(x: float) -> float:
        return float(np.interp(x * old, edges, places) / new)

    boxes = [(axes, axes.get_position(original=True)) for axes in figure.axes]
    figure.set_size_inches(new, height)
    for axes, box in boxes:
        left, right = move(box.x0), move(box.x1)
        axes.set_position((left, box.y0, right - left, box.height))
        _keep_words_outside(axes, grown=box.width * old / ((right - left) * new))
    for text in figure.texts:
        text.set_x(move(text.get_position()[0]))
    for axes in _all_axes(figure):
        for line in axes.lines:
            line.set_linewidth(line.get_linewidth() * THINNER)


def _keep_words_outside(axes: Any, *, grown: float) -> None:
    """Leave words beside axes as far from them as they were, though the unit that counts it has shrunk."""

    def place(x: float) -> float:
        return 1 + (x - 1) * grown if x > 1 else x * grown if x < 0 else x

    by_axes = (axes.transAxes, axes.get_yaxis_transform())
    for text in axes.texts:
        if getattr(text, "xycoords", None) == "axes fraction":
            text.xy = (place(text.xy[0]), text.xy[1])
        elif any(text.get_transform() == transform for transform in by_axes):
            text.set_x(place(text.get_position()[0]))


def _width_of_words(figure: Figure, spans: list[tuple[float, float]]) -> float:
    """Inches that axes need together so that what is written in them, and below them, does not reach into others."""
    renderer, dpi = _renderer(figure), figure.dpi
    old = figure.get_size_inches()[0]
    needed = 0.0
    for first, last in spans:
        inside = [axes for axes in figure.axes if first <= axes.get_position().x0 * old + SLACK <= last]
        widths = [LEAST_AXES if len(spans) == 1 else 0.0]
        for axes in inside:
            words = [axes.title, axes.xaxis.label, *axes.texts] if len(spans) > 1 else axes.texts
            boxes = [word.get_window_extent(renderer) for word in words if word.get_text() and word.get_visible()]
            middles = [(box, (box.x0 + box.x1) / 2 / dpi) for box in boxes]
            widths += [box.width / dpi for box, middle in middles if first <= middle <= last]
        # Without an axis its places are those of what is drawn: boxes with words in them.
        needed += min(max(widths), last - first) if all(axes.axison for axes in inside) else last - first
    return max(needed, LEAST_AXES)


def spare_ticks(figure: Figure) -> None:
    """Leave out dates and numbers below an axis that would touch one another; names are turned instead."""
    from matplotlib.category import StrCategoryLocator
    from matplotlib.ticker import FixedLocator

    renderer = _renderer(figure)
    for axes in _all_axes(figure):
        axes.xaxis.get_tightbbox(renderer)  # puts its ticks where they belong by now
        first, last = axes.bbox.x0 - 1, axes.bbox.x1 + 1
        labels = [tick.label1 for tick in axes.xaxis.get_major_ticks() if tick.label1.get_visible()]
        boxes = [(label.get_window_extent(renderer), label) for label in labels if label.get_text()]
        shown = sorted(
            ((box.x0, box.x1, label) for box, label in boxes if first <= (box.x0 + box.x1) / 2 <= last),
            key=lambda place: place[:2],
        )
        if any(label.get_rotation() for *_, label in shown) or not _touch(shown):
            continue
        if isinstance(axes.xaxis.get_major_locator(), FixedLocator | StrCategoryLocator):
            for *_, label in shown:
                label.set(rotation=40, ha="right", rotation_mode="anchor")
            continue
        apart = next(step for step in range(2, len(shown) + 1) if not _touch(shown[::step]))
        for number, (*_, label) in enumerate(shown):
            label.set_visible(number % apart == 0)


def frame(figure: Figure, *, is_narrow: bool = False) -> Any:
    """Return the part of a sheet that is drawn on, as `savefig` takes it.

    Args:
        figure: all of its width is kept, so that pictures below one another are of one scale.
        is_narrow: what its margins leave empty is cut off at the sides, too.
    """
    from matplotlib.transforms import Bbox

    width, _ = figure.get_size_inches()
    drawn = figure.get_tightbbox(_renderer(figure))
    left, right = drawn.x0 - AIR, drawn.x1 + AIR
    if not is_narrow:
        left, right = min(0.0, left), max(width, right)
    return Bbox([[left, drawn.y0 - AIR], [right, drawn.y1 + AIR]])


def _renderer(figure: Figure) -> Any:
    return figure.canvas.get_renderer()  # type: ignore[attr-defined]


def _all_axes(figure: Figure) -> Iterator[Any]:
    """Axes of a figure, and those set into them."""
    for axes in figure.axes:
        yield axes
        yield from axes.child_axes


def _covered(spans: list[Any]) -> list[tuple[float, float]]:
    """Join intervals that overlap, from left to right."""
    joined: list[tuple[float, float]] = []
    for first, last in sorted((float(first), float(last)) for first, last in spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _touch(places: list[tuple[float, float, Any]]) -> bool:
    """Whether words that follow one another leave less than a gap of a few points."""
    return any(other[0] - one[1] < GAP for one, other in pairwise(places))
