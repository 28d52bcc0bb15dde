"""Programs on every core or device: one thread each, watched from the calling thread.

A call of a compiled program keeps its thread busy and leaves Python alone, so that as many threads as cores use them
all; nothing depends on which thread a program ran in. The calling thread only waits, hears Ctrl-C, and notices where
nothing comes back.
"""

from __future__ import annotations

import math
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax

from coincast.errors import StuckError, UsageError
from coincast.training.devices import available_cores

STUCK_AFTER = 300.0
"""Seconds without any sign of a program that should give one four times a second."""
LONGEST_PARTING = 2.0
"""Seconds that programs under way are waited for when the calling thread leaves."""

Task = Callable[[int, Any], Any]
"""What a worker does: it is called with the worker's number and its device."""


class Workers:
    """Threads that carry out tasks, one per core or, where there are others than the CPU, per device.

    A context manager.

    Args:
        most: how many at most.
    """

    def __init__(self, most: int) -> None:
        self.devices = places_to_work()[: max(1, most)]
        self.tasks: list[queue.SimpleQueue[Task | None]] = [queue.SimpleQueue() for _ in self.devices]
        self.said: queue.SimpleQueue[tuple[int, str, Any]] = queue.SimpleQueue()
        self.is_leaving = threading.Event()
        self.threads = [
            threading.Thread(target=self._work, args=(place,), daemon=True) for place in range(len(self.devices))
        ]

    def __enter__(self) -> Workers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_leaving.set()
        for tasks in self.tasks:
            tasks.put(None)
        for thread in self.threads:
            thread.join(LONGEST_PARTING / len(self.threads))

    def give(self, worker: int, task: Task) -> None:
        """Let a worker carry out a task when it has done those before."""
        self.tasks[worker].put(task)

    def tell(self, worker: int, news: Any) -> None:
        """For tasks: say something to whoever listens, and stop where nobody does any more."""
        if self.is_leaving.is_set():
            raise _Leaving
        self.said.put((worker, "news", news))

    def ask(self, task: Task) -> Any:
        """The result of one task."""
        self.give(0, task)
        return next(what for _, is_done, what in self.listen() if is_done)

    def listen(self) -> Iterator[tuple[int, bool, Any]]:
        """Worker, whether its task is done, and its news or its result; without end.

        Raises:
            StuckError: no worker says anything for a long time.
            BaseException: what a task raised.
        """
        patience = _patience()
        while True:
            try:
                worker, kind, what = self.said.get(timeout=patience)
            except queue.Empty:
                raise StuckError(
                    f"the device has not answered for {patience:g} seconds, and the training is given up; what was "
                    "kept is there, and the same command goes on with it. Try a smaller batch or network, restart the "
                    "machine's accelerator driver, or allow more time: COINCAST_STUCK_SECONDS=1200"
                ) from None
            if kind == "failed":
                raise what
            yield worker, kind == "done", what

    def _work(self, place: int) -> None:
        device = self.devices[place]
        while (task := self.tasks[place].get()) is not None and not self.is_leaving.is_set():
            try:
                result = task(place, device)
            except _Leaving:
                return
            except BaseException as error:
                self.said.put((place, "failed", error))
                return
            self.said.put((place, "done", result))


def _patience() -> float:
    """Seconds after which a device that says nothing counts as stuck."""
    given = os.environ.get("COINCAST_STUCK_SECONDS")
    if not given:
        return STUCK_AFTER
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"COINCAST_STUCK_SECONDS is {given!r}; allowed: a number of seconds above 0, such as 1200")
    return min(seconds, threading.TIMEOUT_MAX)


def places_to_work() -> list[Any]:
    """The device of each worker."""
    devices = jax.devices()
    return devices[:1] * available_cores() if devices[0].platform == "cpu" else devices


class _Leaving(Exception):
    """The calling thread does not wait any more."""
