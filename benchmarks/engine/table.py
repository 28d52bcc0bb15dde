"""The one table that is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

HEADINGS = ("job", "who or what", "us per run and step", "figure", "wanted", "", "of the matrix rate")
RIGHT = (2, 6)
"""Columns that are set flush right."""


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        job: the row that it belongs to.
        who: whose time, or what was measured.
        microseconds: of one run and step.
        figure: what counts: a ratio (least to most), seconds, bytes.
        wanted: what it is measured against.
        is_met: whether it is reached; None where nothing is wanted.
        share: of the rate of a large matrix product.
        details: all that was measured.
    """

    job: str
    who: str
    microseconds: float | None = None
    figure: str = ""
    wanted: str = ""
    is_met: bool | None = None
    share: float | None = None
    details: Any = field(default=None, repr=False)

    @property
    def cells(self) -> tuple[str, ...]:
        microseconds = "" if self.microseconds is None else _rounded(self.microseconds)
        met = {None: "", True: "yes", False: "short"}[self.is_met]
        share = "" if self.share is None else f"{self.share:.1%}"
        return (self.job, self.who, microseconds, self.figure, self.wanted, met, share)


def _rounded(value: float) -> str:
    """Three digits."""
    return f"{value:,.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def format_table(lines: Sequence[Line]) -> str:
    """All lines under one heading; the name of a job stands once."""
    rows = [list(line.cells) for line in lines]
    for number in range(len(rows) - 1, 0, -1):
        if rows[number][0] == rows[number - 1][0]:
            rows[number][0] = ""
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]

    def set_in(cells: Sequence[str]) -> str:
        placed = [
            cell.rjust(width) if place in RIGHT else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(placed).rstrip()

    return "\n".join([set_in(HEADINGS), set_in(["-" * width for width in widths]), *map(set_in, rows)])
