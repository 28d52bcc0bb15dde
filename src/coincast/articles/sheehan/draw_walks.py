"""Pictures of the random walks: single points, the full interval, many walks at once, and what a seed decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from coincast.articles.sheehan import published
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import NAIVE, rows_days, sheet, unit
from coincast.articles.sheehan.walks import walk_for_seed, walks_for_seed
from coincast.models.random_walk import change_law, draw_changes, full_interval
from coincast.reports.canvas import legend, name_axes, percent_axis, price_axis, time_axis
from coincast.reports.numbers import amount
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY = 500
"""Walks of the fan."""


def draw_walk(theme: Palette, *, ground: Ground, is_full: bool, seed: int = published.SEED) -> Figure:
    """The article's walk over the test span of every coin."""
    samples = [coin.task.samples for coin in ground.coins]
    parts = ground.coins[0].task.parts
    walks = walks_for_seed(samples, training=parts.train, span=parts.test, seed=seed)
    title = "The random walk over the full interval" if is_full else "The random walk, one step at a time"
    start = "from the last training close on" if is_full else "each step from the true close before it"
    figure, every = sheet(title, f"Seed {seed}; {start}. {len(parts.test)} steps.", theme, panels=len(ground.coins))
    rows = np.arange(parts.test.first, parts.test.end)
    for coin, walk, axes in zip(ground.coins, walks, every, strict=True):
        time, close = rows_days(coin, rows), coin.task.samples.close
        line = walk.full_interval if is_full else walk.single_point
        naive = np.full(rows.size, close[rows[0] - 1]) if is_full else close[rows - 1]
        handles = axes.plot(time, close[rows], color=theme.price, linewidth=1.5, label="price")
        handles += axes.plot(time, line, color=theme.model, linewidth=1.3, label="random walk")
        handles += axes.plot(time, naive, color=theme.naive, label="naive", **NAIVE)
        price_axis(axes)
        time_axis(axes, theme, time, ground.interval, label=coin is ground.coins[-1])
        off, still = (float(np.mean(np.abs(each - close[rows]))) for each in (line, naive))
        error = f"mean error {amount(off, unit(coin))}, naive {amount(still)}"
        name_axes(axes, theme, y=f"{coin.name}, {unit(coin)}; {error}")
        if coin is ground.coins[0]:
            legend(axes, theme, handles)
    return figure


def draw_walk_steps(theme: Palette, *, ground: Ground, seed: int = published.SEED) -> Figure:
    """What the single points really forecast: a drawn change beside the one that came."""
    samples = [coin.task.samples for coin in ground.coins]
    parts = ground.coins[0].task.parts
    walks = walks_for_seed(samples, training=parts.train, span=parts.test, seed=seed)
    figure, every = sheet(
        "The same walk as changes from the last price",
        f"Seed {seed}. Real changes as bars, drawn ones as dots: they know nothing of one another.",
        theme, panels=len(ground.coins),
    )  # fmt: skip
    rows = np.arange(parts.test.first, parts.test.end)
    for coin, walk, axes in zip(ground.coins, walks, every, strict=True):
        time, before = rows_days(coin, rows), coin.task.samples.close[rows - 1]
        real, drawn = (each / before - 1 for each in (coin.task.samples.close[rows], walk.single_point))
        draw_changes_of(theme, axes, time, real, drawn)
        time_axis(axes, theme, time, ground.interval, label=coin is ground.coins[-1])
        name_axes(axes, theme, y=f"{coin.name}, change; correlation {np.corrcoef(real, drawn)[0, 1]:+.2f}")
    return figure


def draw_changes_of(theme: Palette, axes: Axes, time: Any, real: Any, told: Any) -> None:
    """Real changes as bars from zero, forecast ones as dots, and naive's at zero."""
    axes.vlines(time, 0, real, color=theme.price, linewidth=1.1, alpha=0.75)
    axes.plot(time, told, ".", color=theme.model, markersize=4, zorder=4)
    axes.plot([time[0], time[-1]], [0, 0], color=theme.naive, **NAIVE)
    percent_axis(axes.yaxis, bins=5, signed=True)


