"""Tampering: straight through sqlite3, with the triggers taken off and put on again, over every column of every row."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coincast.errors import UnreadableFileError, UsageError
from coincast.live.ledger import (
    Anchor,
    Ledger,
    append_forecast,
    append_outage,
    make_anchor,
    read_anchor,
    running,
    schema,
    verify,
)
from coincast.live.ledger.entry import hash_entry

Filled = Callable[..., Path]
COLUMNS = ("number", "kind", "made_at", "body", "previous", "hash")
TRIGGERS = ("never_changed", "never_deleted", "in_order")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory, maker: Any) -> tuple[Path, Anchor]:
    """A small ledger with every kind of entry, and its anchor."""
    path = tmp_path_factory.mktemp("honest") / "ledger.sqlite"
    with Ledger.open(path, write=True, now=maker.begun) as ledger:
        maker.fill(ledger, 3, steps=2)
        append_forecast(ledger, maker.forecast(1, model="slow", steps=2), maker.origin(3))
        span = {"since": maker.origin(3), "until": maker.origin(5), "now": maker.origin(5)}
        append_outage(ledger, reason="asleep", words="the machine slept", missed=[maker.origin(4)], **span)
        maker.score_due(ledger, maker.origin(6))
        anchor = make_anchor(ledger)
    return path, anchor


@pytest.fixture
def copy(honest: tuple[Path, Anchor], tmp_path: Path) -> Path:
    return Path(shutil.copy(honest[0], tmp_path / "ledger.sqlite"))


@contextlib.contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """What a careful tamperer does: guards off, change, guards on again, so that the file looks as it did."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        texts = [schema.read_schema(connection)[name] for name in TRIGGERS]
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for text in texts:
            connection.execute(text)
        connection.commit()


def read_rows(path: Path) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM entries ORDER BY number").fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def rehash(row: dict[str, Any]) -> str:
    return hash_entry(*(row[name] for name in COLUMNS[:-1]))


def named(path: Path, anchor: Anchor | None = None) -> set[int | None]:
    found = verify(path, anchor)
    assert found.ok == (found.faults == ())
    return {fault.number for fault in found.faults}


def edits(row: dict[str, Any], column: str) -> list[Any]:
    """Other values of a cell: small and large changes, and another row's kind of content."""
    value = row[column]
    if column == "number":
        return [value + 1000, -value, 0]
    if column == "made_at":
        return [value + 1, value - 1, 0]
    if column == "kind":
        return [kind for kind in ("forecast", "score", "outage", "genesis", "") if kind != value]
    if column == "body":
        body = json.loads(value)
        name = sorted(body)[-1]
        return [json.dumps({**body, name: None}), value.replace(":", ": ", 1), value[:-1] + ',"zzz":0}']
    return ["f" + value[1:] if value[0] != "f" else "e" + value[1:], value.upper() + "x", ""]


def test_an_honest_ledger(honest: tuple[Path, Anchor]) -> None:
    path, anchor = honest
    found = verify(path)
    assert (found.ok, found.entries, found.faults) == (True, anchor.count, ())
    assert found.words.startswith("consistent, not anchored")
    assert verify(path, anchor).words.startswith("consistent up to the anchor of 2023-11-1")
    assert {row["kind"] for row in read_rows(path)} == {"genesis", "forecast", "score", "outage"}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_edited_cell_is_named(honest: tuple[Path, Anchor], tmp_path: Path, column: str) -> None:
    rows = read_rows(honest[0])
    assert len(rows) == 10
    for row in rows:
        for number, value in enumerate(edits(row, column)):
            path = Path(shutil.copy(honest[0], tmp_path / f"{row['number']}-{number}.sqlite"))
            with tampering(path) as connection:
                connection.execute(f"UPDATE entries SET {column} = ? WHERE number = ?", (value, row["number"]))
            numbers = {row["number"], value} if column == "number" else {row["number"]}
            assert numbers & named(path), (row["number"], column, value)


def test_every_edited_row_is_named_though_its_own_hash_is_made_right(
    honest: tuple[Path, Anchor], tmp_path: Path
) -> None:
    """The row after it does not follow any more; of the last one an anchor knows."""
    path, anchor = honest
    for row in read_rows(path):
        for column in ("made_at", "body"):
            changed = {**row, column: edits(row, column)[0]}
            own = Path(shutil.copy(path, tmp_path / f"{row['number']}-{column}.sqlite"))
            with tampering(own) as connection:
                connection.execute(
                    f"UPDATE entries SET {column} = ?, hash = ? WHERE number = ?",
                    (changed[column], rehash(changed), row["number"]),
                )
            last = row["number"] == anchor.count
            assert row["number"] + (not last) in named(own, anchor)


def test_every_deleted_row_is_named(honest: tuple[Path, Anchor], tmp_path: Path) -> None:
    path, anchor = honest
    for row in read_rows(path):
        own = Path(shutil.copy(path, tmp_path / f"{row['number']}.sqlite"))
        with tampering(own) as connection:
            connection.execute("DELETE FROM entries WHERE number = ?", (row["number"],))
        if row["number"] < anchor.count:
            assert row["number"] in named(own)
        assert row["number"] in named(own, anchor)


