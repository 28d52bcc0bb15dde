"""What a file form is: how it is recognised and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about a file; a form takes what it cannot know itself.

    Attributes:
        columns: name in the candle table -> name in the file, such as `{"close": "My price"}`.
        zone: zone of times that name none.
        day_first: whether 03/04/2017 is the 3rd of April.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    day_first: bool | None = None


@dataclass(frozen=True)
class Reading:
    """What a form finds in a table.

    Attributes:
        columns: one row for each row of the table, in the same order: `open_time` or, where the times are the ends of
            candles, `close_time`; `close`; whatever is known of `open`, `high`, `low`, `volume` (in units of the base)
            and further numbers; and `symbol`, the text that names the coin, where the table has one. Times in UTC,
            numbers float64, unknown = null. A row without a close is no candle, and is left out later.
        interval: interval that the form fixes; None: the spacing of the times tells.
        zone: zone in which times without one were read; None: every time says its own, or the form fixes it.
        notes: what the user should know, one sentence each.
        left_out: position of a row, counted from 0 -> why this form leaves it out.
    """

    columns: pl.DataFrame
    interval: str | None = None
    zone: str | None = None
    notes: tuple[str, ...] = ()
    left_out: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A known file form.

    Attributes:
        name: key in `FORMATS`.
        description: what such files are, for a person.
        source: source of the candles, the first part of the market's name.
        tells_exchange: whether the file's name or folder tells the exchange, which then is the source.
        quote: quote currency; None: the content or the name of the file tells.
        recognises: whether a table has this form, by its content and never by its file's name.
        read: takes the table and the user's options.
    """

    name: str
    description: str
    source: str
    quote: str | None
    recognises: Callable[[pl.DataFrame], bool]
    read: Callable[[pl.DataFrame, ReadOptions], Reading]
    tells_exchange: bool = False


def plain_name(name: str) -> str:
    """A column name without case, blanks and marks: `Adj Close**` -> `adjclose`."""
    return re.sub(r"[\W_]", "", name.lower())
