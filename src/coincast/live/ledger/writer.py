"""There is one writer at a time, and a second one is told who that is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from coincast.errors import UsageError


class WrittenElsewhere(UsageError):
    """Another process writes this ledger."""


def become_writer(path: Path) -> Callable[[], None]:
    """Take the lock beside a ledger, for as long as the process lives or until the function that comes back is called.

    The lock is the operating system's: it goes with its process, however that ends. Who holds it stands in a file
    beside it, for the words alone.

    Raises:
        WrittenElsewhere: another process writes.
        UsageError: the folder cannot be written, or the file has a second name, whose lock would be another one.
    """
    from filelock import FileLock, Timeout

    if path.is_file() and path.stat().st_nlink > 1:
        raise UsageError(
            f"{path} has a second name (a hard link), under which another process could write it; "
            "copy it to a file of its own"
        )
    lock = FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise WrittenElsewhere(
            f"{path} is being written by {_tell_holder(path)}; "
            "stop it, or hand forecasts to it with coincast ledger add"
        ) from None
    except OSError as error:
        raise UsageError(
            f"cannot write to {path.parent}: {error.strerror or error}; set COINCAST_HOME to another place"
        ) from error
    holder = _holder_file(path)
    with contextlib.suppress(OSError):
        holder.write_text(f"{os.getpid()}\n", encoding="ascii")

    def release() -> None:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()

    return release


def _holder_file(path: Path) -> Path:
    return Path(f"{path}.writer")


def _tell_holder(path: Path) -> str:
    try:
        number = _holder_file(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        number = ""
    return f"process {number}" if number.isdecimal() else "another process"
