"""Which closes are accounted for: each has a forecast, or an outage says why not.

A close is an origin that a forecast could have been made at. Those of one market are accounted for in order: the
newest one that is, is all that must be known. Missed ones are gathered, and become outages when a reason ends, so
that a night without network is one entry and not a thousand. What was gathered and not yet written is lost with the
process: then the same closes are found missing at the next start, as "not running".

Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

MOST_GATHERED = 100
"""Missed origins of one market after which they are written though the reason lasts."""


@dataclass(frozen=True)
class Reason:
    """Why there is no forecast: the ledger's word for it, and a sentence."""

    word: str
    words: str


NOT_RUNNING = Reason("not running", "the loop was not running at these closes")


@dataclass(frozen=True)
class Missed:
    """Closes of one market, one after the other, without a forecast.

    Attributes:
        market: None: all that are watched.
        first, last: origins.
        count: how many.
        reason: why.
    """

    market: str | None
    first: int
    last: int
    count: int
    reason: Reason


class Account:
    """What is accounted for, market by market.

    Args:
        done: market -> its newest origin that has a forecast or an outage.
        length: of a candle.
    """

    def __init__(self, done: Mapping[str, int], length: int) -> None:
        self._done = dict(done)
        self._length = length
        self._missed: dict[str, Missed] = {}
        self._ripe: list[Missed] = []

    def is_open(self, market: str, origin: int) -> bool:
        """Whether a close is not accounted for."""
        return origin > self._done[market]

    def end_gap(self, market: str, origin: int, reason: Reason) -> None:
        """A forecast from a close is about to be written; those between the last one accounted for and it were missed.

        Their outages must be written before it: whoever starts after a kill looks at the newest entry alone.
        """
        self.miss(market, origin - self._length, reason)
        self._ripen(market)

    def cover(self, market: str, origin: int) -> None:
        """A forecast was written."""
        self._done[market] = max(self._done[market], origin)

    def miss(self, market: str, until: int, reason: Reason) -> None:
        """Closes that are open, up to and including this one, are missed."""
        first = self._done[market] + self._length
        if until < first:
            return
        count = (until - first) // self._length + 1
        known = self._missed.get(market)
        if known and known.reason.word == reason.word:
            self._missed[market] = replace(known, last=until, count=known.count + count)
        else:
            self._ripen(market)
            self._missed[market] = Missed(market, first, until, count, reason)
        self._done[market] = until
        if self._missed[market].count >= MOST_GATHERED:
            self._ripen(market)

    def take(self, *, all_of_them: bool = False) -> list[Missed]:
        """Outages that are over, or all; those that hit every market alike as one."""
        if all_of_them:
            for market in list(self._missed):
                self._ripen(market)
        taken, self._ripe = self._ripe, []
        return _unite(taken, set(self._done))

    def _ripen(self, market: str) -> None:
        if market in self._missed:
            self._ripe.append(self._missed.pop(market))


def _unite(missed: Iterable[Missed], markets: set[str]) -> list[Missed]:
    """Outages that all of several markets share, as one without a market."""
    groups: dict[tuple[int, int, str], list[Missed]] = {}
    for one in missed:
        groups.setdefault((one.first, one.last, one.reason.word), []).append(one)
    united: list[Missed] = []
    for group in groups.values():
        is_shared = len(markets) > 1 and {one.market for one in group} == markets
        united += [replace(group[0], market=None)] if is_shared else group
    return sorted(united, key=lambda one: (one.first, one.market or ""))
