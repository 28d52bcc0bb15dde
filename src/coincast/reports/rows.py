"""Charts that are made of rows: a name, a track with marks, words and a figure. Pages lay them out without a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from coincast.reports.marks import Marks, board_marks
from coincast.reports.numbers import (
    MINUS,
    amount,
    capped,
    model_name,
    percent,
    share_shown,
    skill_span,
    things,
    tick_digits,
)
from coincast.reports.palette import VERDICT_ROLES
from coincast.reports.pictures_models import skill_limits
from coincast.reports.quantities import quantity_name
from coincast.reports.reading import run_rows, subject_row
from coincast.reports.reading_intervals import coverage_rows
from coincast.reports.story import Story
from coincast.reports.tables import is_naive, leaderboard

MOST_PERIODS = 40
THIRDS = {"calm": "calmest third", "middle": "middle third", "wild": "wildest third"}


@dataclass(frozen=True)
class Mark:
    """Something on a track, in percent of its width."""

    kind: str
    left: float
    width: float = 0.0
    role: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a chart; the note stands small beside its word."""

    name: str
    figure: str
    marks: tuple[Mark, ...]
    label: str
    word: str = ""
    role: str = "muted"
    note: str = ""


@dataclass(frozen=True)
class Rows:
    """A chart of rows over one axis; `ticks` are (place in percent, words), `zero` is where naive stands."""

    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float | None
    cut: bool = False


@dataclass(frozen=True)
class Axis:
    """From a value to a place in percent of the width."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where a value stands; a value beyond the axis stands at its end."""
        return round(100 * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low), 2)

    def holds(self, value: float) -> bool:
        """Tell whether a value lies on the axis."""
        return self.low <= value <= self.high

    def ticks(self, parts: int = 5) -> list[float]:
        """Return round values on the axis, about as many as parts, zero among them."""
        raw = (self.high - self.low) / parts
        power = 10.0 ** np.floor(np.log10(raw))
        step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
        return [
            float(step * number)
            for number in range(int(np.ceil(self.low / step)), int(np.floor(self.high / step + 1e-9)) + 1)
        ]


def skill_rows(story: Story) -> Rows | None:
    """Lay out the leaderboard as a picture: every model's skill and interval, naive at zero."""
    board = leaderboard(story.scores).filter(pl.col("skill").is_not_null())
    rows = board.to_dicts()
    if not any(not is_naive(row) for row in rows):
        return None
    axis = Axis(*skill_limits(rows))
    marks = board_marks(story)
    laid = tuple(_skill_row(row, axis, marks.get(row["model"], Marks()).words) for row in rows)
    return Rows(laid, _skill_ticks(axis), axis.place(0.0), cut=any(not axis.holds(row["skill"]) for row in rows))


def seed_rows(story: Story) -> Rows | None:
    """Lay out the skill of every single run: a dot each over the quartiles, ensembles and opponents below."""
    runs = run_rows(story.scores).filter(pl.col("skill").is_not_null())
    groups = {str(model): own for (model,), own in runs.group_by("model", maintain_order=True) if own.height > 1}
    if not groups:
        return None
    others = [row for row in leaderboard(story.scores).to_dicts() if row["skill"] is not None and not is_naive(row)]
    skills = [*runs["skill"].to_list(), *(row["skill"] for row in others)]
    axis = Axis(*skill_limits([{"skill": skill, "low": None, "high": None} for skill in skills]))
    laid = [_seed_row(model, own, axis) for model, own in groups.items()]
    for row in others:
        name, figure = model_name(row["model"], row["market"]), percent(row["skill"], signed=True)
        mark = Mark(_kind("diamond", row["skill"], axis), axis.place(row["skill"]), role="muted")
        laid.append(Row(name, figure, (mark,), f"{name}: skill {figure}"))
    cut = any(not axis.holds(skill) for skill in skills)
    return Rows(tuple(laid), _skill_ticks(axis), axis.place(0.0), cut=cut)


