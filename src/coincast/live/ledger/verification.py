"""Is the ledger what it was? Every entry is hashed anew, and every fault is named."""

from __future__ import annotations

import contextlib
import itertools
import math
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coincast.errors import CoincastError
from coincast.live.ledger.anchor import Anchor
from coincast.live.ledger.entry import KINDS, LARGEST_SCORE, NO_HASH, Entry, hash_entry, read_body, write_body
from coincast.live.ledger.forecast import tell_time
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.rules import Rules
from coincast.live.ledger.schema import COLUMNS, connect_reader, expected_schema, explained, read_schema
from coincast.tabular import expand_home

MOST_FAULTS = 1_000
"""Faults in entries after which a check ends; a ledger with more is not worth a longer list."""

_TYPES = (int, str, int, str, str, str)
"""Of what stands in `COLUMNS`."""


@dataclass(frozen=True)
class Fault:
    """Something that is wrong.

    Attributes:
        number: of the entry; None of the file as a whole.
        words: what is wrong, for people.
    """

    number: int | None
    words: str

    def __str__(self) -> str:
        return self.words if self.number is None else f"entry {self.number:,}: {self.words}"


@dataclass(frozen=True)
class Verification:
    """What a check found.

    Attributes:
        ok: whether nothing is wrong.
        entries: how many were looked at: all, unless there are very many faults.
        words: the answer in a sentence.
        faults: what is wrong, in the order of the entries; the check ends after `MOST_FAULTS` of them.
    """

    ok: bool
    entries: int
    words: str
    faults: tuple[Fault, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        faults = [{"number": fault.number, "words": fault.words} for fault in self.faults]
        return {"ok": self.ok, "entries": self.entries, "words": self.words, "faults": faults}


def verify(path: Path | str, anchor: Anchor | None = None) -> Verification:
    """Check a ledger from its first entry to its last.

    Without an anchor a chain that was rebuilt as a whole, or cut at its end, cannot be told from an honest one; the
    words say so.

    Args:
        path: its file.
        anchor: one that was published before.

    Raises:
        UnreadableFileError: no such file, or no ledger.
    """
    path = expand_home(path).resolve()
    faults: list[Fault] = []
    with contextlib.closing(connect_reader(path)) as connection:
        connection.execute("BEGIN")  # one state of the file, whoever writes meanwhile
        faults += _check_file(connection, path)
        checked = _Chain(Ledger(path, connection, None), is_sound=not faults, anchor=anchor)
        try:
            faults += itertools.islice(checked.faults(), MOST_FAULTS)
        except CoincastError as error:
            faults.append(Fault(None, str(error)))
    return Verification(not faults, checked.count, _conclude(faults, checked.count, anchor), tuple(faults))


def _check_file(connection: sqlite3.Connection, path: Path) -> Iterator[Fault]:
    """Whether the file is whole, and guarded as a ledger is."""
    expected = expected_schema()
    with explained(path):
        found = read_schema(connection)
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield Fault(None, f"{name!r} is missing, which keeps the ledger as it is: it was removed")
        elif name not in expected:
            yield Fault(None, f"{name!r} is no part of a ledger: it was added")
        elif found[name] != expected[name]:
            yield Fault(None, f"{name!r} is not what it is in a ledger: it was changed")
    try:
        problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
    except sqlite3.Error as error:
        problems = [str(error)]
    yield from (Fault(None, f"the file is damaged: {problem}") for problem in problems if problem != "ok")


class _Chain:
    """One walk along the entries.

    Attributes:
        count: entries seen so far.
    """

    def __init__(self, ledger: Ledger, *, is_sound: bool, anchor: Anchor | None) -> None:
        self.count = 0
        self._ledger = ledger
        self._rules = Rules(ledger)
        self._is_sound = is_sound
        self._anchor = anchor
        self._due, self._previous, self._made_at = 1, NO_HASH, 0

    def faults(self) -> Iterator[Fault]:
        """What is wrong with the entries, in their order."""
        for row in _read_rows(self._ledger):
            self.count += 1
            yield from self._check_row(row)
        if self.count == 0:
            yield Fault(1, "it is missing: a ledger begins with its genesis")
        if self._anchor is not None and self._due <= self._anchor.count:
            cut = f"it and all up to {self._anchor.count:,} are" if self._due < self._anchor.count else "it is"
            since = tell_time(self._anchor.made_at)
            yield Fault(self._due, f"{cut} missing, which the anchor of {since} counts: the end was cut off")

    def _check_row(self, row: tuple[Any, ...]) -> Iterator[Fault]:
        number = row[0] if isinstance(row[0], int) else self._due
        if number < self._due:
            yield Fault(number, "no entry has this number: it was moved")
            return
        yield from self._check_place(number)
        wrong = [name for name, value, kind in zip(COLUMNS, row, _TYPES, strict=True) if type(value) is not kind]
        if wrong:
            yield Fault(number, f"{', '.join(wrong)} cannot be read: it was changed")
            self._due, self._previous = number + 1, str(row[5])
            return
        _, kind, made_at, body, previous, own = row
        is_right = hash_entry(number, kind, made_at, body, previous) == own
        if not is_right:
            yield Fault(number, "it is not what its hash says: it was changed")
        if previous != self._previous:
            yield Fault(number, "it does not follow the entry before: one of the two was changed, moved or taken out")
        if made_at < self._made_at:
            yield Fault(number, "it was made before the entry before it")
        yield from self._check_anchor(number, own, made_at)
        if is_right and self._is_sound:
            yield from self._check_rules(number, kind, made_at, body, previous, own)
        self._due, self._previous, self._made_at = number + 1, own, max(made_at, self._made_at)

    def _check_place(self, number: int) -> Iterator[Fault]:
        """Whether entries are missing before this one."""
        if number == self._due + 1:
            yield Fault(self._due, "it is missing: it was taken out or moved")
        elif number > self._due:
            yield Fault(self._due, f"it and all up to {number - 1:,} are missing: they were taken out or moved")

    def _check_anchor(self, number: int, own: str, made_at: int) -> Iterator[Fault]:
        anchor = self._anchor
        if anchor is not None and number == anchor.count and (own, made_at) != (anchor.head, anchor.made_at):
            yield Fault(
                number,
                "it is not the one that the anchor names: the entries up to here were rebuilt, or the anchor "
                "is that of another ledger",
            )

    def _check_rules(self, number: int, kind: str, made_at: int, body: str, previous: str, own: str) -> Iterator[Fault]:
        if kind not in KINDS:
            yield Fault(number, f"its kind is {kind!r}; known: {', '.join(KINDS)}")
            return
        try:
            entry = Entry(number, kind, made_at, read_body(number, body), previous, own)
            if write_body(entry.body, most=LARGEST_SCORE) != body:
                yield Fault(number, "its body is not spelled as bodies are: two readers could read two things in it")
            yield from (Fault(number, breach) for breach in self._rules.find_breaches(entry))
        except CoincastError as error:
            yield Fault(number, str(error))


def _read_rows(ledger: Ledger) -> Iterator[tuple[Any, ...]]:
    """The stored columns of every entry; text that is none comes as bytes."""
    after: Any = -math.inf  # below every whole number that SQLite can hold
    columns = "number, CAST(kind AS BLOB), made_at, CAST(body AS BLOB), CAST(previous AS BLOB), CAST(hash AS BLOB)"
    while rows := ledger.query(
        f"SELECT {columns} FROM entries NOT INDEXED WHERE number > ? ORDER BY number LIMIT 500", after
    ):
        yield from (tuple(_decode(value) for value in row) for row in rows)
        after = rows[-1][0]


def _decode(value: Any) -> Any:
    """Bytes as text where they are text."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _conclude(faults: list[Fault], count: int, anchor: Anchor | None) -> str:
    if faults:
        named = sorted({fault.number for fault in faults if fault.number is not None})
        where = f", at entries {', '.join(f'{number:,}' for number in named[:10])}" if named else ""
        more = " ..." if len(named) > 10 else ""
        more += "; the check ended there" if len(faults) >= MOST_FAULTS else ""
        return f"not consistent: {len(faults):,} fault{'s' if len(faults) > 1 else ''}{where}{more}"
    if anchor is None:
        return f"consistent, not anchored; entries: {count:,}"
    since = f"; not anchored since: {count - anchor.count:,}" if count > anchor.count else ""
    return f"consistent up to the anchor of {tell_time(anchor.made_at)}, entries: {anchor.count:,}{since}"
