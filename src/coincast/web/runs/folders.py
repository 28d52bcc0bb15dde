"""The run folders of one folder: what each is, and whether it is finished, running or interrupted.

Nothing of them is opened here: the names of the files that are there tell it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coincast.experiments.folder import FINISHED
from coincast.experiments.places import MARK
from coincast.web.faults import Refusal
from coincast.web.ids import make_id
from coincast.web.recent import Recent

RunKind = Literal["comparison", "reproduction", "judgement", "report"]
RunState = Literal["finished", "running", "interrupted"]

REPORT = "report.html"
ALIVE_SECONDS = 180.0
"""A run whose newest file is older than this is taken for interrupted."""
SETTLED_SECONDS = 2.0
"""A folder that was written to within them may be written to again in the same tick of its disk's clock."""
MOST_FOLDERS = 2000
"""Newest run folders that are shown."""


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        id: for addresses.
        folder: where it lies.
        kind: what made it; "report" where only its page tells.
        state: how far it is.
        changed_at: when its newest file was written, milliseconds since 1970.
    """

    id: str
    folder: Path
    kind: RunKind
    state: RunState
    changed_at: int

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def report(self) -> Path | None:
        """Its page: a plain file of this folder, never a link to another one."""
        path = self.folder / REPORT
        return path if self.state == "finished" and _is_plain(path) else None


class RunFolders:
    """The run folders of a folder, looked through again when they are asked for; from any thread.

    Args:
        root: the folder; it need not be there yet.
        now: seconds since 1970.
    """

    def __init__(self, root: Path, *, now: Callable[[], float] = time.time) -> None:
        self.root = root
        self._now = now
        self._busy: set[str] = set()
        self._settled: dict[Path, tuple[float, Run]] = {}
        self._recent = Recent(self._look)

    def every(self) -> dict[str, Run]:
        """Every run by its id, the newest first, as of a moment ago at most."""
        return self._recent.get()

    def refresh(self) -> dict[str, Run]:
        """Every run as it is now."""
        return self._recent.renew()

    def find(self, given: str) -> Run:
        """The run of an id.

        Raises:
            Refusal: no run has it.
        """
        run = self.every().get(given)
        if run is None:
            raise Refusal(404, "no run has this id")
        return run

    def id_of(self, name: str) -> str:
        """The id of a run folder by its name."""
        return make_id("r", str(self.root.absolute()), name)

    def mark_busy(self, name: str, *, is_busy: bool) -> None:
        """Say that a process of ours works in a folder, or does so no more."""
        (self._busy.add if is_busy else self._busy.discard)(name)

    def _look(self) -> dict[str, Run]:
        found = [run for path in self._folders() if (run := self._look_into(path)) is not None]
        there = {run.folder for run in found}
        self._settled = {folder: kept for folder, kept in self._settled.items() if folder in there}
        found.sort(key=lambda run: (run.changed_at, run.name), reverse=True)
        return {run.id: run for run in found[:MOST_FOLDERS]}

    def _folders(self) -> list[Path]:
        try:
            with os.scandir(self.root) as entries:
                return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _look_into(self, folder: Path) -> Run | None:
        """What a folder is, None where it is no run's; a finished one is read again when a file comes or goes."""
        try:
            written = folder.stat().st_mtime
            if folder in self._settled and self._settled[folder][0] == written:
                return self._settled[folder][1]
            times = _read_times(folder)
        except OSError:  # it is being deleted
            return None
        if MARK not in times:
            return None
        kind, is_finished = _tell_kind(times)
        newest = max(times.values())
        state: RunState = "finished"
        if not is_finished:
            is_alive = folder.name in self._busy or self._now() - newest < ALIVE_SECONDS
            state = "running" if is_alive else "interrupted"
        run = Run(self.id_of(folder.name), folder, kind, state, int(1000 * newest))
        if is_finished and self._now() - written > SETTLED_SECONDS:
            self._settled[folder] = written, run
        return run


def stamp_of(runs: Iterable[Run]) -> Hashable:
    """Changes where a run appears, goes, or gets on."""
    return tuple((run.id, run.state, run.changed_at) for run in runs)


def _read_times(folder: Path) -> dict[str, float]:
    """Names in a folder and in those where unfinished work lies, with the time each was last written."""
    times: dict[str, float] = {}
    for place in (folder, folder / FINISHED, folder / "runs", folder / "unfinished"):
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    name = entry.name if place == folder else f"{place.name}/{entry.name}"
                    with contextlib.suppress(FileNotFoundError):  # it was renamed, or taken away, meanwhile
                        times[name] = entry.stat(follow_symlinks=False).st_mtime
        except (FileNotFoundError, NotADirectoryError):
            continue
    return times


def _tell_kind(names: Mapping[str, float]) -> tuple[RunKind, bool]:
    """What made a folder, and whether it is finished."""
    if "run.json" in names:
        return "comparison", True
    if "results.json" in names:
        return "reproduction", True
    if {"runs", "tables", "unfinished"} & names.keys():
        return "reproduction", False
    if FINISHED in names or "spec.toml" in names:
        return "comparison", False
    if "scores.parquet" in names and REPORT in names:
        return "judgement", True
    return ("report", True) if REPORT in names else ("comparison", False)


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
