"""Pictures beside the verdict: error by step, the whole span, skill over time, and what a line really is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from coincast.reports.canvas import add_axes, legend, name_axes, new_figure, percent_axis, price_axis, time_axis
from coincast.reports.findings import fluctuations, lag_line, span_path, step_errors
from coincast.reports.numbers import model_name, things
from coincast.reports.palette import LIGHT, Palette
from coincast.reports.pictures_market import where
from coincast.reports.quantities import error_axis, is_share, value_axis
from coincast.reports.story import Story
from coincast.reports.thinning import thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 4.8
TOP = 1.5


def draw_steps(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the error that decides at each step ahead, beside naive's."""
    from matplotlib.ticker import MaxNLocator

    found = step_errors(story)
    if found is None:
        return None
    text = f"{where(story)}. {things(found.steps.size, 'step')} ahead, each by itself. {found.summary}".rstrip()
    figure = new_figure("Error by step", text, theme=theme, height=HEIGHT)
    axes = add_axes(figure, theme, top=TOP)
    handles = _draw_pair(axes, theme, found.steps, found.value, found.naive, model_name(found.model), marker="o")
    axes.set_ylim(0, 1.08 * float(max(found.value.max(), found.naive.max())) or 1.0)
    _error_axis(axes, story)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    name_axes(axes, theme, x="step ahead", y=error_axis(story))
    legend(axes, theme, handles)
    return figure


def draw_span(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the whole test span as it was forecast from its first origin."""
    found = span_path(story)
    if found is None:
        return None
    title, name = "The whole span from one origin", model_name(found.model)
    figure = new_figure(title, f"{where(story)}. {name}: {found.text}", theme=theme, height=HEIGHT)
    axes = add_axes(figure, theme, top=TOP)
    kept = thin(np.nan_to_num(found.actual), found.value)
    time = found.time[kept]
    handles = list(axes.plot(time, found.actual[kept], color=theme.price, linewidth=1.3, label="what came"))
    handles += _draw_pair(axes, theme, time, found.value[kept], found.naive[kept], name)
    price_axis(axes)
    time_axis(axes, theme, found.time, story.interval)
    name_axes(axes, theme, y=value_axis(story))
    legend(axes, theme, handles)
    return figure


def draw_fluctuation(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw skill over time, with the band of the fluctuation test around naive."""
    from matplotlib.patches import Patch

    found = fluctuations(story)
    if found is None:
        return None
    figure = new_figure("Skill over time", f"{where(story)}. {found.text}", theme=theme, height=HEIGHT)
    axes = add_axes(figure, theme, top=1.65)
    kept = thin(found.skill)
    time, band = found.time[kept], found.band[kept]
    axes.fill_between(time, -band, band, color=theme.rule, linewidth=0)
    naive = np.zeros(kept.size)
    handles = _draw_pair(axes, theme, time, found.skill[kept], naive, f"skill of {model_name(found.model)}")
    percent_axis(axes.yaxis, zero="naive", bins=5, signed=True)
    time_axis(axes, theme, found.time, story.interval)
    name_axes(axes, theme, y="skill against naive")
    legend(axes, theme, [*handles, Patch(color=theme.rule, label="as good as naive at every time")])
    return figure


def draw_lag(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw how far the line lies from the prices of each lag; the smallest distance is marked."""
    from matplotlib.ticker import MaxNLocator

    found = lag_line(story)
    if found is None:
        return None
    figure = new_figure("Is it an old price?", f"{where(story)}. {found.text}", theme=theme, height=HEIGHT + 0.2)
    axes = add_axes(figure, theme, top=1.75)
    name = model_name(found.model)
    handles = _draw_pair(axes, theme, found.lags, found.distance, found.naive, name, marker="o")
    best, low = found.lags[found.best], found.distance[found.best]
    which = "what came" if best == 0 else f"the price of {things(int(best), 'candle')} before"
    ring: dict[str, Any] = {"markersize": 13, "markerfacecolor": "none", "markeredgecolor": theme.model}
    handles += axes.plot(
        [best], [low], "o", gid="lowest", clip_on=False, markeredgewidth=1.6, label=f"nearest: {which}", **ring
    )
    axes.set_ylim(0, 1.08 * float(max(found.distance.max(), found.naive.max())) or 1.0)
    percent_axis(axes.yaxis, bins=5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    x = f"candles before the target: 0 is what came, {found.step} the last known price"
    name_axes(axes, theme, x=x, y="mean distance from that price")
    legend(axes, theme, handles)
    return figure


def _draw_pair(axes: Axes, theme: Palette, x: Any, value: Any, naive: Any, name: str, *, marker: str = "") -> list[Any]:
    """Draw a model's line and the naive one, dashed and on top."""
    style: dict[str, Any] = {"marker": marker, "markersize": 4} if marker else {}
    drawn = axes.plot(x, value, color=theme.model, linewidth=1.6, label=name, gid="model", **style)
    return drawn + axes.plot(x, naive, color=theme.naive, linewidth=1.4, dashes=(4, 2), label="naive", gid="naive")


def _error_axis(axes: Axes, story: Story) -> None:
    if is_share(story):
        percent_axis(axes.yaxis, bins=5)
    else:
        price_axis(axes)