def test_every_swapped_pair_is_named(honest: tuple[Path, Anchor], tmp_path: Path) -> None:
    path, anchor = honest
    for first in range(1, anchor.count):
        own = Path(shutil.copy(path, tmp_path / f"{first}.sqlite"))
        with tampering(own) as connection:
            for old, new in ((first, 999), (first + 1, first), (999, first + 1)):
                connection.execute("UPDATE entries SET number = ? WHERE number = ?", (new, old))
        assert {first, first + 1} <= named(own)


def rebuild(path: Path, rows: list[dict[str, Any]]) -> None:
    """The whole chain anew, every hash right."""
    previous = "0" * 64
    with tampering(path) as connection:
        connection.execute("DELETE FROM entries")
        for number, row in enumerate(rows, start=1):
            row = {**row, "number": number, "previous": previous}
            row["hash"] = previous = rehash(row)
            marks = ", ".join("?" * len(COLUMNS))
            connection.execute(f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({marks})", tuple(row.values()))


def test_a_cut_tail_is_found_with_an_anchor_alone(honest: tuple[Path, Anchor], tmp_path: Path) -> None:
    path, anchor = honest
    for left in (1, 5, anchor.count - 1):
        own = Path(shutil.copy(path, tmp_path / f"{left}.sqlite"))
        with tampering(own) as connection:
            connection.execute("DELETE FROM entries WHERE number > ?", (left,))
        assert verify(own).words.startswith("consistent, not anchored")
        found = verify(own, anchor)
        assert not found.ok
        assert "the end was cut off" in found.faults[-1].words


def test_a_rebuilt_chain_is_found_with_an_anchor(honest: tuple[Path, Anchor], copy: Path, maker: Any) -> None:
    """A forecast is made better, its score with it, and all hashes are made right."""
    rows = read_rows(copy)
    number = next(i for i, row in enumerate(rows) if row["kind"] == "outage")
    body = json.loads(rows[number]["body"])
    rows[number]["body"] = json.dumps({**body, "missed": []}, sort_keys=True, separators=(",", ":"))
    rebuild(copy, rows)
    assert verify(copy).ok
    found = verify(copy, honest[1])
    assert not found.ok
    assert "were rebuilt" in found.words + str(found.faults[-1])
    with Ledger.open(copy, write=True) as ledger:  # growing it further helps nobody
        append_forecast(ledger, maker.forecast(20, steps=2), maker.origin(20))
    assert not verify(copy, honest[1]).ok


def change_body(rows: list[dict[str, Any]], kind: str, change: Callable[[dict[str, Any]], None]) -> int:
    """Change the first body of a kind; its number."""
    row = next(row for row in rows if row["kind"] == kind)
    body = json.loads(row["body"])
    change(body)
    row["body"] = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return int(row["number"])


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("forecast", lambda body: body.update(late=True), "it says late = True"),
        ("forecast", lambda body: body.update(trained_until=body["origin"] + 1), "after its origin"),
        ("forecast", lambda body: body.pop("steps"), "is not that of a forecast"),
        ("score", lambda body: body["forecasts"][0].update(error=0.0), "is not what follows"),
        ("score", lambda body: body["forecasts"][0].update(naive_error=1.0), "is not what follows"),
        ("score", lambda body: body["forecasts"][0]["covered"].update({"80": 1}), "is not what follows"),
        ("score", lambda body: body.update(forecasts=[]), "it leaves out forecast"),
        ("score", lambda body: body["forecasts"].append(body["forecasts"][0]), "it scores a forecast twice"),
        ("score", lambda body: body["forecasts"][0].update(number=1), "which is no forecast on time"),
        ("genesis", lambda body: body.update(format=2), "format 2"),
    ],
)
def test_a_rebuilt_chain_that_contradicts_itself_is_named(
    copy: Path, kind: str, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    rows = read_rows(copy)
    number = change_body(rows, kind, change)
    rebuild(copy, rows)
    found = verify(copy)
    assert any(fault.number == number and words in fault.words for fault in found.faults), found


def test_late_as_if_on_time_is_named(copy: Path) -> None:
    rows = read_rows(copy)
    late = next(row for row in rows if '"late":true' in row["body"])
    late["body"] = late["body"].replace('"late":true', '"late":false')
    rebuild(copy, rows)
    assert any(fault.number == late["number"] and "late = False" in fault.words for fault in verify(copy).faults)


def test_a_body_that_two_readers_read_in_two_ways_is_named(copy: Path) -> None:
    """SQLite takes the first of two equal names and Python the last one: a forecast would be late and on time."""
    rows = read_rows(copy)
    forecast = next(row for row in rows if row["kind"] == "forecast")
    forecast["body"] = '{"late":true,' + forecast["body"][1:]
    rebuild(copy, rows)
    faults = [fault.words for fault in verify(copy).faults if fault.number == forecast["number"]]
    assert ["not spelled as bodies are" in words for words in faults] == [True]


def test_an_entry_below_all_numbers_is_named(copy: Path) -> None:
    """A score of a later revision would tell another close than the honest one, wherever it stands."""
    row = next(row for row in read_rows(copy) if row["kind"] == "score")
    body = {**json.loads(row["body"]), "revision": 9, "actual": 1.0}
    hidden = {**row, "number": -(2**63), "body": json.dumps(body)}
    with tampering(copy) as connection:
        marks = ", ".join("?" * len(COLUMNS))
        connection.execute(f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({marks})", tuple(hidden.values()))
    assert named(copy) == {-(2**63)}


def test_what_contradicts_the_entries_before_is_no_track_record(copy: Path) -> None:
    rows = read_rows(copy)
    change_body(rows, "score", lambda body: body["forecasts"][0].update(covered=[1]))
    rebuild(copy, rows)
    with Ledger.open(copy, write=False) as ledger, pytest.raises(UnreadableFileError, match="coincast ledger verify"):
        running(ledger)


def test_a_check_ends_after_many_faults(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coincast.live.ledger.verification.MOST_FAULTS", 4)
    with tampering(copy) as connection:
        connection.execute("UPDATE entries SET made_at = made_at + 1")
    found = verify(copy)
    assert [fault.number for fault in found.faults] == [1, 2, 3, 4]
    assert found.words == "not consistent: 4 faults, at entries 1, 2, 3, 4; the check ended there"


def test_time_that_goes_back_is_named(copy: Path) -> None:
    rows = read_rows(copy)
    rows[-1]["made_at"] = rows[-2]["made_at"] - 1
    rebuild(copy, rows)
    assert "it was made before the entry before it" in [fault.words for fault in verify(copy).faults]


@pytest.mark.parametrize(
    "statement",
    [*(f"DROP TRIGGER {name}" for name in TRIGGERS), "DROP INDEX scores", "CREATE TABLE notes (words TEXT)"],
)
def test_guards_that_are_gone_are_named(copy: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute(statement)
    found = verify(copy)
    assert [fault.number for fault in found.faults] == [None]
    assert statement.split()[2] in found.faults[0].words


def test_statistics_of_sqlite_are_no_fault(copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute("ANALYZE")
        connection.commit()
    assert verify(copy).ok


def test_a_table_without_its_types_is_named(copy: Path) -> None:
    """A tamperer may make the whole table anew, with columns that take anything."""
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute("ALTER TABLE entries RENAME TO old")
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(f"CREATE TABLE entries AS SELECT {', '.join(COLUMNS)} FROM old")
        connection.execute("UPDATE entries SET made_at = 'noon', body = x'ff00' WHERE number = 3")
        connection.execute("DROP TABLE old")
        connection.commit()
    assert {None, 3} <= named(copy)


def test_nothing_left(copy: Path) -> None:
    with tampering(copy) as connection:
        connection.execute("DELETE FROM entries")
    assert named(copy) == {1}
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute("DROP TABLE entries")
    assert not verify(copy).ok


def test_a_damaged_page_is_a_fault(filled: Filled) -> None:
    path = filled(40)
    data = bytearray(path.read_bytes())
    data[-6000:-2000] = b"\x55" * 4000
    path.write_bytes(data)
    assert not verify(path).ok


def test_no_ledger_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("no database\n" * 200)
    for name in ("none.sqlite", "text.sqlite"):
        with pytest.raises(UnreadableFileError):
            verify(tmp_path / name)


def test_verify_while_one_writes(honest: tuple[Path, Anchor], copy: Path, maker: Any) -> None:
    with Ledger.open(copy, write=True) as ledger:
        append_forecast(ledger, maker.forecast(30, steps=2), maker.origin(30))
        found = verify(copy, honest[1])
        assert (found.ok, found.entries) == (True, honest[1].count + 1)
        assert "not anchored since: 1" in found.words


def test_an_anchor_is_one_line_and_comes_back(honest: tuple[Path, Anchor], tmp_path: Path) -> None:
    anchor = honest[1]
    line = str(anchor)
    assert line.startswith(f"coincast-anchor v1 count={anchor.count} head={anchor.head} made_at=2023-11-1")
    assert read_anchor(line) == read_anchor(f"  published: {line}\n") == anchor
    file = tmp_path / "anchors.txt"
    file.write_text(f"{Anchor(1, 'a' * 64, 0)}\nlast week\n{line}\n")
    assert read_anchor(file) == read_anchor(str(file)) == anchor
    for wrong in ("", "none.txt", line.replace("v1", "v2"), line.replace("T", " "), line.replace("-11-", "-13-")):
        with pytest.raises(UsageError):
            read_anchor(wrong)


def test_the_anchor_of_another_ledger(honest: tuple[Path, Anchor], copy: Path) -> None:
    anchor = honest[1]
    assert not verify(copy, Anchor(anchor.count, "0" * 64, anchor.made_at)).ok
    assert not verify(copy, Anchor(anchor.count, anchor.head, anchor.made_at + 1)).ok
    assert not verify(copy, Anchor(anchor.count + 5, anchor.head, anchor.made_at)).ok
