"""What was seen a moment ago: many readers, one look at the disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

FRESH_SECONDS = 3.0
"""For so long nobody looks again; the watcher looks more often, before it tells what is new."""


class Recent(Generic[T]):
    """What a look finds, looked for again when it is asked for and old; from any thread.

    While somebody looks, all others get what the look before found: no reader waits for a slow disk, but the first one.

    Args:
        look: finds it.
    """

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._found: T | None = None
        self._looked_at = 0.0
        self._looking = threading.Lock()

    def get(self) -> T:
        """What is there, as of a moment ago at most."""
        found = self._found
        if found is not None and (time.monotonic() - self._looked_at < FRESH_SECONDS or self._looking.locked()):
            return found
        return self.renew()

    def renew(self) -> T:
        """What is there now."""
        with self._looking:
            self._found = self._look()
            self._looked_at = time.monotonic()
            return self._found
