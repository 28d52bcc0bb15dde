"""Opening, adding, reading: one writer, any number of readers, and files that are no ledger."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coincast.errors import CoincastError, DataError, UnreadableFileError, UsageError
from coincast.live.ledger import Ledger, WrittenElsewhere, append_forecast, schema

Filled = Callable[..., Path]


def test_entries_by_kind_market_number_and_page(filled: Filled, maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coincast.live.ledger.ledger.PAGE", 2)
    with Ledger.open(filled(6), write=False) as ledger:
        numbers = [entry.number for entry in ledger.entries()]
        kinds = [entry.kind for entry in ledger.entries()]
        assert numbers == list(range(1, 13))
        assert kinds == ["genesis", "forecast", *(["score", "forecast"] * 5)]
        scores = [number for number, kind in zip(numbers, kinds, strict=True) if kind == "score"]
        assert [entry.number for entry in ledger.entries(kind="score")] == scores
        assert [entry.number for entry in ledger.entries(kind="score", newest_first=True, limit=3)] == scores[:1:-1]
        assert [entry.number for entry in ledger.entries(4, before=8)] == [5, 6, 7]
        assert [entry.number for entry in ledger.entries(before=5, newest_first=True)] == [4, 3, 2, 1]
        assert [entry.number for entry in ledger.entries(market=maker.market, limit=3)] == [2, 3, 4]
        assert list(ledger.entries(market="a:B/C")) == []
        assert (ledger.count(), ledger.count(kind="score"), ledger.count(market=maker.market)) == (12, 5, 11)
        newest = ledger.entry(12)
        assert newest is not None
        assert ledger.entry(13) is None
        assert (ledger.head().count, ledger.head().hash) == (12, newest.hash)
        with pytest.raises(UsageError, match="allowed: genesis"):
            list(ledger.entries(kind="scores"))


def test_time_never_goes_back(path: Path, maker: Any) -> None:
    with Ledger.open(path, write=True, now=maker.origin(9)) as ledger:
        entry = append_forecast(ledger, maker.forecast(5), maker.origin(5) + 10).entry
        assert entry.made_at == maker.origin(9)
        assert entry.body["late"]  # by the clock of the ledger, which had seen a later hour


def test_a_second_writer_is_told_of_the_first(path: Path) -> None:
    with Ledger.open(path, write=True):
        with pytest.raises(WrittenElsewhere, match=r"process \d+; stop it, or .* coincast ledger add"):
            Ledger.open(path, write=True)
        code = f"from coincast.live.ledger import Ledger; Ledger.open({str(path)!r}, write=True)"
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "WrittenElsewhere" in answer.stderr
        link = path.with_name("link.sqlite")
        link.symlink_to(path)
        with pytest.raises(WrittenElsewhere):
            Ledger.open(link, write=True)
        twin = path.with_name("twin.sqlite")
        twin.hardlink_to(path)
        with pytest.raises(UsageError, match="hard link"):
            Ledger.open(twin, write=True)
        twin.unlink()
    with Ledger.open(path, write=True) as ledger:
        assert ledger.head().count == 1


def test_two_readers_while_one_writes(path: Path, maker: Any) -> None:
    """Each reader sees a chain that only grows, and never half an entry."""
    faults: list[str] = []
    done = threading.Event()

    def read() -> None:
        with Ledger.open(path, write=False) as ledger:
            seen = 0
            while not done.is_set():
                entries = list(ledger.entries())
                chained = all(one.hash == two.previous for one, two in itertools.pairwise(entries))
                if len(entries) < seen or not chained:
                    faults.append(f"{seen} then {len(entries)}")
                seen = len(entries)

    with Ledger.open(path, write=True, now=maker.begun) as ledger:
        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        maker.fill(ledger, 40)
        done.set()
        for reader in readers:
            reader.join()
        assert ledger.head().count == 80
    assert faults == []


def test_what_guards_the_table_refuses(filled: Filled) -> None:
    with contextlib.closing(sqlite3.connect(filled())) as connection:
        row, columns = "10, 'score', 1, '{}', '', ''", "number, kind, made_at, body, previous, hash"
        for statement in (
            "UPDATE entries SET made_at = 1",
            "DELETE FROM entries WHERE number = 2",
            f"INSERT INTO entries ({columns}) VALUES ({row})",
            f"INSERT OR REPLACE INTO entries ({columns}) VALUES ({row.replace('10', '2')})",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_a_reader_adds_nothing(filled: Filled) -> None:
    with Ledger.open(filled(), write=False) as ledger, pytest.raises(UsageError, match="open for reading"):
        ledger.append("outage", {}, 0)


def test_what_was_acknowledged_is_there_without_closing(filled: Filled, maker: Any, tmp_path: Path) -> None:
    """As after a SIGKILL: the files are copied while the writer has them open."""
    with Ledger.open(filled(), write=True) as ledger:
        entry = append_forecast(ledger, maker.forecast(7), maker.origin(7)).entry
        copy = tmp_path / "copy"
        copy.mkdir()
        for file in ledger.path.parent.glob("ledger.sqlite*"):
            shutil.copy(file, copy)
    with Ledger.open(copy / "ledger.sqlite", write=False) as copied:
        assert copied.entry(entry.number) == entry


def make_foreign(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")


def make_newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def make_torn(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xaa" * (len(data) - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"number,kind\n" * 100), "it is no SQLite database"),
        (lambda path: (path.unlink(), make_foreign(path)), "another program"),
        (make_newer, "version 99, and this Coincast knows up to 1; update Coincast"),
        (make_torn, "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "damaged"),
    ],
)
@pytest.mark.parametrize("write", [False, True])
def test_files_that_are_no_ledger(filled: Filled, spoil: Callable[[Path], Any], words: str, write: bool) -> None:
    path = filled(30)
    spoil(path)

    def use() -> None:
        with Ledger.open(path, write=write, now=0) as ledger:
            list(ledger.entries())

    with pytest.raises(UnreadableFileError, match=words) as found:
        use()
    assert "\n" not in str(found.value)
    with pytest.raises(UnreadableFileError):  # and the lock was given back
        use()


def test_no_file_and_no_place(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="coincast watch begins one"):
        Ledger.open(tmp_path / "none.sqlite", write=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to"):
        Ledger.open(tmp_path / "file" / "ledger.sqlite", write=True)


def test_killed_before_its_first_entry(path: Path) -> None:
    """A file without a table, and one without an entry, are no reason to stop."""
    path.parent.mkdir()
    path.touch()
    with pytest.raises(UnreadableFileError, match=r"there is no ledger at .* yet"):
        Ledger.open(path, write=False)
    schema.connect_writer(path).close()
    with Ledger.open(path, write=False) as ledger:
        assert (ledger.head().count, list(ledger.entries())) == (0, [])
    with Ledger.open(path, write=True) as ledger:
        assert [entry.kind for entry in ledger.entries()] == ["genesis"]


def test_a_full_disk_adds_nothing(path: Path, maker: Any) -> None:
    with Ledger.open(path, write=True, now=maker.begun) as ledger:
        maker.fill(ledger, 2)
        pages = ledger.query("PRAGMA page_count")[0][0]
        ledger.query(f"PRAGMA max_page_count = {pages}")
        added = [ledger.head().hash]

        def add_many() -> None:
            made = (append_forecast(ledger, maker.forecast(n), maker.origin(n)) for n in range(2, 40))
            added.extend(entered.entry.hash for entered in made)

        with pytest.raises(DataError, match="the disk is full"):
            add_many()
        assert ledger.head().hash == added[-1]
        ledger.query("PRAGMA max_page_count = 100000")
        assert append_forecast(ledger, maker.forecast(50), maker.origin(50)).is_new


def test_on_a_disk_that_cannot_be_written(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite cannot make its -shm file there; root may write anywhere, so its answer is put in its place."""
    path, connect = filled(), schema._connect

    def refuse(path: Path, how: str) -> sqlite3.Connection:
        if how == "mode=ro":
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorname = "SQLITE_CANTOPEN"
            raise error
        return connect(path, how)

    monkeypatch.setattr(schema, "_connect", refuse)
    with Ledger.open(path, write=False) as ledger:
        assert len(list(ledger.entries())) == ledger.head().count == 8
    Path(f"{path}-wal").write_bytes(b"not yet in the file")
    with pytest.raises(UsageError, match="was not closed"):
        Ledger.open(path, write=False)


