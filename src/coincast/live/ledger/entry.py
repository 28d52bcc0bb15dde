"""An entry of the ledger: what it says, and the hash that ties it to the one before.

The body of an entry is kept as canonical JSON: keys sorted, no blanks, ASCII, numbers as Python's `repr` spells them,
no NaN and no infinity. The hash is the SHA-256 of the ASCII text

    ["coincast-ledger",1,<number>,"<kind>",<made_at>,"<body>","<previous>"]

a JSON list without blanks in which the body stands as a string, so that nothing of one part can be taken for another.
Anybody can check a chain with ten lines in any language. `previous` of the first entry is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coincast.errors import UnreadableFileError, UsageError

FORMAT = 1
"""Version of the text that is hashed, and of what bodies hold."""

GENESIS, FORECAST, SCORE, OUTAGE = "genesis", "forecast", "score", "outage"
KINDS = (GENESIS, FORECAST, SCORE, OUTAGE)

NO_HASH = "0" * 64
"""What stands for the entry before the first one."""

LARGEST_BODY = 1_000_000
"""Characters of the body of an entry."""
LARGEST_SCORE = 100_000_000
"""Of that of a score, which has a line for each of the forecasts that speak of its candle; the door bounds these."""

MALFORMED = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""What comes of reading JSON that holds other things than it should."""


@dataclass(frozen=True)
class Entry:
    """One entry of the ledger.

    Attributes:
        number: 1, 2, ... without a gap.
        kind: one of `KINDS`.
        made_at: when it was entered, milliseconds since 1970 UTC; never before that of the entry before.
        body: what it says.
        previous: hash of the entry before.
        hash: of this one.
    """

    number: int
    kind: str
    made_at: int
    body: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True)
class Head:
    """The newest entry in short, which stands for the whole ledger.

    Attributes:
        count: entries, which is the number of the newest one; 0 where there is none.
        hash: of the newest entry.
        made_at: of the newest entry, milliseconds since 1970.
    """

    count: int
    hash: str
    made_at: int


def write_body(body: Mapping[str, Any], *, most: int = LARGEST_BODY) -> str:
    """The canonical text of a body, of so many characters at most.

    Raises:
        UsageError: a number that is not finite, or a body that is too large.
    """
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except ValueError:
        raise UsageError(
            "an entry of the ledger holds NaN or infinity; leave such a value out, or write null"
        ) from None
    if len(text) > most:
        raise UsageError(f"an entry of the ledger is {len(text):,} characters long; allowed: {most:,}")
    return text


def read_body(number: int, text: str) -> dict[str, Any]:
    """The body that a canonical text holds.

    Raises:
        UnreadableFileError: it is no JSON object.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise UnreadableFileError(f"entry {number:,} of the ledger cannot be read; run: coincast ledger verify")
    return body


def hash_entry(number: int, kind: str, made_at: int, body: str, previous: str) -> str:
    """The hash of an entry, 64 hexadecimal digits.

    Args:
        number, kind, made_at, previous: of the entry.
        body: its canonical text.
    """
    parts = ["coincast-ledger", FORMAT, number, kind, made_at, body, previous]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
