"""An entry's text and hash, against ten lines that anybody could write."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from coincast.errors import UnreadableFileError, UsageError
from coincast.live.ledger import Ledger
from coincast.live.ledger.entry import LARGEST_BODY, hash_entry, read_body, write_body


def test_hash_is_that_of_the_text_in_the_docs() -> None:
    body = write_body({"b": [1, 2.5], "a": 'say "ü"'})
    assert body == '{"a":"say \\"\\u00fc\\"","b":[1,2.5]}'
    quoted = body.replace("\\", "\\\\").replace('"', '\\"')
    text = f'["coincast-ledger",1,7,"score",1700000000000,"{quoted}","{"0" * 64}"]'
    assert hash_entry(7, "score", 1_700_000_000_000, body, "0" * 64) == hashlib.sha256(text.encode()).hexdigest()


def test_a_float_comes_back_to_the_last_bit() -> None:
    for value in (0.1 + 0.2, 1e-300, 12345.678901234567, -0.0):
        assert read_body(1, write_body({"value": value}))["value"].hex() == value.hex()


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": [float("inf")]}, {"x": "y" * LARGEST_BODY}])
def test_bodies_that_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        write_body(body)


@pytest.mark.parametrize("text", ["", "[]", "{", "nul", "[" * 100_000])
def test_what_is_no_body_is_said(text: str) -> None:
    with pytest.raises(UnreadableFileError, match="entry 3"):
        read_body(3, text)


def test_chain_begins_with_64_zeros_and_each_follows_the_one_before(path: Path, maker: Any) -> None:
    with Ledger.open(path, write=True, now=5) as ledger:
        maker.fill(ledger, 3)
        entries = list(ledger.entries())
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.previous for entry in entries] == ["0" * 64, *(entry.hash for entry in entries[:-1])]
    assert (entries[0].kind, entries[0].made_at, entries[0].body["created"]) == ("genesis", 5, 5)