@pytest.mark.parametrize("write", [False, True])
def test_an_older_file_is_brought_up_to_date(filled: Filled, monkeypatch: pytest.MonkeyPatch, write: bool) -> None:
    path = filled()
    with Ledger.open(path, write=False) as ledger:
        before = list(ledger.entries())
    later = (*schema.MIGRATIONS, ("CREATE INDEX further ON entries (made_at)",))
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    with Ledger.open(path, write=write) as ledger:
        assert ledger.query("PRAGMA user_version") == [(2,)]
        assert list(ledger.entries()) == before
        assert "further" in dict(ledger.query("SELECT name, 1 FROM sqlite_master"))


def test_a_migration_that_fails_changes_nothing(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled()
    bad = ("CREATE INDEX further ON entries (made_at)", "CREATE NONSENSE")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, bad))
        with pytest.raises(CoincastError):
            Ledger.open(path, write=True)
    with Ledger.open(path, write=True) as ledger:
        assert "further" not in dict(ledger.query("SELECT name, 1 FROM sqlite_master"))


def test_two_processes_bring_a_file_up_to_date_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    first = schema.transaction

    def overtaken(connection: sqlite3.Connection) -> Any:
        monkeypatch.setattr(schema, "transaction", first)
        schema.connect_writer(path).close()
        return first(connection)

    monkeypatch.setattr(schema, "transaction", overtaken)
    schema.connect_writer(path).close()
    with Ledger.open(path, write=True) as ledger:
        assert ledger.head().count == 1


def test_where_no_write_ahead_log_can_be_kept() -> None:
    """A database in memory has none either, as one on a network disk."""
    with pytest.raises(UsageError, match="a file on a local disk"):
        schema.connect_writer(Path(":memory:"))
