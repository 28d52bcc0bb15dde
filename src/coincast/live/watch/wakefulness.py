"""Whether this machine has slept, or its clock was set.

On most systems the monotonic clock stands still while a machine sleeps, and the wall clock does not; where neither
does, the loop itself was away for longer than it asked for. A jump of the wall clock alone says only that something
happened: the exchange's clock, read anew, tells whether time has passed.
"""

from __future__ import annotations

from coincast.sources.retry import Clock

JUMP = 2.0
"""Real seconds between the two clocks that no drift makes in one turn of the loop. In fast time, a thread that is held
up for a millisecond between reading the one and the other finds them seconds apart."""

STANDSTILL = 30.0
"""Real seconds beyond a rest after which it counts as standing still."""


class Wakefulness:
    """Compares the clocks from turn to turn.

    Args:
        clock: of this machine, or of a simulation.
        speed: seconds of the clock in one real second.
    """

    def __init__(self, clock: Clock, speed: float = 1.0) -> None:
        self._clock = clock
        self._jump, self._standstill = JUMP * speed, STANDSTILL * speed
        self._apart = self._read()
        self._rested_at = clock.monotonic()
        self._rest = float("inf")

    def has_jumped(self) -> bool:
        """Whether wall and monotonic clock have moved apart since the last `look`."""
        return abs(self._read() - self._apart) > self._jump

    def rest(self, seconds: float) -> None:
        """Say that the loop waits now, for so long at most."""
        self._rested_at, self._rest = self._clock.monotonic(), seconds

    def look(self) -> float:
        """Seconds for which the last rest took longer than it should have; 0 where it did not."""
        away = self._clock.monotonic() - self._rested_at - self._rest
        self._apart, self._rest = self._read(), float("inf")
        return away if away > self._standstill else 0.0

    def _read(self) -> float:
        return self._clock.wall() - self._clock.monotonic()
