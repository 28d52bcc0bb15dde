"""Cut, change the future, compare: one probe for whatever is computed from candles.

Whatever is under test says of each of its values up to which moment it may know the world. A future that is changed
after a moment tests every value of that moment and before at once, so that a leak over h candles shows at h cuts, and
one over a single candle at the cut exactly at its row; that is why cuts are made at every row where it can be afforded.
Equality is equality of bits. Only where the changed future has another number of rows, a relative difference below
1e-12 counts as rounding: libraries sum arrays of another length in another order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import CoincastError
from coincast.experiments.audit.futures import FUTURES, SAME_LENGTH, Futures, World

ROUNDING = 1e-12
CANDIDATES = 6
"""Leaking values whose horizon is looked for; the shortest counts."""
ALWAYS = ("noise", "mirrored", "missing")
MARKED_EVERY = 8
"""Every so many cuts, and at the adversarial ones, all futures are tried."""
SLOW = 0.5
"""Seconds of one evaluation from which on the horizon of a leak is not searched for."""

Key = tuple[str, str, str]
"""Kind, name and market of an item."""


@dataclass(frozen=True)
class Reading:
    """Values of one item.

    Attributes:
        moments: up to which moment (milliseconds since 1970) each row of values may know the world.
        values: NaN where unknown.
    """

    moments: Int[np.ndarray, "row"]
    values: Float[np.ndarray, "row column"]

    def until(self, moment: int) -> Reading:
        """What may know nothing after a moment."""
        is_early = self.moments <= moment
        return Reading(self.moments[is_early], self.values[is_early])


@dataclass(frozen=True)
class Subject:
    """What is under test.

    Attributes:
        read: world -> its items.
        futures: names of the futures that it is confronted with.
        needs_length: kinds of items that depend by design on the number of rows, such as a split by shares: compared
            only where the changed future has as many rows.
    """

    read: Callable[[World], Mapping[Key, Reading]]
    futures: tuple[str, ...] = tuple(FUTURES)
    needs_length: frozenset[str] = frozenset()


@dataclass
class Finding:
    """What the probes of one item have found so far.

    Attributes:
        rows: moments at which it has values and after which there is a future.
        columns: columns.
        at: moments of cuts at which the item had a value whose knowledge ends exactly there.
        probes: changed futures that it was compared under.
        compared: comparisons of single values.
        first: earliest moment of a value that knew its future.
        horizon: smallest number of future candles whose change changes a value; None where it was not found.
        reach: largest number of candles after a value within which a change was felt.
        size: largest relative change.
        futures: under which futures the leak showed.
        is_steady: whether the item is the same when it is computed again.
    """

    rows: int = 0
    columns: int = 0
    at: set[int] = field(default_factory=set)
    probes: int = 0
    compared: int = 0
    first: int | None = None
    horizon: int | None = None
    reach: int = 0
    size: float = 0.0
    futures: set[str] = field(default_factory=set)
    is_steady: bool = True
    suspects: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, base: Reading, moments: Int[np.ndarray, "moment"]) -> Finding:
        """A finding of nothing yet."""
        return cls(rows=len(np.unique(base.moments[base.moments < moments[-1]])), columns=base.values.shape[1])

    @property
    def is_leak(self) -> bool:
        return self.first is not None

    def merge(self, other: Finding) -> None:
        """Add what another stretch of the same item has shown."""
        self.at |= other.at
        self.probes += other.probes
        self.compared += other.compared
        self.reach = max(self.reach, other.reach)
        self.size = max(self.size, other.size)
        self.futures |= other.futures
        self.is_steady &= other.is_steady
        self.first = _least(self.first, other.first)
        self.horizon = _least(self.horizon, other.horizon)

    def compare(self, base: Reading, changed: Reading, future: str, cut: int, moments: np.ndarray) -> None:
        """Compare what may not know more than the cut; note what differs."""
        before, after = base.until(cut), changed.until(cut)
        self.probes += 1
        self.compared += before.values.size
        if len(before.moments) and before.moments.max() == cut:
            self.at.add(cut)
        rows, size = find_changes(before, after)
        if not len(rows) or (future not in SAME_LENGTH and size <= ROUNDING):
            return
        early, late = int(rows.min()), int(rows.max())
        self.first = _least(self.first, early)
        self.size = max(self.size, size)
        self.reach = max(self.reach, int(np.searchsorted(moments, cut) - np.searchsorted(moments, early)) + 1)
        self.futures.add(future)
        self.suspects.append((late, cut))


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def find_changes(before: Reading, after: Reading) -> tuple[Int[np.ndarray, "changed"], float]:
    """Moments of the rows that differ, and the largest relative change; infinite where something came or went."""
    if not np.array_equal(before.moments, after.moments):
        shared = min(len(before.moments), len(after.moments))
        differs = np.flatnonzero(before.moments[:shared] != after.moments[:shared])
        place = int(differs[0]) if differs.size else shared
        there = [one.moments[place] for one in (before, after) if place < len(one.moments)]
        return np.array([min(there)]), float("inf")
    old, new = before.values, after.values
    differs = _bits(old) != _bits(new)
    if not differs.any():
        return before.moments[:0], 0.0
    typical = np.nanmean(np.abs(np.where(np.isfinite(old), old, np.nan))) if np.isfinite(old).any() else 1.0
    with np.errstate(all="ignore"):
        change = np.abs(new - old) / np.where(old == 0, typical or 1.0, np.abs(old))
    change = np.where(np.isnan(change), np.inf, change)[differs]
    return before.moments[differs.any(axis=1)], float(change.max())


def _bits(values: Float[np.ndarray, "row column"]) -> Int[np.ndarray, "row column"]:
    """The bits of each number; every kind of "not a number" is the same."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


