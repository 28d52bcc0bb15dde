"""Pictures of the single models: how they learnt, their fit, one step ahead, and five steps ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.articles.drawn import drawn_times
from coincast.articles.sheehan import published
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import (
    IN_FRONT,
    NAIVE,
    coin_sheet,
    mark_axes,
    plot_changes,
    plot_lines,
    sheet,
    spell_times,
    tell_agreement,
    unit,
)
from coincast.articles.sheehan.singles import Singles
from coincast.articles.window_error import window_error
from coincast.reports.canvas import BODY, WIDTH, legend, name_axes, price_axis, write
from coincast.reports.numbers import is_daily, percent, things
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSSES = {"mae": "mean absolute error", "mse": "mean squared error"}
"""What stands at the axis of a training curve."""
SHADES = (1.0, 0.45, 0.8, 0.3, 0.62)
"""Of successive segments, in place of the article's five colours, and of coins in one panel."""


def draw_training(theme: Palette, *, ground: Ground, every: tuple[Singles, ...]) -> Figure:
    """Training loss by epoch, dropout on, and the loss of copying the last price."""
    from matplotlib.ticker import MaxNLocator

    epochs = every[0].epochs
    text = (
        f"Training loss of the single models, seed {published.SEED}, dropout on; "
        f"{things(epochs, 'epoch')}. Dashed: copying the last price, on the same windows."
    )
    figure, axes_of = sheet("How the networks learnt", text, theme, panels=len(every))
    for singles, axes in zip(every, axes_of, strict=True):
        side: dict[str, Any] = {"transform": axes.get_yaxis_transform()}
        for number, coin in enumerate(ground.coins):
            losses = singles.losses(coin.market)
            naive = singles.error(coin.market, "train", column="last_close")
            shade = SHADES[number % len(SHADES)]
            axes.plot(np.arange(1, epochs + 1), losses, color=theme.model, linewidth=1.7, alpha=shade)
            axes.axhline(naive, color=theme.naive, **NAIVE)
            end = f"{coin.name} {losses[-1]:.4f}"
            write(axes, 0.99, losses[-1], end, color=theme.ink, ha="right", va="bottom", **side)
            write(axes, 0.01, naive, f"{coin.name} naive {naive:.4f}", color=theme.muted, va="top", **side)
        axes.set_ylim(0, 1.08 * max(float(singles.losses(coin.market).max()) for coin in ground.coins))
        axes.set_xlim(min(1, epochs - 1), epochs)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
        price_axis(axes)
        steps = things(singles.horizon, "step")
        name_axes(axes, theme, x="epoch" if singles is every[-1] else "", y=f"{steps} ahead: {LOSSES[singles.loss]}")
    return figure


def draw_fit(theme: Palette, *, coin: Coin, singles: Singles) -> Figure:
    """The fit on the training windows, as published, with its error and an enlarged part; naive beside."""
    rows = singles.forecasts(coin.market, "train")
    text = f"{coin.name}: {things(rows.height, 'training window')}, dropout off, seed {published.SEED}."
    figure = _draw_prices("The fit on what was learnt", text, theme, coin, rows, height=3.6)
    _enlarge(theme, figure.axes[0], rows, coin)
    return figure


def draw_test(theme: Palette, *, ground: Ground, coin: Coin, singles: Singles) -> Figure:
    """The one-step forecasts of the test windows, as published; naive beside."""
    rows = singles.forecasts(coin.market, "test")
    text = f"{coin.name}: {things(rows.height, 'forecast')}, one {ground.candle} ahead, seed {published.SEED}."
    return _draw_prices("One step ahead, on the test windows", text, theme, coin, rows, height=3.2)


def _draw_prices(title: str, text: str, theme: Palette, coin: Coin, rows: pl.DataFrame, *, height: float) -> Figure:
    """Price, network and naive on one sheet, their errors at its head."""
    figure, (axes,) = sheet(title, text, theme, each=height)
    legend(axes, theme, _plot_rows(axes, theme, rows, coin))
    price_axis(axes)
    mark_axes(axes, theme, coin, _times(rows, coin), y=f"{coin.name}, closing price, {unit(coin)}")
    _tell_errors(theme, figure, rows)
    return figure


