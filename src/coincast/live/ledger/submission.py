"""Forecasts from elsewhere on their way in: straight into the ledger, or to the process that writes it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from coincast.errors import CoincastError
from coincast.live.ledger.inbox import hand_over
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.offers import Fate, Offers, enter_offer
from coincast.live.ledger.writer import WrittenElsewhere
from coincast.live.places import LivePlaces


@dataclass(frozen=True)
class Submission:
    """What became of forecasts that were handed in.

    Attributes:
        words: that in a line.
        entered, late, known: how many were entered, how many of these late, and how many were there before.
        handed_over: how many lie in the inbox now.
        refused: why others were refused, a line each.
        exit_code: of the first that was refused; 0 where none was.
    """

    words: str
    entered: int = 0
    late: int = 0
    known: int = 0
    handed_over: int = 0
    refused: tuple[str, ...] = ()
    exit_code: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {name: value for name, value in vars(self).items() if name != "exit_code"}


def submit(offers: Offers, places: LivePlaces, *, now: int | None = None) -> Submission:
    """Enter forecasts where nobody writes the ledger, else put them into the inbox of whoever does.

    Args:
        offers: the forecasts.
        places: of the ledger.
        now: milliseconds since 1970; else by the clock of this machine, anew for every forecast.

    Raises:
        UsageError: the place cannot be written.
        UnreadableFileError: the ledger is damaged, or of a newer version.
    """
    try:
        with Ledger.open(places.ledger, write=True, now=now) as ledger:
            return _enter(ledger, offers, now)
    except WrittenElsewhere:
        hand_over(offers, places.inbox, _read_clock() if now is None else now)
        count = len(offers.offers)
        return Submission(f"{_count(count)} handed to the process that writes {places.ledger}", handed_over=count)


def _enter(ledger: Ledger, offers: Offers, now: int | None) -> Submission:
    fates: Counter[Fate] = Counter()
    refused: list[CoincastError] = []
    for offer in offers.offers:
        try:
            moment = _read_clock() if now is None else now
            fates[enter_offer(ledger, offer, moment, is_last_chance=True)] += 1
        except CoincastError as error:
            refused.append(error)
    entered = fates["on time"] + fates["late"]
    parts = [f"{_count(entered)} entered, {fates['on time']:,} on time, {fates['late']:,} late and not scored"]
    parts += [f"{fates['known']:,} known before"] if fates["known"] else []
    parts += [f"{len(refused):,} refused"] if refused else []
    return Submission(
        ", ".join(parts),
        entered=entered,
        late=fates["late"],
        known=fates["known"],
        refused=tuple(map(str, refused)),
        exit_code=refused[0].exit_code if refused else 0,
    )


def _read_clock() -> int:
    return int(1000 * time.time())


def _count(forecasts: int) -> str:
    return f"{forecasts:,} forecast{'' if forecasts == 1 else 's'}"
