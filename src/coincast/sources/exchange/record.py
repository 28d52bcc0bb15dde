"""What an exchange does not have, so that real gaps are not asked for in every run.

One small file beside the candles of a market and interval. A span of time is believed to be empty when the exchange has
answered nothing for it in two runs, each time twice: exchanges answer with empty pages in bad hours. The file says
nothing of candles that are there, so that candles which were deleted come again; losing it costs requests and nothing
else. It is written whole or not at all, after the candles are.

Spans are written as the minutes from one of their ends to the next, counted from 1970: a market in which little is
traded has hundreds of thousands of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from coincast.candles.table import INTERVALS
from coincast.sources.exchange.paging import Span, intersect, merge, subtract
from coincast.tabular import write_beside

VERSION = 1
NAME = "asked.json"
MINUTE = INTERVALS["1m"]


@dataclass(frozen=True)
class Record:
    """What was asked of an exchange for one market and interval; times in milliseconds since 1970.

    Attributes:
        once: spans that were empty in one run.
        empty: spans that were empty in two runs.
        archive: span that a run began to take from the archive and did not finish.
    """

    once: Sequence[Span] = ()
    empty: Sequence[Span] = ()
    archive: Span | None = None

    def with_absent(self, absent: Sequence[Span]) -> Record:
        """After a run in which these spans were empty."""
        confirmed = merge([*self.empty, *intersect(self.once, absent)])
        return replace(self, empty=confirmed, once=subtract([*self.once, *absent], confirmed))


def read_record(folder: Path) -> Record:
    """The record in the folder of a market and interval; an empty one where there is none that can be read."""
    try:
        known: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if known["version"] != VERSION:
            return Record()
        archive = _read_spans(known["archive"])
        return Record(_read_spans(known["once"]), _read_spans(known["empty"]), next(iter(archive), None))
    except (OSError, ValueError, KeyError, TypeError):
        return Record()


def write_record(folder: Path, record: Record) -> None:
    """Write it, whole or not at all."""
    spans = {"once": record.once, "empty": record.empty, "archive": [record.archive] if record.archive else []}
    content = {"version": VERSION} | {name: _tell(spans[name]) for name in spans}
    text = json.dumps(content, separators=(",", ":")) + "\n"
    write_beside(folder / NAME, lambda path: path.write_text(text, encoding="utf-8"))


def _tell(spans: Sequence[Span]) -> list[int]:
    ends = [time // MINUTE for span in spans for time in span]
    return [end - before for before, end in pairwise([0, *ends])]


def _read_spans(steps: list[int]) -> list[Span]:
    ends = [int(minutes) * MINUTE for minutes in accumulate(steps)]
    return list(zip(ends[::2], ends[1::2], strict=True))
