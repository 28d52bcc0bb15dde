"""Where a training stands, kept in one file, so that one that was killed goes on from there."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from coincast.errors import UnreadableFileError
from coincast.tabular import expand_home
from coincast.training.arrays import read_arrays, remove_strays, write_arrays

KIND = "training to go on with"
MARK = "fingerprint"


class ResumeFile:
    """Keeps an unfinished training in one file, for `train(..., keeper=...)`. One process at a time may use it.

    The file is replaced whole, so that a process that is killed at any moment leaves the old state or the new one.

    Args:
        path: of the file.
        fingerprint: what has another one is another training, and nothing of it is used.
        every_seconds: time between two states that are kept; what is handed over in between is let go.

    Attributes:
        note: why `resume` found a state and gave none, a sentence for the user; None where it did or found nothing.
    """

    def __init__(self, path: str | os.PathLike[str], *, fingerprint: str, every_seconds: float = 10.0) -> None:
        self.path, self.fingerprint, self.every_seconds = expand_home(path), fingerprint, every_seconds
        self.note: str | None = None
        self._kept_at = time.monotonic()

    def resume(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The state that was kept last, as (arrays, facts).

        None where there is none, or where it cannot be used: the file is damaged or of another training. Then `note`
        says so, and the next `keep` replaces it.
        """
        self.note = None
        remove_strays(self.path.parent, lambda name: name == self.path.name)
        if not self.path.exists():
            return None
        try:
            found = read_arrays(self.path, kind=KIND)
        except UnreadableFileError as error:
            self.note = f"The training starts afresh: {str(error).partition(';')[0]}"
            return None
        facts = dict(found.facts)
        if facts.pop(MARK, None) != self.fingerprint:
            self.note = (
                f"The training starts afresh: {self.path} was left by another one, with other settings, data or code"
            )
            return None
        return found.arrays, facts

    def is_due(self) -> bool:
        """Whether it is time to keep a state again; before, nothing needs to be fetched from a device for it."""
        return time.monotonic() - self._kept_at >= self.every_seconds

    def keep(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Keep a state in place of the one before, where it is time to.

        Args:
            arrays: by name.
            facts: plain values, as JSON takes them, such as the epochs that are done.

        Raises:
            UsageError: the file cannot be written.
        """
        if not self.is_due():
            return
        write_arrays(self.path, arrays, kind=KIND, facts={**facts, MARK: self.fingerprint})
        self._kept_at = time.monotonic()

    def forget(self) -> None:
        """Delete the file, when the training is finished and its result is safe."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