def draw_moves(theme: Palette, *, coin: Coin, rows: pl.DataFrame, title: str) -> Figure:
    """The same forecasts as changes from the last known price."""
    last = rows["last_close"].to_numpy()
    real, told = (rows[name].to_numpy() / last - 1 for name in ("actual", "value"))
    text = (
        f"{coin.name}: {things(rows.height, 'forecast')}. Bars: how the price changed; dots: what was forecast; "
        "dashed: naive, no change."
    )
    figure, (axes,) = sheet(title, text, theme, each=2.9)
    time = _times(rows, coin)
    plot_changes(axes, theme, time, real, told)
    right = percent(float(np.mean(np.sign(real) == np.sign(told))), digits=0)
    mark_axes(axes, theme, coin, time, y=f"change from the last price{tell_agreement(real, told)}; right side {right}")
    return figure


def draw_segments(theme: Palette, *, ground: Ground, singles: Singles) -> Figure:
    """Every fifth test window as a line of its own, flat persistence beside."""
    from matplotlib.lines import Line2D

    count = segments(singles, ground.coins[0].market)["window"].n_unique()
    text = (
        f"{things(count, 'segment')} of {singles.horizon} steps for each coin, one after the other; seed "
        f"{published.SEED}."
    )
    price: dict[str, Any] = {"color": theme.price, "linewidth": 1.5}
    told: dict[str, Any] = {"color": theme.model, "linewidth": 2.0}
    flat: dict[str, Any] = {"color": theme.naive, **NAIVE, "dashes": (2, 1)}
    figure, panels = coin_sheet("Five steps ahead", text, theme, ground, each=2.7)
    for coin, axes in panels:
        rows = segments(singles, coin.market)
        time = _times(rows, coin)
        axes.plot(time, rows["actual"].to_numpy(), **price)
        for number, one in enumerate(rows.partition_by("window", maintain_order=True)):
            own, shade = _times(one, coin), SHADES[number % len(SHADES)]
            axes.plot(own, one["last_close"].to_numpy(), zorder=IN_FRONT, **flat)
            axes.plot(own, one["value"].to_numpy(), alpha=shade, zorder=IN_FRONT + 1, **told)
        price_axis(axes)
        model, naive = window_error(rows), window_error(rows, "last_close")
        mark_axes(axes, theme, coin, time, y=f"{coin.name}, {unit(coin)}; MAE {model:.4f}, naive {naive:.4f}")
    lines = (("price", price), ("LSTM, a segment", told), ("naive: flat", flat))
    legend(figure.axes[0], theme, [Line2D([], [], label=name, **style) for name, style in lines])
    return figure


def draw_step_errors(theme: Palette, *, ground: Ground, singles: Singles) -> Figure:
    """The error of the segments by step, beside flat persistence."""
    from matplotlib.ticker import MaxNLocator

    table = step_errors(singles, ground)
    count = segments(singles, ground.coins[0].market)["window"].n_unique()
    text = (
        f"{things(count, 'segment')} for each coin. Bold: seed {published.SEED}; light: "
        f"{things(len(singles.seeds) - 1, 'other seed')}; dashed: the price stays where it was before the segment."
    )
    figure, panels = coin_sheet("Five steps ahead: the error of each step", text, theme, ground, each=2.2)
    for coin, axes in panels:
        own = table.filter(pl.col("coin") == coin.name)
        for (seed,), one in own.group_by("seed", maintain_order=True):
            is_first = seed == published.SEED
            style: dict[str, Any] = {"linewidth": 2.0, "zorder": 4} if is_first else {"linewidth": 0.9, "alpha": 0.4}
            axes.plot(one["step"].to_numpy(), one["error"].to_numpy(), color=theme.model, **style)
            if is_first:
                known: dict[str, Any] = {"color": theme.naive, "marker": "o", "markersize": 3, "zorder": IN_FRONT}
                axes.plot(one["step"].to_numpy(), one["naive"].to_numpy(), **known, **NAIVE)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        price_axis(axes)
        x = f"{ground.candle}s ahead" if coin is ground.coins[-1] else ""
        name_axes(axes, theme, x=x, y=f"{coin.name}: mean error, share of the window's first close")
    return figure


