"""The description that every file of the store carries: whether it is whole, and what contributed to the file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any

import polars as pl

from coincast.candles.store.sealed import Facts, broken_file

Contributions = list[dict[str, Any]]

_MEMBERS: Mapping[str, type] = {"rows": int, "first": str, "last": str, "columns": list, "contributions": list}
_CONTRIBUTION: Mapping[str, type | tuple[type, ...]] = {
    "source": str,
    "sha256": (str, NoneType),
    "rows": int,
    "first": str,
    "last": str,
    "begun": str,
    "written": str,
}
_MOMENTS = ("first", "last", "begun", "written")


def check_facts(path: Path, facts: Facts, **more: type) -> tuple[datetime, datetime]:
    """The first and last time of a file whose description is whole.

    Args:
        path: the file, for the message.
        facts: what is to be known of it; not covered by the checksum where the end of a file was read alone.
        more: what else must be in it.

    Raises:
        UnreadableFileError: a member is missing or of another kind, or a time cannot be read.
    """
    entries = facts.get("contributions")
    if not (entries and _has(facts, {**_MEMBERS, **more}) and all(_has(entry, _CONTRIBUTION) for entry in entries)):
        raise broken_file(path, "its description cannot be read")
    try:
        moments = [_parse(facts[name]) for name in ("first", "last")]
        for entry in facts["contributions"]:
            moments += [_parse(entry[name]) for name in _MOMENTS]
    except ValueError:
        raise broken_file(path, "its description cannot be read") from None
    return moments[0], moments[1]


def contribute(before: Contributions, times: pl.Series, source: str, sha256: str | None) -> Contributions:
    """Contributions with one more; one entry per source and hash, however often it is written.

    Args:
        before: those of the file as it was.
        times: of the rows that are new or not as they were, in order.
        source, sha256: where they came from.
    """
    if times.is_empty():
        return before
    now = datetime.now(UTC).isoformat(timespec="seconds")
    first, last = times[0].isoformat(), times[-1].isoformat()
    entry = {"source": source, "sha256": sha256, "rows": times.len(), "first": first, "last": last}
    entry |= {"begun": now, "written": now}
    kept = []
    for other in before:
        if (other["source"], other["sha256"]) != (source, sha256):
            kept.append(other)
            continue
        entry["rows"] = entry["rows"] + other["rows"]
        entry["first"], entry["last"] = min(first, other["first"]), max(last, other["last"])
        entry["begun"] = other["begun"]
    return [*kept, entry]


def _has(entry: Any, members: Mapping[str, type | tuple[type, ...]]) -> bool:
    return isinstance(entry, dict) and all(
        name in entry and isinstance(entry[name], kind) for name, kind in members.items()
    )


def _parse(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
