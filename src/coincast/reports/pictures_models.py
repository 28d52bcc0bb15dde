"""Pictures of models: the skill of each beside naive, the spread over seeds, and how the runs learnt."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.reports.boxes import draw_box
from coincast.reports.canvas import (
    BODY,
    SMALL,
    add_axes,
    drawable,
    faces,
    name_axes,
    name_ends,
    new_figure,
    percent_axis,
    write,
)
from coincast.reports.numbers import capped, count, model_name, percent, things
from coincast.reports.palette import LIGHT, NOT_DISTINGUISHABLE, VERDICT_MARKERS, Palette
from coincast.reports.pictures_market import day, part_text, shorten, where
from coincast.reports.reading import judged_span, run_rows
from coincast.reports.story import Story
from coincast.reports.tables import is_naive, leaderboard
from coincast.scores.verdict import NAIVE, deciding_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES, WORDS = 2.35, 2.65
"""Margins for the names on the left and the words on the right, inches."""
MOST_EPOCHS = 250


def draw_skill(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw every model's skill and its interval, naive at zero: the leaderboard as a picture."""
    rows = leaderboard(story.scores).filter(pl.col("skill").is_not_null()).to_dicts()
    if all(map(is_naive, rows)):
        return None
    subtitle = (
        f"{where(story)}. {forecasts_text(story)} "
        "Mark: skill; line: 95 % interval of the same test that gives the verdict."
    )
    figure = new_figure("Skill of every model, naive at zero", subtitle, theme=theme, height=1.9 + 0.36 * len(rows))
    axes = add_axes(figure, theme, left=NAMES, right=WORDS, top=1.05, bottom=0.65)
    low, high = skill_limits(rows)
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for place, row in enumerate(rows):
        _draw_skill_row(axes, theme, place, row, low, high)
    _mark_skill(axes, theme, cut=any(row["skill"] < low or row["skill"] > high for row in rows))
    return figure


def draw_seeds(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the skill of every single run as a dot with the quartiles behind, and the opponents beside."""
    runs = run_rows(story.scores).filter(pl.col("skill").is_not_null())
    several = (own for _, own in runs.group_by("model", maintain_order=True) if own.height > 1)
    groups = [(own["model"][0], own["skill"].to_numpy()) for own in several]
    if not groups:
        return None
    is_other = ~pl.col("model").is_in([NAIVE, *(model for model, _ in groups)])
    others = deciding_rows(story.scores).filter(is_other, pl.col("skill").is_not_null()).sort("skill", descending=True)
    number = ", ".join(f"{skills.size} runs of {model_name(model)}" for model, skills in groups[:3])
    subtitle = (
        f"{where(story)}. {number}; {forecasts_text(story)} "
        "Dot: one run; box: quartiles, with whiskers; diamond: ensembles and opponents."
    )
    figure = new_figure(
        "The same model, other seeds", subtitle, theme=theme, height=1.95 + 0.62 * len(groups) + 0.3 * others.height
    )
    axes = add_axes(figure, theme, left=NAMES, right=1.75, top=1.05, bottom=0.65)
    every = np.concatenate([*(skills for _, skills in groups), others["skill"].to_numpy()])
    low, high = skill_limits([{"skill": skill, "low": None, "high": None} for skill in every])
    axes.set_xlim(low, high)
    bottom = _draw_boxes(axes, theme, groups)
    _draw_others(axes, theme, others, bottom)
    axes.set_ylim(bottom + others.height * 0.5 - 0.1, -0.6)
    _mark_skill(axes, theme, cut=bool(((every < low) | (every > high)).any()))
    return figure


def draw_training(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the loss of every run by epoch, the mean in bold, and the validation loss dashed where there is one."""
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if story.history is None or story.history.is_empty():
        return None
    history, fits = last_fits(story.history)
    runs = history.select("model", "run").n_unique()
    last = int(history["epoch"].max())  # type: ignore[arg-type]
    dashed = "" if history["validation_loss"].is_null().all() else "; dashed: on the validation part"
    subtitle = (
        f"{where(story)}. {part_text(story, 'train')}{things(runs, 'run')}, {things(last, 'epoch')}. "
        f"Thin: each run; bold: their mean{dashed}.{fits_text(fits)}"
    )
    figure = new_figure("How the runs learnt", subtitle, theme=theme)
    axes = add_axes(figure, theme, top=1.3, right=2.6)
    curves = loss_curves(history)
    axes.add_collection(LineCollection(curves, colors=theme.model, linewidths=0.7, alpha=0.35), autolim=True)
    ends = _draw_means(axes, theme, history)
    axes.set_xlim(min(1, last - 1), last)
    axes.autoscale(axis="y")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}")))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    name_axes(axes, theme, x="epoch", y="training loss, in the unit of the target")
    name_ends(axes, theme, ends)
    return figure


