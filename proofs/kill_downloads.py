"""Downloads killed at random moments, then resumed. Run: python proofs/kill_downloads.py [--kills 200] [--seed 0]

A test exchange runs as a process of its own. One download into a first store is left in peace. Others are killed with
SIGKILL at random moments, resumed until the next kill, and let through after every few of them; each store must then
equal the first one, value for value. Markets, intervals and sources (pages, and Binance's archive of files) take turns.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from coincast.candles.store import list_stored, read_stored

SERVER = Path(__file__).resolve().parent.parent / "tests" / "exchange_server"
NOW = "2024-03-01T12:34"
WORLD = """{"listings": [{"symbol": "BTC/USDT", "since": "2024-01-20", "holes": [["2024-02-10", "2024-02-12"]]},
                         {"symbol": "DOGE/USDT", "since": "2023-12-01", "thin": 0.2}]}"""


@dataclass(frozen=True)
class Job:
    """What is downloaded, and how many kills a store gets before it is let through."""

    name: str
    arguments: tuple[str, ...]
    kills: int


PAGES, FILES = "--no-archive", "--archive"
JOBS = (
    Job("hours and what came before them", ("BTC/USDT", "DOGE/USDT", "--interval", "1h", PAGES), 4),
    Job("five minutes, page by page", ("BTC", "DOGE", "--interval", "5m", "--since", "2024-02-08", PAGES), 4),
    Job("quarters of an hour, from the archive", ("DOGE", "--interval", "15m", "--since", "2023-12-15", FILES), 4),
)


def main() -> int:
    """Print a line for each store; 1 where one differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    luck, killed, wrong = random.Random(options.seed), 0, 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, exchange(Path(scratch)) as url:
        peaceful: dict[Job, tuple[float, pl.DataFrame]] = {}
        for number in range(sys.maxsize):
            if killed >= options.kills:
                break
            job = JOBS[number % len(JOBS)]
            if job not in peaceful:
                peaceful[job] = download_in_peace(job, url, Path(scratch) / f"peace-{job.name}")
            seconds, right = peaceful[job]
            home, struck = Path(scratch) / f"killed-{number}", 0
            for _ in range(min(job.kills, options.kills - killed)):
                lasted = kill_one(job, url, home, luck.uniform(0.2, 1.0) * seconds)
                struck += lasted is None
                if lasted is not None:  # the first one was slower, since its server was cold
                    peaceful[job] = (seconds := min(seconds, lasted)), right
            killed += struck
            run(job, url, home)
            is_right = read_all(home).equals(right)
            wrong += not is_right
            print(f"{job.name}: {struck} kills, {'equal' if is_right else 'DIFFERENT'}", flush=True)
    print(f"{killed} kills, {wrong} stores differ from the uninterrupted one; {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


@contextmanager
def exchange(scratch: Path) -> Iterator[str]:
    """A test exchange, a little slow, in a process of its own; gives its address."""
    world, script = scratch / "world.json", scratch / "faults.json"
    world.write_text(WORLD, encoding="utf-8")
    script.write_text('[{"kind": "delay", "delay": 0.02, "times": null}]', encoding="utf-8")
    command = [
        sys.executable,
        str(SERVER),
        "--venue",
        "binance",
        "--now",
        NOW,
        "--world",
        str(world),
        "--script",
        str(script),
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def start(job: Job, url: str, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "coincast", "download", *job.arguments, "--exchange", "binance"]
    command += ["--base-url", url]
    environment = os.environ | {"COINCAST_HOME": str(home)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(job: Job, url: str, home: Path) -> float:
    """Let a download through; gives its seconds."""
    began = time.monotonic()
    process = start(job, url, home)
    out, err = process.communicate(timeout=600)
    if process.returncode:
        raise SystemExit(f"a download failed with {process.returncode}: {out}{err}")
    return time.monotonic() - began


def kill_one(job: Job, url: str, home: Path, seconds: float) -> float | None:
    """Kill a download after so long; gives its seconds where it was done before."""
    began = time.monotonic()
    process = start(job, url, home)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return time.monotonic() - began


def download_in_peace(job: Job, url: str, home: Path) -> tuple[float, pl.DataFrame]:
    seconds = run(job, url, home)
    return seconds, read_all(home)


def read_all(home: Path) -> pl.DataFrame:
    """Everything that is stored."""
    folder = home / "candles"
    stored = list_stored(folder).select("market", "interval").rows()
    return pl.concat([read_stored(*key, folder=folder) for key in stored], how="diagonal")


if __name__ == "__main__":
    sys.exit(main())
