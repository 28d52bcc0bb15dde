"""What changes is told to all readers at once, and told again to those who were away for a while.

Every message gets a number that only grows while the process lives. A reader who comes back says the last one he had
(`Last-Event-ID`) and gets what he missed; where that is too long ago, or was told by an earlier process, he is told to
fetch everything anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from coincast.web.faults import Refusal

KEPT = 1000
"""Messages that are told again."""
MOST_WAITING = 500
"""Messages that a slow reader may be behind; then his stream ends, and he comes back and fetches everything."""
BREATH_SECONDS = 15.0
"""A comment line is sent after such a silence, so that nobody on the way takes the stream for dead."""
RETRY_MILLISECONDS = 2000


@dataclass(frozen=True)
class Event:
    """One message: its number, its kind, and its content as one line of JSON."""

    number: int
    kind: str
    data: str


class Hub:
    """Takes messages from any thread, and hands them to readers of one event loop.

    Args:
        readers: most at once.
    """

    def __init__(self, readers: int = 64) -> None:
        self.boot = secrets.token_hex(4)
        self._most = readers
        self._lock = threading.Lock()
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._last = 0
        self._readers: dict[asyncio.Queue[Event | None], asyncio.AbstractEventLoop] = {}
        self._is_closed = False

    @property
    def reading(self) -> int:
        """Readers at this moment."""
        return len(self._readers)

    def publish(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Tell all readers something; from any thread."""
        with self._lock:
            self._last += 1
            event = Event(self._last, kind, json.dumps(data, allow_nan=False))
            self._kept.append(event)
            readers = list(self._readers.items())
        for queue, loop in readers:
            _hand_over(loop, queue, event)
        return event

    def close(self) -> None:
        """End all streams; from any thread, also from a signal's handler."""
        self._is_closed = True
        for queue, loop in list(self._readers.items()):
            _hand_over(loop, queue, None)

    def check_room(self) -> None:
        """Refuse one reader more than there may be.

        Raises:
            Refusal: there are as many already.
        """
        if len(self._readers) >= self._most:
            raise Refusal(503, f"{self._most} readers are there already; come again later", wait=30)

    async def follow(self, last_id: str | None) -> AsyncIterator[str]:
        """The stream of one reader, as lines of Server-Sent Events.

        Args:
            last_id: the id that the reader had last; None for one who comes for the first time.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue(MOST_WAITING)
        with self._lock:
            missed, now = self._missed_since(last_id), self._last
            self._readers[queue] = asyncio.get_running_loop()
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n" + self._write(Event(now, "hello", json.dumps({"boot": self.boot})))
            for event in [Event(now, "reload", "{}")] if missed is None else missed:
                yield self._write(event)
            while not self._is_closed:
                try:
                    waited = await asyncio.wait_for(queue.get(), BREATH_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if waited is None:
                    return
                yield self._write(waited)
        finally:
            with self._lock:
                self._readers.pop(queue, None)

    def _missed_since(self, last_id: str | None) -> list[Event] | None:
        """What was told after an id; None where that is not known any more."""
        if last_id is None:
            return []
        boot, _, number = last_id.partition("-")
        if boot != self.boot or not (number.isascii() and number.isdecimal() and len(number) < 19):
            return None
        last = int(number)
        oldest = self._kept[0].number if self._kept else self._last + 1
        if not oldest - 1 <= last <= self._last:
            return None
        return [event for event in self._kept if event.number > last]

    def _write(self, event: Event) -> str:
        return f"id: {self.boot}-{event.number}\nevent: {event.kind}\ndata: {event.data}\n\n"


def _hand_over(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Event | None], event: Event | None) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and its readers with it
        loop.call_soon_threadsafe(_put, queue, event)


def _put(queue: asyncio.Queue[Event | None], event: Event | None) -> None:
    """Hand a message to a reader; one who is too far behind loses his place, and his stream ends."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        event = None
    queue.put_nowait(event)
