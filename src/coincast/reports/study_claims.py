"""The claims of studies and what is left of them: one sentence, one row of figures for each market, one strip."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coincast.reports.numbers import NOTHING, base_currency
from coincast.reports.palette import BETTER, NOT_DISTINGUISHABLE, TOO_FEW, VERDICT_ROLES, WORSE
from coincast.reports.study import Outcome, Study
from coincast.reports.study_tables import spell_outcome

WORDS = (NOT_DISTINGUISHABLE, TOO_FEW, BETTER, WORSE)
SPREAD = 0.25
"""Distance from the naive figure, as a share of it, that a strip of marks shows at least on either side."""


@dataclass(frozen=True)
class Piece:
    """Part of a sentence; a deciding word has the role of its verdict."""

    text: str
    role: str = ""


@dataclass(frozen=True)
class Mark:
    """A mark on a strip: where it stands in percent of its width, what it is, and its colour."""

    left: float
    kind: str
    role: str
    note: str


@dataclass(frozen=True)
class Line:
    """The figures of one market as the page writes them: published, repeated, naive, fair.

    `aside` says what the fair figure is, and what naive scores in it, where it is another one than the others.
    """

    outcome: Outcome
    name: str
    headline: str
    faithful: str
    naive: str
    fair: str
    aside: str
    role: str
    marks: tuple[Mark, ...]


def conclude(studies: Sequence[Study]) -> tuple[Piece, ...]:
    """Say in one sentence what is left: the finding of one study, the verdicts of several."""
    outcomes = [outcome for study in studies for outcome in study.outcomes]
    if len(studies) == 1:
        return split_words(studies[0].finding, outcomes)
    words = [outcome.verdict for outcome in outcomes if outcome.verdict is not None]
    if not words:
        return (Piece("Well-known articles, each repeated as it was published."),)
    if (wins := words.count(BETTER)) == 0:
        return (
            Piece("Trained fairly, "),
            Piece("none", "worse"),
            Piece(" of the networks is better than its naive forecast."),
        )
    markets = f"{wins} of {len(words)} markets" if len(words) > 1 else "one market"
    return (
        Piece(f"Trained fairly, a network is on {markets} "),
        Piece(BETTER, "better"),
        Piece(" than its naive forecast."),
    )


def split_words(sentence: str, outcomes: Sequence[Outcome]) -> tuple[Piece, ...]:
    """Set the verdicts of a study apart in a sentence, so that they can wear their colours."""
    words = [word for word in WORDS if any(outcome.verdict == word for outcome in outcomes)]
    if not words:
        return (Piece(sentence),)
    parts = re.split(rf"\b({'|'.join(words)})\b", sentence)
    return tuple(Piece(text, VERDICT_ROLES.get(text, "") if number % 2 else "") for number, text in enumerate(parts))


def claim_line(outcome: Outcome) -> Line:
    """The row of a market."""
    headline, faithful, naive, fair, own_naive = spell_outcome(outcome)
    role = VERDICT_ROLES.get(outcome.verdict or "", "")
    yardstick = "" if outcome.fair_naive is None else f"naive {own_naive}"
    aside = "; ".join(filter(None, [outcome.fair_metric, yardstick])) if fair != NOTHING else ""
    marks = tuple(_marks(outcome, role, headline, faithful, fair))
    return Line(outcome, outcome.market, headline, faithful, naive, fair, aside, role, marks)


def _marks(outcome: Outcome, role: str, headline: str, faithful: str, fair: str) -> Iterator[Mark]:
    """Marks of an outcome on a strip with the naive figure in its middle; distances are shares of that figure."""
    published = outcome.headline if outcome.same_candles else None
    yardstick = outcome.naive if outcome.fair_naive is None else outcome.fair_naive
    named = (
        (f"published: {headline}", published, outcome.naive, "diamond", "muted"),
        (f"repeated here: {faithful}", outcome.faithful, outcome.naive, "dot", "model"),
        (f"fair: {fair}", outcome.fair, yardstick, "dot", role),
    )
    shares = [
        (note, value / naive - 1, kind, of)
        for note, value, naive, kind, of in named
        if value is not None and math.isfinite(value) and math.isfinite(naive) and naive != 0
    ]
    reach = max([SPREAD, *(abs(share) for _, share, _, _ in shares)]) * 1.1
    for note, share, kind, of in shares:
        yield Mark(round(50 + 50 * share / reach, 2), kind, of, note)


def large_figures(lines: Sequence[Line]) -> tuple[tuple[str, str, str], ...]:
    """Four large figures of the first market: what was published, what was repeated, naive, and what is fair."""
    if not lines:
        return ()
    line = lines[0]
    market = f", {base_currency(line.name) or line.name}" if len(lines) > 1 else ""
    aside = f": {line.aside}" if line.aside else ""
    shown = (
        (line.headline, f"as published: {line.outcome.metric}{market}", ""),
        (line.faithful, f"repeated here, as it was published{market}", ""),
        (line.naive, f"copying the last price, on the same targets{market}", ""),
        (line.fair, f"as it should have been{aside}{market}", line.role),
    )
    return tuple(figure for figure in shown if figure[0] != NOTHING)
