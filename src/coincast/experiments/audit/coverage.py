"""Where to cut: at every row where that can be afforded, else at the adversarial ones and at random others."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Bool, Int

from coincast.experiments.audit.futures import World, milliseconds
from coincast.experiments.audit.probes import ALWAYS, Finding, Key, Subject, probe

STRETCH = 1024
"""Rows of a stretch: a long market is probed in stretches, whose cost per cut does not grow with the market."""
FEWEST_CUTS = 400
"""Of a column: enough to meet a leak in one row of a hundred in 98 of 100 audits."""
LONG_CUTS = 24
"""Cuts on the whole of a long market, which show leaks that reach farther than a stretch."""


def probe_rows(subject: Subject, world: World, *, seconds: float, special: Sequence[int]) -> dict[Key, Finding]:
    """Probe what has one value per candle of one market, at as many rows as a number of seconds allows.

    The past of a cut need not be whole to show that the future before it is felt: within a stretch, true and changed
    rows have the same past.
    """
    moments = world.moments
    if len(moments) <= 2 * STRETCH:
        cuts, marked = choose_cuts(moments, special, most=affordable(seconds, time_reading(subject, world)))
        return probe(subject, world, cuts, marked=marked)
    stretch = World(world.candles[:STRETCH], world.outside)
    cuts, marked = choose_cuts(moments, special, most=affordable(seconds, time_reading(subject, stretch)))
    longest, hard = choose_cuts(moments, special, most=LONG_CUTS)
    findings = probe(subject, world, longest, marked=hard)
    for first, end, own in _stretches(moments, np.array(cuts)):
        found = probe(subject, World(world.candles[first:end], world.outside), own, marked=marked)
        for key, finding in found.items():
            findings[key].merge(finding)
    return findings


def time_reading(subject: Subject, world: World) -> float:
    """Seconds of one evaluation; the first one may have to load what the second has."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        subject.read(world)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _stretches(moments: Int[np.ndarray, "moment"], cuts: Int[np.ndarray, "cut"]) -> list[tuple[int, int, list[int]]]:
    """First row, row after the last, and cuts of each stretch; half of it is cut, with a quarter on either side."""
    found = []
    half = STRETCH // 2
    for first in range(0, len(moments), half):
        own = cuts[(cuts >= moments[first]) & (cuts <= moments[min(first + half, len(moments)) - 1])]
        if len(own):
            found.append((max(0, first - half // 2), min(len(moments), first + half + half // 2), own.tolist()))
    return found


def choose_cuts(
    moments: Int[np.ndarray, "moment"], special: Sequence[int], *, most: int, seed: int = 0
) -> tuple[list[int], frozenset[int]]:
    """Moments to cut at: all if they are few enough, else the adversarial ones and random others.

    Args:
        moments: every moment, in order; nothing comes after the last.
        special: moments whose neighbourhood is worth a look: ends of parts, gaps, first windows.
        most: how many cuts there may be; if they are few, the special moments themselves come first.
        seed: of the random ones.

    Returns:
        The cuts in order of time, and those that are adversarial.
    """
    last = len(moments) - 1
    places = np.searchsorted(moments, np.array(sorted(special), dtype=np.int64))
    ranked = [*places, last - 1, 0, *(places - 1), *(places + 1), 1, 2, 3, last - 2, last - 3]
    hard = [int(place) for place in dict.fromkeys(ranked) if 0 <= place < last][:most]
    others = np.setdiff1d(np.arange(last), hard)
    drawn = np.random.default_rng(seed).permutation(others)[: most - len(hard)]
    chosen = sorted([*hard, *drawn.tolist()])
    return [int(moments[place]) for place in chosen], frozenset(int(moments[place]) for place in hard)


def affordable(seconds: float, one: float, *, fewest: int = FEWEST_CUTS) -> int:
    """Cuts that a number of seconds buys, where one evaluation takes so long."""
    return max(fewest, int(seconds / (max(one, 1e-6) * (len(ALWAYS) + 1))))


def gap_moments(candles: pl.DataFrame) -> list[int]:
    """Close of the last candle before each gap, ten of them at most."""
    found: list[int] = []
    for _, own in candles.group_by("market", maintain_order=True):
        opens, closes = milliseconds(own["open_time"]), milliseconds(own["close_time"])
        is_last: Bool[np.ndarray, "row"] = opens[1:] != closes[:-1]
        found += closes[:-1][is_last].tolist()
    return sorted(found)[:10]