def segments(singles: Singles, market: str, *, seed: int = published.SEED) -> pl.DataFrame:
    """Forecasts of every fifth test window, so that segments follow one another without overlap."""
    return singles.forecasts(market, "test", seed=seed).filter(pl.col("window") % singles.horizon == 0)


def step_errors(singles: Singles, ground: Ground) -> pl.DataFrame:
    """Mean error by step over the segments: `coin, seed, step, error, naive`, in the unit of the article."""
    errors = [
        ((pl.col(column) - pl.col("actual")).abs() / pl.col("first_close")).mean().alias(name)
        for name, column in (("error", "value"), ("naive", "last_close"))
    ]
    tables = [
        segments(singles, coin.market, seed=seed).group_by("step").agg(errors).sort("step")
        .select(pl.lit(coin.name).alias("coin"), pl.lit(seed).alias("seed"), "step", "error", "naive")
        for coin in ground.coins for seed in singles.seeds
    ]  # fmt: skip
    return pl.concat(tables)


def _times(rows: pl.DataFrame, coin: Coin) -> NDArray[np.datetime64]:
    return drawn_times(rows["target_time"], coin.task.samples.interval)


def _plot_rows(axes: Axes, theme: Palette, rows: pl.DataFrame, coin: Coin) -> list[Any]:
    lines = (rows[name].to_numpy() for name in ("actual", "last_close", "value"))
    return plot_lines(axes, theme, _times(rows, coin), *lines)


def _tell_errors(theme: Palette, figure: Figure, rows: pl.DataFrame) -> None:
    """The article's figure at the right of the title, naive's below it."""
    edge, height = 1 - 0.25 / WIDTH, figure.get_size_inches()[1]
    for place, size, color, weight, text, name in (
        (0.36, BODY + 2, theme.model, "bold", f"MAE: {window_error(rows):.4f}", "mae"),
        (0.58, BODY, theme.muted, "normal", f"naive: {window_error(rows, 'last_close'):.4f}", "mae_naive"),
    ):
        write(figure, edge, 1 - place / height, text, size=size, color=color, weight=weight, ha="right", gid=name)


def _enlarge(theme: Palette, axes: Axes, rows: pl.DataFrame, coin: Coin) -> None:
    """The article's inset where its days and prices are those of these candles; else the last tenth of the windows."""
    interval = coin.task.samples.interval
    known = published.INSETS.get(coin.name) if coin.is_published else None
    if known is not None:
        place = (0.1, 0.4, 0.44, 0.42)
        first, last = np.datetime64(known.since), np.datetime64(known.until)
        low, high = known.low, known.high
    else:
        place = _make_room(axes)
        tail = rows.tail(max(10, rows.height // 10))
        first, last = _times(tail, coin)[[0, -1]].astype("datetime64[D]" if is_daily(interval) else "datetime64[m]")
        low, high = float(tail["actual"].min()), float(tail["actual"].max())  # type: ignore[arg-type]
        if low == high:  # a price that stands still needs some room, too
            low, high = 0.99 * low, 1.01 * high
    box = axes.inset_axes(place, xlim=(first, last), ylim=(low, high), facecolor=theme.card)
    box.spines[:].set_color(theme.rule)
    box.tick_params(length=0, labelsize=7.5, labelcolor=theme.muted)
    box.grid(axis="y", color=theme.rule, linewidth=0.6)
    _plot_rows(box, theme, rows, coin)
    ticks = first + (last - first) * np.array([1, 3, 5]) // 6
    box.set_xticks(ticks, spell_times(ticks, interval))
    axes.indicate_inset_zoom(box, edgecolor=theme.muted, alpha=0.7)


def _make_room(axes: Axes) -> tuple[float, float, float, float]:
    """Raise the upper end of an axis, so that an inset stands above everything that is drawn."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.9 * (high - low))
    return (0.28, 0.6, 0.44, 0.36)
