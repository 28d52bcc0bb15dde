"""The tables of a study: as they stand on a page, and as files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.reports.cells import Cell, Line, Table
from coincast.reports.numbers import MINUS, NOTHING, amount, file_stems
from coincast.reports.palette import TERMINAL, VERDICT_ROLES
from coincast.reports.study import Outcome, Sheet, refuse_doubles
from coincast.tabular import write_beside

if TYPE_CHECKING:
    from rich.table import Table as TerminalTable

MOST_LINES = 120
"""Rows of a table that a page shows; all of them stand in its file."""
MOST_OPEN = 14
"""Rows of a published table that is open from the start."""
FIGURES = 3
"""Figures that the smallest number of a column shows, where the largest leaves room for them."""
MOST_DECIMALS = 7
PLAIN = ("year", "seed", "seeds")
"""Columns of whole numbers whose thousands are not set apart."""
PERCENT = ("%", "share")
"""Units of outcomes that are written as percentages."""
PROSE = 48
"""Letters of a cell beyond which its lines are broken."""


def write_sheets(sheets: list[Sheet], folder: Path) -> list[Path]:
    """Write every table whole as CSV, under its name, and return the files.

    Raises:
        ValueError: two tables have one name.
    """
    stems = file_stems(refuse_doubles(sheet.name for sheet in sheets))
    return [
        write_beside(folder / f"{stem}.csv", partial(_write_csv, sheet.table))
        for stem, sheet in zip(stems, sheets, strict=True)
    ]


def page_table(sheet: Sheet, file: str) -> Table:
    """Lay a table out for a page: one number of decimals in a column, verdicts in their colours.

    Args:
        sheet: the table.
        file: where all its rows stand, as the page names it.
    """
    shown = sheet.table.head(MOST_LINES)
    columns = [_cells(shown[name]) for name in shown.columns]
    lines = tuple(Line(tuple(cells)) for cells in zip(*columns, strict=True)) if columns else ()
    cut = ""
    if shown.height < sheet.table.height:
        cut = f" The first {shown.height} of {sheet.table.height:,} rows; all stand in {file}."
    origin = f" In the article: {sheet.repeats}." if sheet.repeats else ""
    is_open = bool(sheet.repeats) and sheet.table.height <= MOST_OPEN
    return Table(sheet.title, f"{sheet.caption}{origin}{cut}".strip(), tuple(shown.columns), lines, is_open=is_open)


def outcome_table(results: Sequence[Mapping[str, Any]]) -> TerminalTable:
    """Lay claims and what remains of them out for a terminal of 100 columns.

    Args:
        results: outcomes as plain values, one article after the other.
    """
    from rich.table import Table as TerminalTable
    from rich.text import Text

    table = TerminalTable(box=None, padding=(0, 1), collapse_padding=True, pad_edge=False, header_style="bold")
    table.add_column("article, market\nfigure", overflow="fold", max_width=36)
    for heading in ("as\npublished", "repeated\nhere", "copying the\nlast price", "as it\nshould be"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    article = None
    for row in results:
        if row["article"] != article:
            table.add_row(Text(row["article"] if article is None else f"\n{row['article']}", style="bold"))
            article = row["article"]
        outcome = Outcome(**row)
        *figures, yardstick = spell_outcome(outcome)
        word = row["verdict"] or ""
        cells = [Text(text, style="dim" if number == 2 else "") for number, text in enumerate(figures)]
        table.add_row(row["market"], *cells, Text(word, style=f"bold {TERMINAL.get(word, '')}".strip()))
        unit = "" if row["unit"] in ("", *PERCENT) else f", {row['unit']}"
        aside = "" if outcome.fair_naive is None else f"naive {yardstick}"
        metric = f"{outcome.metric}{unit}" + f"; fair: {outcome.fair_metric}" * bool(outcome.fair_metric)
        table.add_row(Text(metric, style="dim"), "", "", "", Text(aside, style="dim"))
    return table


def spell_outcome(outcome: Outcome) -> list[str]:
    """Write headline, faithful, naive and fair figure of an outcome, and what naive scores in the fair one, alike."""
    figures = (outcome.headline, outcome.faithful, outcome.naive, outcome.fair, outcome.fair_naive)
    return spell_figures(*figures, unit=outcome.unit)


def spell_figures(*values: float | None, unit: str) -> list[str]:
    """Write the figures of an outcome with the same decimals; shares as percentages."""
    if unit == "share":
        values = tuple(None if value is None else 100 * value for value in values)
    is_percent = unit in PERCENT
    return [f"{text} %" if is_percent and text != NOTHING else text for text in spell_alike(list(values))]


def spell_alike(values: list[float | None], *, cents: bool = False) -> list[str]:
    """Write numbers that stand together with the same decimals, as many as the smallest of them needs.

    Args:
        values: the numbers; None and what is not finite become a dash.
        cents: numbers from 10 to 10,000 keep two decimals, as prices have.

    Example:
        >>> spell_alike([0.0531, 0.04168])
        ['0.0531', '0.0417']
        >>> spell_alike([15364.2, 10200.4])
        ['15,364', '10,200']
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value) and value != 0]
    if all(size == round(size) for size in sizes):
        return [_spell(value, 0) for value in values]
    least, most = (math.floor(math.log10(end(sizes))) for end in (min, max))
    if least < -MOST_DECIMALS or most > 12:
        return [amount(value) for value in values]
    decimals = 0 if most >= 4 else max(0, min(FIGURES - 1 - least, FIGURES + 1 - most))
    return [_spell(value, max(decimals, 2) if cents and 1 <= most <= 3 else decimals) for value in values]


def _spell(value: float | None, decimals: int) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{abs(value):,.{decimals}f}"
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) else text


def _cells(column: pl.Series) -> list[Cell]:
    if column.dtype.is_float():
        return [Cell(text, number=True) for text in spell_alike(column.to_list(), cents=True)]
    if column.dtype.is_integer():
        grouped = "" if column.name.lower() in PLAIN else ","
        texts = [NOTHING if value is None else f"{value:{grouped}}".replace("-", MINUS) for value in column]
        return [Cell(text, number=True) for text in texts]
    texts = [_text(value) for value in column]
    return [Cell(text, role=VERDICT_ROLES.get(text, ""), prose=len(text) > PROSE) for text in texts]


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.hour == value.minute == value.second == 0 else f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _write_csv(table: pl.DataFrame, path: Path) -> None:
    table.write_csv(path)
