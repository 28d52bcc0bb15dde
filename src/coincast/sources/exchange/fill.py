"""One market: what is missing in the store, and filling it.

Missing is what was asked for, less the candles that are stored, less what the exchange is known not to have
(`record.py`). It is taken from the archive where that takes fewer requests, the rest page by page. Candles are stored
as they come; the record is written after them. So an end at any moment costs nothing but the last answers, and the
same call goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from coincast.candles.quality import count_mixed_up
from coincast.candles.store import last_open_time, read_stored, write_candles
from coincast.candles.store.places import interval_folder
from coincast.candles.table import INTERVALS, make_candles
from coincast.errors import ExchangeError, NotStoredError
from coincast.sources.archive import ArchivePart, fetch_archive
from coincast.sources.exchange.archiving import choose_months, may_use_archive
from coincast.sources.exchange.client import GRACE, Exchange
from coincast.sources.exchange.paging import (
    DAY,
    GENESIS,
    Pages,
    Row,
    Span,
    align,
    ask,
    count_candles,
    intersect,
    is_inside,
    last_close,
    merge,
    move,
    spans_of,
    subtract,
    to_milliseconds,
    to_time,
)
from coincast.sources.exchange.record import read_record, write_record
from coincast.sources.exchange.task import Progress, Tally, Task
from coincast.sources.retry import PATIENCE, Clock, Patience

ASKED_AGAIN = 3
"""Stored candles, the last ones, that are fetched again in every run."""

UNSURE = 3
"""Candles, the latest ones, and at least a day, whose absence is never taken for final."""

LONG_ABSENCE = 14 * DAY
"""A market without a candle for so many days in a row has none of a shorter interval, either."""

FLUSHED_AT, FLUSHED_AFTER = 5_000, 5.0
"""Candles that are stored in one go, and seconds after which it is done with fewer."""

MARGIN = 3 * DAY
"""Kept of such a time where it meets candles: the days of an exchange may begin at another hour than ours."""

DAILY_PAGES = 3
"""Pages from which on it pays to ask for the days first."""


class Filler:
    """Fills the store with what is missing of one market.

    Args:
        task: what is wanted.
        exchange: a connection; None: the archive alone.
        clock: of this machine.
        patience: with a file of the archive.
        on_progress: called after every answer.

    Attributes:
        tally: what came; it counts also where `run` ends in an error.
    """

    def __init__(
        self,
        task: Task,
        exchange: Exchange | None,
        *,
        clock: Clock,
        patience: Patience = PATIENCE,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.task = task
        self._clock = clock
        self._patience = patience
        self.tally = Tally()
        self._exchange = exchange
        self._on_progress = on_progress or (lambda _: None)
        self._now = 0
        self._folder = interval_folder(str(task.market), task.interval, task.folder)
        self._record = read_record(self._folder)
        self._opens = np.array([], dtype=np.int64)
        self._waiting: list[Row] = []
        self._done = 0.0
        self._flushed = clock.monotonic()

    def run(self) -> None:
        """Fetch and store.

        Raises:
            ExchangeError: not everything came; what did is stored.
        """
        tally, task = self.tally, self.task
        self._now = self._exchange.now() if self._exchange else int(self._clock.wall() * 1000)
        tally.start, tally.end = self._find_span()
        if tally.start >= tally.end:
            tally.note("no candle of that time has closed yet")
            return
        self._opens = self.candles()["open_time"].dt.epoch("ms").to_numpy()
        last = self._opens[-ASKED_AGAIN:] if self._ends_the_store() else self._opens[:0]
        pages = self._pages(task.interval, tally.doubtful)
        missing, skipped = self._skip_long_absences(self._missing(), pages)
        self._take_archive(missing, pages)
        if pages:
            wanted = merge([*subtract(missing, self._covered()), *spans_of(last, task.interval)])
            absent = self._take_pages(pages, wanted)
            self._conclude(wanted, [*skipped, *absent])
        elif not len(self._opens):
            raise ExchangeError(f"the archive has no {task.interval} candles of {task.market} in that time")
        self._report(tally.end)

    def candles(self) -> pl.DataFrame:
        """The candles that are stored now, of the time that was asked for."""
        since, until = to_time(self.tally.start), to_time(self.tally.end)
        try:
            return read_stored(
                str(self.task.market), self.task.interval, since=since, until=until, folder=self.task.folder
            )
        except NotStoredError:
            return pl.DataFrame(schema={"open_time": pl.Datetime("ms", "UTC")})

    # ------------------------------------------------------------ what is wanted

    def _find_span(self) -> Span:
        """Where the wanted time begins and ends; without a beginning it is all that the exchange may have."""
        if self.task.ask_again:
            self._record = replace(self._record, once=(), empty=())
        start = align(max(GENESIS, self.task.since or GENESIS), self.task.interval)
        grace = self._exchange.grace if self._exchange else GRACE
        end = last_close(self._now - grace, self.task.interval)
        return start, end if self.task.until is None else min(end, align(self.task.until, self.task.interval))

    def _ends_the_store(self) -> bool:
        last = last_open_time(str(self.task.market), self.task.interval, folder=self.task.folder)
        return last is not None and len(self._opens) > 0 and to_milliseconds(last) == self._opens[-1]

    def _covered(self) -> list[Span]:
        return spans_of(self._opens, self.task.interval)

    def _missing(self) -> list[Span]:
        return subtract([(self.tally.start, self.tally.end)], [*self._covered(), *self._record.empty])

    def _pages(self, interval: str, doubtful: dict[int, str]) -> Pages | None:
        if self._exchange is None or interval not in self._exchange.intervals:
            return None
        return self._exchange.pages(self.task.symbol, interval, doubtful, self.tally.note)

    def _skip_long_absences(self, missing: list[Span], pages: Pages | None) -> tuple[list[Span], list[Span]]:
        """Leave out the time before a market was listed, or when it was closed: daily candles tell it cheaply.

        Returns:
            What is still to be asked for, and what is absent.
        """
        days = [(start // DAY * DAY, end // DAY * DAY) for start, end in missing if end - start > LONG_ABSENCE]
        if pages is None or not pages.bounded or INTERVALS[self.task.interval] >= DAY or not days:
            return missing, []
        daily = self._pages("1d", {})
        if daily is None or count_candles(days, self.task.interval) < DAILY_PAGES * pages.limit:
            return missing, []
        absent = _exhaust(ask(daily, days), lambda _: None)
        firsts = {start for start, _ in days}
        empty = [
            (start if start in firsts else start + MARGIN, end - MARGIN)
            for start, end in absent
            if end - start >= LONG_ABSENCE
        ]
        return subtract(missing, empty), intersect(missing, empty)

    # ------------------------------------------------------------ taking it

    def _take_archive(self, missing: list[Span], pages: Pages | None) -> None:
        """Take whole files where that is cheaper; what they lack is left to the pages."""
        if not may_use_archive(self.task):
            return
        begun, limit = self._record.archive, pages.limit if pages else None
        months = choose_months(self.task, missing, begun=begun, page_limit=limit, now=self._now)
        if months:
            self._remember(archive=begun or (months[0][0], months[-1][1]))
        try:
            for span in months:
                self._take_files(span, missing)
        except ExchangeError as error:
            if pages is None:
                raise
            self.tally.note(f"the archive gave up ({error}); the rest was taken from the exchange itself")
        self._remember(archive=None)

    def _take_files(self, span: Span, missing: list[Span]) -> None:
        parts = fetch_archive(
            self.task.market,
            self.task.interval,
            since=to_time(span[0]),
            until=to_time(span[1]),
            now=to_time(self._now),
            base_url=self.task.archive_url,
            quarantine=Path(self.task.folder) / "quarantine" if self.task.folder else None,
            patience=self._patience,
            clock=self._clock,
        )
        for part in parts:
            if isinstance(part, ArchivePart):
                self._store_part(part, missing)
            elif part.quarantine:
                self.tally.note(f"{part.reason}; it was not taken and lies in {part.quarantine}")
            self._report(to_milliseconds(part.until))

    def _store_part(self, part: ArchivePart, missing: list[Span]) -> None:
        """Store what was missing; what is there already may be newer than a file."""
        opens = part.candles["open_time"].dt.epoch("ms").to_numpy()
        candles = part.candles.filter(pl.Series(is_inside(opens, missing)))
        if candles.height:
            self._store(candles, f"{self.task.market.source} archive {part.name}", part.sha256)

    def _take_pages(self, pages: Pages, wanted: list[Span]) -> list[Span]:
        """Take candles page by page; returns what the exchange does not have."""
        try:
            return _exhaust(ask(pages, wanted), self._keep)
        finally:
            self._flush()

    def _keep(self, rows: list[Row]) -> None:
        self._waiting += rows
        if len(self._waiting) >= FLUSHED_AT or self._clock.monotonic() - self._flushed > FLUSHED_AFTER:
            self._flush()
        self._report(rows[-1].open_time)

    def _flush(self) -> None:
        self._flushed = self._clock.monotonic()
        if not self._waiting:
            return
        columns = pl.DataFrame(self._waiting, schema=list(Row._fields), orient="row", infer_schema_length=None)
        columns = columns.with_columns(pl.col("open_time").cast(pl.Datetime("ms", "UTC")))
        self._waiting = []
        candles = make_candles(columns, market=str(self.task.market), interval=self.task.interval)
        if outside := count_mixed_up(candles):
            raise ExchangeError(
                f"{self.task.market.source} answers with candles that cannot be right: {outside:,} of the "
                f"{candles.height:,} from {_moment(to_milliseconds(candles['open_time'][0]))} on open or close outside "
                "low to high; they were not stored; try again later, or take another exchange"
            )
        self._store(candles, f"{self.task.market.source} REST")

    def _store(self, candles: pl.DataFrame, source: str, sha256: str | None = None) -> None:
        written = write_candles(candles, source=source, sha256=sha256, on_conflict="replace", folder=self.task.folder)
        self.tally.added += written.added
        self.tally.same += written.same + written.completed
        self.tally.revised += written.revised
        self.tally.revisions += _tell_revisions(written.revisions)
        opens, changed = (frame["open_time"].dt.epoch("ms").to_numpy() for frame in (candles, written.revisions))
        fresh = np.union1d(np.setdiff1d(opens, self._opens), changed)
        self.tally.fresh += spans_of(fresh, self.task.interval)
        self._opens = np.union1d(self._opens, opens)

    # ------------------------------------------------------------ remembering

    def _remember(self, **changes: Any) -> None:
        record = replace(self._record, **changes)
        if record != self._record:
            self._record = record
            write_record(self._folder, record)

    def _conclude(self, wanted: list[Span], absent: list[Span]) -> None:
        """Remember what is absent for certain; complain of candles that stayed doubtful."""
        interval, covered = self.task.interval, self._covered()
        doubtful = {
            time: reason
            for time, reason in sorted(self.tally.doubtful.items())
            if intersect([(time, time + 1)], wanted) and not intersect([(time, time + 1)], covered)
        }
        unclear = [(time, move(time, interval, 1)) for time in doubtful]
        settled = [(0, self._now - max(UNSURE * INTERVALS[interval], DAY))]
        record = self._record.with_absent(subtract(intersect(absent, settled), [*unclear, *covered]))
        self._remember(once=record.once, empty=record.empty)
        if doubtful:
            time, reason = next(iter(doubtful.items()))
            more = f" and {len(doubtful) - 1:,} more" if len(doubtful) > 1 else ""
            raise ExchangeError(
                f"{self.task.market.source} answers with {reason} for {_moment(time)}{more}; "
                "nothing of that was stored; try again later"
            )

    def _report(self, time: int) -> None:
        tally = self.tally
        done = (time - tally.start) / max(1, tally.end - tally.start)
        self._done = max(self._done, min(1.0, done))
        count = tally.added + tally.revised + tally.same + len(self._waiting)
        self._on_progress(Progress(str(self.task.market), self._done, count, to_time(time)))


def _tell_revisions(revisions: pl.DataFrame) -> list[str]:
    """One line for each candle that was replaced."""
    return [
        f"revised {_moment(to_milliseconds(open_time))}: "
        + ", ".join(f"{row['column']} {row['before']:.15g} is {row['after']:.15g} now" for row in rows.to_dicts())
        for (open_time,), rows in revisions.group_by("open_time", maintain_order=True)
    ]


def _exhaust(walk: Generator[list[Row], None, list[Span]], take: Callable[[list[Row]], None]) -> list[Span]:
    """Hand every answer on; returns what the walk returns."""
    while True:
        try:
            rows = next(walk)
        except StopIteration as done:
            absent: list[Span] = done.value
            return absent
        take(rows)


def _moment(time: int) -> str:
    return f"{to_time(time):%Y-%m-%d %H:%M} UTC".replace(" 00:00 UTC", "")
