"""The tables at the end of a page: the leaderboard's rows are the first, the score table follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from coincast.reports.numbers import (
    MINUS,
    NOTHING,
    amount,
    capped,
    count,
    error,
    is_daily,
    model_name,
    percent,
    percent_digits,
    share_shown,
    things,
)
from coincast.reports.palette import VERDICT_ROLES
from coincast.reports.pictures_market import day, quantity_name
from coincast.reports.reading import look_ahead, subject_row
from coincast.reports.story import Story
from coincast.reports.tables import is_naive, leaderboard
from coincast.reports.wording import said_of, would_pass_alone
from coincast.scores.verdict import deciding_rows

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
    """One cell; `role` colours it, `number` sets it flush right, `prose` breaks its lines."""

    text: str
    role: str = ""
    number: bool = False
    prose: bool = False


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
        _sentences(section),
        _subsets(section),
        _steps(section),
        _scores(section, anchor),
        _parts(section),
        _runs(section),
    ]
    return [table for table in tables if table.lines]


def score_links(section: Story, anchor: str) -> dict[tuple[str, str], str]:
    """Name the rows of the score table by (model, metric), so that a figure can point at its own.

    Names are numbers: models from outside may be spelled alike once letters that an address cannot hold are left out.
    """
    rows = _score_rows(section)
    return {key: f"{anchor}-score-{number}" for number, key in enumerate(rows.select("model", "metric").rows())}


def ahead_table(section: Story) -> Table | None:
    """Return the forecast beyond the last candle, date by date; `None` where there is none."""
    ahead = look_ahead(section)
    if ahead is None:
        return None
    heads = ["day (UTC)" if is_daily(section.interval) else "close (UTC)", "forecast", "naive", "against naive"]
    heads += [] if ahead.low is None else ["90 % of its runs"]
    lines = []
    for place in range(ahead.time.size - ahead.steps, ahead.time.size):
        value, naive = float(ahead.value[place]), float(ahead.naive[place])
        cells = [amount(value), amount(naive), percent(value / naive - 1, signed=True, digits=2)]
        if ahead.low is not None and ahead.high is not None:
            cells.append(f"{amount(float(ahead.low[place]))} to {amount(float(ahead.high[place]))}")
        lines.append(Line((Cell(day(ahead.time[place], section)), *map(_figure, cells))))
    return Table("What comes next", "", tuple(heads), tuple(lines))


def _leaderboard(section: Story) -> Table:
    is_price = section.quantity == "price"
    heads = (
        "model",
        "skill",
        "95 % interval",
        "verdict",
        "error" if is_price else f"error, {quantity_name(section.quantity)}",
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
        errors = (error(row["value"], row["metric"]), error(row["naive"], row["metric"]))
        rest = (
            NOTHING if naive else _p(row["p"]),
            _p(row["p_holm"]),
            share_shown(row["detectable"]),
            runs,
            count(row["n"]),
        )
        cells = (
            Cell(model_name(row["model"], section.market)),
            *map(_figure, figures),
            Cell(word, role),
            *map(_figure, (*errors, *rest)),
        )
        lines.append(Line(cells))
    what = "log error" if is_price else f"error of the {quantity_name(section.quantity)}"
    caption = (
        f"Error: mean absolute {what}, which decides. "
        "Could show: the skill that a model of this spread would have shown in four of five samples."
    )
    return Table("Leaderboard", caption, heads, tuple(lines), is_open=True)


def _sentences(section: Story) -> Table:
    """What is said of every model, where that was given and there are several."""
    rows = deciding_rows(section.scores).drop_nulls("verdict").to_dicts()
    shown = rows if section.sentences and len(rows) > 1 else []
    lines = [
        Line((Cell(model_name(row["model"], section.market)), Cell(said_of(row, section), prose=True)))
        for row in shown[:MOST_ROWS]
    ]
    return Table("Every model in a sentence", "", ("model", "what is said of it"), tuple(lines))


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
    rows, links = _score_rows(section), score_links(section, anchor)
    heads = ("model", "metric", "unit", "value", "naive's", "skill", "low", "high", "p", "n")
    lines = []
    for row in rows.iter_rows(named=True):
        # A metric without skill (bias) has bounds of its value, in its own unit.
        bounds = [
            percent(bound, signed=True) if row["skill"] is not None else amount(row[side])
            for side, bound in (("low", row["low"]), ("high", capped(row["high"])))
        ]
        figures = (
            amount(row["value"]),
            amount(row["naive"]),
            percent(row["skill"], signed=True),
            *bounds,
            _p(row["p"]),
            count(row["n"]),
        )
        name = Cell(model_name(row["model"], section.market))
        cells = (name, Cell(row["metric"]), Cell(row["unit"]), *map(_figure, figures))
        lines.append(Line(cells, links[row["model"], row["metric"]]))
    subject = subject_row(section)
    decides = "" if subject is None else f" Only {subject['metric']} decides."
    caption = f"Rows of the score table for all forecasts; scores.parquet holds every row.{decides}"
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
    return Table("Runs", f"{things(table.height, 'run')}.{cut}", tuple(table.columns), tuple(lines))


def _score_rows(section: Story) -> pl.DataFrame:
    """Rows of the score table over all forecasts, those of the headline's model first."""
    row = subject_row(section)
    whole = (pl.col("view") == "every_origin") & (pl.col("subset") == "all") & (pl.col("step") == 0)
    rows = section.scores.filter(pl.col("level") == "ensemble", whole)
    own = pl.col("model") == ("" if row is None else row["model"])
    return pl.concat([rows.filter(own), rows.filter(~own)]).head(MOST_ROWS)


def _cuts(section: Story) -> pl.DataFrame:
    row = subject_row(section)
    if row is None:
        return section.scores.clear()
    same = (pl.col(name) == row[name] for name in ("model", "metric", "level", "view"))
    return section.scores.filter(*same)


def _cut_line(name: str, row: dict[str, Any]) -> Line:
    errors = (error(row["value"], row["metric"]), error(row["naive"], row["metric"]))
    skill = (percent(row["skill"], signed=True), _interval(row["low"], row["high"]), count(row["n"]))
    return Line((Cell(name), *map(_figure, (*errors, *skill))))


def _figure(text: str) -> Cell:
    return Cell(text, number=True)


def _interval(low: float | None, high: float | None) -> str:
    return (
        NOTHING
        if low is None and high is None
        else f"{percent_digits(low, signed=True)} to {percent(capped(high), signed=True)}"
    )


def _p(value: float | None) -> str:
    return NOTHING if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")
    return f"{value:.6g}".replace("-", MINUS) if isinstance(value, float) else str(value)
