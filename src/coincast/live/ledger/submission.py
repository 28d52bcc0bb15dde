"""Forecasts from elsewhere on their way in: straight into the ledger, or to the process that writes it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coincast.errors import CoincastError, UsageError
from coincast.live.ledger.inbox import hand_over
from coincast.live.ledger.ledger import Ledger, read_clock
from coincast.live.ledger.offers import Fate, Offers, enter_offer
from coincast.live.ledger.writer import WrittenElsewhere, become_writer
from coincast.live.places import LivePlaces

PATIENCE_SECONDS = 1.0
"""How long the writer of a ledger has to take what was handed over, or to end: a loop looks once a second."""
_TRIES = 20


@dataclass(frozen=True)
class Submission:
    """What became of forecasts that were handed in.

    Attributes:
        words: that in a line.
        entered, late, known: how many were entered, how many of these late, and how many were there before.
        handed_over: how many were left to the process that writes.
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


def submit(offers: Offers, places: LivePlaces, *, clock: Callable[[], int] = read_clock) -> Submission:
    """Enter forecasts where nobody writes the ledger, else put them into the inbox of whoever does.

    The loop takes them out of it and dates them by the exchange's clock. A writer that is no loop never looks there:
    where it ends soon, as another `coincast ledger add` does, they are entered here after all.

    Args:
        offers: the forecasts.
        places: of the ledger.
        clock: tells milliseconds since 1970, asked anew for every forecast: what is entered here is dated by it.

    Raises:
        UsageError: the place cannot be written, or it is simulated time and no loop runs.
        UnreadableFileError: the ledger is damaged, or of a newer version.
    """
    try:
        return _enter_here(offers, places, clock)
    except WrittenElsewhere:
        file = hand_over(offers, places.inbox, clock())
    for _ in range(_TRIES):
        if not file.exists():
            break
        time.sleep(PATIENCE_SECONDS / _TRIES)
        with suppress(WrittenElsewhere):
            return _enter_here(offers, places, clock, handed=file)
    count = len(offers.offers)
    return Submission(f"{_count(count)} handed to the process that writes {places.ledger}", handed_over=count)


def _enter_here(
    offers: Offers, places: LivePlaces, clock: Callable[[], int], *, handed: Path | None = None
) -> Submission:
    """Be the writer for a moment; the file of what was handed over before has done its work then."""
    if places.is_simulated:
        _refuse_without_loop(places)
    is_new = not places.ledger.exists()
    with Ledger.open(places.ledger, write=True, now=clock()) as ledger:
        done = _enter(ledger, offers, clock)
        if handed is not None:
            handed.unlink(missing_ok=True)
    return replace(done, words=f"{done.words}; a new ledger was begun: {places.ledger}") if is_new else done


def _refuse_without_loop(places: LivePlaces) -> None:
    """The clock of this machine is years ahead of simulated time: an entry by it would make all later ones late."""
    become_writer(places.ledger)()
    raise UsageError(
        "no loop runs in simulated time, and it alone knows what time it is there; begin it, and add them again: "
        "coincast watch SPEC.toml --simulate 60"
    )


def _enter(ledger: Ledger, offers: Offers, clock: Callable[[], int]) -> Submission:
    fates: Counter[Fate] = Counter()
    refused: list[CoincastError] = []
    behind = ledger.head().made_at - clock()
    for offer in offers.offers:
        try:
            fates[enter_offer(ledger, offer, clock(), is_last_chance=True)] += 1
        except CoincastError as error:
            refused.append(error)
    entered = fates["on time"] + fates["late"]
    parts = [f"{_count(entered)} entered, {fates['on time']:,} on time, {fates['late']:,} late and not scored"]
    parts += [f"{fates['known']:,} known before: the first counts"] if fates["known"] else []
    parts += [f"{len(refused):,} refused"] if refused else []
    if behind > 1000:
        parts.append(f"this clock stands {behind / 1000:,.0f} s behind the newest entry, whose time counts")
    return Submission(
        ", ".join(parts),
        entered=entered,
        late=fates["late"],
        known=fates["known"],
        refused=tuple(map(str, refused)),
        exit_code=refused[0].exit_code if refused else 0,
    )


def _count(forecasts: int) -> str:
    return f"{forecasts:,} forecast{'' if forecasts == 1 else 's'}"
