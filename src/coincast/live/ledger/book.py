"""What follows from the entries so far, each of them read once: losses, open targets, and the verdicts of now.

The book is a fold over the ledger. It is never stored: it is made of the entries when first asked for, and then takes
the new ones. So a score costs what its own forecasts cost and one pass of the decisive test over the losses of its
models, however long the ledger is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from coincast.errors import UnreadableFileError
from coincast.live.ledger.entry import FORECAST, MALFORMED, OUTAGE, SCORE, Entry
from coincast.live.ledger.line import Line

MISSING = "missing candle"
"""Reason of an outage that takes its candle from the targets that wait for a score."""

RUNNING_LEVEL = "80"
"""Percent of the interval whose coverage is told beside the verdict."""


class Due(NamedTuple):
    """A candle whose close scores forecasts; times are milliseconds since 1970."""

    market: str
    interval: str
    target_time: int


class Place(NamedTuple):
    """What has a track record of its own."""

    market: str
    interval: str
    model: str


class Book:
    """See above.

    Attributes:
        seen: number of the last entry that was read.
        lines: losses of every model on every market.
        waiting: targets of forecasts on time that have no score.
        late: how many forecasts of each came late.
        sources: who made them.
    """

    def __init__(self) -> None:
        self.seen = 0
        self.lines: dict[Place, Line] = {}
        self.waiting: set[Due] = set()
        self.late: Counter[Place] = Counter()
        self.sources: dict[Place, str] = {}

    def read(self, entries: Iterable[Entry]) -> None:
        """Take entries in their order; each once.

        Raises:
            UnreadableFileError: an entry speaks of what is not there: the ledger was tampered with.
        """
        for entry in entries:
            try:
                self._take(entry)
            except MALFORMED as error:
                raise UnreadableFileError(
                    f"entry {entry.number:,} of the ledger contradicts the entries before; run: coincast ledger verify"
                ) from error
            self.seen = entry.number

    def _take(self, entry: Entry) -> None:
        if entry.kind == FORECAST:
            self._take_forecast(entry.body)
        elif entry.kind == SCORE:
            self.take_score(entry.body)
        elif entry.kind == OUTAGE and entry.body["reason"] == MISSING:
            self._take_missing(entry.body)

    def steps_of(self, place: Place) -> tuple[int, ...] | None:
        """The steps that a model has forecast so far; None of a new one."""
        return self.lines[place].steps if place in self.lines else None

    def count_steps(self, market: str, interval: str) -> int:
        """How many forecasts may speak of one candle of a market: the steps of all its models."""
        return sum(len(line.steps) for place, line in self.lines.items() if place[:2] == (market, interval))

    def span(self, market: str, interval: str) -> int:
        """The longest time from an origin to its last target on a market, in milliseconds."""
        return max((line.span for place, line in self.lines.items() if place[:2] == (market, interval)), default=0)

    def due(self, until: int) -> list[Due]:
        """Targets up to a time that wait for a score, in order of time."""
        return sorted((one for one in self.waiting if one.target_time <= until), key=lambda one: (one.target_time, one))

    def take_score(self, body: Mapping[str, Any]) -> None:
        """Note the losses of a score; taking the same one twice changes nothing."""
        self.waiting.discard(Due(body["market"], body["interval"], body["target_time"]))
        for one in body["forecasts"]:
            line = self.lines[Place(body["market"], body["interval"], one["model"])]
            covered = (one["covered"] or {}).get(RUNNING_LEVEL)
            line.note(one["origin"], one["step"], one["error"], one["naive_error"], covered)

    def _take_forecast(self, body: Mapping[str, Any]) -> None:
        place = Place(body["market"], body["interval"], body["model"])
        steps: Sequence[Mapping[str, Any]] = body["steps"]
        if place not in self.lines:
            self.lines[place] = Line(tuple(step["step"] for step in steps))
            self.sources[place] = body["source"]
        if body["late"]:
            self.late[place] += 1
            return
        self.lines[place].begin(body["origin"], steps[-1]["target_time"])
        self.waiting.update(Due(place.market, place.interval, step["target_time"]) for step in steps)

    def _take_missing(self, body: Mapping[str, Any]) -> None:
        """A candle that never came: its targets wait no longer."""
        gone = {
            one
            for one in self.waiting
            if body["since"] < one.target_time <= body["until"]
            and body["market"] in (None, one.market)
            and body["interval"] in (None, one.interval)
        }
        self.waiting -= gone
