"""Where results are written: a folder belongs to one run, whose fingerprint lies in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coincast.errors import UsageError
from coincast.tabular import expand_home, write_beside

DEFAULT_RUNS = "coincast-runs"
MARK = "fingerprint"


def choose_place(out: Path | None, name: str, fingerprint: str) -> Path:
    """The folder that was named, else one under `./coincast-runs/`.

    Raises:
        UsageError: the folder holds another run, or something else, or cannot be read; nothing of it is touched.
    """
    try:
        folder = expand_home(out) if out else Path(DEFAULT_RUNS) / f"{plain_name(name)}-{fingerprint[:12]}"
        _refuse_others(folder, fingerprint)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"--out {out or DEFAULT_RUNS} cannot be used: {reason}; name another folder") from None
    return folder


def _refuse_others(folder: Path, fingerprint: str) -> None:
    if folder.is_file():
        raise UsageError(f"--out {folder} is a file; name a folder that is empty or not there yet")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    mark = folder / MARK
    if not mark.is_file():
        raise UsageError(f"--out {folder} holds other files and no run; name a folder that is empty or not there yet")
    if mark.read_text(encoding="utf-8", errors="replace").strip() != fingerprint:
        raise UsageError(
            f"--out {folder} holds another run: its spec, data or code differ; name another folder, or delete this one"
        )


def claim_place(folder: Path, fingerprint: str) -> None:
    """Mark a folder as that of a run."""
    write_text(folder / MARK, fingerprint)


def safe_name(label: str) -> str:
    """A file name for a model's label; a hash keeps those apart that would look alike, or differ in case only."""
    plain = plain_name(label)
    return plain if plain == label.lower() else f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def plain_name(text: str) -> str:
    """A text as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_=" else "_" for letter in text)[:60]


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all; a NaN is a fault."""
    write_text(path, json.dumps(values, indent=2, default=str, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_beside(path, lambda target: Path(target).write_text(text, encoding="utf-8"))
