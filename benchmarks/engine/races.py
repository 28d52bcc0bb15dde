"""Rows that are a ratio to peers: all take turns, and what counts is the median of the ratios of their turns.

Absolute times drift on shared machines by as much as 1.7 for seconds at a time, so that two of them say nothing unless
they stand beside each other. In a turn ours goes before each peer, and a ratio is the peer's time over ours just
before. Of the ways to run a peer the one with the least median time counts.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.crew import Crew, FailedError, MissingError, Process
from engine.jobs import Job, Race
from engine.table import Line

Say = Callable[[str], None]
OURS = "Coincast"


@dataclass(frozen=True)
class Way:
    """How a peer is run.

    Attributes:
        name: beside the peer's.
        processes: side by side, each training runs of its own.
        threads: of each; 0 leaves them to the library.
    """

    name: str
    processes: int = 1
    threads: int = 0


@dataclass(frozen=True)
class Peer:
    """A library that trains the same.

    Attributes:
        title: what the table calls it.
        ways: how it is run on a CPU; on an accelerator there is one way.
        networks: those that it has.
        one_run: whether it can be compared where one run is trained.
    """

    title: str
    ways: tuple[Way, ...] = (Way(""),)
    networks: tuple[str, ...] = ("lstm", "gru", "cnn")
    one_run: bool = True

    def ways_for(self, job: Job, *, on_accelerator: bool) -> tuple[Way, ...]:
        """Ways that do the job: one run cannot be shared by several processes."""
        if job.network not in self.networks or (job.runs == 1 and not self.one_run):
            return ()
        if on_accelerator:
            return (Way(""),)
        return tuple(way for way in self.ways if way.processes == 1 or job.runs > 1)


CORES = max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
THREADS = (Way("1 thread", threads=1), Way(f"{CORES} threads", threads=CORES))
PEERS = {
    "torch": Peer("PyTorch loop", (*THREADS, Way(f"{CORES} processes", processes=CORES, threads=1))),
    "stacked": Peer("PyTorch stacked", THREADS, one_run=False),
    "keras": Peer("Keras 3 on JAX"),
    "neuralforecast": Peer("neuralforecast", THREADS, networks=("lstm", "gru")),
}


@dataclass
class Times:
    """Seconds of a run and step, turn by turn: of a peer run in one way, and of ours just before it."""

    peer: str
    way: Way
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [theirs / ours for theirs, ours in zip(self.theirs, self.ours, strict=True)]


def run_race(name: str, race: Race, crew: Crew, *, turns: int, seconds: float, say: Say) -> list[Line]:
    """The lines of one row: ours, and each peer with its ratio."""
    ours = crew.member("coincast")
    say(f"{name}: {OURS} prepares")
    ours.ask("prepare", job=race.job)
    entrants = _prepare_peers(race.job, crew, on_accelerator=ours.ask("is_accelerator"), say=say)
    rates: list[float] = []
    alone: list[float] = []
    for turn in range(1, turns + 1):
        rates.append(ours.ask("matrix_rate", seconds=min(0.3, seconds)))
        alone.append(ours.ask("stretch", seconds=seconds, threads=0))
        for times in entrants:
            times.ours.append(ours.ask("stretch", seconds=seconds, threads=0))
            times.theirs.append(side_by_side(crew, times.peer, times.way, seconds))
        say(f"{name}: turn {turn} of {turns}")
    return describe(race, alone, entrants, rates)


def side_by_side(crew: Crew, peer: str, way: Way, seconds: float) -> float:
    """Seconds of a run and step of all processes together."""
    members = _members(crew, peer, way)
    for member in members:
        member.send("stretch", seconds=seconds, threads=way.threads)
    return 1 / sum(1 / member.receive() for member in members)


def _members(crew: Crew, peer: str, way: Way) -> list[Process]:
    return [crew.member(peer, number) for number in range(way.processes)]


def _prepare_peers(job: Job, crew: Crew, *, on_accelerator: bool, say: Say) -> list[Times]:
    entrants = []
    for key, peer in PEERS.items():
        ways = peer.ways_for(job, on_accelerator=on_accelerator)
        try:
            for member in _members(crew, key, Way("", max((way.processes for way in ways), default=0))):
                say(f"  {peer.title} prepares")
                member.ask("prepare", job=job)
        except MissingError as error:
            say(f"  {peer.title} is left out: {error} is not installed")
        except FailedError as error:
            say(f"  {peer.title} is left out: {error}")
        else:
            entrants += [Times(key, way) for way in ways]
    return entrants


def describe(race: Race, alone: list[float], entrants: list[Times], rates: list[float]) -> list[Line]:
    """Lines from times.

    Args:
        race: the row.
        alone: seconds of a run and step of ours, turn by turn.
        entrants: each peer in each way.
        rates: of the large matrix product, operations per second.
    """
    every = [alone[turn : turn + 1] + [times.ours[turn] for times in entrants] for turn in range(len(alone))]
    shares = [race.job.operations / statistics.mean(own) / rate for own, rate in zip(every, rates, strict=True)]
    share = statistics.median(shares)
    lines = [
        Line(
            job=race.title,
            who=OURS,
            microseconds=1e6 * statistics.median(second for own in every for second in own),
            share=share,
            wanted="" if race.share is None else f"{race.share:.0%} of the matrix rate",
            is_met=None if race.share is None else share >= race.share,
            details={"seconds": every, "matrix rates": rates},
        )
    ]
    for key, peer in PEERS.items():
        ways = [times for times in entrants if times.peer == key]
        if not ways:
            continue
        best = min(ways, key=lambda times: statistics.median(times.theirs))
        ratio, wanted = statistics.median(best.ratios), race.wanted.get(key)
        lines.append(
            Line(
                job=race.title,
                who=", ".join(filter(None, [peer.title, best.way.name])),
                microseconds=1e6 * statistics.median(best.theirs),
                figure=f"{ratio:.3g} x ({min(best.ratios):.3g} to {max(best.ratios):.3g})",
                wanted="" if wanted is None else f"{wanted:g} x",
                is_met=None if wanted is None else ratio >= wanted,
                details={times.way.name: {"theirs": times.theirs, "ours": times.ours} for times in ways},
            )
        )
    return lines
