"""Pictures of the data: price and volume, the split, the lag model, and how large daily changes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import (
    closes_of_test,
    coin_sheet,
    mark_axes,
    plot_changes,
    plot_lines,
    row_times,
    span,
    unit,
)
from coincast.models.random_walk import change_law
from coincast.reports.canvas import legend, log_axis, name_axes, percent_axis, price_axis
from coincast.reports.numbers import percent, things
from coincast.reports.palette import Palette
from coincast.reports.price_volume import draw_price_volume

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 100


def draw_price(theme: Palette, *, ground: Ground, coin: Coin, column: str) -> Figure:
    """A price above the volume, three to one, as the article shows it."""
    samples = coin.task.samples
    words = {"open": "opening price", "close": "closing price"}[column]
    volume = ground.volume
    figure, _, _ = draw_price_volume(
        f"{coin.name}: price and volume",
        f"The {words} of {coin.market}, {things(ground.rows, ground.candle)}.",
        theme,
        time=row_times(coin, np.arange(ground.rows)),
        interval=ground.interval,
        price=samples.candles[column].to_numpy(),
        price_name=f"{words}, {unit(coin)}",
        volume=None if volume is None else samples.candles[volume].to_numpy(),
        volume_name=f"volume, {{scale}} {unit(coin) if volume == 'quote_volume' else coin.name}",
        logo=coin.name,
    )
    return figure


def tell_split(ground: Ground) -> str:
    """Both parts with their ends and candles."""
    first = ground.coins[0]
    train, test = (things(len(part), ground.candle) for part in (first.task.parts.train, first.task.parts.test))
    return f"Training {span(first, 'train')}, {train}; test {span(first, 'test')}, {test}."


def draw_split(theme: Palette, *, ground: Ground, is_log: bool) -> Figure:
    """Training and test closes of every coin, one panel each."""
    title = "The split, in steps of the same share" if is_log else "What is learnt from, and what is forecast"
    figure, panels = coin_sheet(title, tell_split(ground), theme, ground)
    for coin, axes in panels:
        time, close = row_times(coin, np.arange(ground.rows)), coin.task.samples.close
        border = coin.task.parts.test.first
        handles = axes.plot(time[:border], close[:border], color=theme.muted, linewidth=1.3, label="training")
        handles += axes.plot(time[border - 1 :], close[border - 1 :], color=theme.model, linewidth=1.5, label="test")
        axes.axvline(time[border], color=theme.rule, linewidth=1.0)
        if is_log:
            log_axis(axes.yaxis)
        else:
            price_axis(axes)
        y = f"{coin.name}, closing price, {unit(coin)}{', log scale' if is_log else ''}"
        mark_axes(axes, theme, coin, time, y=y)
    legend(figure.axes[0], theme, handles)
    return figure


def draw_lag(theme: Palette, *, ground: Ground) -> Figure:
    """What came, and the price of the candle before it: every line that copies looks as good as this."""
    text = f"Each {ground.candle}'s forecast is the close before it."
    figure, panels = coin_sheet("The lag model", text, theme, ground)
    for coin, axes in panels:
        time, close, before = closes_of_test(coin)
        handles = plot_lines(axes, theme, time, close, before, naive_name="lag: the price before (naive)")
        price_axis(axes)
        mark_axes(axes, theme, coin, time, y=f"{coin.name}, closing price, {unit(coin)}")
    legend(figure.axes[0], theme, handles)
    return figure


def draw_lag_changes(theme: Palette, *, ground: Ground) -> Figure:
    """The same as changes from the last known price: the lag model forecasts none at all."""
    text = "The very same forecasts, drawn as changes from the last known price. The forecast is the dashed line at 0."
    figure, panels = coin_sheet("What the lag model really says", text, theme, ground)
    for coin, axes in panels:
        time, close, before = closes_of_test(coin)
        change = close / before - 1
        plot_changes(axes, theme, time, change)
        size = percent(float(np.mean(np.abs(change))))
        mark_axes(axes, theme, coin, time, y=f"{coin.name}, change of a {ground.candle}; mean size {size}")
    return figure


def draw_changes(theme: Palette, *, ground: Ground) -> Figure:
    """How training candles changed from open to close, and the normal law that the walks are drawn from."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    count = len(ground.coins[0].task.parts.train)
    text = f"Close over open - 1 of {things(count, f'training {ground.candle}')}, {BINS} bins."
    figure, panels = coin_sheet(f"How much a {ground.candle} changes the price", text, theme, ground, each=2.1)
    for coin, axes in panels:
        candles = coin.task.samples.candles[coin.task.parts.train.first : coin.task.parts.train.end]
        changes = (candles["close"] / candles["open"] - 1).drop_nulls().to_numpy()
        counts, edges = np.histogram(changes, BINS)
        axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=theme.model, linewidth=0)
        mean, deviation = change_law(coin.task.samples, coin.task.parts.train)
        middle = (edges[1:] + edges[:-1]) / 2
        if deviation > 0:
            law = np.exp(-0.5 * ((middle - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
            axes.plot(middle, law * changes.size * (edges[1] - edges[0]), color=theme.ink, linewidth=1.3)
        percent_axis(axes.xaxis, bins=8, signed=True)
        told = f"mean {percent(mean, digits=2)}, deviation {percent(deviation, digits=2)}"
        name_axes(axes, theme, x="change in the candle", y=f"{coin.name}, {ground.candle}s: {told}")
    handles = [
        Patch(color=theme.model, label="training candles"),
        Line2D([], [], color=theme.ink, linewidth=1.3, label="normal law that the walks are drawn from"),
    ]
    legend(figure.axes[0], theme, handles)
    return figure
