"""Pictures of the single models: how they learnt, their fit, one step ahead, and five steps ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.sheehan import published
from coincast.articles.sheehan.draw_walks import draw_changes_of
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import NAIVE, days, sheet, unit
from coincast.articles.sheehan.singles import Singles
from coincast.articles.window_error import window_error
from coincast.reports.canvas import BODY, WIDTH, legend, name_axes, price_axis, time_axis, write
from coincast.reports.numbers import percent, things
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSSES = {"mae": "mean absolute error", "mse": "mean squared error"}
"""What stands at the axis of a training curve."""
SHADES = (1.0, 0.45, 0.8, 0.3, 0.62)
"""Of successive segments, in place of the article's five colours."""


def draw_training(theme: Palette, *, ground: Ground, every: tuple[Singles, ...]) -> Figure:
    """Training loss by epoch, dropout on, and the loss of copying the last price."""
    from matplotlib.ticker import MaxNLocator

    text = (
        f"Training loss of the single models, seed {published.SEED}, dropout on; "
        f"{things(every[0].epochs, 'epoch')}. Dashed: copying the last price, on the same windows."
    )
    figure, axes_of = sheet("How the networks learnt", text, theme, panels=len(every))
    for singles, axes in zip(every, axes_of, strict=True):
        top = 0.0
        for coin, shade in zip(ground.coins, SHADES, strict=False):
            losses = singles.losses(coin.market)
            epochs = np.arange(1, losses.size + 1)
            naive = singles.error(coin.market, "train", column="last_close")
            axes.plot(epochs, losses, color=theme.model, linewidth=1.7, alpha=shade)
            axes.axhline(naive, color=theme.naive, linewidth=1.1, dashes=(4, 2), gid="naive")
            side = axes.get_yaxis_transform()
            write(
                axes,
                0.99,
                losses[-1],
                f"{coin.name} {losses[-1]:.4f}",
                color=theme.ink,
                ha="right",
                va="bottom",
                transform=side,
            )
            write(axes, 0.01, naive, f"{coin.name} naive {naive:.4f}", color=theme.muted, va="top", transform=side)
            top = max(top, float(losses.max()))
        axes.set_ylim(0, 1.08 * top)
        axes.set_xlim(min(1, losses.size - 1), losses.size)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
        price_axis(axes)
        steps = things(singles.horizon, "step")
        name_axes(axes, theme, x="epoch" if singles is every[-1] else "", y=f"{steps} ahead: {LOSSES[singles.loss]}")
    return figure


def draw_fit(theme: Palette, *, ground: Ground, coin: Coin, singles: Singles) -> Figure:
    """The fit on the training windows, as published, with its error and an enlarged part; naive beside."""
    rows = singles.forecasts(coin.market, "train")
    text = f"{coin.name}: {things(rows.height, 'training window')}, dropout off, seed {published.SEED}."
    figure, axes = _draw_lines("The fit on what was learnt", text, theme, ground, coin, rows, height=3.6)
    _enlarge(theme, axes, days(rows["target_time"], ground.interval), rows, coin)
    return figure


def draw_test(theme: Palette, *, ground: Ground, coin: Coin, singles: Singles) -> Figure:
    """The one-step forecasts of the test windows, as published; naive beside."""
    rows = singles.forecasts(coin.market, "test")
    text = f"{coin.name}: {things(rows.height, 'forecast')}, one {ground.candle} ahead, seed {published.SEED}."
    return _draw_lines("One step ahead, on the test windows", text, theme, ground, coin, rows, height=3.2)[0]


def _draw_lines(
    title: str, text: str, theme: Palette, ground: Ground, coin: Coin, rows: pl.DataFrame, *, height: float
) -> tuple[Figure, Axes]:
    """Price, network and naive on one sheet, their errors at its head."""
    figure, (axes,) = sheet(title, text, theme, each=height)
    time = days(rows["target_time"], ground.interval)
    legend(axes, theme, _lines(theme, axes, time, rows))
    price_axis(axes)
    time_axis(axes, theme, time, ground.interval)
    name_axes(axes, theme, y=f"{coin.name}, closing price, {unit(coin)}")
    _tell_errors(theme, figure, rows)
    return figure, axes


def draw_moves(theme: Palette, *, ground: Ground, coin: Coin, rows: pl.DataFrame, title: str) -> Figure:
    """The same forecasts as changes from the last known price."""
    last = rows["last_close"].to_numpy()
    real, told = (rows[name].to_numpy() / last - 1 for name in ("actual", "value"))
    text = (
        f"{coin.name}: {things(rows.height, 'forecast')}. Bars: how the price changed; dots: what was forecast; "
        "dashed: naive, no change."
    )
    figure, (axes,) = sheet(title, text, theme, each=2.9)
    time = days(rows["target_time"], ground.interval)
    draw_changes_of(theme, axes, time, real, told)
    time_axis(axes, theme, time, ground.interval)
    moved = told.std() > 0 and real.std() > 0
    agreement = f"; correlation {np.corrcoef(real, told)[0, 1]:+.2f}" if moved else ""
    right = float(np.mean(np.sign(real) == np.sign(told)))
    name_axes(axes, theme, y=f"change from the last price{agreement}; right side {percent(right, digits=0)}")
    return figure


