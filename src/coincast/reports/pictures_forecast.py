"""Pictures of forecasts: against what happened, and their error by date.

No picture here is drawn without the naive line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coincast.reports.canvas import (
    BODY,
    SMALL,
    WIDTH,
    add_axes,
    legend,
    name_axes,
    new_figure,
    percent_axis,
    price_axis,
    time_axis,
    write,
)
from coincast.reports.numbers import amount, error, model_name, quote_currency
from coincast.reports.palette import LIGHT, Palette
from coincast.reports.pictures_market import shorten, spell_forecasts, where
from coincast.reports.quantities import error_axis, is_share, truth_name, value_axis
from coincast.reports.reading import (
    Lines,
    drawn_time,
    forecast_lines,
    losses,
    metric_row,
    subject_row,
)
from coincast.reports.story import Story
from coincast.reports.thinning import thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 1.15  # right margin of a panel with a scale bar, inches


def draw_forecast(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw forecast, naive and price over the test span, and below it the liveliest stretch enlarged."""
    lines = forecast_lines(story)
    if lines is None or lines.time.size < 2:
        return None
    title = "What it said, and what happened"
    figure = new_figure(title, _subtitle(lines, story), theme=theme, height=6.6, letters=92)
    upper = add_axes(figure, theme, bottom=2.95, top=1.25)
    _draw_lines(upper, lines, theme, np.arange(lines.time.size), story)
    price_axis(upper)
    time_axis(upper, theme, lines.time, story.interval, label=False)
    axis = value_axis(story)
    name_axes(upper, theme, y=axis)
    legend(upper, theme, _handles(story, lines, theme))
    inside = enlarged(lines, story)
    lower = add_axes(figure, theme, top=4.2, right=WIDE)
    _draw_lines(lower, lines, theme, inside, story)
    price_axis(lower)
    time_axis(lower, theme, lines.time[inside], story.interval)
    which = "last forecasts" if story.quantity == "direction" else "liveliest candles in a row"
    name_axes(lower, theme, y=f"{axis}: the {inside.size} {which}, enlarged")
    upper.axvspan(lines.time[inside[0]], lines.time[inside[-1]], color=theme.rule, alpha=0.7, linewidth=0, zorder=0)
    _annotate_error(figure, lower, story, lines, theme)
    return figure


def draw_errors(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the error that decides by date, beside naive's, and below it what was gained or lost in total."""
    row = subject_row(story)
    table = None if row is None else losses(story, row["model"])
    if row is None or table is None or table.height < 2:
        return None
    time = drawn_time(table["target_time"], story)
    own, naive = table["loss"].to_numpy(), table["naive_loss"].to_numpy()
    width = rolling_width(own.size)
    name = model_name(row["model"])
    subtitle = (
        f"{where(story)}. {spell_forecasts(time, story)}. "
        f"Mean error {error(row['value'], row['metric'])}, naive {error(row['naive'], row['metric'])}. "
        f"{'Lines' if story.quantity == 'direction' else 'Dots: each forecast; lines'}: mean of the last {width}."
    )
    figure = new_figure("When it was wrong", subtitle, theme=theme, height=6.0)
    upper = add_axes(figure, theme, bottom=2.6, top=1.5)
    kept = thin(own, naive)
    if story.quantity != "direction":  # a miss or none: dots would say nothing
        upper.plot(time[kept], own[kept], ".", color=theme.model, markersize=3.0, alpha=0.45, zorder=2)
    rolled = {"own": rolling_mean(own, width), "naive": rolling_mean(naive, width)}
    lines = thin(rolled["own"], rolled["naive"])
    (one,) = upper.plot(time[lines], rolled["own"][lines], color=theme.model, linewidth=1.6, label=name)
    (two,) = upper.plot(
        time[lines], rolled["naive"][lines], color=theme.naive, linewidth=1.6, dashes=(4, 2), label="naive", gid="naive"
    )
    upper.set_ylim(0, float(max(own.max(), naive.max())) * 1.05 or 1.0)
    if is_share(story):
        percent_axis(upper.yaxis, bins=5)
    else:
        price_axis(upper)
    time_axis(upper, theme, time, story.interval, label=False)
    name_axes(upper, theme, y=error_axis(story))
    legend(upper, theme, [one, two])
    _draw_balance(figure, theme, story, time, np.cumsum(naive - own))
    return figure


def enlarged(lines: Lines, story: Story) -> NDArray[np.int64]:
    """Choose the forecasts to enlarge: the liveliest stretch, of directions the last ones."""
    if story.quantity == "direction":
        return np.arange(max(0, lines.time.size - 40), lines.time.size)
    return liveliest(lines.actual)


def spell_step(lines: Lines) -> str:
    """Say how far ahead the drawn forecasts speak."""
    if lines.steps == 1:
        return "one step ahead"
    return f"over {lines.steps} candles" if lines.step == lines.steps else f"step {lines.step} of {lines.steps}"


def liveliest(actual: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose the stretch to enlarge: the run of candles with the largest total movement."""
    width = int(min(actual.size, np.clip(actual.size // 6, 20, 40)))
    moves = np.abs(np.diff(actual / np.maximum(np.abs(actual).mean(), 1e-300)))
    total = np.r_[0.0, np.cumsum(moves)]
    start = int(np.argmax(total[width - 1 :] - total[: total.size - width + 1]))
    return np.arange(start, start + width)


def rolling_width(size: int) -> int:
    """Return over how many forecasts errors are averaged for a line."""
    return max(2, min(size, max(7, size // 12)))


def rolling_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Average each value with those just before it; NaN until there are enough."""
    total = np.r_[0.0, np.cumsum(values)]
    return np.concatenate([np.full(width - 1, np.nan), (total[width:] - total[:-width]) / width])


def _draw_lines(axes: Axes, lines: Lines, theme: Palette, inside: NDArray[np.int64], story: Story) -> None:
    kept = inside[thin(lines.actual[inside], lines.value[inside], lines.naive[inside])]
    time = lines.time[kept]
    if lines.low is not None and lines.high is not None:
        axes.fill_between(time, lines.low[kept], lines.high[kept], color=theme.band, linewidth=0, zorder=1)
    axes.plot(time, lines.actual[kept], color=theme.price, zorder=3, gid="price", **_truth_style(story))
    axes.plot(time, lines.value[kept], color=theme.model, linewidth=1.5, zorder=4, gid="model")
    width = 1.2 if kept.size <= 400 else 0.8
    # On top: a model that copies the naive forecast must not hide it.
    axes.plot(time, lines.naive[kept], color=theme.naive, linewidth=width, dashes=(3, 2), zorder=5, gid="naive")


def _truth_style(story: Story) -> dict[str, Any]:
    """A line for what came; dots for directions, which jump between two values."""
    is_direction = story.quantity == "direction"
    return {"linestyle": "", "marker": ".", "markersize": 3.5} if is_direction else {"linewidth": 1.5}


def _handles(story: Story, lines: Lines, theme: Palette) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=theme.price, label=truth_name(story), **_truth_style(story)),
        Line2D([], [], color=theme.model, linewidth=1.6, label=model_name(lines.model)),
        Line2D([], [], color=theme.naive, linewidth=1.2, dashes=(3, 2), label="naive"),
    ]
    if lines.low is not None:
        handles.insert(2, Patch(color=theme.band, label=f"90 % of {lines.runs} runs"))
    return handles


