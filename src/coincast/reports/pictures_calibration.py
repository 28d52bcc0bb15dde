"""Pictures of a calibration: how often the judge rejects what is true, and how often it finds what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.reports.canvas import (
    HEAD,
    LEFT,
    RIGHT,
    WIDTH,
    add_axes,
    legend,
    name_axes,
    new_figure,
    percent_axis,
    write,
)
from coincast.reports.numbers import count, model_name, percent, things
from coincast.reports.palette import LIGHT, Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP = 0.35  # between two panels, inches
LABELS_APART = 1.5  # ratio of two numbers of origins that are both labelled
MARKERS = ("o", "s", "D", "^")


def draw_size(nulls: pl.DataFrame, *, theme: Palette = LIGHT) -> Figure:
    """Draw the share of true nulls rejected by number of origins, one panel per horizon, and the band it must keep.

    Args:
        nulls: one row per `horizon`, `n` and `persistence`, with `markets`, `share`, `low`, `high`, `least` and `most`.
        theme: the colours.
    """
    least, most = nulls["least"].max(), nulls["most"].max()
    subtitle = (
        f"Two forecasts that are equally good by construction, {things(nulls['markets'][0], 'simulated market')}: how "
        f"often the decisive test calls them different at 5 %. Mark: share; line: its 95 % interval; band: "
        f"{percent(least)} to {percent(most)}."  # type: ignore[arg-type]
    )
    figure = new_figure("How often the judge rejects what is true", subtitle, theme=theme)
    horizons = nulls["horizon"].unique(maintain_order=True).to_list()
    highest = float(max(nulls["high"].max(), most)) + 0.01  # type: ignore[type-var, arg-type]
    handles = []
    for place, horizon in enumerate(horizons):
        own = nulls.filter(pl.col("horizon") == horizon)
        axes = _add_panel(figure, theme, place, len(horizons), f"horizon {horizon}")
        axes.axhspan(least, most, color=theme.band, alpha=0.55, linewidth=0)  # type: ignore[arg-type]
        axes.axhline(0.05, color=theme.naive, linewidth=1.2, dashes=(4, 2))
        handles = [
            _draw_shares(axes, rows, color, marker, f"forecast error of persistence {persistence:g}", shift=shift)
            for (persistence, rows), color, marker, shift in zip(
                _groups(own, "persistence"), (theme.model, theme.ink), MARKERS, (0.96, 1.04), strict=False
            )
        ]
        _mark_origins(axes, theme, own, place)
        axes.set_ylim(0, highest)
    _name_marks(figure, theme, handles)
    return figure


def draw_power(power: pl.DataFrame, *, theme: Palette = LIGHT) -> Figure:
    """Draw the share of markets found by number of origins, one panel per planted skill, one line per model.

    Args:
        power: one row per `planted` skill, `n` and `model`, with `markets`, `share`, `low` and `high`.
        theme: the colours.
    """
    subtitle = (
        f"Echoes with a planted oracle skill, {things(power['markets'][0], 'simulated market')} each: the share of "
        "them in which the judge says better, after Holm's adjustment over the models of a market. Line: 95 % interval."
    )
    figure = new_figure("How often the judge finds what is there", subtitle, theme=theme)
    skills = power["planted"].unique(maintain_order=True).to_list()
    colors = {"oracle": theme.ink, "ar": theme.naive}
    handles = []
    for place, planted in enumerate(skills):
        own = power.filter(pl.col("planted") == planted)
        axes = _add_panel(figure, theme, place, len(skills), f"oracle skill {percent(planted, digits=0)}")
        handles = [
            _draw_shares(
                axes,
                rows,
                colors.get(str(model), theme.model),
                marker,
                model_name(str(model)),
                shift=shift,
                joined=True,
            )
            for (model, rows), marker, shift in zip(
                _groups(own, "model"), MARKERS, (0.96, 1.0, 1.04, 1.08), strict=False
            )
        ]
        _mark_origins(axes, theme, own, place)
        axes.set_ylim(-0.02, 1.04)
    _name_marks(figure, theme, handles)
    return figure


def _groups(table: pl.DataFrame, name: str) -> list[tuple[Any, pl.DataFrame]]:
    return [(key, own.sort("n")) for (key,), own in table.group_by(name, maintain_order=True)]


def _add_panel(figure: Figure, theme: Palette, place: int, panels: int, title: str) -> Axes:
    width = (WIDTH - LEFT - RIGHT - GAP * (panels - 1)) / panels
    left = LEFT + place * (width + GAP)
    axes = add_axes(figure, theme, left=left, right=WIDTH - left - width, top=HEAD + 0.5)
    write(axes, 0, 1.03, title, color=theme.ink, weight="bold", transform=axes.transAxes)
    return axes


def _draw_shares(
    axes: Axes, rows: pl.DataFrame, color: str, marker: str, label: str, *, shift: float, joined: bool = False
) -> Any:
    """Draw marks and whiskers, moved aside a little so that those of several groups can be told apart."""
    n, share = rows["n"].to_numpy() * shift, rows["share"].to_numpy()
    axes.vlines(n, rows["low"].to_numpy(), rows["high"].to_numpy(), color=color, linewidth=1.4)
    style = "-" if joined else ""
    (line,) = axes.plot(n, share, linestyle=style, linewidth=1.2, marker=marker, markersize=5, color=color, label=label)
    return line


def _mark_origins(axes: Axes, theme: Palette, rows: pl.DataFrame, place: int) -> None:
    """Mark the lower axis with the numbers of origins, on a logarithmic scale; only the first panel has shares."""
    n = rows["n"].unique().sort().to_list()
    axes.set_xscale("log")
    axes.set_xticks(n, [count(number) if is_clear else "" for number, is_clear in zip(n, _clear(n), strict=True)])
    axes.set_xticks([], minor=True)
    axes.set_xlim(n[0] * 0.75, n[-1] * 1.35)
    percent_axis(axes.yaxis)
    if place:
        axes.set_yticklabels([])
    name_axes(axes, theme, x="origins")


def _clear(numbers: list[int]) -> list[bool]:
    """Tell which labels can stand: those far enough from the last one that does."""
    clear, last = [], 0
    for number in numbers:
        clear.append(number > LABELS_APART * last)
        last = number if clear[-1] else last
    return clear


def _name_marks(figure: Figure, theme: Palette, handles: list[Any]) -> None:
    """Name the marks once for all panels, above their titles."""
    last = figure.axes[-1]
    legend(last, theme, handles)
    box = last.get_legend()
    if box is not None:
        box.set_bbox_to_anchor((1.0, 1.1), transform=last.transAxes)