def shift_rows(story: Story, *, most: int = 16) -> Rows | None:
    """Lay out the share of test inputs below (left) and above (right) everything that training saw."""
    if story.shift is None or story.shift.is_empty():
        return None
    table = story.shift.sort("share_outside", descending=True, maintain_order=True).head(most)
    below, above = float(table["share_below"].max()), float(table["share_above"].max())  # type: ignore[arg-type]
    reach = max(below, above, 0.02)
    axis = Axis(-max(below, 0.25 * reach) * 1.05, max(above, 0.25 * reach) * 1.05)
    laid = []
    for row in table.iter_rows(named=True):
        zero, figure = axis.place(0.0), percent(row["share_outside"])
        left, right = axis.place(-row["share_below"]), axis.place(row["share_above"])
        marks = (Mark("bar", left, round(right - left, 2), "muted"), Mark("zero", zero))
        seen = f"training saw {amount(row['train_low'])} to {amount(row['train_high'])}"
        label = f"{row['input']}: {percent(row['share_below'])} below, {percent(row['share_above'])} above; {seen}"
        laid.append(Row(row["input"], figure, marks, label))
    places = axis.ticks()
    digits = tick_digits(places[1] - places[0])
    ticks = tuple((axis.place(tick), percent(abs(tick), digits=digits)) for tick in places)
    return Rows(tuple(laid), ticks, axis.place(0.0))


def period_rows(story: Story, test: str) -> Rows | None:
    """Lay out the skill of the headline's model by year or by refit, naive at zero.

    Periods with less than a tenth of the forecasts of the fullest one stand in the table only.

    Args:
        story: one market.
        test: `years` or `refits`.
    """
    row = subject_row(story)
    table = pl.DataFrame() if row is None else story.found(test, model=row["model"])
    if table.is_empty():
        return None
    rows = table.filter(pl.col("skill").is_not_null(), 10 * pl.col("n") >= pl.col("n").max()).to_dicts()
    if len(rows) < 2:
        return None
    axis = Axis(*skill_limits(rows))
    laid = tuple(_period_row(period, axis, _period_name(period)) for period in rows[-MOST_PERIODS:])
    return Rows(
        laid, _skill_ticks(axis, 3), axis.place(0.0), cut=any(not axis.holds(period["skill"]) for period in rows)
    )


def pooled_rows(story: Story) -> Rows | None:
    """Lay out the pooled test: every model's skill on the average over markets, naive at zero."""
    rows = (
        story.found("pooled").filter(pl.col("skill").is_not_null()).to_dicts() if story.found("pooled").height else []
    )
    if not rows:
        return None
    rows.sort(key=lambda row: -row["skill"])
    axis = Axis(*skill_limits(rows))
    quantities, intervals = ({row[name] for row in rows} for name in ("quantity", "interval"))
    laid = []
    for row in rows:
        more = [row["interval"]] * (len(intervals) > 1) + [quantity_name(row["quantity"])] * (len(quantities) > 1)
        name = ", ".join([model_name(row["model"]), *more])
        role, word = VERDICT_ROLES.get(row["verdict"] or "", "muted"), row["verdict"] or ""
        what = f"{things(row['markets'], 'market')}, {things(row['n'], 'common origin')}"
        laid.append(_period_row(row, axis, name, role=role, word=word, what=what))
    return Rows(tuple(laid), _skill_ticks(axis), axis.place(0.0), cut=any(not axis.holds(row["skill"]) for row in rows))


def cover_rows(story: Story) -> Rows | None:
    """Lay out the coverage of the intervals: what was promised, what was seen, and naive's."""
    rows = coverage_rows(story)
    if not rows:
        return None
    shares = [
        row[name] for row in rows for name in ("value", "naive", "low", "high", "nominal") if row[name] is not None
    ]
    low = max(0.0, np.floor(10 * (min(shares) - 0.02)) / 10)
    axis = Axis(float(low), 1.0)
    laid = []
    for row in rows:
        name = f"{100 * row['nominal']:g} % interval"
        name += "" if row["subset"] == "all" else f", {THIRDS[row['subset']]}"
        marks = [Mark("zero", axis.place(row["nominal"]))]
        between = ""
        if row["low"] is not None and row["high"] is not None:
            left, right = axis.place(row["low"]), axis.place(row["high"])
            marks.append(Mark("interval", left, round(right - left, 2), "model"))
            between = f", 95 % interval {percent(row['low'])} to {percent(row['high'])}"
        marks.append(Mark("dot", axis.place(row["value"]), role="model"))
        marks.append(Mark("diamond", axis.place(row["naive"]), role="muted"))
        figure = percent(row["value"])
        label = f"{name}: covered {figure}{between}; naive's {percent(row['naive'])}; {things(row['n'], 'forecast')}"
        laid.append(Row(name, figure, tuple(marks), label))
    ticks = tuple((axis.place(tick), percent(tick, digits=0)) for tick in axis.ticks(4))
    return Rows(tuple(laid), ticks, None)


