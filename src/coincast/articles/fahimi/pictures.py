"""Pictures of the coins, the result sheets of three panels, and the network's memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.drawn import drawn_times
from coincast.articles.fahimi.days import Days
from coincast.articles.fahimi.errors import median_of, persistence_of
from coincast.articles.fahimi.versions import Run
from coincast.reports.canvas import (
    FOOT,
    add_axes,
    legend,
    log_axis,
    name_axes,
    name_ends,
    new_figure,
    percent_axis,
    price_axis,
    time_axis,
    write,
)
from coincast.reports.numbers import NOTHING, percent, quote_currency
from coincast.reports.palette import Palette
from coincast.reports.pictures_market import volume_of
from coincast.reports.price_volume import draw_price_volume
from coincast.reports.thinning import thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL, BETWEEN, TOP = 1.95, 0.75, 1.35
"""Height of a panel of a result sheet, the room between two, and that above the first one, inches."""


def draw_market(days: Days, market: int, column: str, theme: Palette, *, title: str, caption: str) -> Figure:
    """A price of the candle above the volume, 3 to 1; the rows of both parts told apart.

    Args:
        days: the samples.
        market: place of the coin.
        column: "open", as the article drew it, or "close".
        theme, title, caption: of the figure.
    """
    samples = days.samples[market]
    times = drawn_times(samples.candles["close_time"], samples.interval)
    volume, counted = volume_of(samples.candles, samples.market)
    figure, upper, lower = draw_price_volume(
        title,
        caption,
        theme,
        time=times,
        interval=samples.interval,
        price=samples.candles[column].to_numpy(),
        price_name=f"{column}, {quote_currency(samples.market)}",
        volume=volume,
        volume_name=counted,
    )
    for axes in (upper, lower):
        axes.axvspan(times[days.test.first], times[-1], color=theme.band, alpha=0.6, linewidth=0, zorder=0)
    side = upper.get_xaxis_transform()
    write(upper, times[days.test.first], 0.95, " test", color=theme.model, va="top", transform=side)
    return figure


def draw_sheet(days: Days, runs: Sequence[Run], theme: Palette, *, naive: bool, title: str, caption: str) -> Figure:
    """The article's result sheet: loss curves, training set, test set.

    Args:
        days: what the runs saw.
        runs: of one coin; the line of forecasts is that of the run whose test error is the median.
        theme: colours.
        naive: whether what persistence scores and says stands in every panel; the article leaves it out.
        title, caption: of the figure.
    """
    height = TOP + 3 * PANEL + 2 * BETWEEN + FOOT
    figure = new_figure(title, caption, theme=theme, height=height)
    panels = [
        add_axes(figure, theme, top=top, bottom=height - top - PANEL)
        for top in (TOP + number * (PANEL + BETWEEN) for number in range(3))
    ]
    run = middle_run(days, runs)
    _draw_losses(panels[0], days, runs, theme, naive=naive)
    _draw_part(panels[1], days, run, "train", theme, naive=naive)
    _draw_part(panels[2], days, run, "test", theme, naive=naive)
    return figure


def middle_run(days: Days, runs: Sequence[Run]) -> Run:
    """The run whose mean absolute error on the test windows is the median."""
    ordered = sorted(runs, key=lambda run: median_of([run], days).mae)
    return ordered[len(ordered) // 2]


def _draw_losses(axes: Axes, days: Days, runs: Sequence[Run], theme: Palette, *, naive: bool) -> None:
    """Losses on the training windows, and on the test windows, which the article watched."""
    from matplotlib.ticker import MaxNLocator

    epochs = np.arange(1, len(runs[0].losses) + 1)
    for run in runs:
        handles = axes.plot(epochs, run.losses, color=theme.model, linewidth=1.1, alpha=0.7, label="training")
        style: dict[str, Any] = {"color": theme.undecided, "alpha": 0.8, "dashes": (4, 2), "label": "test"}
        handles += axes.plot(epochs, run.watched, linewidth=1.1, **style)
    error = persistence_of(days, runs[0].market).mse
    if naive and error > 0:  # the axis is logarithmic
        style = {"color": theme.naive, "dashes": (3, 2), "gid": "naive", "label": "last close on the test windows"}
        handles.append(axes.axhline(error, linewidth=1.4, **style))
    log_axis(axes.yaxis)
    axes.set_xlim(1, max(2, len(epochs)))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    name_axes(axes, theme, x="epoch", y=f"mean squared error of the {days.change}, logarithmic")
    legend(axes, theme, handles)


def _draw_part(axes: Axes, days: Days, run: Run, part: str, theme: Palette, *, naive: bool) -> None:
    """Forecast against what came: the training part as relative changes, the test part as prices."""
    samples, windows = days.samples[run.market], days.windows(part)
    lines = {"actual": days.targets(run.market, part), "LSTM": run.said[part]}
    if naive:
        lines["last close"] = days.persistence(run.market, part)
    is_price = part == "test"
    if is_price:
        lines = {name: (line + 1) * samples.first_close(windows) for name, line in lines.items()}
    times = drawn_times(samples.candles["close_time"], samples.interval)[windows.future_rows[:, 0]]
    colours = {"actual": theme.price, "LSTM": theme.model, "last close": theme.naive}
    handles: list[Any] = []
    kept = thin(*lines.values(), most=900)
    for name, line in lines.items():
        style: dict[str, Any] = {"dashes": (3, 2), "zorder": 5, "gid": "naive"} if name == "last close" else {}
        handles += axes.plot(times[kept], line[kept], color=colours[name], linewidth=1.1, label=name, **style)
    if is_price:
        price_axis(axes)
    else:
        percent_axis(axes.yaxis, bins=5, signed=True)
    time_axis(axes, theme, times, samples.interval)
    unit = f"close, {quote_currency(samples.market)}" if is_price else days.change
    name_axes(axes, theme, y=f"{'test' if is_price else 'training'} windows: {unit}")
    legend(axes, theme, handles)


def draw_memory(
    memories: Mapping[str, Float[np.ndarray, "lag"]], theme: Palette, *, title: str, caption: str
) -> Figure:
    """The derivative of the last output by each input, by lag, on a logarithmic axis."""
    figure = new_figure(title, caption, theme=theme, height=4.6)
    axes = add_axes(figure, theme, top=1.35, right=2.2)
    styles: tuple[dict[str, Any], ...] = ({"dashes": (3, 2)}, {}, {"dashes": (8, 2)})
    for shares, style in zip(memories.values(), styles, strict=True):
        axes.plot(np.arange(len(shares)), shares, color=theme.model, linewidth=1.8, **style)
    log_axis(axes.yaxis)
    axes.set_xlim(0, len(next(iter(memories.values()))) - 1)
    ends = [(float(shares[-1]), f"{name}\n{shares[-1]:.2g}") for name, shares in memories.items()]
    name_ends(axes, theme, ends, apart=0.13)
    name_axes(axes, theme, x="steps back from the output", y="derivative by that input; the newest input is 1")
    return figure


def draw_attention(
    shares: Mapping[str, Float[np.ndarray, "lag"]], theme: Palette, *, title: str, caption: str
) -> Figure:
    """What share of the derivative of the trained forecast falls on each candle of the window but the oldest."""
    figure = new_figure(title, caption, theme=theme, height=4.2)
    axes = add_axes(figure, theme, top=1.35)
    width, places = 0.8 / len(shares), np.arange(len(next(iter(shares.values()))))
    for number, (name, own) in enumerate(shares.items()):
        beside = (number - (len(shares) - 1) / 2) * width
        axes.bar(places + beside, own, width=0.9 * width, color=theme.model, alpha=1 - 0.55 * number, label=name)
    axes.set_xticks(places, ["newest", *(f"{lag} before" for lag in range(1, len(places)))])
    percent_axis(axes.yaxis, bins=5)
    name_axes(axes, theme, y="share of the derivative of the forecast")
    legend(axes, theme, axes.containers)
    return figure


def draw_versions(table: pl.DataFrame, theme: Palette, *, title: str, caption: str) -> Figure:
    """The test loss of each version as a multiple of the last close's: ours, and the recorded one if there is one.

    There is none where the last close never errs.
    """
    places, error = range(table.height), pl.col("last close: test")
    naive = table.select(pl.when(error > 0).then(error)).to_series()
    here = (table["here: test"] / naive).to_list()
    names = [f"{version}, {coin}, {loss.upper()}" for version, coin, loss in table["version", "coin", "loss"].rows()]
    figure, axes = _sheet_of_rows(
        names,
        [NOTHING if times is None else f"{times:.2f} times" for times in here],
        theme,
        each=0.31,
        title=title,
        caption=caption,
    )
    handles = axes.plot(here, places, "o", color=theme.model, markersize=8, zorder=4, label="here")
    if table["recorded: test"].count():
        recorded = (table["recorded: test"] / naive).to_list()
        handles += axes.plot(recorded, places, "D", color=theme.ink, markersize=6, zorder=3, label="recorded")
    handles.append(axes.axvline(1, color=theme.naive, linewidth=1.4, dashes=(4, 2), gid="naive", label="last close"))
    name_axes(axes, theme, x="test loss, as a multiple of that of the last close")
    legend(axes, theme, handles)
    return figure


def draw_windows(table: pl.DataFrame, unit: str, theme: Palette, *, title: str, caption: str) -> Figure:
    """The error of both windows, and that of the last close, in one unit.

    Args:
        table: rows of the chapter on windows.
        unit: "own" unit of the window, or "relative" to the last close.
        theme, title, caption: of the figure.
    """
    is_relative = unit == "relative"
    names = [f"{coin}, {window}, {units} units" for coin, window, units in table["coin", "window", "units"].rows()]
    own, naive = (table[f"{line}, {unit}"].to_list() for line in ("LSTM", "last close"))
    figures = [percent(error, digits=2) if is_relative else f"{error:.4f}" for error in own]
    figure, axes = _sheet_of_rows(names, figures, theme, each=0.5, title=title, caption=caption)
    for place, ends in enumerate(zip(naive, own, strict=True)):
        axes.plot(ends, [place, place], color=theme.rule, linewidth=2.4, zorder=1)
    style: dict[str, Any] = {"linestyle": "", "markeredgewidth": 3, "gid": "naive", "zorder": 3}
    handles = axes.plot(own, range(len(own)), "o", color=theme.model, markersize=9, zorder=4, label="LSTM")
    handles += axes.plot(naive, range(len(own)), "|", color=theme.naive, markersize=16, label="last close", **style)
    if is_relative:
        percent_axis(axes.xaxis, bins=5)
    words = "as a share of the last close" if is_relative else "of the change over the window"
    name_axes(axes, theme, x=f"mean absolute error {words}")
    legend(axes, theme, handles)
    return figure


def _sheet_of_rows(
    names: Sequence[str], figures: Sequence[str], theme: Palette, *, each: float, title: str, caption: str
) -> tuple[Figure, Axes]:
    """A sheet that is read row by row: a name at the left, its figure at the right; each row is so many inches high."""
    figure = new_figure(title, caption, theme=theme, height=2.2 + each * len(names))
    axes = add_axes(figure, theme, left=2.9, right=1.5, top=1.45, bottom=0.65)
    side = axes.get_yaxis_transform()
    for place, (name, text) in enumerate(zip(names, figures, strict=True)):
        write(axes, -0.01, place, name, color=theme.ink, ha="right", va="center", transform=side)
        write(axes, 1.02, place, text, color=theme.ink, va="center", transform=side)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    axes.margins(x=0.1)
    return figure, axes
