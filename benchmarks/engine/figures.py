"""Rows that are no race: compilations, memory, whole trainings, answers. Each gives its lines of the table."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.crew import Crew, FailedError, MissingError, Process, homes
from engine.jobs import RACES, Job
from engine.races import CORES, OURS, Say
from engine.table import Line

GIGABYTE = 1e9
FIRST = RACES["lstm20"].job
MANY_RUNS = 1_000
ALLOWED = 100_000_000
"""Bytes that 1,000 runs may take, as `--memory` says it."""
SEEDS, EPOCHS = 25, 50
LOOKBACKS = (5, 10, 20, 30, 60, 90)
RECOMMENDED = {"batch": 32, "learning_rate": 0.003, "epochs": 100}
"""What we recommend in place of article 0's batches of one window and 50 epochs."""


@dataclass(frozen=True)
class Bench:
    """What every row is given.

    Attributes:
        crew: the contestants' processes.
        turns: of what takes turns.
        is_quick: whether figures may be rough.
        say: tells the progress.
    """

    crew: Crew
    turns: int
    is_quick: bool
    say: Say

    @contextmanager
    def errand(self, name: str) -> Iterator[Process]:
        """A fresh process, which has compiled nothing yet, in a folder of its own."""
        self.say(f"{name}: begins")
        folder = self.crew.folder / name
        folder.mkdir()
        process = Process("errands", folder)
        try:
            yield process
        finally:
            process.end()

    def command(self, folder: Path, *arguments: str) -> float:
        """Seconds of a `coincast` command.

        Raises:
            FailedError: it did not end well.
        """
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "coincast", *arguments],
            cwd=folder,
            env={**os.environ, **homes(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FailedError(f"coincast {arguments[0]}: {done.stderr.strip().splitlines()[-1:]}")
        return time.perf_counter() - began


def many_runs(bench: Bench) -> list[Line]:
    """Whether 1,000 runs cost per run what 25 do, and stay under the memory that they may take."""
    job = FIRST
    title = f"{MANY_RUNS:,} runs of the first row"
    with bench.errand("many-runs") as process:
        taken = process.ask("wide_and_narrow", job=job, runs=MANY_RUNS, epochs=1, turns=bench.turns)
    ratios = [many / few for few, many in zip(taken["few"], taken["many"], strict=True)]
    with bench.errand("many-runs-memory") as process:
        memory = process.ask("memory_of_many", job=job, runs=MANY_RUNS, allowed=ALLOWED)
    more = memory["peak"] - memory["before"]
    ratio = statistics.median(ratios)
    return [
        Line(
            job=title,
            who=f"cost of a run, beside {job.runs} runs",
            microseconds=1e6 * statistics.median(taken["many"]),
            figure=f"{ratio:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})",
            wanted="at most 1.1 x",
            is_met=ratio <= 1.1,
            details=taken,
        ),
        Line(
            job=title,
            who=f"memory beyond that of {job.runs} runs",
            figure=f"{more / 1e6:.0f} MB, peak of all {memory['peak'] / 1e6:.0f} MB",
            wanted=f"at most --memory, {ALLOWED / 1e6:.0f} MB",
            is_met=more <= ALLOWED,
            details=memory,
        ),
    ]


def penalties(bench: Bench) -> list[Line]:
    """Whether a grid of penalties is one program."""
    job = RACES["lstm50"].job
    with bench.errand("penalties") as process:
        taken = process.ask("penalties", job=job, seeds=1 if bench.is_quick else 9, epochs=1)
    return [
        Line(
            job=f"{taken['runs']} runs (4 penalties x 8 strengths x seeds) of LSTM(50), 256 to 16",
            who=f"compilations after those for 4 runs ({taken['compiling']:.1f} s)",
            microseconds=1e6 * taken["per_step"],
            figure=f"{taken['further']}; an epoch of all in {taken['seconds']:.0f} s",
            wanted="none for a setting",
            is_met=taken["further"] == 0,
            details=taken,
        )
    ]


def to_validation_loss(bench: Bench) -> list[Line]:
    """Time until 25 seeds have the median validation loss that a PyTorch loop has after article 0's 50 epochs.

    PyTorch trains one seed in each of several processes side by side, one thread each, until all seeds are done; in
    each turn ours trains all seeds. PyTorch's time for all is that of a turn, times seeds over processes.
    """
    job = FIRST
    ours = bench.crew.member("coincast")
    batch, rate, epochs = RECOMMENDED["batch"], RECOMMENDED["learning_rate"], RECOMMENDED["epochs"]
    article = 3 if bench.is_quick else EPOCHS
    own = Job.read({**vars(job), "batch": batch})
    given = {"job": own, "epochs": epochs, "learning_rate": rate}
    first = ours.ask("whole_training", **given)
    members = [bench.crew.member("torch", number) for number in range(CORES)]
    for member in members:
        member.ask("prepare", job=job)
    curves, trained = [], []
    turns = 1 if bench.is_quick else -(-SEEDS // len(members))
    for turn in range(turns):
        for number, member in enumerate(members):
            member.send("whole_training", job=job, epochs=article, seed=turn * len(members) + number)
        trained += [member.receive() for member in members]
        curves.append(ours.ask("whole_training", **given))
        bench.say(f"time-to-loss: turn {turn + 1} of {turns}")
    wanted = statistics.median(one["losses"][-1] for one in trained[:SEEDS])
    reached = next((epoch for epoch, loss in enumerate(curves[0]["losses"]) if loss <= wanted), None)
    title = f"article 0's validation loss, {SEEDS} seeds, all trained"
    if reached is None:
        best = min(curves[0]["losses"])
        return [Line(title, OURS, figure=f"not reached: {best:.5f}, PyTorch {wanted:.5f}", wanted="40 x", is_met=False)]
    per_turn = len(members)
    theirs = [
        max(one["seconds"][-1] for one in trained[turn * per_turn : (turn + 1) * per_turn]) * SEEDS / per_turn
        for turn in range(turns)
    ]
    mine = [curve["seconds"][reached] for curve in curves]
    ratios = [their / my for their, my in zip(theirs, mine, strict=True)]
    ratio = statistics.median(ratios)
    middle = [statistics.median(one["losses"][epoch] for one in trained) for epoch in range(article)]
    sooner = next(epoch for epoch, loss in enumerate(middle) if loss <= wanted) + 1
    return [
        Line(
            job=title,
            who=f"{OURS}, batch {batch}, learning rate {rate:g}, {reached + 1} epochs",
            figure=f"{statistics.median(mine):.2f} s; compiling too {first['seconds'][reached]:.1f} s",
            details=curves,
        ),
        Line(
            job=title,
            who=f"PyTorch loop, {len(members)} processes, batch 1, {article} epochs",
            figure=f"{ratio:.3g} x ({min(ratios):.3g} to {max(ratios):.3g})",
            wanted="40 x",
            is_met=ratio >= 40,
            details=trained,
        ),
        Line(
            job=title,
            who=f"PyTorch loop, stopped when first there, epoch {sooner}",
            figure=f"{ratio * sooner / article:.3g} x",
        ),
    ]


def walk_forward(bench: Bench) -> list[Line]:
    """One command that walks forward over many markets, compiling included."""
    folder = bench.crew.folder / "walk-forward"
    folder.mkdir()
    markets, seeds, every = (4, 2, 20) if bench.is_quick else (20, 10, 20)
    bench.say("walk-forward: begins")
    bench.command(folder, "simulate", "walk", "--coins", str(markets), "--candles", "1000", "--out", "c.parquet")
    changes = ["lstm.units=20", f"training.seeds={seeds}", f"split.test={12 * every}", f"split.every={every}"]
    changes += ["split.refit=every"]
    (folder / "s.toml").write_text('models = [{ name = "lstm" }, { name = "naive" }]\n', encoding="utf-8")
    sets = [word for change in changes for word in ("--set", change)]
    seconds = bench.command(folder, "compare", "s.toml", "--candles", "c.parquet", "--quiet", *sets)
    return [
        Line(
            job=f"{markets} markets x {seeds} seeds x 12 refits, LSTM(20), 1,000 candles each",
            who="one command, compiling included",
            figure=f"{seconds:.0f} s",
            wanted="at most 300 s",
            is_met=None if bench.is_quick else seconds <= 300,
        )
    ]


def shapes(bench: Bench) -> list[Line]:
    """Compiling 18 groups of shapes."""
    lookbacks = LOOKBACKS[: 1 if bench.is_quick else None]
    with bench.errand("shapes") as process:
        taken = process.ask("shapes", lookbacks=lookbacks)
    return [
        Line(
            job=f"{3 * len(lookbacks)} groups of shapes ({len(lookbacks)} lookbacks x LSTM, GRU, CNN)",
            who="compiling, the cache empty",
            figure=f"{taken['compiling']:.0f} s; with all else {taken['seconds']:.0f} s",
            wanted="at most 60 s",
            is_met=None if bench.is_quick else taken["seconds"] <= 60,
            details=taken,
        )
    ]


def newest(bench: Bench) -> list[Line]:
    """How soon an ensemble answers."""
    with bench.errand("newest") as process:
        taken = process.ask("newest", runs=SEEDS, asked=20 if bench.is_quick else 200)
    return [
        Line(
            job=f"newest candle, forecast by {SEEDS} runs, all warm",
            who="model.forecast(newer)",
            figure=f"{taken['median']:.1f} ms ({taken['least']:.1f} to {taken['most']:.1f})",
            wanted="under 5 ms",
            is_met=taken["median"] < 5,
            details=taken,
        )
    ]


def retraining(bench: Bench) -> list[Line]:
    """How long a live model takes to learn anew."""
    with bench.errand("retraining") as process:
        taken = process.ask("retraining", runs=SEEDS)
    return [
        Line(
            job=f"{SEEDS} runs on a year of hours, the usual recipe",
            who=f"{taken['epochs']:.0f} epochs, compiling included",
            figure=f"{taken['seconds']:.0f} s",
            wanted="at most 60 s",
            is_met=taken["seconds"] <= 60,
            details=taken,
        )
    ]


def memory(bench: Bench) -> list[Line]:
    """How memory grows with the length of windows, and what five million minutes take."""
    windows = 2_000 if bench.is_quick else 20_000
    more = {}
    for lookback in (10, 100, 1_000):
        with bench.errand(f"memory-{lookback}") as process:
            taken = process.ask("memory_of_windows", lookback=lookback, windows=windows)
        more[lookback] = (taken["peak"] - taken["before"]) / 1e6
    folder = bench.crew.folder / "minutes"
    folder.mkdir()
    candles = 200_000 if bench.is_quick else 5_000_000
    bench.command(folder, "simulate", "walk", "--candles", str(candles), "--interval", "1m", "--out", "minutes.parquet")
    with bench.errand("memory-minutes") as process:
        taken = process.ask("minutes", path=str(folder / "minutes.parquet"), lookback=60)
    copied = windows * 1_000 * 8 * 4 / 1e6
    return [
        Line(
            job=f"memory, 8 runs, {windows:,} windows of 8 features",
            who="more of it for windows of 10, 100, 1,000",
            figure=", ".join(f"{value:.0f}" for value in more.values()) + " MB",
            wanted=f"not data x window: {copied:,.0f} MB",
            is_met=more[1_000] < copied / 2,
            details=more,
        ),
        Line(
            job=f"{taken['candles']:,.0f} minutes, LSTM(8), 8 runs, one epoch",
            who="peak of the process, file to model",
            figure=f"{taken['peak'] / GIGABYTE:.2f} GB, {taken['seconds']:.0f} s",
            wanted="within 4 GB",
            is_met=taken["peak"] <= 4 * GIGABYTE,
            details=taken,
        ),
    ]


FIGURES: dict[str, Callable[[Bench], list[Line]]] = {
    "many-runs": many_runs,
    "penalties": penalties,
    "time-to-loss": to_validation_loss,
    "walk-forward": walk_forward,
    "shapes": shapes,
    "newest": newest,
    "retraining": retraining,
    "memory": memory,
}


def run_figure(name: str, bench: Bench) -> list[Line]:
    """The lines of one row; one line that says why, where it cannot be measured."""
    try:
        return FIGURES[name](bench)
    except (FailedError, MissingError) as error:
        bench.say(f"{name} is left out: {error}")
        return [Line(job=name, who="not measured", figure=str(error)[:60])]
