"""A box of raw values, upright or lying: quartiles, the middle one, whiskers, and the values themselves as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THICK = 0.56
WHISKER = 1.5
"""A whisker reaches to the outermost value within so many lengths of the box, as matplotlib has it."""


def draw_box(
    axes: Axes,
    place: float,
    values: NDArray[np.float64],
    *,
    line: str,
    fill: str,
    lies: bool = False,
    only_outer: bool = False,
) -> None:
    """Draw one box at a place of the axis of names.

    Args:
        axes: where.
        place: of its middle.
        values: finite numbers, one at least.
        line, fill: colours of whiskers, middle and dots, and of the box.
        lies: values run from left to right; else from below upwards.
        only_outer: dots only for values beyond the whiskers; else for all, spread so that none hides another.
    """
    values = np.sort(values)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    reach = WHISKER * (high - low)
    is_inside = (values >= low - reach) & (values <= high + reach)

    def plot(along: Any, across: Any, *marker: str, **style: Any) -> None:
        axes.plot(*((along, across) if lies else (across, along)), *marker, color=line, **style)

    for end, edge in ((values[is_inside][0], low), (values[is_inside][-1], high)):
        plot([end, edge], [place, place], linewidth=1.3, zorder=2)
    if lies:
        axes.barh([place], [high - low], THICK, left=low, color=fill, zorder=2)
    else:
        axes.bar([place], [high - low], THICK, bottom=low, color=fill, zorder=2)
    plot([middle, middle], [place - THICK / 2, place + THICK / 2], linewidth=2.4, zorder=4)
    shown = values[~is_inside] if only_outer else values
    order = np.random.default_rng(0).permutation(shown.size)
    spread = 0.0 if only_outer else 0.3 * (order / max(shown.size - 1, 1) - 0.5)
    plot(shown, place + spread * np.ones(shown.size), ".", markersize=5, alpha=0.7, zorder=3)
