"""Candles from an exchange into the store: what `coincast download` does, and `coincast.download`.

Several markets are downloaded at once, each by a thread of its own, within the one pace of their exchange. An error
ends its own market; what the others bring is kept.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from coincast.candles.doubts import STALE_AROUND
from coincast.candles.quality import examine, find_gaps, summarise
from coincast.candles.table import check_interval
from coincast.errors import CoincastError, UsageError
from coincast.sources.exchange.fill import Filler
from coincast.sources.exchange.lobby import Lobby
from coincast.sources.exchange.paging import Span, merge, move, to_milliseconds, to_time
from coincast.sources.exchange.symbols import read_wishes
from coincast.sources.exchange.task import Progress, Task
from coincast.sources.retry import PATIENCE, Clock, Patience, Stopped
from coincast.tabular import Moment, read_span

AT_ONCE = 4
"""Markets that are downloaded at the same time."""

MOST_EXAMINED = 5_000_000
"""Candles above which gaps are counted and not explained, and doubts not looked for."""


@dataclass(frozen=True)
class MarketDownload:
    """What became of one market.

    Attributes:
        market: its full name, `binance:BTC/USDT`.
        added: candles that are new in the store.
        revised: stored candles that came with other values and were replaced.
        same: stored candles that came again as they were.
        candles: stored now, of the time that was asked for.
        first, last: open times of the first and the last of these; None where there is none.
        gaps: how many times the next candle does not open when one has closed.
        missing: candles that would fill these gaps.
        gap_words: the gaps in a sentence, with a guess at their cause from the other markets; empty where there is
            none.
        revisions: one line for each revised candle.
        notes: what else a user should know, such as what is doubtful in candles that are new.
        error: why not everything came; None where it did.
    """

    market: str
    added: int = 0
    revised: int = 0
    same: int = 0
    candles: int = 0
    first: datetime | None = None
    last: datetime | None = None
    gaps: int = 0
    missing: int = 0
    gap_words: str = ""
    revisions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: CoincastError | None = None


@dataclass(frozen=True)
class Downloaded:
    """What a download came to.

    Attributes:
        interval: of the candles.
        markets: one entry for each market, in the order in which they were named.
        notes: what concerns all of them, such as the exchange that was chosen.
    """

    interval: str
    markets: tuple[MarketDownload, ...]
    notes: tuple[str, ...] = ()

    @property
    def error(self) -> CoincastError | None:
        """The gravest error of any market, by its exit code; None where everything came."""
        errors = [market.error for market in self.markets if market.error]
        return max(errors, key=lambda error: error.exit_code, default=None)

    def describe(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        markets = [vars(market) | {"error": str(market.error) if market.error else None} for market in self.markets]
        return {"interval": self.interval, "markets": markets, "notes": list(self.notes)}


def download(
    markets: str | Sequence[str],
    *,
    exchange: str | None = None,
    interval: str = "1d",
    since: Moment | None = None,
    until: Moment | None = None,
    base_url: str | None = None,
    folder: Path | None = None,
    archive: bool | None = None,
    ask_again: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    patience: Patience = PATIENCE,
    clock: Clock | None = None,
) -> Downloaded:
    """Download candles of an exchange into the store, as far as they are not there yet.

    No account is needed. A later call continues where this one ended, however it ended: it fetches what is missing, and
    the last three stored candles once more, since exchanges amend them. Only candles are stored that have closed by the
    exchange's own clock. A gap that an exchange has left empty in two downloads is not asked for any more.

    Args:
        markets: one or several: `BTC/USDT`, `BTC` (against the exchange's usual quote), `BTC/USDT:USDT` (a perpetual
            future) or `binance:BTC/USDT` (with its exchange).
        exchange: its name, as ccxt spells it; without one, the first of a few that answers and lists the markets.
        interval: of the candles.
        since: candles that open at or after this, in UTC where it names no zone; default: everything that
            the exchange has.
        until: candles that open then or before, a bare date with its day; default: the last one that has closed.
        base_url: where the exchange is asked, instead of at its own address; `COINCAST_<EXCHANGE>_URL` does the same.
        folder: of the store; default: the user's.
        archive: whether Binance's archive of files is used; default: where it takes fewer requests.
        ask_again: whether gaps that are known to be empty are asked for once more.
        on_progress: called after every answer, from several threads.
        patience: with failures that may pass.
        clock: of this machine.

    Returns:
        What came, market by market. An error of one market stands in its entry and does not end the others.

    Raises:
        UsageError: an unknown exchange, market or interval, with the nearest names.
        MissingPackageError: ccxt is not installed, and Binance's archive does not have what was asked for.
        ExchangeError: no exchange answers, or the only one that was asked refuses to.
    """
    check_interval(interval)
    start, end = (None if moment is None else to_milliseconds(moment) for moment in read_span(since, until))
    if start is not None and end is not None and start >= end:
        raise UsageError(f"until {until} lies before since {since}; give a span that begins before it ends")
    clock = clock or Clock()
    names = [markets] if isinstance(markets, str) else list(markets)
    lobby = Lobby(interval, base_url, patience, clock, archive is not False)
    visits, notes = lobby.visit(read_wishes(names, exchange))
    fillers = [
        Filler(
            Task(
                visit.market,
                interval,
                since=start,
                until=end,
                folder=folder,
                archive=archive,
                archive_url=visit.archive_url,
                ask_again=ask_again,
            ),
            visit.exchange,
            clock=clock,
            patience=patience,
            on_progress=on_progress,
        )
        for visit in visits
    ]
    errors = _run_all([filler if visit.is_open else None for visit, filler in zip(visits, fillers, strict=True)], clock)
    failures = [visit.failure or error for visit, error in zip(visits, errors, strict=True)]
    return Downloaded(interval, tuple(_sum_up(fillers, failures)), tuple(notes))


def _run_all(fillers: Sequence[Filler | None], clock: Clock) -> list[CoincastError | None]:
    """Run them, some at a time; Ctrl-C ends all of them at once.

    Returns:
        The error of each.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number, filler in enumerate(fillers):
        if filler:
            waiting.put(number)
    errors: list[CoincastError | None] = [None] * len(fillers)
    faults: list[BaseException] = []

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            filler = fillers[number]
            assert filler is not None
            try:
                filler.run()
            except CoincastError as error:
                errors[number] = error
            except Stopped:
                return
            except BaseException as error:
                faults.append(error)
                clock.stop()
                return

    # Not a pool: at the end of the program it would wait for what a server still drips.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, waiting.qsize()))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.1)
    except BaseException:
        clock.stop()
        raise
    if faults:
        raise faults[0]
    return errors


