"""The tables at the end of a page: the leaderboard's rows are the first, the score table follows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from coincast.reports.numbers import MINUS, NOTHING, amount, count, model_name, percent, percent_digits
from coincast.reports.palette import VERDICT_ROLES
from coincast.reports.reading import subject_row
from coincast.reports.story import Story
from coincast.reports.tables import is_naive, leaderboard
from coincast.reports.wording import would_pass_alone

MOST_ROWS = 400
SUBSETS = {
    "all": "all forecasts",
    "after_jump_up": "after a jump up",
    "after_jump_down": "after a jump down",
    "calm": "in calm stretches",
    "wild": "in wild stretches",
}


@dataclass(frozen=True)
class Cell:
    """One cell; `role` colours it, `number` sets it flush right."""

    text: str
    role: str = ""
    number: bool = False


@dataclass(frozen=True)
class Line:
    """One row of a table, with the name by which figures point at it."""

    cells: tuple[Cell, ...]
    anchor: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a page; a closed one opens on request."""

    title: str
    caption: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    is_open: bool = False


def market_tables(section: Story, anchor: str) -> list[Table]:
    """Return the tables of one market, the leaderboard first; those without rows are left out."""
    tables = [
        _leaderboard(section),
        _subsets(section),
        _steps(section),
        _scores(section, anchor),
        _parts(section),
        _runs(section),
    ]
    return [table for table in tables if table.lines]


def score_anchor(anchor: str, row: dict[str, Any]) -> str:
    """Name a row of the score table, so that a figure can point at it."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", f"{anchor}-score-{row['model']}-{row['metric']}").lower()


def _leaderboard(section: Story) -> Table:
    heads = (
        "model",
        "skill",
        "95 % interval",
        "verdict",
        "error",
        "naive's",
        "p",
        "p, Holm",
        "could show",
        "runs better",
        "n",
    )
    lines = []
    for row in leaderboard(section.scores).iter_rows(named=True):
        naive = is_naive(row)
        role = "" if naive else VERDICT_ROLES.get(row["verdict"] or "", "")
        word = "the yardstick" if naive else row["verdict"] or NOTHING
        word += "; alone it would pass" if would_pass_alone(row) else ""
        runs = f"{row['runs_better']} of {row['runs']}" if (row["runs"] or 0) > 1 else NOTHING
        figures = (
            percent(0.0 if naive else row["skill"], signed=True),
            NOTHING if naive else _interval(row["low"], row["high"]),
        )
        errors = (_error(row["value"], row["metric"]), _error(row["naive"], row["metric"]))
        rest = (
            NOTHING if naive else _p(row["p"]),
            _p(row["p_holm"]),
            percent(row["detectable"]),
            runs,
            count(row["n"]),
        )
        cells = (
            Cell(model_name(row["model"])),
            *map(_figure, figures),
            Cell(word, role),
            *map(_figure, (*errors, *rest)),
        )
        lines.append(Line(cells))
    caption = (
        "Error: mean absolute log error, which decides. "
        "Could show: the skill that a model of this spread would have shown in four of five samples."
    )
    return Table("Leaderboard", caption, heads, tuple(lines), is_open=True)


def _subsets(section: Story) -> Table:
    """How the headline's model fared after jumps and in calm and wild stretches."""
    rows = _cuts(section).filter(pl.col("step") == 0)
    heads = ("when", "error", "naive's", "skill", "95 % interval", "n")
    lines = tuple(_cut_line(SUBSETS.get(row["subset"], row["subset"]), row) for row in rows.iter_rows(named=True))
    title = "After jumps, in calm and in wild stretches"
    return Table(
        title,
        "A description, not a test: the stretches were picked from the test span itself.",
        heads,
        lines if len(lines) > 1 else (),
    )


