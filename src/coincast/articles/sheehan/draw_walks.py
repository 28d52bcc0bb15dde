"""Pictures of the random walks: single points, the full interval, many walks at once, and what a seed decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coincast.articles.sheehan import published
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import (
    NAIVE,
    closes_of_test,
    coin_sheet,
    mark_axes,
    plot_changes,
    plot_lines,
    sheet,
    tell_agreement,
    unit,
)
from coincast.articles.sheehan.walks import walk_for_seed, walks_for_seed
from coincast.models.random_walk import Scenario, change_law, draw_changes, full_interval
from coincast.reports.canvas import legend, name_axes, price_axis
from coincast.reports.numbers import amount, things
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY = 500
"""Walks of the fan."""


def draw_walk(theme: Palette, *, ground: Ground, is_full: bool) -> Figure:
    """The article's walk over the test span of every coin."""
    title = "The random walk over the full interval" if is_full else "The random walk, one step at a time"
    start = "from the last training close on" if is_full else "each step from the true close before it"
    figure, panels = coin_sheet(title, f"Seed {published.SEED}; {start}. {_steps(ground)}.", theme, ground)
    for (coin, axes), walk in zip(panels, _walks(ground), strict=True):
        time, close, before = closes_of_test(coin)
        line = walk.full_interval if is_full else walk.single_point
        naive = np.full(close.size, before[0]) if is_full else before
        handles = plot_lines(axes, theme, time, close, naive, line, name="random walk")
        price_axis(axes)
        off, still = (float(np.mean(np.abs(each - close))) for each in (line, naive))
        error = f"mean error {amount(off, unit(coin))}, naive {amount(still)}"
        mark_axes(axes, theme, coin, time, y=f"{coin.name}, {unit(coin)}; {error}")
    legend(figure.axes[0], theme, handles)
    return figure


def draw_walk_steps(theme: Palette, *, ground: Ground) -> Figure:
    """What the single points really forecast: a drawn change beside the one that came."""
    text = f"Seed {published.SEED}. Real changes as bars, drawn ones as dots: they know nothing of one another."
    figure, panels = coin_sheet("The same walk as changes from the last price", text, theme, ground)
    for (coin, axes), walk in zip(panels, _walks(ground), strict=True):
        time, close, before = closes_of_test(coin)
        real, drawn = (each / before - 1 for each in (close, walk.single_point))
        plot_changes(axes, theme, time, real, drawn)
        mark_axes(axes, theme, coin, time, y=f"{coin.name}, change{tell_agreement(real, drawn)}")
    return figure


def draw_fan(theme: Palette, *, ground: Ground) -> Figure:
    """Where many walks of the same law end: a single one shows nothing but its seed."""
    from matplotlib.patches import Patch

    text = f"{MANY} walks of the same law; bands: the middle 50 % and 90 % of them. {_steps(ground)}."
    figure, panels = coin_sheet("Not one walk but many", text, theme, ground)
    for coin, axes in panels:
        time, close, before = closes_of_test(coin)
        law = change_law(coin.task.samples, coin.task.parts.train)
        draws = draw_changes([law] * MANY, close.size, seed=published.SEED)
        walks = np.array([full_interval(float(before[0]), changes) for changes in draws])
        low, lower, middle, upper, high = np.quantile(walks, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
        axes.fill_between(time, low, high, color=theme.band, alpha=0.55, linewidth=0)
        axes.fill_between(time, lower, upper, color=theme.band, linewidth=0)
        naive = np.full(close.size, before[0])
        handles = plot_lines(axes, theme, time, close, naive, middle, name="middle of the walks")
        axes.set_ylim(0, 1.05 * max(float(high.max()), float(close.max())))
        price_axis(axes)
        mark_axes(axes, theme, coin, time, y=f"{coin.name}, {unit(coin)}")
    handles.append(Patch(color=theme.band, label="50 % and 90 % of the walks"))
    legend(figure.axes[0], theme, handles)
    return figure


def draw_seed_ends(theme: Palette, *, coin: Coin) -> Figure:
    """Where the full-interval walk ends for every seed of the slider."""
    _, close, before = closes_of_test(coin)
    seeds, ends = list(published.SLIDER), [slider_walk(coin, seed).full_interval[-1] for seed in published.SLIDER]
    text = (
        f"{coin.name}: the last of {things(close.size, 'step')} for each seed of the slider; the article shows "
        f"{published.SLIDER_START}."
    )
    figure, (axes,) = sheet("What the seed decides", text, theme, each=2.8)
    handles = [
        *axes.plot(seeds, ends, "o", color=theme.model, markersize=7, label="end of the walk", zorder=3),
        axes.axhline(close[-1], color=theme.price, linewidth=1.5, label="where the price was"),
        axes.axhline(before[0], color=theme.naive, label="naive", **NAIVE),
    ]
    axes.vlines(seeds, before[0], ends, color=theme.band, linewidth=2)
    axes.set_xticks(seeds)
    axes.set_ylim(bottom=0)
    price_axis(axes)
    name_axes(axes, theme, x="seed", y=f"{coin.name}, {unit(coin)}")
    legend(axes, theme, handles)
    return figure


def slider_walk(coin: Coin, seed: int) -> Scenario:
    """The walk of a seed over the test span, as the slider shows it."""
    parts = coin.task.parts
    return walk_for_seed(coin.task.samples, training=parts.train, span=parts.test, seed=seed)


def _walks(ground: Ground) -> list[Scenario]:
    """Those on show, one drawn after the other."""
    parts, samples = ground.coins[0].task.parts, [coin.task.samples for coin in ground.coins]
    return walks_for_seed(samples, training=parts.train, span=parts.test, seed=published.SEED)


def _steps(ground: Ground) -> str:
    return things(len(ground.coins[0].task.parts.test), "step")
