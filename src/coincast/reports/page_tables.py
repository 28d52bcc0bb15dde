"""The tables at the end of a page: the leaderboard's rows are the first, the score table follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from coincast.reports.cells import Cell, Line, Table, figure, interval_cell, p_value
from coincast.reports.marks import Marks, board_marks, set_text
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
    share_shown,
    things,
)
from coincast.reports.page_tables_further import further_tables
from coincast.reports.palette import VERDICT_ROLES
from coincast.reports.pictures_market import day
from coincast.reports.quantities import DECIDES, IN_PERCENT, quantity_name, value_unit
from coincast.reports.reading import subject_row
from coincast.reports.reading_outlook import look_ahead
from coincast.reports.story import Story
from coincast.reports.tables import is_naive, leaderboard
from coincast.reports.wording import said_of, trials_line, would_pass_alone
from coincast.scores.verdict import deciding_rows

MOST_ROWS = 400
SUBSETS = {
    "all": "all forecasts",
    "after_jump_up": "after a jump up",
    "after_jump_down": "after a jump down",
    "calm": "in calm stretches",
    "wild": "in wild stretches",
}


def market_tables(section: Story, anchor: str) -> list[Table]:
    """Return the tables of one market, the leaderboard first; those without rows are left out."""
    tables = [
        _leaderboard(section),
        _sentences(section),
        _subsets(section),
        *further_tables(section),
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
    unit = value_unit(section) if section.quantity in IN_PERCENT else ""
    heads = ["day (UTC)" if is_daily(section.interval) else "close (UTC)", "forecast", "naive", "against naive"]
    spans = [
        *((f"{words} % interval", low, high) for words, low, high in ahead.bands[:1]),
        *((f"{words} % of naive", low, high) for words, low, high in ahead.naive_bands[:1]),
    ]
    if ahead.low is not None and ahead.high is not None:
        spans.append(("90 % of its runs", ahead.low, ahead.high))
    heads += [words for words, _, _ in spans]
    lines = []
    for place in range(ahead.time.size - ahead.steps, ahead.time.size):
        value, naive = float(ahead.value[place]), float(ahead.naive[place])
        cells = [amount(value, unit), amount(naive, unit), _against(value, naive, section.quantity)]
        cells += [f"{amount(float(low[place]), unit)} to {amount(float(high[place]), unit)}" for _, low, high in spans]
        lines.append(Line((Cell(day(ahead.time[place], section)), *map(figure, cells))))
    return Table("What comes next", "", tuple(heads), tuple(lines))


def _against(value: float, naive: float, quantity: str) -> str:
    """How far a forecast, as it is shown, is from the naive one."""
    if quantity == "direction":
        return f"{amount(value - naive)} points"
    if quantity == "log_return" or naive == 0:
        return amount(value - naive)
    return percent(value / naive - 1, signed=True, digits=2)


def _leaderboard(section: Story) -> Table:
    """The leaderboard; what further tests add stands where they were made."""
    marks = board_marks(section)
    rows = [_board_cells(row, marks, section) for row in leaderboard(section.scores).iter_rows(named=True)]
    optional = {
        "may be the best": any(mark.in_set is not None for mark in marks.values()),
        "bootstrap": any(mark.low is not None or mark.high is not None for mark in marks.values()),
        "hint": any(mark.hint for mark in marks.values()),
    }
    heads = [head for head in rows[0] if optional.get(head, True)] if rows else []
    decides = DECIDES.get(section.quantity, f"mean error of the {quantity_name(section.quantity)}")
    caption = " ".join(filter(None, (f"Error: {decides}. It decides.", set_text(section), trials_line(section))))
    lines = tuple(Line(tuple(row[head] for head in heads)) for row in rows)
    of = "" if section.quantity == "price" else f", {quantity_name(section.quantity)}"
    told = tuple(f"error{of}" if head == "error" else head for head in heads)
    return Table("Leaderboard", caption, told, lines, is_open=True)


def _board_cells(row: dict[str, Any], marks: Mapping[str, Marks], section: Story) -> dict[str, Cell]:
    """The cells of one model by their heads."""
    naive, mark = is_naive(row), marks.get(row["model"], Marks())
    word = "the yardstick" if naive else row["verdict"] or NOTHING
    word += "; alone it would pass" if would_pass_alone(row) else ""
    bootstrap = interval_cell(mark.low, mark.high) + ("*" if mark.agrees is False else "")
    best = NOTHING if mark.in_set is None else "yes" if mark.in_set else "no"
    return {
        "model": Cell(model_name(row["model"], section.market)),
        "skill": figure(percent(0.0 if naive else row["skill"], signed=True)),
        "95 % interval": figure(NOTHING if naive else interval_cell(row["low"], row["high"])),
        "verdict": Cell(word, "" if naive else VERDICT_ROLES.get(row["verdict"] or "", "")),
        "may be the best": Cell(best, note="" if mark.p_set is None else f"p {p_value(mark.p_set)}"),
        "could show": figure(share_shown(row["detectable"])),
        "error": figure(error(row["value"], row["metric"])),
        "naive's": figure(error(row["naive"], row["metric"])),
        "runs better": figure(f"{row['runs_better']} of {row['runs']}" if (row["runs"] or 0) > 1 else NOTHING),
        "n": figure(count(row["n"])),
        "p": figure(NOTHING if naive else p_value(row["p"])),
        "p (Holm)": figure(p_value(row["p_holm"])),
        "bootstrap": figure(bootstrap),
        "hint": Cell("hint of signal" if mark.hint else NOTHING),
    }


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


def _scores(section: Story, anchor: str) -> Table:
    """Every metric of every model over all forecasts, as the score table has it."""
    rows, links = _score_rows(section), score_links(section, anchor)
    heads = ("model", "metric", "unit", "value", "naive's", "skill", "low", "high", "p", "n")
    lines = []
    for row in rows.iter_rows(named=True):
        # A metric without skill (bias) has bounds of its value, in its own unit.
        bounds = [
            percent(bound, signed=True, is_end=True) if row["skill"] is not None else amount(row[side])
            for side, bound in (("low", row["low"]), ("high", capped(row["high"])))
        ]
        figures = (
            amount(row["value"]),
            amount(row["naive"]),
            percent(row["skill"], signed=True),
            *bounds,
            p_value(row["p"]),
            count(row["n"]),
        )
        name = Cell(model_name(row["model"], section.market))
        cells = (name, Cell(row["metric"]), Cell(row["unit"]), *map(figure, figures))
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
                figure(count(row["rows"])),
                figure(count(row["windows"])),
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
    runs = table.select(name for name in ("model", "run") if name in table.columns).n_unique() or table.height
    what = things(runs, "run") + (f", {things(table.height, 'fit')}" if table.height > runs else "")
    return Table("Runs", f"{what}.{cut}", tuple(table.columns), tuple(lines))


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
    skill = (percent(row["skill"], signed=True), interval_cell(row["low"], row["high"]), count(row["n"]))
    return Line((Cell(name), *map(figure, (*errors, *skill))))


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")
    return f"{value:.6g}".replace("-", MINUS) if isinstance(value, float) else str(value)
