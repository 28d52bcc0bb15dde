"""The ledger: entries that are added and never changed, on the disk when `append` returns."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from coincast.errors import UsageError
from coincast.live.ledger.book import Book
from coincast.live.ledger.entry import (
    FORMAT,
    GENESIS,
    KINDS,
    LARGEST_BODY,
    LARGEST_SCORE,
    NO_HASH,
    SCORE,
    Entry,
    Head,
    hash_entry,
    read_body,
    write_body,
)
from coincast.live.ledger.schema import COLUMNS, connect_reader, connect_writer, explained, transaction
from coincast.live.ledger.writer import become_writer
from coincast.tabular import expand_home

PAGE = 500
"""Entries that are read at a time."""

_COLUMNS = ", ".join(COLUMNS)


def read_clock() -> int:
    """Milliseconds since 1970 by the clock of this machine."""
    return int(1000 * time.time())


class Ledger:
    """An open ledger; `Ledger.open` gives one. Its methods may be called from any thread.

    Attributes:
        path: its file.
        is_writer: whether entries can be added.
        guard: held by whoever reads and then adds what follows from it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, release: Callable[[], None] | None) -> None:
        self.path = path
        self.is_writer = release is not None
        self.guard = threading.RLock()
        self._connection = connection
        self._release = release
        self._book: Book | None = None

    @classmethod
    def open(cls, path: Path | str, *, write: bool, now: int | None = None) -> Ledger:
        """Open a ledger, as a context manager or to be closed with `close`.

        Args:
            path: its file; a writer makes it where it is not there.
            write: be its only writer; otherwise one of any number of readers, whom no writer keeps waiting.
            now: when a new one is begun, milliseconds since 1970; else by the clock of this machine.

        Raises:
            UsageError: another process writes it, or the place cannot be written.
            UnreadableFileError: no such file to read, another kind of file, a damaged one, or a newer version.
        """
        path = expand_home(path).resolve()
        if not write:
            return cls(path, connect_reader(path), None)
        release = become_writer(path)
        try:
            ledger = cls(path, connect_writer(path), release)
        except BaseException:
            release()
            raise
        try:
            ledger._begin(read_clock() if now is None else now)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Close the file; a writer lets another one write."""
        with self.guard:
            self._connection.close()
            if self._release is not None:
                self._release()
                self._release = None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---------------------------------------------------------------- reading

    def head(self) -> Head:
        """The newest entry in short."""
        rows = self.query("SELECT number, hash, made_at FROM entries ORDER BY number DESC LIMIT 1")
        return Head(*rows[0]) if rows else Head(0, NO_HASH, 0)

    def entry(self, number: int) -> Entry | None:
        """One entry by its number."""
        return next(iter(self.find("number = ?", number)), None)

    def count(self, *, kind: str | None = None, market: str | None = None) -> int:
        """How many entries there are, of a kind or a market."""
        where, values = _conditions(kind=kind, market=market)
        return int(self.query(f"SELECT count(*) FROM entries WHERE {where}", *values)[0][0])

    def entries(
        self,
        after: int = 0,
        *,
        before: int | None = None,
        kind: str | None = None,
        market: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Entry]:
        """Entries in order of their number, read page by page.

        Args:
            after, before: numbers beyond which they lie.
            kind: genesis, forecast, score or outage.
            market: of those that speak of one.
            limit: how many at most.
            newest_first: in the opposite order.

        Raises:
            UsageError: no such kind.
        """
        if kind is not None and kind not in KINDS:
            raise UsageError(f"kind is {kind!r}; allowed: {', '.join(KINDS)}")
        where, values = _conditions(kind=kind, market=market)
        yield from self.pages(where, *values, after=after, before=before, limit=limit, newest_first=newest_first)

    def pages(
        self,
        where: str,
        *values: Any,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Entry]:
        """Entries by a condition over the columns of the table, for the modules of this package."""
        low, high = after, before if before is not None else 2**62
        left = limit if limit is not None else 2**62
        order = "DESC" if newest_first else "ASC"
        while left > 0:
            page = min(PAGE, left)
            found = self.find(
                f"{where} AND number > ? AND number < ? ORDER BY number {order} LIMIT {page}", *values, low, high
            )
            yield from found
            if len(found) < page:
                return
            left -= page
            low, high = (low, found[-1].number) if newest_first else (found[-1].number, high)

    def find(self, where: str, *values: Any, index: str | None = None) -> list[Entry]:
        """All entries by a condition, at once.

        Args:
            where, values: over the columns of the table.
            index: that finds them, where SQLite might rather walk along the whole table.
        """
        by = f"INDEXED BY {index}" if index else ""
        rows = self.query(f"SELECT {_COLUMNS} FROM entries {by} WHERE {where}", *values)
        return [
            Entry(number, kind, made_at, read_body(number, body), previous, own)
            for number, kind, made_at, body, previous, own in rows
        ]

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query, for the modules of this package."""
        with self.guard, explained(self.path):
            return self._connection.execute(sql, values).fetchall()

    def book(self) -> Book:
        """What follows from all entries; only those that are new since the last call are read."""
        with self.guard:
            book = self._book or Book()
            self._book = None  # an error on the way leaves no half-read book behind
            book.read(self.entries(book.seen))
            self._book = book
            return book

    def forget_book(self) -> None:
        """Make the book anew when it is next asked for."""
        self._book = None

    # ---------------------------------------------------------------- writing

    def append(self, kind: str, body: Mapping[str, Any], made_at: int) -> Entry:
        """Add an entry; it is on the disk when this returns, and that is the acknowledgement.

        Args:
            kind: of the entry.
            body: what it says.
            made_at: milliseconds since 1970; where the clock stands behind the newest entry, that entry's time is
                taken (`time_of_entry`).

        Raises:
            UsageError: open for reading, an unknown kind, or a body that cannot be written down.
            UnfinishedError: the disk is full; nothing was added.
        """
        if not self.is_writer:
            raise UsageError(f"{self.path} is open for reading; open it with write=True to add entries")
        if kind not in KINDS:
            raise UsageError(f"kind is {kind!r}; allowed: {', '.join(KINDS)}")
        text = write_body(body, most=LARGEST_SCORE if kind == SCORE else LARGEST_BODY)
        with self.guard, explained(self.path), transaction(self._connection):
            head = self.head()
            number, made_at = head.count + 1, max(int(made_at), head.made_at)
            own = hash_entry(number, kind, made_at, text, head.hash)
            self._connection.execute(
                f"INSERT INTO entries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                (number, kind, made_at, text, head.hash, own),
            )
        return Entry(number, kind, made_at, read_body(number, text), head.hash, own)

    def time_of_entry(self, now: int) -> int:
        """When an entry that is added now will have been made: time in the ledger never goes back."""
        return max(int(now), self.head().made_at)

    def _begin(self, now: int) -> None:
        """The first entry, where there is none."""
        import coincast

        if self.head().count == 0:
            self.append(GENESIS, {"format": FORMAT, "library": f"coincast {coincast.__version__}", "created": now}, now)


def _conditions(**columns: Any) -> tuple[str, list[Any]]:
    """A condition on columns that are given, and its values; what holds for all where none is."""
    given = {name: value for name, value in columns.items() if value is not None}
    return " AND ".join(f"{name} = ?" for name in given) or "TRUE", list(given.values())