def try_reading(subject: Subject, world: World) -> Mapping[Key, Reading] | None:
    """A reading of a changed world; None where there is none, since the rest of the world is too short for it."""
    try:
        return subject.read(world)
    except CoincastError:
        return None
    except Exception:
        # A user's own function may stumble over a world that ends early; at another cut it will not.
        return None


def probe(
    subject: Subject, world: World, cuts: Sequence[int], *, marked: frozenset[int] = frozenset(), seed: int = 0
) -> dict[Key, Finding]:
    """Confront a subject with changed futures.

    Args:
        subject: what is under test.
        world: the true world.
        cuts: moments after which the future is changed.
        marked: cuts at which all futures are tried; at most others only the sharpest three.
        seed: of the noise.

    Returns:
        One finding per item.
    """
    began = time.perf_counter()
    base = subject.read(world)
    seconds = time.perf_counter() - began
    again = subject.read(world)
    futures, moments = Futures.draw(world, seed=seed), world.moments
    findings = {key: Finding.of(one, moments) for key, one in base.items()}
    for key, finding in findings.items():
        finding.is_steady = key in again and not len(find_changes(base[key], again[key])[0])
    for number, cut in enumerate(cuts):
        everything = cut in marked or number % MARKED_EVERY == 0
        for future in subject.futures:
            if not everything and future not in ALWAYS:
                continue
            changed = try_reading(subject, futures.change(future, cut))
            if changed is None:
                continue
            for key, finding in findings.items():
                if not finding.is_steady or (key[0] in subject.needs_length and future not in SAME_LENGTH):
                    continue
                other = changed.get(key, Reading(base[key].moments[:0], base[key].values[:0]))
                finding.compare(base[key], other, future, cut, moments)
    for key, finding in findings.items():
        if finding.is_leak and seconds < SLOW:
            _measure(subject, world, key, finding, base[key], futures)
    return findings


def _measure(subject: Subject, world: World, key: Key, finding: Finding, base: Reading, futures: Futures) -> None:
    """Find the horizon of a leak, and its first row, by halving."""
    moments = world.moments
    picked = np.linspace(0, len(finding.suspects) - 1, CANDIDATES).round().astype(int)
    for moment in dict.fromkeys(finding.suspects[place][0] for place in picked):
        finding.horizon = _least(finding.horizon, _find_horizon(subject, key, base, futures, moments, moment))
    reveals = _revealer(subject, key, base, futures)
    first = finding.first
    before = int(np.searchsorted(moments, first if first is not None else moments[0]))
    low, high = -1, before
    while high - low > 1:
        middle = (low + high) // 2
        found = reveals(int(moments[middle]), None)
        low, high = (low, middle) if len(found) else (middle, high)
        finding.first = _least(finding.first, int(found.min()) if len(found) else None)


def _revealer(
    subject: Subject, key: Key, base: Reading, futures: Futures
) -> Callable[[int, int | None], Int[np.ndarray, "changed"]]:
    """A function that gives the moments of values that a change after a moment, and until another, changes."""

    def reveal(after: int, until: int | None) -> Int[np.ndarray, "changed"]:
        found = [base.moments[:0]]
        for future in ("noise", "mirrored"):
            changed = try_reading(subject, futures.change(future, after, until))
            if changed is not None and key in changed:
                found.append(find_changes(base.until(after), changed[key].until(after))[0])
        return np.concatenate(found)

    return reveal


def _find_horizon(
    subject: Subject, key: Key, base: Reading, futures: Futures, moments: np.ndarray, moment: int
) -> int | None:
    """Fewest candles after a value whose change changes it; None where noise does not."""
    reveals = _revealer(subject, key, base, futures)
    place = int(np.searchsorted(moments, moment))

    def is_changed(candles: int) -> bool:
        return bool(np.isin(moment, reveals(moment, int(moments[place + candles]))))

    low, high = 0, len(moments) - 1 - place
    if high < 1 or not is_changed(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_changed(middle) else (middle, high)
    return high
