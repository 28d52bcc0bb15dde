"""One look after another at ledger, store, run folders and health file, however many readers there are.

What is new since the last look is told to the hub. A first look tells nothing: it is what readers fetch themselves.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from coincast.errors import CoincastError
from coincast.live.ledger import Entry
from coincast.web.api.health import show_watch
from coincast.web.ids import market_id
from coincast.web.runs.folders import RunState
from coincast.web.site import Site
from coincast.web.store import Signature, as_milliseconds, read_newest

LOG = logging.getLogger("coincast.web")

LOOK_SECONDS = 0.5
RUNS_EVERY = 4
"""Run folders are looked at once in so many looks: there may be many."""
MOST_TOLD = 200
"""Entries of the ledger that one look tells; of more at once readers are told to fetch everything anew."""


class Watcher:
    """Looks in a thread of its own.

    Args:
        site: what is looked at, and the hub that is told.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._looks = 0
        self._ledger: tuple[str, int] | None = None
        self._candles: Signature | None = None
        self._runs: Mapping[str, RunState] | None = None
        self._health: tuple[str, int | None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._keep_looking, name="watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)

    def look(self) -> None:
        """Look at everything once, and tell what is new."""
        self._look_at_candles()
        self._look_at_ledger()
        self._look_at_health()
        if self._looks % RUNS_EVERY == 0:
            self._look_at_runs()
        self._looks += 1

    def _keep_looking(self) -> None:
        while True:
            try:
                self.look()
            except (CoincastError, OSError) as error:  # a file is being replaced, or broken: the next look tells
                LOG.debug("a look failed: %s", error)
            except Exception:
                LOG.exception("fault of ours while looking")
            if self._stopping.wait(LOOK_SECONDS):
                return

    def _look_at_ledger(self) -> None:
        with self._site.live.ledger() as ledger:
            if ledger is None:
                self._ledger = None
                return
            place, count = str(ledger.path), ledger.head().count
            before, self._ledger = self._ledger, (place, count)
            if before is None or before[0] != place or count - before[1] > MOST_TOLD:
                if before is not None or self._looks:
                    self._site.hub.publish("reload", {})
                return
            new = list(ledger.entries(after=before[1])) if count > before[1] else []
        for entry in new:
            for kind, data in _tell_entry(entry):
                self._site.hub.publish(kind, data)

    def _look_at_candles(self) -> None:
        before = self._candles
        now, listed = self._site.store.refresh()
        self._candles = now
        if before is None or now == before:
            return
        for (market, interval), newest in now.items():
            stored = listed.markets.get(market_id(market, interval))
            if before.get((market, interval)) == newest or stored is None:
                continue
            close_time, close = read_newest(stored, 1).select("close_time", "close").row(-1)
            told = {"market_id": stored.id, "market": market, "interval": interval}
            self._site.hub.publish("candle", {**told, "close_time": as_milliseconds(close_time), "close": close})

    def _look_at_health(self) -> None:
        watch = self._site.live.watch()
        before, self._health = self._health, (watch.state, watch.written_at)
        if before is not None and before != self._health:
            self._site.hub.publish("health", show_watch(watch).model_dump())

    def _look_at_runs(self) -> None:
        before, now = self._runs, {run.id: run.state for run in self._site.runs.refresh().values()}
        self._runs = now
        if before is None:
            return
        for given, state in now.items():
            if before.get(given) != state:
                self._site.hub.publish("run", {"id": given, "state": state})


def _tell_entry(entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a new entry means to a reader."""
    body = entry.body
    if entry.kind == "outage":
        yield "outage", {"number": entry.number, "market": body.get("market"), "reason": body.get("reason")}
        return
    if entry.kind not in ("forecast", "score"):
        return
    market, interval = str(body["market"]), str(body["interval"])
    told = {"number": entry.number, "market_id": market_id(market, interval), "market": market, "interval": interval}
    more = ("model", "origin") if entry.kind == "forecast" else ("target_time",)
    yield entry.kind, {**told, **{name: body[name] for name in more}}
