"""What a file says, in a message: cut short, and in letters that can be printed."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST_NAME = 200
"""Letters of a column name; what is longer is none."""
_CELL, _NAMES = 60, 220


def quote_cell(cell: object) -> str:
    """A cell or a name between quotes, its end left out where it is long.

    Example:
        >>> quote_cell("nine"), len(quote_cell("9" * 70_000))
        ("'nine'", 60)
    """
    quoted = repr(cell)
    return quoted if len(quoted) <= _CELL else f"{quoted[: _CELL - 4]}...{quoted[-1]}"


def list_names(names: Iterable[str]) -> str:
    """Names in a row, as many as a line holds.

    Example:
        >>> list_names(["Date", "Close"])
        'Date, Close'
    """
    told = [name if name.isprintable() and len(name) < _CELL else quote_cell(name) for name in names]
    shown, letters = 0, 0
    while shown < len(told) and letters + len(told[shown]) <= _NAMES:
        letters += len(told[shown]) + 2
        shown += 1
    more = f" and {len(told) - shown:,} more" if shown < len(told) else ""
    return ", ".join(told[:shown]) + more