def draw_segments(theme: Palette, *, ground: Ground, singles: Singles) -> Figure:
    """Every fifth test window as a line of its own, flat persistence beside."""
    from matplotlib.lines import Line2D

    first = segments(singles, ground.coins[0].market)
    count = first["window"].n_unique()
    text = (
        f"{things(count, 'segment')} of {singles.horizon} steps for each coin, one after the other; seed "
        f"{published.SEED}."
    )
    figure, every = sheet("Five steps ahead", text, theme, panels=len(ground.coins), each=2.7)
    for coin, axes in zip(ground.coins, every, strict=True):
        rows = segments(singles, coin.market)
        time = days(rows["target_time"], ground.interval)
        axes.plot(time, rows["actual"].to_numpy(), color=theme.price, linewidth=1.5)
        for number, one in enumerate(rows.partition_by("window", maintain_order=True)):
            own = days(one["target_time"], ground.interval)
            axes.plot(own, one["last_close"].to_numpy(), color=theme.naive, **{**NAIVE, "dashes": (2, 1)})
            axes.plot(
                own,
                one["value"].to_numpy(),
                color=theme.model,
                linewidth=2.0,
                alpha=SHADES[number % len(SHADES)],
                zorder=6,
            )
        price_axis(axes)
        time_axis(axes, theme, time, ground.interval, label=coin is ground.coins[-1])
        model, naive = window_error(rows), window_error(rows, "last_close")
        name_axes(axes, theme, y=f"{coin.name}, {unit(coin)}; MAE {model:.4f}, naive {naive:.4f}")
    handles = [
        Line2D([], [], color=theme.price, linewidth=1.5, label="price"),
        Line2D([], [], color=theme.model, linewidth=2.0, label="LSTM, a segment"),
        Line2D([], [], color=theme.naive, linewidth=1.2, dashes=(2, 1), label="naive: flat"),
    ]
    legend(every[0], theme, handles)
    return figure


def draw_step_errors(theme: Palette, *, ground: Ground, singles: Singles) -> Figure:
    """The error of the segments by step, beside flat persistence."""
    from matplotlib.ticker import MaxNLocator

    table = step_errors(singles, ground)
    count = segments(singles, ground.coins[0].market)["window"].n_unique()
    text = (
        f"{things(count, 'segment')} for each coin. Bold: seed {published.SEED}; light: the other "
        f"{things(len(singles.seeds) - 1, 'seed')}; dashed: the price stays where it was before the segment."
    )
    figure, every = sheet("Five steps ahead: the error of each step", text, theme, panels=len(ground.coins), each=2.2)
    for coin, axes in zip(ground.coins, every, strict=True):
        own = table.filter(pl.col("coin") == coin.name)
        for (seed,), one in own.group_by("seed", maintain_order=True):
            is_first = seed == published.SEED
            style: dict[str, Any] = {"linewidth": 2.0, "zorder": 4} if is_first else {"linewidth": 0.9, "alpha": 0.4}
            axes.plot(one["step"].to_numpy(), one["error"].to_numpy(), color=theme.model, **style)
        naive = own.filter(pl.col("seed") == published.SEED)
        axes.plot(
            naive["step"].to_numpy(), naive["naive"].to_numpy(), color=theme.naive, marker="o", markersize=3, **NAIVE
        )
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


def _lines(theme: Palette, axes: Axes, time: Any, rows: pl.DataFrame) -> list[Any]:
    handles: list[Any] = []
    for column, color, width, label in (("actual", theme.price, 1.4, "price"), ("value", theme.model, 1.4, "LSTM")):
        handles += axes.plot(time, rows[column].to_numpy(), color=color, linewidth=width, label=label)
    handles += axes.plot(time, rows["last_close"].to_numpy(), color=theme.naive, label="naive", **NAIVE)
    return handles


def _tell_errors(theme: Palette, figure: Figure, rows: pl.DataFrame) -> None:
    """The article's figure at the right of the title, naive's below it."""
    edge, height = 1 - 0.25 / WIDTH, figure.get_size_inches()[1]
    for place, size, color, weight, text, name in (
        (0.36, BODY + 2, theme.model, "bold", f"MAE: {window_error(rows):.4f}", "mae"),
        (0.58, BODY, theme.muted, "normal", f"naive: {window_error(rows, 'last_close'):.4f}", "mae_naive"),
    ):
        write(figure, edge, 1 - place / height, text, size=size, color=color, weight=weight, ha="right", gid=name)


def _enlarge(theme: Palette, axes: Axes, time: Any, rows: pl.DataFrame, coin: Coin) -> None:
    """The article's inset where its days and prices are those of these candles; else the last tenth of the windows."""
    stamps = np.asarray(time).astype("datetime64[D]")
    actual = rows["actual"].to_numpy()
    known = published.INSETS.get(coin.name) if coin.is_published else None
    if known is not None:
        first, last = np.datetime64(known.since), np.datetime64(known.until)
        low, high = known.low, known.high
    else:
        first, last = stamps[-max(10, stamps.size // 10)], stamps[-1]
        inside = stamps >= first
        low, high = float(actual[inside].min()), float(actual[inside].max())
    place = (0.1, 0.4, 0.44, 0.42) if known is not None else _make_room(axes)
    box = axes.inset_axes(place, xlim=(first, last), ylim=(low, high), facecolor=theme.card)
    box.spines[:].set_color(theme.rule)
    box.tick_params(length=0, labelsize=7.5, labelcolor=theme.muted)
    box.grid(axis="y", color=theme.rule, linewidth=0.6)
    _lines(theme, box, time, rows)
    locator = _month_ticks(first, last)
    box.set_xticks(locator, [str(tick) for tick in locator])
    axes.indicate_inset_zoom(box, edgecolor=theme.muted, alpha=0.7)


def _make_room(axes: Axes) -> tuple[float, float, float, float]:
    """Raise the upper end of an axis, so that an inset stands above everything that is drawn."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.9 * (high - low))
    return (0.28, 0.6, 0.44, 0.36)


def _month_ticks(first: np.datetime64, last: np.datetime64) -> list[np.datetime64]:
    """A tick near each third of the enlarged days."""
    step = (last - first) // 3
    return [first + step // 2 + step * number for number in range(3)]
