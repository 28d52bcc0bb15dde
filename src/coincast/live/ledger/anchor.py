"""An anchor: one line that, once published, proves that nothing before it was cut, changed or rebuilt.

A hash chain shows an edit only to whoever holds a hash of it. Whoever can write the file can also write the whole chain
anew; so the head is put where its time cannot be forged: a post, a commit, a mail, a newspaper.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coincast.errors import UsageError
from coincast.live.ledger.ledger import Ledger
from coincast.tabular import expand_home

_LINE = re.compile(
    r"coincast-anchor v1 count=(?P<count>[1-9]\d{0,17}) head=(?P<head>[0-9a-f]{64}) "
    r"made_at=(?P<made_at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"
)
_LARGEST_FILE = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Anchor:
    """The state of a ledger at a moment; its text is the line to publish.

    Attributes:
        count: entries.
        head: hash of the newest one.
        made_at: of the newest one, milliseconds since 1970.
    """

    count: int
    head: str
    made_at: int

    def __str__(self) -> str:
        moment = (_EPOCH + timedelta(milliseconds=self.made_at)).isoformat(timespec="milliseconds")
        return f"coincast-anchor v1 count={self.count} head={self.head} made_at={moment.removesuffix('+00:00')}Z"


def make_anchor(ledger: Ledger) -> Anchor:
    """The anchor of a ledger as it is now."""
    head = ledger.head()
    return Anchor(head.count, head.hash, head.made_at)


def read_anchor(given: str | Path) -> Anchor:
    """Read an anchor: the line itself, or a file that holds one among other words; of several the last counts.

    Raises:
        UsageError: there is none.
    """
    text = str(given)
    found = list(_LINE.finditer(text)) or list(_LINE.finditer(_read_file(text)))
    if not found:
        raise UsageError(
            "this is no anchor and no file with one; an anchor is the line that coincast ledger anchor prints: "
            "coincast-anchor v1 count=... head=... made_at=..."
        )
    told = found[-1]
    try:
        moment = datetime.fromisoformat(told["made_at"])
    except ValueError:
        raise UsageError(f"the anchor names a time that does not exist: {told['made_at']}") from None
    return Anchor(int(told["count"]), told["head"], (moment - _EPOCH) // timedelta(milliseconds=1))


def _read_file(name: str) -> str:
    """The text of a file; nothing where there is none that could hold an anchor."""
    try:
        path = expand_home(name)
        if path.is_file() and path.stat().st_size <= _LARGEST_FILE:
            return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        pass
    return ""
