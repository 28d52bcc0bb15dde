"""What can go wrong between an exchange and its client, as a plan: the nth request of a kind gets this fault."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from exchange_server.venue import CandleRequest
from exchange_server.world import Candle

TRANSPORT = ("status", "maintenance", "html", "broken_json", "cut", "drip", "drip_head", "redirect", "drop", "delay")
CONTENT = ("empty", "repeat", "short", "shuffle", "duplicate")
ARCHIVE = ("wrong_checksum", "truncated")
KINDS = (*TRANSPORT, *CONTENT, *ARCHIVE)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: one of KINDS.
            status: answers `status` with `body` (default: the venue's own words), and `Retry-After` where given
            maintenance: as this venue says it; html: a page of HTML with status 200
            broken_json: JSON that ends in the middle; cut: fewer bytes than announced, then closed
            drip: a byte every `pause` seconds; drip_head: the same of a header that never ends
            redirect: to the same address, with a body that never ends, 64 KiB every `pause` seconds
            drop: closed without an answer; delay: `delay` seconds late
            empty: a page without candles; repeat: the page served before this one for the same market and interval
            short: one candle fewer, at the `where` (end, start, middle); shuffle: rows out of order
            duplicate: a candle of the middle twice, one with another price: `where` start = the wrong one comes first
            wrong_checksum: a checksum of zeros; truncated: half of the bytes, honestly announced
        on: kind of request it counts (candles, markets, archive) or part of its path and query.
        at: which request of these, counted from 1 at the time of planning.
        times: how many in a row; None: from there on for good.
    """

    kind: str
    on: str = "candles"
    at: int = 1
    times: int | None = 1
    status: int = 500
    retry_after: float | str | None = None
    body: Any = None
    pause: float = 0.05
    delay: float = 0.0
    where: str = "end"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; known: {', '.join(KINDS)}")

    def hits(self, count: int) -> bool:
        return count >= self.at and (self.times is None or count < self.at + self.times)


def read_faults(script: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Faults of a script in JSON: `[{"kind": "status", "status": 429, "retry_after": 1, "at": 3}]`."""
    known = {known.name for known in fields(Fault)}
    for entry in script:
        if unknown := set(entry) - known:
            raise ValueError(f"unknown key {sorted(unknown)} in a fault; known: {sorted(known)}")
    return [Fault(**entry) for entry in script]


class Plan:
    """The faults that are planned, each with its count of the requests that it is about."""

    def __init__(self) -> None:
        self._faults: list[tuple[Fault, list[int]]] = []

    def add(self, *faults: Fault) -> None:
        self._faults += [(fault, [0]) for fault in faults]

    def next(self, kind: str, path: str) -> Fault | None:
        """Count a request; the first fault that hits it."""
        hit = None
        for fault, count in self._faults:
            if fault.on == kind or (fault.on not in ("candles", "markets", "archive") and fault.on in path):
                count[0] += 1
                hit = hit or (fault if fault.hits(count[0]) else None)
        return hit


def spoil(page: CandleRequest, fault: Fault | None, before: CandleRequest | None) -> CandleRequest:
    """The page of candles with the fault of its content in it; unchanged where there is none."""
    if fault is None or fault.kind not in CONTENT:
        return page
    if fault.kind == "repeat":
        return before or page
    return replace(page, candles=_spoilt(list(page.candles), fault))


def _spoilt(candles: list[Candle], fault: Fault) -> list[Candle]:
    if fault.kind == "empty" or not candles:
        return []
    middle = len(candles) // 2
    if fault.kind == "short":
        left_out = {"start": 0, "middle": middle, "end": len(candles) - 1}[fault.where]
        return candles[:left_out] + candles[left_out + 1 :]
    if fault.kind == "shuffle":
        random.Random(len(candles)).shuffle(candles)
        return candles
    right = candles[middle]
    wrong = right._replace(close=right.close + 13, high=max(right.high, right.close + 13))
    pair = [wrong, right] if fault.where == "start" else [right, wrong]
    return candles[:middle] + pair + candles[middle + 1 :]