def draw_fan(theme: Palette, *, ground: Ground) -> Figure:
    """Where many walks of the same law end: a single one shows nothing but its seed."""
    from matplotlib.patches import Patch

    parts = ground.coins[0].task.parts
    text = f"{MANY} walks of the same law; bands: the middle 50 % and 90 % of them. {len(parts.test)} steps."
    figure, every = sheet("Not one walk but many", text, theme, panels=len(ground.coins))
    rows = np.arange(parts.test.first, parts.test.end)
    for coin, axes in zip(ground.coins, every, strict=True):
        law, close = change_law(coin.task.samples, parts.train), coin.task.samples.close
        draws = draw_changes([law] * MANY, rows.size, seed=published.SEED)
        walks = np.array([full_interval(float(close[rows[0] - 1]), changes) for changes in draws])
        low, lower, middle, upper, high = np.quantile(walks, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
        time = rows_days(coin, rows)
        axes.fill_between(time, low, high, color=theme.band, alpha=0.55, linewidth=0)
        axes.fill_between(time, lower, upper, color=theme.band, linewidth=0)
        handles = axes.plot(time, close[rows], color=theme.price, linewidth=1.5, label="price")
        handles += axes.plot(time, middle, color=theme.model, linewidth=1.3, label="middle of the walks")
        handles += axes.plot(time, np.full(rows.size, close[rows[0] - 1]), color=theme.naive, label="naive", **NAIVE)
        axes.set_ylim(0, 1.05 * max(float(high.max()), float(close[rows].max())))
        price_axis(axes)
        time_axis(axes, theme, time, ground.interval, label=coin is ground.coins[-1])
        name_axes(axes, theme, y=f"{coin.name}, {unit(coin)}")
        if coin is ground.coins[0]:
            legend(axes, theme, [*handles, Patch(color=theme.band, label="50 % and 90 % of the walks")])
    return figure


def draw_seed_ends(theme: Palette, *, coin: Coin) -> Figure:
    """Where the full-interval walk ends for every seed of the slider."""
    parts, close = coin.task.parts, coin.task.samples.close
    ends = [slider_walk(coin, seed)[1][-1] for seed in published.SLIDER]
    text = (
        f"{coin.name}: the last of {len(parts.test)} steps for each seed of the slider; the article shows "
        f"{published.SLIDER_START}."
    )
    figure, (axes,) = sheet("What the seed decides", text, theme, each=2.8)
    seeds = np.array(published.SLIDER)
    axes.axhline(close[parts.test.end - 1], color=theme.price, linewidth=1.5)
    axes.axhline(close[parts.test.first - 1], color=theme.naive, linewidth=1.2, dashes=(4, 2), gid="naive")
    axes.vlines(seeds, close[parts.test.first - 1], ends, color=theme.band, linewidth=2)
    axes.plot(seeds, ends, "o", color=theme.model, markersize=7)
    handles = [
        *axes.plot([], [], "o", color=theme.model, label="end of the walk"),
        *axes.plot([], [], color=theme.price, label="where the price was"),
        *axes.plot([], [], color=theme.naive, dashes=(4, 2), label="naive"),
    ]
    axes.set_xticks(seeds)
    axes.set_ylim(bottom=0)
    price_axis(axes)
    name_axes(axes, theme, x="seed", y=f"{coin.name}, {unit(coin)}")
    legend(axes, theme, handles)
    return figure


def slider_walk(coin: Coin, seed: int) -> tuple[list[float], list[float]]:
    """Single points and full interval of a seed, for the slider."""
    parts = coin.task.parts
    walk = walk_for_seed(coin.task.samples, training=parts.train, span=parts.test, seed=seed)
    return walk.single_point.tolist(), walk.full_interval.tolist()
