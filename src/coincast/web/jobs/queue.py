"""Jobs in their order: a few run at once, a few wait, the rest is refused."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from coincast.web.faults import Refusal
from coincast.web.jobs.child import PATIENCE_SECONDS, Child
from coincast.web.jobs.choices import ChoicesShape
from coincast.web.jobs.job import Job
from coincast.web.jobs.orders import Command, ComparisonOrder, ReproductionOrder, make_command
from coincast.web.jobs.progress import read_progress
from coincast.web.runs.folders import RunFolders
from coincast.web.settings import Limits
from coincast.web.store import Inventory

LOG = logging.getLogger("coincast.web")

KEPT = 100
"""Jobs that are remembered, the newest ones."""
LOOK_SECONDS = 0.2
"""How often a running job is looked at."""
BROKEN_LINE = "coincast: "
"""How the line begins in which a command says why it failed."""

Start = Callable[[Command, Path, Callable[[str], None]], Child]


class JobQueue:
    """What was started from the page; from any thread.

    Args:
        runs: where its run folders lie.
        limits: how many at once.
        tell: is told a job whenever something about it has changed.
        start: starts a child process; tests put another in its place.
    """

    def __init__(
        self, runs: RunFolders, limits: Limits, *, tell: Callable[[Mapping[str, Any]], Any], start: Start | None = None
    ) -> None:
        self._runs, self._limits, self._tell = runs, limits, tell
        self._start: Start = start or (lambda command, folder, on_line: Child(command.line, folder, on_line))
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.RLock()
        self._working: dict[str, threading.Thread] = {}
        self._is_closed = False

    def every(self) -> list[Job]:
        """Every job that is remembered, the newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def find(self, given: str) -> Job:
        """The job of an id.

        Raises:
            Refusal: no job has it.
        """
        with self._lock:
            if given not in self._jobs:
                raise Refusal(404, "no job has this id; the list begins anew when the server does")
            return self._jobs[given]

    def on(self, folder: str) -> Job | None:
        """The newest job that works, or worked, in a run folder."""
        return next((job for job in self.every() if job.command.folder == folder), None)

    def working(self) -> tuple[tuple[str, str], ...]:
        """Ids and states of all jobs; changes where one begins or ends."""
        return tuple((job.id, job.state) for job in self.every())

    def add(self, order: ComparisonOrder | ReproductionOrder, listed: Inventory, choices: ChoicesShape) -> Job:
        """Take an order; it begins at once, or when another one has ended.

        Args:
            order: what is asked for.
            listed: what is in the store.
            choices: models and articles that there are.

        Raises:
            Refusal: it cannot be, or too many wait already.
        """
        number = secrets.token_hex(4)
        with self._lock:
            waiting = sum(job.state == "waiting" for job in self._jobs.values())
            if waiting >= self._limits.waiting or self._is_closed:
                raise Refusal(429, f"{waiting} jobs wait already; cancel one, or come again later", wait=60)
            command = make_command(order, listed, choices, self._runs.root.absolute(), number)
            job = Job(f"j{secrets.token_hex(8)}", order.kind, command, self._runs.id_of(command.folder), _now())
            self._jobs[job.id] = job
            self._forget()
        self._changed(job)
        self._begin_next()
        return job

    def cancel(self, given: str) -> Job:
        """End a job, or take it out of the queue.

        Raises:
            Refusal: no job has this id, or it has ended.
        """
        with self._lock:
            job = self.find(given)
            if job.has_ended:
                raise Refusal(409, f"this job is {job.state} already")
            job.state, job.ended_at = "cancelled", _now()
            job.wish.set()
        self._changed(job)
        return job

    def close(self) -> None:
        """End all jobs, and wait until their processes are gone."""
        with self._lock:
            self._is_closed = True
            unfinished = [job.id for job in self._jobs.values() if not job.has_ended]
            threads = list(self._working.values())
        for given in unfinished:
            with contextlib.suppress(Refusal):  # it has ended in between
                self.cancel(given)
        for thread in threads:
            thread.join(2 * PATIENCE_SECONDS)

    def _begin_next(self) -> None:
        """Begin what waits, as far as there is room."""
        with self._lock:
            waiting = [job for job in self._jobs.values() if job.state == "waiting"]
            chosen = [] if self._is_closed else waiting[: self._limits.running - len(self._working)]
            for job in chosen:
                job.state, job.began_at = "running", _now()
                thread = threading.Thread(target=self._work, args=(job,), name=f"job {job.id}", daemon=True)
                self._working[job.id] = thread
        for job in chosen:
            self._changed(job)
            self._working[job.id].start()

    def _work(self, job: Job) -> None:
        """Run a job to its end, in a thread of its own."""
        self._runs.mark_busy(job.command.folder, is_busy=True)
        try:
            code = self._run(job)
        except OSError as error:
            job.lines.append(f"{BROKEN_LINE}the process cannot be started: {error.strerror or error}")
            code = None
        except Exception:
            LOG.exception("fault of ours in job %s", job.id)
            job.lines.append(f"{BROKEN_LINE}a fault of ours; the log of the server has more")
            code = None
        finally:
            self._runs.mark_busy(job.command.folder, is_busy=False)
            with self._lock:
                del self._working[job.id]
        self._end(job, code)
        self._begin_next()

    def _run(self, job: Job) -> int | None:
        """Its exit code; None where it was ended."""
        self._runs.root.mkdir(parents=True, exist_ok=True)
        child = self._start(job.command, self._runs.root, lambda line: self._hear(job, line))
        deadline = time.monotonic() + self._limits.job_seconds
        while (code := child.wait(LOOK_SECONDS)) is None:
            is_late = time.monotonic() > deadline
            if is_late:
                job.lines.append(f"{BROKEN_LINE}it took longer than {self._limits.job_seconds / 3600:g} hours")
            if is_late or job.wish.is_set():
                child.end()
                return None
        return code

    def _hear(self, job: Job, line: str) -> None:
        """A line that a job wrote."""
        job.lines.append(line)
        progress = read_progress(line)
        if progress is not None and not job.has_ended:
            job.progress = progress
            self._changed(job)

    def _end(self, job: Job, code: int | None) -> None:
        with self._lock:
            if job.has_ended:  # it was cancelled
                return
            job.state, job.ended_at = "finished" if code == 0 else "failed", _now()
            if code != 0:
                job.message = _tell_fault(job, code)
        self._changed(job)

    def _changed(self, job: Job) -> None:
        if job.has_ended:
            self._runs.refresh()
        self._tell(job.show().model_dump())

    def _forget(self) -> None:
        """Keep the newest jobs; those that have not ended are never forgotten."""
        ended = [job.id for job in self._jobs.values() if job.has_ended]
        for old in ended[: max(0, len(self._jobs) - KEPT)]:
            del self._jobs[old]


def _tell_fault(job: Job, code: int | None) -> str:
    """Why a job failed: what its command said, without the name of the program."""
    said = [line.removeprefix(BROKEN_LINE) for line in job.lines if line.startswith(BROKEN_LINE)]
    if said:
        return said[-1]
    return job.lines[-1] if job.lines else f"its process ended with code {code}"


def _now() -> int:
    return time.time_ns() // 1_000_000
