"""A week of simulated hours for three markets. Run: python proofs/watch_week.py [--hours 168] [--speed 1200]

`coincast watch --simulate` runs as a process of its own until so many hours have passed there, with a training a day.
Every close must have a forecast or an outage, nearly all of them forecasts on time, every settled candle a score, and
the memory of the process at the end must be that of its first day, but for a few megabytes.

At a speed of 1200 an hour takes 3 seconds, and the allowance of 10 minutes half a second.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

from coincast.live.ledger import Ledger, verify

HOUR = 3_600_000
SPEC = """
[data]
markets = ["binance:BTC/USDT", "binance:ETH/USDT", "binance:SOL/USDT"]
interval = "1h"
[samples]
lookback = 12
horizon = 3
[split]
validation = 0.2
[[models]]
name = "lstm"
units = 8
[training]
epochs = 5
seeds = 1
pool = true
[watch]
history = 1000
retrain = "daily"
grace = 30.0
allowance = 600.0
settle = 900.0
simulated = ["walk", "walk", "echo"]
"""
ON_TIME = 0.95
"""Share of forecasts that must be on time."""
GROWTH = 40.0
"""Megabytes by which the loop may have grown since its first day: two models are alive for a moment."""


def main() -> int:
    """Print what happened; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=int, default=168)
    parser.add_argument("--speed", type=float, default=1200.0)
    options = parser.parse_args()
    tools = load_tools()
    tools.SPEED = options.speed
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        (home / "live.toml").write_text(SPEC, encoding="utf-8")
        loop = tools.start(home)
        tools.wait_for_words(loop, 3)
        memory = watch_memory(loop, options.hours * 3600 / options.speed)
        loop.process.terminate()
        code = loop.process.wait(timeout=60)
        facts, faults = examine(tools.state(home) / "ledger.sqlite")
    day = memory[: max(1, len(memory) * 24 // options.hours)]
    growth = max(memory[-10:]) - max(day)
    print(f"{options.hours} hours in {time.monotonic() - began:.0f} s: {facts}")
    print(f"memory: {max(day):.0f} MB on the first day, {max(memory[-10:]):.0f} MB at the end")
    faults += [f"the loop ended with {code}"] if code else []
    faults += [f"the loop has grown by {growth:.0f} MB"] if growth > GROWTH else []
    for words in faults:
        print(f"WRONG: {words}")
    return 1 if faults else 0


def load_tools() -> ModuleType:
    """The proof beside this one starts and reads a loop."""
    path = Path(__file__).with_name("kill_watch.py")
    found = importlib.util.spec_from_file_location("kill_watch", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["kill_watch"] = module
    found.loader.exec_module(module)
    return module


def watch_memory(loop: object, seconds: float) -> list[float]:
    """Megabytes of the loop, second by second."""
    process = loop.process  # type: ignore[attr-defined]
    memory = []
    for _ in range(round(seconds)):
        time.sleep(1.0)
        if process.poll() is not None:
            raise SystemExit(f"the loop ended by itself: {loop.other}")  # type: ignore[attr-defined]
        memory.append(read_memory(process.pid))
    return memory


def read_memory(number: int) -> float:
    """Megabytes that a process holds."""
    for line in Path(f"/proc/{number}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the memory of a process in /proc")


def examine(path: Path) -> tuple[str, list[str]]:
    """What is in the ledger in words, and what is wrong with it."""
    faults = [str(fault) for fault in verify(path).faults]
    with Ledger.open(path, write=False) as ledger:
        forecasts = [entry.body for entry in ledger.entries(kind="forecast")]
        scores = {(body["market"], body["target_time"]) for body in (e.body for e in ledger.entries(kind="score"))}
        missed = sum(len(entry.body["missed"]) for entry in ledger.entries(kind="outage"))
        newest = ledger.head().made_at
    on_time = [body for body in forecasts if not body["late"]]
    if len(on_time) < ON_TIME * len(forecasts):
        faults.append(f"{len(forecasts) - len(on_time)} of {len(forecasts)} forecasts are late")
    due = {(body["market"], step["target_time"]) for body in on_time for step in body["steps"]}
    lacking = {place for place in due if place[1] < newest - 2 * HOUR} - scores
    if lacking:
        faults.append(f"{len(lacking)} candles that were due have no score")
    late = len(forecasts) - len(on_time)
    return f"{len(forecasts)} forecasts, {late} of them late, {len(scores)} scores, {missed} closes missed", faults


if __name__ == "__main__":
    sys.exit(main())
