"""The verdicts of now: the decisive test on the losses so far, with Holm's adjustment over all models and markets.

They are those of `coincast.scores` on the table of the forecasts that count. A running verdict is looked at again and
again, and its 5 % hold for one look: over many looks a worthless model will sooner or later stand at "better" for a
while. So the verdict that counts is the one at a time that was fixed before (`CAUTION`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from coincast.live.ledger.book import Book, Place
from coincast.live.ledger.ledger import Ledger
from coincast.scores.significance import ALPHA, Comparison, adjust_holm, count_needed
from coincast.scores.verdict import NAIVE
from coincast.scores.words import sentence

CAUTION = (
    "These verdicts are looked at again and again; their 5 % hold for one look: "
    "fix its day beforehand, and count that one."
)
"""What must stand beside running verdicts wherever they are shown."""

_IN_BODIES = ("model", "n", "overlap", "loss", "naive", "skill", "low", "high", "p", "p_holm", "verdict", "coverage80")
"""What a score keeps of a verdict."""


@dataclass(frozen=True)
class Running:
    """What the forecasts of one model on one market are worth so far; None where nothing can be said.

    Attributes:
        market, interval, model: whose they are.
        source: who makes the forecasts: `coincast`, or `outside:` and a name.
        forecasts, late: how many were on time, and how many were not.
        n: origins whose steps are all scored.
        overlap: successive origins whose targets overlap.
        loss, naive: mean |ln(value / actual)| of the forecasts and of the naive forecast.
        skill: 1 - loss / naive.
        low, high: 95 % interval of the skill.
        statistic, p, p_holm: the decisive test, and its p after Holm's adjustment.
        detectable: the skill that so many forecasts would have shown with 80 % power.
        verdict: "better", "not distinguishable", "worse" or "too few"; None of the naive forecast itself.
        coverage80: share of the closes inside the 80 % interval.
        sentence: all that in words; None of the naive forecast itself.
    """

    market: str
    interval: str
    model: str
    source: str
    forecasts: int
    late: int
    n: int
    overlap: int
    loss: float | None
    naive: float | None
    skill: float | None
    low: float | None
    high: float | None
    statistic: float | None
    p: float | None
    p_holm: float | None
    detectable: float | None
    verdict: str | None
    coverage80: float | None
    sentence: str | None

    def is_of(self, market: str, interval: str, models: Collection[str]) -> bool:
        """Whether it is a verdict on one of some models on a market."""
        return (self.market, self.interval) == (market, interval) and self.model in models

    def to_body(self) -> dict[str, Any]:
        """What a score keeps of it."""
        return {name: getattr(self, name) for name in _IN_BODIES}


def running(ledger: Ledger) -> list[Running]:
    """The verdicts of now, by market, interval and model; also of models that have no score yet."""
    with ledger.guard:
        return running_of(ledger.book())


def running_of(book: Book) -> list[Running]:
    """The verdicts of a book."""
    places = sorted(book.lines)
    tested = {place: book.lines[place].compare() for place in places}
    adjusted = _adjust({place: compared for place, (compared, _) in tested.items() if compared is not None})
    return [_make(book, place, *tested[place], adjusted.get(place), tests=len(adjusted)) for place in places]


def _adjust(compared: dict[Place, Comparison]) -> dict[Place, float]:
    """Holm's adjustment over all that is tested; the naive forecast itself is not."""
    tested = {place: one.p for place, one in compared.items() if one.p is not None and not _is_own_naive(place, one)}
    adjusted = adjust_holm(np.array(list(tested.values()), dtype=np.float64))
    return dict(zip(tested, adjusted.tolist(), strict=True))


def _is_own_naive(place: Place, compared: Comparison) -> bool:
    return place.model == NAIVE and compared.is_copy


def _make(
    book: Book, place: Place, compared: Comparison | None, overlap: int, p_holm: float | None, *, tests: int
) -> Running:
    line = book.lines[place]
    figures: dict[str, Any] = dict.fromkeys(field.name for field in fields(Running)) | place._asdict()
    figures |= {"source": book.sources[place], "forecasts": len(line), "late": book.late[place]}
    figures |= {"n": 0, "overlap": overlap, "verdict": "too few", "coverage80": line.coverage, "p_holm": p_holm}
    if compared is not None:
        figures |= {name: value for name, value in asdict(compared).items() if name in figures}
        figures["verdict"] = _choose_word(place, compared, p_holm, overlap)
    if figures["verdict"] is not None:
        figures["sentence"] = sentence(figures, tests=tests)
    return Running(**figures)


def _choose_word(place: Place, compared: Comparison, p_holm: float | None, overlap: int) -> str | None:
    if _is_own_naive(place, compared):
        return None
    if compared.n < count_needed(overlap) or p_holm is None:
        return "too few"
    if p_holm >= ALPHA:
        return "not distinguishable"
    return "better" if compared.loss < compared.naive else "worse"
