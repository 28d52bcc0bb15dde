"""Work that can wait, in a thread of its own: gaps are filled, and older candles are looked at for revisions.

A thread holds the loop up nowhere: what it brings is picked up between two turns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from coincast.errors import CoincastError
from coincast.live.watch.feed import PAGE, Feed
from coincast.live.watch.keeping import Keeper
from coincast.live.watch.plan import Plan, WatchedMarket
from coincast.sources.retry import Stopped

LOOKED_OVER_EVERY = 50
"""Candles after which the last page of every market is fetched again, and its gaps are asked for once more."""

PAUSE = 4
"""Candles after which a market that could not be filled is tried again, at most; and at least a minute."""

Start = Callable[[Callable[[], None]], None]


def in_a_thread(work: Callable[[], None]) -> None:
    """Begin work that ends with the program."""
    threading.Thread(target=work, daemon=True).start()


class QuietTime:
    """The work, and what came of it.

    Args:
        plan: what is watched.
        feed, keeper: where it comes from, and who keeps it.
        start: begins a piece of work.

    Attributes:
        is_filled: whether the history of every market has been asked for since the start.
    """

    def __init__(self, plan: Plan, feed: Feed, keeper: Keeper, *, start: Start = in_a_thread) -> None:
        self._plan = plan
        self._feed = feed
        self._keeper = keeper
        self._start = start
        self._wanted = {market.name for market in plan.markets}
        self._filled: set[str] = set()
        self._lines: list[str] = []
        self._failed: set[str] = set()
        self._not_before = 0
        self._looked_over = 0
        self._revised = False
        self._busy = False
        self._fault: Exception | None = None
        self._lock = threading.Lock()

    @property
    def is_filled(self) -> bool:
        """Whether every market has been filled since the start."""
        return len(self._filled) == len(self._plan.markets)

    def want(self, market: str) -> None:
        """A market has a gap that may be filled."""
        with self._lock:
            self._wanted.add(market)

    def want_everything(self) -> None:
        """Something was away, so that every market may have one."""
        with self._lock:
            self._wanted |= {market.name for market in self._plan.markets}

    def has_revised(self) -> bool:
        """Whether a stored candle was replaced since this was asked last."""
        with self._lock:
            revised, self._revised = self._revised, False
        return revised

    def poll(self, origin: int) -> list[str]:
        """Begin what is wanted, and say what was done.

        Args:
            origin: the newest close.

        Raises:
            Exception: a fault of ours in the thread, which nobody else would hear of.
        """
        now = self._feed.now()
        if origin - self._looked_over >= LOOKED_OVER_EVERY * self._plan.length:
            self.want_everything()
            self._looked_over = origin
        with self._lock:
            if self._fault:
                raise self._fault
            lines, self._lines = self._lines, []
            markets = [market for market in self._plan.markets if market.name in self._wanted]
            is_due = bool(markets) and not self._busy and now >= self._not_before
            if is_due:
                self._busy = True
                self._wanted -= {market.name for market in markets}
                self._not_before = now + max(60_000, min(PAUSE * self._plan.length, 900_000))
        if is_due:
            self._start(lambda: self._work(markets))
        return lines

    def _work(self, markets: list[WatchedMarket]) -> None:
        try:
            for market in markets:
                self._fill(market)
        except Stopped:
            return
        except Exception as fault:
            self._fault = fault
        finally:
            with self._lock:
                self._busy = False

    def _fill(self, market: WatchedMarket) -> None:
        """Fill one market, and look its last page over; what fails is wanted again."""
        plan = self._plan
        since = plan.last_origin(self._feed.now()) - plan.history * plan.length
        try:
            tally = self._feed.fill(market, since)
            again = self._keeper.update([market], again=PAGE - 1)[market.name]
            if again.error:
                raise again.error
        except CoincastError as error:
            with self._lock:
                self._wanted.add(market.name)
                self._lines += [] if market.name in self._failed else [f"{market.name}: not filled: {error}"]
                self._failed.add(market.name)
            return
        with self._lock:
            self._filled.add(market.name)
            self._failed.discard(market.name)
            self._revised |= bool(tally.revised or again.revised)
            if tally.added:
                self._lines.append(f"{market.name}: {tally.added:,} candles that were missing")
