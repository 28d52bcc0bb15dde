"""The table of the ledger in SQLite, its versions, and how a file of it is opened.

One table holds the entries. All other columns are virtual: SQLite works them out of the body, so that nothing outside
the hash is ever believed; the unique indexes over them keep every forecast and score from being entered twice. Triggers
refuse to change or delete an entry and to leave a number out. Whoever removes them is found by `verify`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from coincast.errors import CoincastError, DataError, UnfinishedError, UnreadableFileError, UsageError

APPLICATION = 0x436F696E
"""`PRAGMA application_id` of a ledger: "Coin"."""

COLUMNS = ("number", "kind", "made_at", "body", "previous", "hash")
"""What is stored of an entry; all else is worked out of its body."""

PATIENCE_SECONDS = 30.0
"""How long SQLite waits for another program that holds the file."""

_APPEND_ONLY = "the ledger is append-only"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION}",
        """CREATE TABLE entries (
            number INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            made_at INTEGER NOT NULL,
            body TEXT NOT NULL,
            previous TEXT NOT NULL,
            hash TEXT NOT NULL,
            market TEXT AS (json_extract(body, '$.market')) VIRTUAL,
            interval TEXT AS (json_extract(body, '$.interval')) VIRTUAL,
            model TEXT AS (json_extract(body, '$.model')) VIRTUAL,
            origin INTEGER AS (json_extract(body, '$.origin')) VIRTUAL,
            late INTEGER AS (json_extract(body, '$.late')) VIRTUAL,
            last_target INTEGER AS (json_extract(body, '$.steps[#-1].target_time')) VIRTUAL,
            target_time INTEGER AS (json_extract(body, '$.target_time')) VIRTUAL,
            revision INTEGER AS (json_extract(body, '$.revision')) VIRTUAL,
            since INTEGER AS (json_extract(body, '$.since')) VIRTUAL,
            reason TEXT AS (json_extract(body, '$.reason')) VIRTUAL
        ) STRICT""",
        "CREATE UNIQUE INDEX forecasts ON entries (market, interval, model, origin) WHERE kind = 'forecast'",
        "CREATE UNIQUE INDEX scores ON entries (market, interval, target_time, revision) WHERE kind = 'score'",
        """CREATE UNIQUE INDEX outages ON entries (coalesce(market, ''), coalesce(interval, ''), since, reason)
            WHERE kind = 'outage'""",
        "CREATE INDEX targets ON entries (market, interval, last_target, origin, late) WHERE kind = 'forecast'",
        "CREATE INDEX kinds ON entries (kind, number)",
        "CREATE INDEX markets ON entries (market, kind, number)",
        f"""CREATE TRIGGER never_changed BEFORE UPDATE ON entries
            BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END""",
        f"""CREATE TRIGGER never_deleted BEFORE DELETE ON entries
            BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END""",
        f"""CREATE TRIGGER in_order BEFORE INSERT ON entries
            WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM entries)
            BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END""",
    ),
)
"""Statements that bring a file from version i to version i + 1; they add look-ups and never touch an entry."""


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open a file for writing, make it if need be, and bring it up to the newest version.

    An entry is on the disk when its transaction has ended (`synchronous = FULL` with a write-ahead log).

    Raises:
        UsageError: the place cannot be written, or can hold no write-ahead log, as a network disk cannot.
        UnreadableFileError: the file is no ledger, damaged, or of a newer version.
    """
    with explained(path):
        connection = sqlite3.connect(
            path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        with _closed_on_error(connection):
            _refuse_foreign(connection, path)
            _begin_log(connection, path)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")
            migrate(connection, path)
    return connection


def _begin_log(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise UsageError(
            f"{path} lies where SQLite can keep no write-ahead log (its answer: {mode}), as on a network disk; "
            "give a file on a local disk, or set COINCAST_HOME to one"
        )


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a file for reading; nothing is changed, and no writer is kept waiting.

    On a disk that cannot be written, a ledger that was closed is read as it lies.

    Raises:
        UnreadableFileError: no such file, no ledger, a damaged one, or one of a newer version.
        UsageError: it was not closed, and lies on a disk that cannot be written.
    """
    if not path.is_file():
        raise _not_begun(path)
    with explained(path):
        try:
            connection = _connect(path, "mode=ro")
            with _closed_on_error(connection):
                version = read_version(connection, path)
        except sqlite3.OperationalError as error:
            if not _name(error).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
                raise
            return _connect_frozen(path)
    if version == 0:
        connection.close()
        raise _not_begun(path)
    if version < len(MIGRATIONS):
        connection.close()
        connect_writer(path).close()
        return connect_reader(path)
    return connection


def _not_begun(path: Path) -> UnreadableFileError:
    return UnreadableFileError(f"there is no ledger at {path} yet; coincast watch begins one")


def _connect_frozen(path: Path) -> sqlite3.Connection:
    log = Path(f"{path}-wal")
    if log.is_file() and log.stat().st_size:
        raise UsageError(
            f"{path} was not closed, and lies where nothing can be written; copy it and {log.name} to another place"
        )
    connection = _connect(path, "immutable=1")
    with _closed_on_error(connection):
        read_version(connection, path)
    return connection


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=PATIENCE_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a file up to the newest version, whole or not at all, though another process may do so meanwhile."""
    if read_version(connection, path) == len(MIGRATIONS):
        return
    with transaction(connection):
        for version in range(read_version(connection, path), len(MIGRATIONS)):
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def read_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a file, 0 of an empty one.

    Raises:
        UnreadableFileError: another program's file, or a newer version.
    """
    _refuse_foreign(connection, path)
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise UnreadableFileError(
            f"{path} is a ledger of version {version}, and this Coincast knows up to {len(MIGRATIONS)}; update Coincast"
        )
    return version


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """An empty file may become a ledger; one that holds something must be one."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application != APPLICATION and not (application == 0 and is_empty):
        raise UnreadableFileError(f"{path} is a database of another program and no ledger; give another file")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """What is done inside is done whole and lasts, or is not done at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def expected_schema() -> dict[str, str]:
    """The definition of every table, index and trigger of the newest version, by name."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path(":memory:"))
        return read_schema(connection)


def read_schema(connection: sqlite3.Connection) -> dict[str, str]:
    """The definition of every table, index and trigger of a file, by name; SQLite's own are left out."""
    rows = connection.execute(
        "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    )
    return dict(rows.fetchall())


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say in a line what SQLite means.

    Raises:
        UnreadableFileError: the file is no database, or damaged.
        UnfinishedError: the disk is full.
        UsageError: the file cannot be opened or written.
        DataError: anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(path, error) from error


def _explain(path: Path, error: sqlite3.Error) -> CoincastError:
    name, words = _name(error), str(error)
    if name == "SQLITE_NOTADB":
        return UnreadableFileError(f"{path} is no ledger: it is no SQLite database; give another file")
    if name.startswith("SQLITE_CORRUPT"):
        return UnreadableFileError(
            f"{path} is damaged ({words}); coincast ledger verify says where, a copy of the file brings it back"
        )
    if name == "SQLITE_FULL":
        return UnfinishedError(f"cannot write {path}: the disk is full; make room, and run the same command again")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return UsageError(f"cannot open {path} ({words}); give another file, or set COINCAST_HOME to another place")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DataError(f"another program holds {path} for more than {PATIENCE_SECONDS:g} seconds; end it")
    return DataError(f"SQLite cannot use {path}: {words}; run: coincast ledger verify")


def _name(error: sqlite3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", None) or "")


@contextlib.contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
