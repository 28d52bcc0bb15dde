"""Where files stand, and how they are written: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from coincast.errors import UsageError


def expand_home(path: str | os.PathLike[str]) -> Path:
    """A path with `~` and `~user` replaced by the folder that they stand for.

    Raises:
        UsageError: a user that is not there.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: there is no such user; write the whole path") from None


def home_folder() -> Path:
    """Folder of store and caches: `COINCAST_HOME`, else the platform's user folder."""
    return expand_home(os.environ.get("COINCAST_HOME") or platformdirs.user_data_dir("coincast", appauthor=False))


def write_beside(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> Path:
    """Write a file whole or not at all: beside its place, to the disk, then renamed.

    Args:
        path: where the file shall stand; missing folders are made, an old file is replaced.
        write: writes to the path that it is given, such as `frame.write_parquet`; the name keeps its ending.

    Returns:
        The path.

    Raises:
        UsageError: the place cannot be written. Nothing is left beside it, neither then nor on any other error or
            interruption.
    """
    path = expand_home(path)
    beside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(beside)
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return path
