"""What the loop says of itself, about once a second: the health file, and what time it is in a simulation."""

from __future__ import annotations

import os
import time
from pathlib import Path

from coincast.errors import UsageError
from coincast.live.simulation.local import Simulation
from coincast.live.watch.health import Health, MarketHealth, write_health
from coincast.live.watch.state import Told, Watch, has_time
from coincast.sources.exchange.paging import to_time

EVERY = 1.0
"""Real seconds between two reports."""


class Reporter:
    """Writes the health file of a loop.

    Args:
        watch: the loop.
        path: of the file.
        simulation: whose time is kept.
    """

    def __init__(self, watch: Watch, path: Path, simulation: Simulation | None = None) -> None:
        self._watch = watch
        self._path = path
        self._simulation = simulation
        self._reported = float("-inf")

    def report(self) -> None:
        """Write, where the last time is long enough ago."""
        if time.monotonic() - self._reported < EVERY:
            return
        self._reported = time.monotonic()
        self._write(*describe_state(self._watch))

    def end(self, words: str) -> None:
        """Write that the loop has ended."""
        self._write("stopped", words)

    def _write(self, state: str, words: str) -> None:
        """A file that cannot be written, as where another program holds it open, is told and ends nothing."""
        speed = self._simulation.speed if self._simulation else None
        try:
            if self._simulation:
                self._simulation.keep_time()
            write_health(self._path, describe(self._watch, state, words, speed))
        except UsageError as error:
            self._watch.journal.warn("health", str(error))
        else:
            self._watch.journal.well("health")


def describe_state(watch: Watch) -> tuple[str, str]:
    """One word for how the loop is, and a sentence."""
    if not watch.connection.is_open:
        return "troubled", next((told.reason.words for told in watch.told.values() if told.reason), "no connection")
    if watch.nursery.model is None:
        fault = watch.nursery.fault
        if fault:
            return "troubled", f"there is no model: {fault}"
        return "starting", "the first model is being trained; candles are kept up to date"
    if troubled := [name for name in watch.close.pending if _is_overdue(watch, watch.told[name])]:
        reason = watch.told[troubled[0]].reason
        return "troubled", f"{', '.join(troubled)}: {reason.words if reason else 'no forecast'}"
    markets = "1 market" if len(watch.told) == 1 else f"{len(watch.told)} markets"
    return "running", f"{markets}, next close {to_time(next_close(watch)):%Y-%m-%d %H:%M} UTC"


def next_close(watch: Watch) -> int:
    """When the next candle closes."""
    return (watch.feed.now() // watch.plan.length + 1) * watch.plan.length


def describe(watch: Watch, state: str, words: str, speed: float | None) -> Health:
    """Everything that the file holds; `speed` is that of a simulation."""
    head, made = watch.books.head, watch.made
    model, training = watch.nursery.describe()
    return Health(
        state=state,
        words=words,
        pid=os.getpid(),
        written_at=round(1000 * time.time()),
        now=watch.feed.now(),
        next_close=next_close(watch),
        simulated=speed,
        venue=watch.plan.venue,
        is_connected=watch.connection.is_open,
        markets=tuple(
            MarketHealth(
                name,
                watch.plan.interval,
                told.last_close,
                told.origin,
                told.made_at,
                told.late,
                told.reason.words if told.reason else None,
            )
            for name, told in watch.told.items()
        ),
        model=model,
        training=training,
        ledger={"count": head.count, "head": head.hash},
        made={"forecasts": made.forecasts, "late": made.late, "scores": made.scores, "outages": made.outages},
    )


def _is_overdue(watch: Watch, told: Told) -> bool:
    """Whether a market that has no forecast of the newest close should have one, or had none of the one before."""
    has_missed = told.origin is not None and told.origin < watch.close.origin - watch.plan.length
    return has_missed or not has_time(watch)