def _steps(section: Story) -> Table:
    rows = _cuts(section).filter(pl.col("step") > 0, pl.col("subset") == "all").sort("step")
    heads = ("step", "error", "naive's", "skill", "95 % interval", "n")
    lines = tuple(_cut_line(f"{row['step']} ahead", row) for row in rows.iter_rows(named=True))
    return Table("Step by step", "Each step ahead by itself; a description, not a test.", heads, lines)


def _scores(section: Story, anchor: str) -> Table:
    """Every metric of every model over all forecasts, as the score table has it."""
    whole = (pl.col("view") == "every_origin") & (pl.col("subset") == "all") & (pl.col("step") == 0)
    rows = section.scores.filter(pl.col("level") == "ensemble", whole)
    heads = ("model", "metric", "unit", "value", "naive's", "skill", "low", "high", "p", "n")
    lines = []
    for row in rows.head(MOST_ROWS).iter_rows(named=True):
        # A metric without skill (bias) has bounds of its value, in its own unit.
        bounds = [
            percent(row[side], signed=True) if row["skill"] is not None else amount(row[side])
            for side in ("low", "high")
        ]
        figures = (
            amount(row["value"]),
            amount(row["naive"]),
            percent(row["skill"], signed=True),
            *bounds,
            _p(row["p"]),
            count(row["n"]),
        )
        cells = (Cell(model_name(row["model"])), Cell(row["metric"]), Cell(row["unit"]), *map(_figure, figures))
        lines.append(Line(cells, score_anchor(anchor, row)))
    caption = "Rows of the score table for all forecasts; scores.parquet holds every row. Only abs_log_error decides."
    return Table("Every metric", caption, heads, tuple(lines))


def _parts(section: Story) -> Table:
    if section.parts is None:
        return Table("Parts", "", (), ())
    lines = [
        Line(
            (
                Cell(row["part"]),
                Cell(_text(row["first"])),
                Cell(_text(row["last"])),
                _figure(count(row["rows"])),
                _figure(count(row["windows"])),
            )
        )
        for row in section.parts.iter_rows(named=True)
    ]
    return Table(
        "What was learnt from, and what was kept back",
        "Half-open spans in UTC.",
        ("part", "from", "to", "candles", "windows"),
        tuple(lines),
    )


def _runs(section: Story) -> Table:
    """The table of runs as it is, whatever settings vary in it."""
    if section.runs is None:
        return Table("Runs", "", (), ())
    table = section.runs.drop("market", "interval", strict=False)
    lines = [
        Line(tuple(Cell(_text(value), number=isinstance(value, int | float)) for value in row))
        for row in table.head(MOST_ROWS).rows()
    ]
    cut = f" The first {MOST_ROWS} are shown." if table.height > MOST_ROWS else ""
    return Table("Runs", f"{count(table.height)} runs.{cut}", tuple(table.columns), tuple(lines))


def _cuts(section: Story) -> pl.DataFrame:
    row = subject_row(section)
    if row is None:
        return section.scores.clear()
    same = (pl.col(name) == row[name] for name in ("model", "metric", "level", "view"))
    return section.scores.filter(*same)


def _cut_line(name: str, row: dict[str, Any]) -> Line:
    errors = (_error(row["value"], row["metric"]), _error(row["naive"], row["metric"]))
    skill = (percent(row["skill"], signed=True), _interval(row["low"], row["high"]), count(row["n"]))
    return Line((Cell(name), *map(_figure, (*errors, *skill))))


def _figure(text: str) -> Cell:
    return Cell(text, number=True)


def _interval(low: float | None, high: float | None) -> str:
    return (
        NOTHING
        if low is None and high is None
        else f"{percent_digits(low, signed=True)} to {percent(high, signed=True)}"
    )


def _error(value: float | None, metric: str) -> str:
    return percent(value, digits=2) if metric == "abs_log_error" else amount(value)


def _p(value: float | None) -> str:
    return NOTHING if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")
    return f"{value:.6g}".replace("-", MINUS) if isinstance(value, float) else str(value)
