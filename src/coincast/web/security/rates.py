"""How often one address may ask: a bucket of tokens for each, refilled at a steady rate."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_ADDRESSES = 10_000
"""Buckets that are kept; the longest unused goes first, which is then full again."""


class Buckets:
    """Buckets of one rate, one for each address.

    Args:
        rate: tokens per second that come back.
        size: tokens of a full bucket.
        now: seconds of a clock that never jumps.
    """

    def __init__(self, rate: float, size: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._size, self._now = rate, size, now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str) -> int:
        """Take a token out of an address's bucket; 0, or the whole seconds after which there is one again."""
        with self._lock:
            level, now = self._fill(address)
            if level < 1:
                return max(1, math.ceil((1 - level) / self._rate))
            self._keep(address, level - 1, now)
            return 0

    def look(self, address: str) -> int:
        """As `take`, but nothing is taken."""
        with self._lock:
            level, _ = self._fill(address)
            return 0 if level >= 1 else max(1, math.ceil((1 - level) / self._rate))

    def _fill(self, address: str) -> tuple[float, float]:
        now = self._now()
        level, seen = self._levels.get(address, (float(self._size), now))
        return min(float(self._size), level + (now - seen) * self._rate), now

    def _keep(self, address: str, level: float, now: float) -> None:
        self._levels[address] = (level, now)
        self._levels.move_to_end(address)
        while len(self._levels) > MOST_ADDRESSES:
            self._levels.popitem(last=False)
