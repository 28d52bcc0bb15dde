"""What the chapters are told from: made once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from coincast.articles.bench import Bench
from coincast.articles.fahimi import published
from coincast.articles.fahimi.days import Days, take_days
from coincast.articles.fahimi.fair import fair_spec
from coincast.articles.fahimi.published import FINAL, Version
from coincast.articles.fahimi.versions import (
    Job,
    Run,
    choose_depth,
    choose_units,
    is_published,
    plan_versions,
    train_job,
)
from coincast.experiments.result import Result
from coincast.experiments.run import Stopwatch

NARROW, NARROW_SEEDS = "3-days", (1, 2, 5)
"""Name of the network that sees three days; its seeds in a quick, a usual and a long study."""


@dataclass(frozen=True)
class Work:
    """All that was computed.

    Attributes:
        days: what the final version saw.
        narrow: the same with windows of three days.
        versions: each recorded version with what it saw and its runs; none where only the fair way was asked for.
        narrow_runs: of the network that sees three days; none likewise.
        result: the fair experiment; None where only the faithful way was asked for.
        is_published: whether these are the article's own candles.
    """

    days: Days
    narrow: Days
    versions: tuple[tuple[Version, Days, tuple[Run, ...]], ...] = field(repr=False)
    narrow_runs: tuple[Run, ...] = field(repr=False)
    result: Result | None
    is_published: bool

    def final_runs(self, market: int) -> list[Run]:
        """Runs of the final version on a coin."""
        return [run for version, _, runs in self.versions if version is FINAL for run in runs if run.market == market]

    @property
    def ends_differ(self) -> bool:
        """Whether each version has the rows of its own day."""
        return len({days.rows for _, days, _ in self.versions}) > 1


def work(bench: Bench, watch: Stopwatch) -> Work:
    """Compute everything that was asked for; what takes time is kept by the bench, and counted by the watch."""
    days = take_days(bench.candles)
    narrow = take_days(bench.candles, lookback=published.NARROW_LOOKBACK)
    versions: list[tuple[Version, Days, tuple[Run, ...]]] = []
    narrow_runs: tuple[Run, ...] = ()
    if bench.faithful:
        for number, job in enumerate(plan_versions(bench), start=1):
            runs = train_job(bench, f"versions-{number}", job)
            watch.lap(f"versions of {', '.join(version.name for version in job.versions)}")
            for version, own in zip(job.versions, job.days, strict=True):
                versions.append((version, own, tuple(run for run in runs if run.name == version.name)))
        narrow_runs = tuple(train_job(bench, NARROW, narrow_job(bench, narrow)))
        watch.lap("windows of three days")
    result = None
    if bench.fair:
        result = bench.experiment("fair", fair_spec(bench, days), days.candles)
        watch.lap("the fair way")
    return Work(
        days=days,
        narrow=narrow,
        versions=tuple(versions),
        narrow_runs=narrow_runs,
        result=result,
        is_published=is_published(bench),
    )


def narrow_job(bench: Bench, narrow: Days) -> Job:
    """The last update: three days, and 1,024 units in a long study."""
    first = published.SEED
    return Job(
        versions=(replace(FINAL, name=NARROW, units=published.WIDE_UNITS),),
        days=(narrow,),
        seeds=(tuple(range(first, first + bench.pick(*NARROW_SEEDS))),),
        units=choose_units(bench, published.WIDE_UNITS),
        depth=choose_depth(bench),
    )
