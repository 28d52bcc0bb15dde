"""One look after another at ledger, store, run folders and health file, however many readers there are.

What is new since the last look is told to the hub, after the answers that readers will ask for then are made. A first
look tells nothing: it is what readers fetch themselves.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from coincast.errors import CoincastError
from coincast.live.ledger import Entry
from coincast.web.api.health import show_watch
from coincast.web.ids import market_id
from coincast.web.live_state import Standing
from coincast.web.runs.folders import RunState
from coincast.web.site import Site
from coincast.web.store import Signature, StoredMarket, as_milliseconds, read_newest

LOG = logging.getLogger("coincast.web")

LOOK_SECONDS = 0.5
RUNS_EVERY = 4
"""Run folders are looked at once in so many looks: there may be many."""
MOST_TOLD = 200
"""Entries of the ledger that one look tells; of more at once readers are told to fetch everything anew."""

News = list[tuple[str, dict[str, Any]]]
"""Kinds of messages, and what each says."""


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
        self._fault: str | None = None
        self._standing: Standing | None = None
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
        places = [self._look_at_candles, self._look_at_ledger, self._look_at_health]
        if self._looks % RUNS_EVERY == 0:
            places.append(self._look_at_runs)
        news = [one for place in places for one in self._try(place)]
        self._looks += 1
        self._try(self._site.answers.renew)
        self._try(lambda: self._tell(news))

    def _tell(self, news: News) -> None:
        for kind, data in news:
            self._site.hub.publish(kind, data)

    def _keep_looking(self) -> None:
        while True:
            self.look()
            if self._stopping.wait(LOOK_SECONDS):
                return

    def _try(self, part: Callable[[], News | None]) -> News:
        """Do a part of a look; one that fails hinders no other, and is done again at the next look."""
        try:
            return part() or []
        except (CoincastError, OSError) as error:  # a file is being replaced, or broken
            LOG.debug("a look failed: %s", error)
        except Exception as error:
            if repr(error) != self._fault:  # told once, and not twice a second
                LOG.exception("fault of ours while looking")
            self._fault = repr(error)
        return []

    def _look_at_candles(self) -> News:
        before, listed = self._candles, self._site.store.refresh()
        changed = frozenset() if before is None else listed.candles - before
        news: News = []
        for key in sorted(key for key, _ in changed):
            stored = listed.markets.get(market_id(*key))
            if stored is not None:
                with contextlib.suppress(CoincastError):  # its newest file is broken: the page of the store says so
                    news.append(("candle", _tell_candle(stored)))
        self._candles = listed.candles
        return news

    def _look_at_ledger(self) -> News:
        before, now = self._standing, self._site.live.refresh()
        news: News = []
        if before is not None and now.head is not None and now != before:
            known = before.head.count if before.head is not None and before.ledger == now.ledger else None
            if known is not None and 0 < now.head.count - known <= MOST_TOLD:
                news = self._tell_entries(known, now.head.count)
            else:  # another ledger in its place, or too much at once
                news = [("reload", {})]
        self._standing = now
        return news

    def _tell_entries(self, last: int, newest: int) -> News:
        with self._site.live.ledger() as ledger:
            entries = [] if ledger is None else list(ledger.entries(after=last, before=newest + 1))
        return [told for entry in entries for told in _tell_entry(entry)]

    def _look_at_health(self) -> News:
        watch = self._site.live.watch()
        before, self._health = self._health, (watch.state, watch.written_at)
        is_new = before is not None and before != self._health
        return [("health", show_watch(watch).model_dump())] if is_new else []

    def _look_at_runs(self) -> News:
        before, now = self._runs, {run.id: run.state for run in self._site.runs.refresh().values()}
        self._runs = now
        if before is None:
            return []
        return [("run", {"id": given, "state": state}) for given, state in now.items() if before.get(given) != state]


def _tell_candle(stored: StoredMarket) -> dict[str, Any]:
    """The newest candle of a market."""
    close_time, close = read_newest(stored, 1).select("close_time", "close").row(-1)
    told = {"market_id": stored.id, "market": stored.market, "interval": stored.interval}
    return {**told, "close_time": as_milliseconds(close_time), "close": close}


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