def _sum_up(fillers: Sequence[Filler], failures: Sequence[CoincastError | None]) -> list[MarketDownload]:
    stored = [filler.candles() for filler in fillers]
    gaps = [_count_gaps(candles) for candles in stored]
    words = _explain_gaps(stored) if any(number for number, _ in gaps) else {}
    return [
        _describe(filler, candles, found, words.get(str(filler.task.market), ""), failure)
        for filler, candles, found, failure in zip(fillers, stored, gaps, failures, strict=True)
    ]


def _count_gaps(candles: pl.DataFrame) -> tuple[int, int]:
    """How many gaps there are, and how many candles would fill them."""
    if candles.height == 0:
        return 0, 0
    missing = find_gaps(candles)["missing"]
    return int((missing > 0).sum()), int(missing.sum())


def _explain_gaps(stored: Sequence[pl.DataFrame]) -> dict[str, str]:
    """The gaps of each market in a sentence, told apart by whether the other markets miss them, too."""
    frames = [candles for candles in stored if candles.height]
    if sum(candles.height for candles in frames) > MOST_EXAMINED:
        return {}
    gaps = examine(pl.concat(frames, how="diagonal")).filter(pl.col("kind") == "gap")
    return {str(market): summarise(found)[0] for (market,), found in gaps.group_by("market")}


def _describe(
    filler: Filler, candles: pl.DataFrame, gaps: tuple[int, int], words: str, error: CoincastError | None
) -> MarketDownload:
    tally, opens = filler.tally, candles["open_time"]
    return MarketDownload(
        str(filler.task.market),
        added=tally.added,
        revised=tally.revised,
        same=tally.same,
        candles=candles.height,
        first=opens[0] if candles.height else None,
        last=opens[-1] if candles.height else None,
        gaps=gaps[0],
        missing=gaps[1],
        gap_words=words,
        revisions=tuple(tally.revisions),
        notes=(*tally.notes, *_tell_doubts(candles, merge(tally.fresh), filler.task.interval)),
        error=error,
    )


def _tell_doubts(candles: pl.DataFrame, fresh: Sequence[Span], interval: str) -> list[str]:
    """What is doubtful in the candles of some spans, a sentence for each kind; those around them tell what is usual."""
    if not fresh or not candles.height:
        return []
    since, until = move(fresh[0][0], interval, -STALE_AROUND), move(fresh[-1][1], interval, STALE_AROUND)
    near = candles.filter(pl.col("open_time").is_between(to_time(since), to_time(until)))
    if near.height > MOST_EXAMINED:
        return [f"more than {MOST_EXAMINED:,} candles came; look at them with coincast data check"]
    found = examine(near).filter(severity="doubtful")
    first, last = (found[name].dt.epoch("ms").to_numpy() for name in ("first", "last"))
    starts, ends = np.array(fresh, dtype=np.int64).T
    next_one = np.searchsorted(ends, first, side="right")
    is_fresh = starts[np.minimum(next_one, len(starts) - 1)] <= last
    return summarise(found.filter(pl.Series(is_fresh & (next_one < len(starts)), dtype=pl.Boolean)))
