"""What is known of a fitted model's worth: the verdict on the same settings, and how far their errors reached.

A model that has learnt from all candles cannot be judged on any of them. So the same settings are trained without the
newest ones and judged there, and what was found is kept with the model: the verdict, and the moves that make intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from coincast.experiments.moves import Moves, describe_moves, restore_moves


@dataclass(frozen=True)
class Verdict:
    """The deciding row of one market for the settings of a model.

    Attributes:
        market: its name.
        model: that was judged, with the ending of an ensemble where it was one.
        verdict: "better", "not distinguishable", "worse" or "too few"; None for naive itself.
        skill, low, high: 1 - error / naive error, and its 95 % interval; None where it is unbounded or unknown.
        p_holm: after Holm's adjustment over all markets and models of the spec.
        n: origins judged.
        first, last: the first and the last target of the test span, milliseconds since 1970.
        coverage: percent of an interval -> share of the prices that it held on the test span.
        sentence: all that for a layman.
    """

    market: str
    model: str
    verdict: str | None
    skill: float | None
    low: float | None
    high: float | None
    p_holm: float | None
    n: int
    first: int
    last: int
    coverage: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """What stands behind a model.

    Attributes:
        verdicts: one for each market.
        moves: market -> how far intervals reach; a market is left out where nothing tells it.
        made: plain facts: when, by which version and code, from which candles.
    """

    verdicts: tuple[Verdict, ...]
    moves: Mapping[str, Moves]
    made: Mapping[str, Any] = field(default_factory=dict)

    def verdict_of(self, market: str) -> Verdict | None:
        """The verdict on one market; None where it was not judged."""
        return next((one for one in self.verdicts if one.market == market), None)


def describe_evidence(evidence: Evidence | None) -> dict[str, Any] | None:
    """Evidence as JSON holds it."""
    if evidence is None:
        return None
    return {
        "verdicts": [asdict(one) | {"coverage": dict(one.coverage)} for one in evidence.verdicts],
        "moves": {market: describe_moves(moves) for market, moves in evidence.moves.items()},
        "made": dict(evidence.made),
    }


def restore_evidence(told: Mapping[str, Any] | None) -> Evidence | None:
    """What `describe_evidence` told."""
    if told is None:
        return None
    moves = {market: restore_moves(one) for market, one in told["moves"].items()}
    return Evidence(tuple(Verdict(**one) for one in told["verdicts"]), moves, told["made"])