def _annotate_error(figure: Figure, axes: Axes, story: Story, lines: Lines, theme: Palette) -> None:
    """Write the mean error from the score table, and draw naive's as a bar of its own height beside the prices."""
    row = metric_row(story, lines.model, "mae", step=lines.scored_step)
    if row is None or row["value"] is None:
        return
    unit = shorten(quote_currency(story.market), 10)
    edge, height = 1 - 0.25 / WIDTH, figure.get_size_inches()[1]
    text = f"MAE {amount(row['value'], unit)}"
    write(figure, edge, 1 - 0.36 / height, text, size=BODY + 2, color=theme.model, weight="bold", ha="right", gid="mae")
    naive = f"naive {amount(row['naive'], unit)}"
    write(figure, edge, 1 - 0.58 / height, naive, size=BODY, color=theme.muted, ha="right", gid="mae_naive")
    low, high = axes.get_ylim()
    middle, half = (low + high) / 2, row["naive"] / 2
    side = axes.get_yaxis_transform()
    axes.plot(
        [1.03, 1.03],
        [middle - half, middle + half],
        color=theme.naive,
        linewidth=4,
        solid_capstyle="butt",
        transform=side,
        clip_on=False,
    )
    note = f"naive's\nmean error\n{amount(row['naive'])}"
    write(axes, 1.05, middle, note, size=SMALL - 0.5, color=theme.muted, va="center", transform=side, linespacing=1.3)
    axes.set_ylim(min(low, middle - half), max(high, middle + half))


def _subtitle(lines: Lines, story: Story) -> str:
    ahead = spell_step(lines)
    return f"{where(story)}. {spell_forecasts(lines.time, story)}, {ahead}."


def _draw_balance(
    figure: Figure, theme: Palette, story: Story, time: NDArray[np.datetime64], balance: NDArray[np.float64]
) -> None:
    axes = add_axes(figure, theme, top=4.0)
    kept = thin(balance)
    when, gained = time[kept], balance[kept]
    axes.fill_between(when, 0, gained, where=gained >= 0, color=theme.better, alpha=0.25, linewidth=0, interpolate=True)
    axes.fill_between(when, 0, gained, where=gained <= 0, color=theme.worse, alpha=0.25, linewidth=0, interpolate=True)
    axes.plot(when, gained, color=theme.ink, linewidth=1.3)
    axes.axhline(0, color=theme.naive, linewidth=1.2, dashes=(4, 2), gid="naive")
    if story.quantity == "price":
        percent_axis(axes.yaxis, zero="naive", bins=4, signed=True)
    else:
        price_axis(axes)
    time_axis(axes, theme, time, story.interval)
    name_axes(axes, theme, y="error saved against naive, summed up (rising: better than naive; falling: worse)")
