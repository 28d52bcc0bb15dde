"""A week of simulated hours for three markets. Run: python proofs/watch_week.py [--hours 168] [--speed 2400]

`coincast watch --simulate` runs as a process of its own until so many hours have passed there, with a training a day.
What must hold of its ledger is what `kill_watch.py` asks for: every close has a forecast or an outage, every settled
candle a score with the value of the store, and the chain is whole. Besides, 19 of 20 forecasts must be on time, and
the process must not need more memory on its last day than on its second one, but for a few megabytes.

At a speed of 2400 an hour takes one and a half seconds, and the allowance of 20 minutes half a second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import kill_watch
from kill_watch import Loop

from coincast.live.ledger import Ledger

CHANGES = (
    "data.interval=1h",
    "samples.lookback=12",
    "samples.horizon=3",
    "training.epochs=5",
    "watch.history=1000",
    "watch.retrain=daily",
    "watch.grace=30",
    "watch.allowance=1200",
    "watch.settle=2100",
    'watch.simulated=["walk", "walk", "echo"]',
)
"""What differs from the loop that is killed."""
DAY = 24
"""Hours."""
ON_TIME = 0.95
"""Share of forecasts that must be on time; nearly half of the time a training takes its part of two cores."""
GROWTH = 25.0
"""Megabytes by which the loop may have grown since its second day: a new model is there before the old one goes."""


def main() -> int:
    """Print what happened; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=int, default=7 * DAY)
    parser.add_argument("--speed", type=float, default=2400.0)
    options = parser.parse_args()
    if options.hours < 3 * DAY:
        parser.error("give three days at least, --hours 72: growth is told by the last day beside the second one")
    kill_watch.SPEED = options.speed
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        (home / "live.toml").write_text(kill_watch.SPEC, encoding="utf-8")
        loop, days = live(home, options.hours // DAY, DAY * 3600 / options.speed)
        found = kill_watch.check_said(home, loop.said) + kill_watch.check_ledger(home, loop.said)
        faults = [f"{words} ({number} times)" for words, number in found.items()]
        faults += find_late(kill_watch.state(home) / "ledger.sqlite")
        told = kill_watch.describe_ledger(home)
    print(f"{len(days)} days of hours in {time.monotonic() - began:.0f} s: {told}")
    print(f"memory by day: {', '.join(f'{megabytes:.0f}' for megabytes in days)} MB")
    faults += [f"the loop has grown by {days[-1] - days[1]:.0f} MB"] if days[-1] - days[1] > GROWTH else []
    for words in faults:
        print(f"WRONG: {words}")
    return 1 if faults else 0


def live(home: Path, days: int, seconds: float) -> tuple[Loop, list[float]]:
    """A loop that lives for some days of so many real seconds; also the most megabytes that it held on each."""
    loop = kill_watch.start(home, *CHANGES)
    try:
        kill_watch.wait_for_words(loop, 3)
        memory = [watch_memory(loop, seconds) for _ in range(days)]
        loop.process.terminate()
        if code := loop.process.wait(timeout=60):
            raise SystemExit(f"SIGTERM ended the loop with {code}: {loop.other}")
    finally:
        loop.process.kill()
    time.sleep(0.1)  # the thread reads what is left in the pipe
    return loop, memory


def watch_memory(loop: Loop, seconds: float) -> float:
    """The most megabytes that the loop holds in some real seconds."""
    most, end = 0.0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(0.5, left))
        if loop.process.poll() is not None:
            raise SystemExit(f"the loop ended by itself: {loop.other}")
        most = max(most, read_memory(loop.process.pid))
    return most


def read_memory(number: int) -> float:
    """Megabytes that a process holds."""
    for line in Path(f"/proc/{number}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the memory of a process in /proc")


def find_late(path: Path) -> list[str]:
    """Too many late forecasts, where there are."""
    with Ledger.open(path, write=False) as ledger:
        late = [entry.body["late"] for entry in ledger.entries(kind="forecast")]
    return [f"{sum(late)} of {len(late)} forecasts are late"] if sum(late) > (1 - ON_TIME) * len(late) else []


if __name__ == "__main__":
    sys.exit(main())
