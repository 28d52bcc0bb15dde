"""Pictures of the data: price and volume, the split, the lag model, and how large daily changes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import NAIVE, rows_days, sheet, span, unit
from coincast.models.random_walk import change_law
from coincast.reports.canvas import legend, log_axis, name_axes, percent_axis, price_axis, time_axis
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
    volume = next((name for name in ground.features if name.endswith("volume")), None)
    figure, _, _ = draw_price_volume(
        f"{coin.name}: price and volume",
        f"The {words} of {coin.market}, {things(ground.rows, ground.candle)}.",
        theme,
        time=rows_days(coin, np.arange(ground.rows)),
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
    return (
        f"Training {span(first, 'train', ground)}, {things(len(first.task.parts.train), ground.candle)}; "
        f"test {span(first, 'test', ground)}, {things(len(first.task.parts.test), ground.candle)}."
    )


def draw_split(theme: Palette, *, ground: Ground, is_log: bool) -> Figure:
    """Training and test closes of every coin, one panel each."""
    first, text = ground.coins[0], tell_split(ground)
    title = "The split, in steps of the same share" if is_log else "What is learnt from, and what is forecast"
    figure, every = sheet(title, text, theme, panels=len(ground.coins))
    for coin, axes in zip(ground.coins, every, strict=True):
        time, close = rows_days(coin, np.arange(ground.rows)), coin.task.samples.close
        border = coin.task.parts.test.first
        handles = axes.plot(time[:border], close[:border], color=theme.muted, linewidth=1.3, label="training")
        handles += axes.plot(time[border - 1 :], close[border - 1 :], color=theme.model, linewidth=1.5, label="test")
        axes.axvline(time[border], color=theme.rule, linewidth=1.0)
        if is_log:
            log_axis(axes.yaxis)
        else:
            price_axis(axes)
        time_axis(axes, theme, time, ground.interval, label=coin is ground.coins[-1])
        name_axes(axes, theme, y=f"{coin.name}, closing price, {unit(coin)}{', log scale' if is_log else ''}")
        if coin is first:
            legend(axes, theme, handles)
    return figure


def draw_lag(theme: Palette, *, ground: Ground) -> Figure:
    """What came, and the price of the candle before it: every line that copies looks as good as this."""
    first = ground.coins[0]
    text = f"Each {ground.candle}'s forecast is the close before it."
    figure, every = sheet("The lag model", text, theme, panels=len(ground.coins))
    for coin, axes in zip(ground.coins, every, strict=True):
        rows = np.arange(coin.task.parts.test.first, coin.task.parts.test.end)
        time, close = rows_days(coin, rows), coin.task.samples.close
        handles = axes.plot(time, close[rows], color=theme.price, linewidth=1.5, label="price")
        handles += axes.plot(time, close[rows - 1], color=theme.naive, label="lag: the price before (naive)", **NAIVE)
        price_axis(axes)
        time_axis(axes, theme, time, ground.interval, label=coin is ground.coins[-1])
        name_axes(axes, theme, y=f"{coin.name}, closing price, {unit(coin)}")
        if coin is first:
            legend(axes, theme, handles)
    return figure


def draw_lag_changes(theme: Palette, *, ground: Ground) -> Figure:
    """The same as changes from the last known price: the lag model forecasts none at all."""
    text = "The very same forecasts, drawn as changes from the last known price. The forecast is the dashed line at 0."
    figure, every = sheet("What the lag model really says", text, theme, panels=len(ground.coins))
    for coin, axes in zip(ground.coins, every, strict=True):
        rows = np.arange(coin.task.parts.test.first, coin.task.parts.test.end)
        time, close = rows_days(coin, rows), coin.task.samples.close
        change = close[rows] / close[rows - 1] - 1
        axes.vlines(time, 0, change, color=theme.price, linewidth=1.1)
        axes.plot([time[0], time[-1]], [0, 0], color=theme.naive, **NAIVE)
        percent_axis(axes.yaxis, bins=5, signed=True)
        time_axis(axes, theme, time, ground.interval, label=coin is ground.coins[-1])
        size = percent(float(np.mean(np.abs(change))))
        name_axes(axes, theme, y=f"{coin.name}, change of a {ground.candle}; mean size {size}")
    return figure


def draw_changes(theme: Palette, *, ground: Ground) -> Figure:
    """How training candles changed from open to close, and the normal law that the walks are drawn from."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    count = len(ground.coins[0].task.parts.train)
    text = f"Close over open - 1 of {things(count, f'training {ground.candle}')}, {BINS} bins."
    figure, every = sheet(
        f"How much a {ground.candle} changes the price", text, theme, panels=len(ground.coins), each=2.1
    )
    for coin, axes in zip(ground.coins, every, strict=True):
        candles = coin.task.samples.candles[coin.task.parts.train.first : coin.task.parts.train.end]
        changes = (candles["close"] / candles["open"] - 1).drop_nulls().to_numpy()
        counts, edges = np.histogram(changes, BINS)
        axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=theme.model, linewidth=0)
        mean, deviation = change_law(coin.task.samples, coin.task.parts.train)
        middle = (edges[1:] + edges[:-1]) / 2
        law = np.exp(-0.5 * ((middle - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
        axes.plot(middle, law * changes.size * (edges[1] - edges[0]), color=theme.ink, linewidth=1.3)
        percent_axis(axes.xaxis, bins=8, signed=True)
        told = f"mean {percent(mean, digits=2)}, deviation {percent(deviation, digits=2)}"
        name_axes(axes, theme, x="change in the candle", y=f"{coin.name}, {ground.candle}s: {told}")
    handles = [
        Patch(color=theme.model, label="training candles"),
        Line2D([], [], color=theme.ink, linewidth=1.3, label="normal law that the walks are drawn from"),
    ]
    legend(every[0], theme, handles)
    return figure
