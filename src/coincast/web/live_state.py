"""The ledger and the watch loop as the page reads them: the real ones where there are any, else the simulated ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coincast.errors import CoincastError
from coincast.live.ledger import Head, Ledger, TrackRecord, track_record
from coincast.live.places import LivePlaces, shown_places
from coincast.live.watch.health import STALE_AFTER
from coincast.web.recent import Recent

WatchState = Literal["starting", "running", "troubled", "stopped", "stale", "absent", "unreadable"]
BANNER = "Simulated time: prices made by this program, no real market."
LARGEST_HEALTH = 2**20
_TOLD = ("starting", "running", "troubled", "stopped")


@dataclass(frozen=True)
class Standing:
    """Which ledger is shown, and how long it is; changes with every entry.

    Attributes:
        ledger: its file.
        is_simulated: whether its time and its prices were made by us.
        head: its newest entry; None where there is no ledger, or none that can be read.
    """

    ledger: Path
    is_simulated: bool
    head: Head | None


@dataclass(frozen=True)
class Watch:
    """How it stands with the watch loop.

    Attributes:
        state: what its health file says; "stale" where it has said nothing for a while.
        words: that in a sentence.
        written_at: when it last said something, by the clock of this machine, milliseconds since 1970.
        facts: what else it says.
    """

    state: WatchState
    words: str
    written_at: int | None
    facts: dict[str, Any]


class LiveState:
    """Ledger and health file, looked for anew each time: a loop may begin while the page is open; from any thread.

    Args:
        now: seconds since 1970.
    """

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._quick, self._slow = _Reader(), _Reader()
        self._recent = Recent(self._look)

    @property
    def places(self) -> LivePlaces:
        """Where the state lies that is shown."""
        return shown_places()

    def standing(self) -> Standing:
        """How long the ledger is, as of a moment ago at most; it makes no reader wait for another one."""
        return self._recent.get()

    def refresh(self) -> Standing:
        """How long the ledger is now."""
        return self._recent.renew()

    @contextmanager
    def ledger(self) -> Iterator[Ledger | None]:
        """The ledger, open for reading what is read quickly; None where there is none, or none that can be read."""
        with self._quick.read(self.places.ledger) as ledger:
            yield ledger

    def track_record(self) -> TrackRecord | None:
        """The track record; of a long ledger it takes seconds, in which nobody else has to wait."""
        with self._slow.read(self.places.ledger) as ledger:
            return None if ledger is None else track_record(ledger)

    def close(self) -> None:
        """Close the ledger."""
        self._quick.close()
        self._slow.close()

    def watch(self) -> Watch:
        """How it stands with the loop."""
        path = self.places.health
        try:
            if path.stat().st_size > LARGEST_HEALTH:
                raise ValueError
            facts = json.loads(path.read_text(encoding="utf-8"))
            state, words, written = facts["state"], str(facts["words"]), int(facts["written_at"])
            silent = self._now() - written / 1000
        except FileNotFoundError:
            return Watch("absent", "No watch loop has been started here.", None, {})
        except (OSError, ValueError, OverflowError, LookupError, TypeError, RecursionError):
            return Watch("unreadable", "The loop's health file cannot be read.", None, {})
        if state not in _TOLD:
            return Watch("unreadable", "The loop's health file is of a newer version.", written, {})
        if state != "stopped" and silent > STALE_AFTER:
            return Watch("stale", f"The loop has said nothing for {_spell(silent)}.", written, facts)
        return Watch(state, words, written, facts)

    def _look(self) -> Standing:
        places = self.places
        with self._quick.read(places.ledger) as ledger:
            head = None if ledger is None else ledger.head()
        return Standing(places.ledger, places.is_simulated, head)


class _Reader:
    """A ledger that stays open between readers, who take turns; another file in its place is opened anew."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._opened: tuple[Hashable, Ledger] | None = None

    @contextmanager
    def read(self, path: Path) -> Iterator[Ledger | None]:
        with self._lock:
            yield self._open(path)

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened[1].close()
                self._opened = None

    def _open(self, path: Path) -> Ledger | None:
        key = _identify(path)
        if self._opened is not None and self._opened[0] == key:
            return self._opened[1]
        self.close()
        if key is None:
            return None
        try:
            ledger = Ledger.open(path, write=False)
        except CoincastError:
            return None
        self._opened = key, ledger
        return ledger


def _identify(path: Path) -> Hashable:
    """Tells a file from another one that took its place; None where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return str(path), facts.st_dev, facts.st_ino


def _spell(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for length, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:,.0f} seconds"
