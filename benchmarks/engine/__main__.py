"""The engine beside its peers: one table, every row in turns.

    python benchmarks/engine [--rows NAME,...] [--quick] [--json FILE]

Every contestant is a process of its own, asleep while another one has its turn; see `races.py` for what a ratio is,
`jobs.py` for the jobs and how their work is counted, `figures.py` for the rows that are no race. All of it takes half
an hour, and wants a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from engine.crew import Crew, FailedError  # noqa: E402
from engine.figures import FIGURES, Bench, run_figure  # noqa: E402
from engine.jobs import RACES  # noqa: E402
from engine.races import CORES, Say, run_race  # noqa: E402
from engine.table import Line, format_table  # noqa: E402

LIBRARIES = ("coincast", "jax", "torch", "keras", "neuralforecast")


def main() -> None:
    options = read_options()
    began = time.perf_counter()

    def say(words: str) -> None:
        print(f"[{time.perf_counter() - began:6.0f} s] {words}", file=sys.stderr, flush=True)

    lines: list[Line] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Crew(Path(folder)) as crew:
        ours = crew.member("coincast")
        is_accelerator, device = ours.ask("is_accelerator"), ours.ask("device")
        bench = Bench(crew, options.turns, options.quick, say)
        for name in options.rows:
            if name in FIGURES:
                lines += run_figure(name, bench)
            elif is_accelerator or not RACES[name].only_accelerator:
                lines += race(name, crew, options, say)
    print(format_table(lines))
    facts = describe_machine(device)
    print(
        f"\n{'; '.join(facts)}.\nMedian of {options.turns} turns (least to most); a ratio is the peer's time over ours "
        "just before it."
    )
    if options.json is not None:
        document = {"machine": facts, "turns": options.turns, "lines": [asdict(line) for line in lines]}
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


def race(name: str, crew: Crew, options: argparse.Namespace, say: Say) -> list[Line]:
    """The lines of a race; one line that says why, where ours fails."""
    try:
        return run_race(name, RACES[name], crew, turns=options.turns, seconds=options.seconds, say=say)
    except FailedError as error:
        return [Line(job=RACES[name].title, who="not measured", figure=str(error)[:60])]


def read_options() -> argparse.Namespace:
    known = [*RACES, *FIGURES]
    parser = argparse.ArgumentParser(prog="engine", description="The engine beside its peers, as one table.")
    parser.add_argument("--rows", default=",".join(known), help=f"which rows, of: {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="rough figures: two short turns, smaller jobs")
    parser.add_argument("--turns", type=int, help="how many turns; 7 unless quick")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured to a file")
    options = parser.parse_args()
    options.rows = options.rows.split(",")
    unknown = [name for name in options.rows if name not in known]
    if unknown:
        parser.error(f"no row is called {unknown[0]!r}; known: {', '.join(known)}")
    options.turns = options.turns or (2 if options.quick else 7)
    options.seconds = 0.3 if options.quick else 1.0
    return options


def describe_machine(device: str) -> list[str]:
    """What the figures hang on."""
    load = f"load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else "load unknown"
    return [
        f"{CORES} cores",
        device,
        processor(),
        f"Python {platform.python_version()}",
        *map(describe_library, LIBRARIES),
        load,
    ]


def processor() -> str:
    """The name of the processor, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe_library(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


if __name__ == "__main__":
    main()
