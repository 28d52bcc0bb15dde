"""Slow answers take turns: a few at once, a few waiting, and the rest is asked to come again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from coincast.web.faults import Refusal

T = TypeVar("T")

WAITING = 8
"""Slow answers that wait for their turn."""


class Heavy:
    """Runs slow work in threads of its own.

    Args:
        at_once: how many pieces of work.
    """

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="slow answer")
        self._room = at_once + WAITING
        self._asked = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Do a piece of work; where the reader goes away or the time is up, nobody waits for it any more.

        Raises:
            Refusal: too many wait already.
        """
        return await asyncio.wrap_future(self._submit(work))

    def wait_for(self, work: Callable[[], T]) -> T:
        """As `run`, for a handler that has a thread of its own.

        Raises:
            Refusal: too many wait already.
        """
        return self._submit(work).result()

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._asked >= self._room:
                raise Refusal(429, "too many such questions at once; try again in a few seconds", wait=5)
            self._asked += 1
        future = self._pool.submit(work)
        future.add_done_callback(self._free)
        return future

    def _free(self, future: Future[Any]) -> None:
        with self._lock:
            self._asked -= 1
