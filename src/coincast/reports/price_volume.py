"""A price above what was traded, 3 to 1, on one axis of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coincast.reports.canvas import add_axes, name_axes, new_figure, price_axis, time_axis, write
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCALES = ((1e9, "bn"), (1e6, "m"), (1e3, "thousand"), (1.0, ""))
HEIGHT, HEAD, FOOT = 5.4, 1.15, 0.62
UPPER, GAP = 2.4, 0.4
"""Inches: of the sheet, above the price and below the volume; of the price, and between both."""


def draw_price_volume(
    title: str,
    subtitle: str,
    theme: Palette,
    *,
    time: NDArray[np.datetime64],
    interval: str,
    price: NDArray[np.float64],
    price_name: str,
    volume: NDArray[np.float64] | None,
    volume_name: str,
    logo: str = "",
) -> tuple[Figure, Axes, Axes]:
    """Draw both, one value a candle.

    Args:
        title, subtitle, theme: of the sheet.
        time: where each candle stands.
        interval: of the candles.
        price, price_name: the upper line, and what it is, with its unit.
        volume: the lower bars; None where it is not known.
        volume_name: what they count, with `{scale}` for the power of ten: "volume, {scale} USD".
        logo: large and faint behind the price.

    Returns:
        The sheet, and its upper and its lower axes.
    """
    figure = new_figure(title, subtitle, theme=theme, height=HEIGHT)
    upper = add_axes(figure, theme, top=HEAD, bottom=HEIGHT - HEAD - UPPER)
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    write(
        upper, 0.5, 0.5, logo, size=64, color=theme.rule, weight="bold", transform=upper.transAxes, zorder=0, **middle
    )
    upper.plot(time, price, color=theme.price, linewidth=1.2)
    price_axis(upper)
    time_axis(upper, theme, time, interval, label=False)
    upper.tick_params(labelbottom=False)
    name_axes(upper, theme, y=price_name)
    lower = add_axes(figure, theme, top=HEAD + UPPER + GAP, bottom=FOOT)
    if volume is None:
        write(lower, 0.5, 0.5, "volume is not known", color=theme.muted, transform=lower.transAxes, **middle)
        lower.set_yticks([])
    else:
        factor, word = next((scale for scale in SCALES if np.nanmax(volume) >= scale[0]), SCALES[-1])
        lower.vlines(time, 0, volume / factor, color=theme.naive, linewidth=1.0)
        lower.set_ylim(bottom=0)
        price_axis(lower)
        name_axes(lower, theme, y=" ".join(volume_name.format(scale=word).split()))
    time_axis(lower, theme, time, interval)
    return figure, upper, lower
