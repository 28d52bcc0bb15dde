"""The picture of what lies beyond the last candle: candles, the forecast with its bands, and naive with its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from coincast.reports.canvas import (
    SMALL,
    WIDTH,
    add_axes,
    legend,
    name_axes,
    new_figure,
    price_axis,
    time_axis,
    write,
)
from coincast.reports.numbers import amount, model_name, things
from coincast.reports.palette import LIGHT, Palette
from coincast.reports.pictures_market import day, where
from coincast.reports.quantities import quantity_name, value_axis, value_unit
from coincast.reports.reading import subject_row
from coincast.reports.reading_outlook import Ahead, Band, look_ahead
from coincast.reports.story import Story

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 1.15  # right margin, where the last figures stand, inches
THICKEST = 6.0  # body of a candle, points


def draw_outlook(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the last candles and the forecast beyond them, with the naive forecast, and the bands of both."""
    ahead = look_ahead(story)
    if ahead is None:
        return None
    subtitle = f"{where(story)}. {outlook_text(ahead, story)}"
    figure = new_figure("What comes next, as the model sees it", subtitle, theme=theme, height=5.0)
    axes = add_axes(figure, theme, top=1.6, right=WIDE)
    handles = _draw_past(axes, ahead, theme)
    bands = _draw_bands(axes, ahead, theme)
    style: dict[str, Any] = {"linewidth": 1.8, "marker": "o", "markersize": 3, "gid": "model", "zorder": 4}
    handles += axes.plot(ahead.time, ahead.value, color=theme.model, label=model_name(ahead.model), **style)
    style = {"linewidth": 1.4, "dashes": (4, 2), "gid": "naive", "zorder": 5}
    handles += [*bands, *axes.plot(ahead.time, ahead.naive, color=theme.naive, label="naive", **style)]
    handles += _draw_naive_band(axes, ahead, theme)
    price_axis(axes)
    time_axis(axes, theme, np.r_[ahead.past_time, ahead.time], story.interval)
    name_axes(axes, theme, y=value_axis(story))
    _label_ends(axes, theme, float(ahead.value[-1]), float(ahead.naive[-1]))
    legend(axes, theme, handles, columns=6)
    return figure


def outlook_text(ahead: Ahead, story: Story) -> str:
    """Say what an outlook shows, where it ends, and what these settings were worth."""
    unit, row = value_unit(story), subject_row(story)
    first, last = day(ahead.time[-ahead.steps], story), day(ahead.time[-1], story)
    span = f"{things(ahead.steps, 'candle')} beyond the last, {first} to {last}"
    if story.quantity == "volatility":
        span = f"{value_axis(story).removesuffix(', %')} beyond the last, to {last}"
    text = f"{model_name(ahead.model)}: {span}.{_bands_text(ahead, story)}"
    own, naive = (_ends(bands) for bands in (ahead.bands, ahead.naive_bands))
    text += f" At the end {amount(ahead.value[-1], unit)}{own}, naive {amount(ahead.naive[-1], unit)}{naive}."
    known = row is not None and row["verdict"] and row["model"] == ahead.model
    return f"{text} Verdict of these settings on the test span: {row['verdict']}." if known and row else text


def _bands_text(ahead: Ahead, story: Story) -> str:
    if ahead.bands:
        shares = " and ".join(", ".join(words for words, _, _ in reversed(ahead.bands)).rsplit(", ", 1))
        return f" Its bands hold the price in {shares} of 100 cases, if its errors stay as they were."
    if ahead.low is None:
        return ""
    return f" The band: how far 90 % of its runs differ, not where the {quantity_name(story.quantity)} will be."


def _ends(bands: tuple[Band, ...]) -> str:
    """The last ends of the widest interval; empty without one, or where it reaches without end."""
    if not bands or not np.isfinite([bands[0][1][-1], bands[0][2][-1]]).all():
        return ""
    words, low, high = bands[0]
    return f" ({words} %: {amount(float(low[-1]))} to {amount(float(high[-1]))})"


def _draw_past(axes: Axes, ahead: Ahead, theme: Palette) -> list[Any]:
    """The last candles: hollow where the price rose, filled where it fell; a line where only closes are known."""
    if not ahead.past.size:
        return []
    if ahead.sticks is None:
        return list(axes.plot(ahead.past_time, ahead.past, color=theme.price, linewidth=1.3, label="price"))
    from matplotlib.patches import Patch

    sticks, slots = ahead.sticks, ahead.past.size + ahead.steps
    low, high = np.minimum(sticks.open, ahead.past), np.maximum(sticks.open, ahead.past)
    body = float(np.clip(0.62 * 72 * (WIDTH - WIDE - 0.75) / slots, 1.6, THICKEST))
    rose = ahead.past > sticks.open
    axes.vlines(ahead.past_time, sticks.low, sticks.high, color=theme.price, linewidth=0.8, zorder=2)
    axes.vlines(ahead.past_time, low, high, color=theme.price, linewidth=body, zorder=2.1)
    inside: dict[str, Any] = {"color": theme.card, "linewidth": body - 1.2, "zorder": 2.2}
    axes.vlines(ahead.past_time[rose], low[rose], high[rose], **inside)
    return [Patch(facecolor=theme.price, edgecolor=theme.price, label="candles")]


def _draw_bands(axes: Axes, ahead: Ahead, theme: Palette) -> list[Any]:
    """Nested bands of a calibrated interval; where there is none, the spread of the runs."""
    from matplotlib.patches import Patch

    for number, (_, low, high) in enumerate(ahead.bands):
        shade: dict[str, Any] = {"color": theme.model, "alpha": 0.16, "linewidth": 0, "zorder": 1 + 0.1 * number}
        axes.fill_between(ahead.time, low, high, **shade)
    if ahead.bands:
        names = ", ".join(words for words, _, _ in reversed(ahead.bands))
        return [Patch(color=theme.model, alpha=0.35, label=f"{names} %")]
    if ahead.low is None or ahead.high is None:
        return []
    axes.fill_between(ahead.time, ahead.low, ahead.high, color=theme.band, linewidth=0)
    return [Patch(color=theme.band, label="90 % of its runs")]


def _draw_naive_band(axes: Axes, ahead: Ahead, theme: Palette) -> list[Any]:
    """The edges of the widest naive interval."""
    if not ahead.naive_bands:
        return []
    words, low, high = ahead.naive_bands[0]
    style: dict[str, Any] = {"color": theme.naive, "linewidth": 0.9, "dashes": (2, 2), "gid": "naive_band", "zorder": 3}
    axes.plot(ahead.time, low, **style)
    return list(axes.plot(ahead.time, high, label=f"naive, {words} %", **style))


def _label_ends(axes: Axes, theme: Palette, value: float, naive: float) -> None:
    """Write the last figures beside their lines, apart from each other where the lines are close."""
    low, high = axes.get_ylim()
    gap = 0.06 * (high - low)
    middle, apart = (value + naive) / 2, max(abs(value - naive), gap) / 2
    up, down = (value, naive) if value >= naive else (naive, value)
    places = {up: middle + apart, down: middle - apart}
    for number, color, word in ((value, theme.model, ""), (naive, theme.muted, " naive")):
        place = places[number] if up != down else middle + (apart if word == "" else -apart)
        write(
            axes, 1.0, place, f"{amount(number)}{word}", color=color, va="center", transform=axes.get_yaxis_transform(),
            size=SMALL,
        )  # fmt: skip
