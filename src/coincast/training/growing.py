"""Files that grow by a line or a record an epoch."""

from __future__ import annotations

from pathlib import Path

from coincast.errors import UnreadableFileError, UsageError


def read_so_far(path: Path) -> bytes:
    """What is in a file; nothing where there is none.

    Raises:
        UnreadableFileError: it cannot be read.
    """
    if not path.is_file():
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror or error}; give another name") from None


def append(path: Path, data: bytes) -> None:
    """Add bytes to the end of a file, in one piece.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        with open(path, "ab") as file:
            file.write(data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
