"""What is wanted of one market, how far it has come, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from coincast.candles.table import Market


class Progress(NamedTuple):
    """How far one market has come.

    Attributes:
        market: its full name.
        done: share of the time asked for, 0 to 1.
        candles: how many have come.
        at: open time of the last one.
    """

    market: str
    done: float
    candles: int
    at: datetime


@dataclass(frozen=True)
class Task:
    """What is wanted of one market. Times in milliseconds since 1970, open times in [since, until)."""

    market: Market
    interval: str
    since: int | None = None
    until: int | None = None
    folder: Path | None = None
    archive: bool | None = None
    archive_url: str | None = None
    ask_again: bool = False

    @property
    def symbol(self) -> str:
        """The market as its exchange calls it."""
        return str(self.market).removeprefix(f"{self.market.source}:")


@dataclass
class Tally:
    """What a task has come to so far.

    Attributes:
        added, same, revised: candles that are new, that came again as they were, and with other values.
        revisions: one line for each that was revised.
        notes: what a user should know.
        fresh: spans of candles that are new or have other values.
        doubtful: open time -> why no candle of it was stored though some came.
        start, end: the time that was asked for.
    """

    added: int = 0
    same: int = 0
    revised: int = 0
    revisions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fresh: list[tuple[int, int]] = field(default_factory=list)
    doubtful: dict[int, str] = field(default_factory=dict)
    start: int = 0
    end: int = 0

    def note(self, text: str) -> None:
        """Say it once."""
        if text not in self.notes:
            self.notes.append(text)
