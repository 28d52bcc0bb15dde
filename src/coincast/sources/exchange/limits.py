"""One pace for all who ask one exchange."""

from __future__ import annotations

import threading

from coincast.sources.retry import Clock


class Limiter:
    """Spaces the requests of all threads to one exchange, and lets all of them pause together.

    Args:
        spacing: seconds after a request of cost 1 before the next may begin.
        clock: measures and waits.
    """

    def __init__(self, spacing: float, clock: Clock) -> None:
        self._spacing = spacing
        self._clock = clock
        self._free_at = float("-inf")
        self._lock = threading.Lock()

    def wait(self, cost: float = 1.0) -> None:
        """Wait for one's turn; the next turn comes `cost` x `spacing` later."""
        while (seconds := self._take_turn(cost)) > 0:
            self._clock.sleep(seconds)

    def _take_turn(self, cost: float) -> float:
        """Seconds until somebody's turn, or 0 when it was taken."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._free_at:
                return self._free_at - now
            self._free_at = now + cost * self._spacing
            return 0.0

    def pause(self, seconds: float) -> None:
        """Nobody asks anything for so long, counted from now."""
        with self._lock:
            self._free_at = max(self._free_at, self._clock.monotonic() + seconds)