def _period_name(row: dict[str, Any]) -> str:
    if "subset" in row:
        return str(row["subset"]).removeprefix("year=")
    return f"trained to {row['trained_until']:%Y-%m-%d}"


def _period_row(
    row: dict[str, Any], axis: Axis, name: str, *, role: str = "model", word: str = "", what: str = ""
) -> Row:
    """A skill with its interval; without a word it is a description, in the colour of a model."""
    figure, marks, between = percent(row["skill"], signed=True), [], ""
    if row["low"] is not None and row["high"] is not None:
        high = capped(row["high"])
        left, right = axis.place(row["low"]), axis.place(high or 0.0)
        marks.append(Mark("interval", left, round(right - left, 2), role))
        between = f", 95 % interval {skill_span(row['low'], row['high'])} %"
    marks.append(Mark(_kind("dot", row["skill"], axis), axis.place(row["skill"]), role=role))
    said = f"{word}, " if word else ""
    label = f"{name}: {said}skill {figure}{between}, {what or things(row['n'], 'forecast')}"
    return Row(name, figure, tuple(marks), label, word, role)


def _skill_row(row: dict[str, Any], axis: Axis, note: str) -> Row:
    name, naive = model_name(row["model"], row["market"]), is_naive(row)
    role = "naive" if naive else VERDICT_ROLES.get(row["verdict"] or "", "muted")
    figure = percent(0.0 if naive else row["skill"], signed=True)
    word = "the yardstick" if naive else row["verdict"] or ""
    marks, between = [], ""
    if row["low"] is not None and row["high"] is not None and not naive:
        high = capped(row["high"])
        left, right = axis.place(row["low"]), axis.place(high or 0.0)
        marks.append(Mark("interval", left, round(right - left, 2), role))
        between = f", 95 % interval {skill_span(row['low'], row['high'])} %"
    if not naive:
        marks.append(Mark(_kind("dot", row["skill"], axis), axis.place(row["skill"]), role=role))
    detail = "" if row["p_holm"] is None else f", p {_p(row['p'])}, Holm {_p(row['p_holm'])}"
    power = "" if row["detectable"] is None else f", could show {share_shown(row['detectable'])}"
    label = f"{name}: {word}, skill {figure}{between}{detail}{power}, {things(row['n'], 'forecast')}"
    label += f"; {note}" if note else ""
    return Row(name, figure, tuple(marks), label, word, role, note)


def _seed_row(model: str, own: pl.DataFrame, axis: Axis) -> Row:
    skills = own["skill"].to_numpy()
    first, median, third = (float(value) for value in np.quantile(skills, [0.25, 0.5, 0.75]))
    left, right = axis.place(first), axis.place(third)
    marks = [Mark("box", left, round(right - left, 2)), Mark("median", axis.place(median))]
    for run, skill in zip(own["run"], skills, strict=True):
        marks.append(
            Mark(_kind("seed", skill, axis), axis.place(skill), note=f"run {run}: {percent(skill, signed=True)}")
        )
    name = f"{model_name(model)}, {things(own.height, 'run')}"
    spread = f"from {percent(float(skills.min()), signed=True)} to {percent(float(skills.max()), signed=True)}"
    figure = percent(median, signed=True)
    return Row(name, figure, tuple(marks), f"{name}: median skill {figure}, {spread}", word="median")


def _skill_ticks(axis: Axis, parts: int = 5) -> tuple[tuple[float, str], ...]:
    ticks = axis.ticks(parts)
    digits = tick_digits(ticks[1] - ticks[0]) if len(ticks) > 1 else 0
    words = ["naive" if abs(tick) < 1e-9 else percent(tick, signed=True, digits=digits) for tick in ticks]
    return tuple((axis.place(tick), word) for tick, word in zip(ticks, words, strict=True))


def _kind(kind: str, value: float, axis: Axis) -> str:
    return kind if axis.holds(value) else "beyond-left" if value < axis.low else "beyond-right"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}".replace("-", MINUS)