def skill_limits(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Choose an axis of skill that always shows zero, and is not flattened by one hopeless model.

    Skills below -50 % leave the axis unless most models are down there; the chart marks them with an arrow.
    """
    skills = np.array([row["skill"] for row in rows], dtype=float)
    ends = np.array([row[side] for row in rows for side in ("low", "high") if row[side] is not None], dtype=float)
    everything = np.r_[0.0, skills, ends]
    low, high = float(everything.min()), float(everything.max())
    beaten = skills[skills < 0]
    floor = -0.5 if np.mean(skills < -0.5) <= 0.5 else float(np.quantile(beaten, 0.25)) * 1.2
    low = max(low, min(floor, -0.5)) if low < -0.5 else low
    room = 0.06 * max(high - low, 0.02)
    return low - room, min(high, 1.0) + max(room, 0.12 * abs(low) if high < 0.02 else 0.0)


def last_fits(history: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Keep the last fit of every run, and say how many fits the most often fitted one had."""
    if "fit" not in history.columns or history.is_empty():
        return history, 1
    last = history.filter(pl.col("fit") == pl.col("fit").max().over("model", "run"))
    return last, int(history["fit"].max())  # type: ignore[arg-type]


def fits_text(fits: int) -> str:
    """Say that only the last of several fits is drawn."""
    return "" if fits == 1 else f" The last of {fits} fits of each run."


def loss_curves(history: pl.DataFrame) -> list[NDArray[np.float64]]:
    """Return each run's loss as points of epoch and loss, thinned to what a picture can show."""
    ordered = _thin_epochs(history).sort("model", "run", "epoch")
    groups = ordered.group_by("model", "run", maintain_order=True)
    return [own.select(pl.col("epoch", "loss").cast(pl.Float64)).to_numpy() for _, own in groups]


def mean_curve(history: pl.DataFrame, model: str, column: str) -> NDArray[np.float64] | None:
    """Return the mean over runs of a loss by epoch; `None` where the history does not hold it."""
    if column not in history.columns:
        return None
    own = _thin_epochs(history).filter(pl.col("model") == model, pl.col(column).is_not_null())
    if own.is_empty():
        return None
    return own.group_by("epoch").agg(pl.col(column).cast(pl.Float64).mean()).sort("epoch").cast(pl.Float64).to_numpy()


def forecasts_text(story: Story) -> str:
    """Say on how many forecasts and which span the scores of a market rest."""
    numbers = deciding_rows(story.scores)["n"].drop_nulls().unique().sort().to_list()
    if not numbers:
        return "No forecast was judged."
    text = things(numbers[-1], "forecast")
    text = text if len(numbers) == 1 else f"{count(numbers[0])} to {text}"
    span = judged_span(story)
    return f"{text}." if span is None else f"{text}, {day(span[0], story)} to {day(span[1], story)}."


def _mark_skill(axes: Axes, theme: Palette, *, cut: bool) -> None:
    """Give an axis of skill its grid, its unit and the naive line at zero."""
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    axes.axvline(0, color=theme.naive, linewidth=1.4, dashes=(3, 2), gid="naive")
    percent_axis(axes.xaxis, zero="naive", bins=5, signed=True)
    name_axes(
        axes, theme, x="skill: share of naive's error that is saved" + ("; arrow: beyond the axis" if cut else "")
    )


def _write_name(axes: Axes, place: float, name: str, color: str) -> None:
    """Write a model's name in the left margin, on two lines if it is long."""
    lines = textwrap.wrap(name, 25)
    text = "\n".join([lines[0], shorten(" ".join(lines[1:]), 25)] if len(lines) > 1 else lines)
    size = BODY if len(lines) == 1 else SMALL
    axes.annotate(
        drawable(text), (0, place), xycoords=axes.get_yaxis_transform(), xytext=((0.25 - NAMES) * 72, 0),
        fontsize=size, textcoords="offset points", va="center", color=color, parse_math=False, linespacing=1.1,
        **faces(text),
    )  # fmt: skip


def _draw_skill_row(axes: Axes, theme: Palette, place: int, row: dict[str, Any], low: float, high: float) -> None:
    side = axes.get_yaxis_transform()
    naive = is_naive(row)
    color = theme.muted if naive else theme.verdict(row["verdict"])
    if row["low"] is not None and row["high"] is not None and not naive:
        ends = np.clip([row["low"], capped(row["high"])], low, high)
        axes.plot(ends, [place, place], color=color, linewidth=2.4, solid_capstyle="round")
    marker = "|" if naive else _beyond(row["skill"], low, high, VERDICT_MARKERS.get(row["verdict"], "o"))
    is_open = row["verdict"] == NOT_DISTINGUISHABLE
    hollow: dict[str, Any] = {"markerfacecolor": theme.card, "markeredgewidth": 2.0} if is_open else {}
    x = float(np.clip(row["skill"], low, high))
    axes.plot([x], [place], marker=marker, color=color, markersize=8, zorder=4, clip_on=False, **hollow)
    ink = theme.muted if naive else theme.ink
    _write_name(axes, place, model_name(row["model"], row["market"]), ink)
    word = "the yardstick" if naive else row["verdict"] or ""
    weight = "normal" if naive else "bold"
    write(axes, 1.04, place, word, size=BODY, color=color, va="center", weight=weight, transform=side)
    text = "0.0 %" if naive else percent(row["skill"], signed=True)
    axes.annotate(
        text, (1.0, place), xycoords=side, xytext=((WORDS - 0.25) * 72, 0), textcoords="offset points", ha="right",
        va="center", fontsize=BODY, color=ink,
    )  # fmt: skip


def _draw_boxes(axes: Axes, theme: Palette, groups: list[tuple[str, NDArray[np.float64]]]) -> float:
    for place, (model, skills) in enumerate(groups):
        draw_box(axes, place, np.clip(skills, *axes.get_xlim()), line=theme.model, fill=theme.band, lies=True)
        text = f"median {percent(float(np.median(skills)), signed=True)}"
        _write_row(axes, place, f"{model_name(model)}, {things(skills.size, 'run')}", text, theme)
    return len(groups) - 0.15


def _draw_others(axes: Axes, theme: Palette, others: pl.DataFrame, first: float) -> None:
    low, high = axes.get_xlim()
    for place, row in enumerate(others.iter_rows(named=True)):
        y, x = first + place * 0.5, float(np.clip(row["skill"], low, high))
        marker = _beyond(row["skill"], low, high, "D")
        axes.plot([x], [y], marker=marker, color=theme.muted, markersize=5, clip_on=False)
        _write_row(axes, y, model_name(row["model"], row["market"]), percent(row["skill"], signed=True), theme)


def _write_row(axes: Axes, place: float, name: str, text: str, theme: Palette) -> None:
    """Write a name at the left of the axes and its figure at the right."""
    _write_name(axes, place, name, theme.ink)
    write(axes, 1.03, place, text, color=theme.ink, va="center", transform=axes.get_yaxis_transform())


def _beyond(skill: float, low: float, high: float, marker: str) -> str:
    return "<" if skill < low else ">" if skill > high else marker


def _draw_means(axes: Axes, theme: Palette, history: pl.DataFrame) -> list[tuple[float, str]]:
    """Draw each model's mean losses, and return the end and the name of each line."""
    ends = []
    for model in history["model"].unique(maintain_order=True):
        for column, dashes, word in (("loss", (), ""), ("validation_loss", (4, 2), " validation")):
            mean = mean_curve(history, model, column)
            if mean is not None:
                [line] = axes.plot(mean[:, 0], mean[:, 1], color=theme.model, linewidth=2.0)
                line.set_dashes(dashes)
                ends.append((float(mean[-1, 1]), f"{shorten(model_name(model), 15)}{word} {mean[-1, 1]:.3g}"))
    return ends


def _thin_epochs(history: pl.DataFrame) -> pl.DataFrame:
    last = int(history["epoch"].max())  # type: ignore[arg-type]
    every = -(-last // MOST_EPOCHS)
    if every == 1:
        return history
    return history.filter((pl.col("epoch") % every == 0) | (pl.col("epoch") == last) | (pl.col("epoch") <= 1))
