"""The loop killed at random moments, then started again. Run: python proofs/kill_watch.py [--kills 100] [--seed 0]

`coincast watch --simulate` runs as a process of its own, trains every twenty candles, and is killed with SIGKILL at
random moments: while it starts, connects, fills its store, trains, forecasts, writes, scores. Every second life is left
alone until its first forecast, for on a busy machine most would end before one. What it said it had written before each
kill must be in the ledger afterwards, once, with the time at which it was said. At the end the loop is left in peace
for some candles, and then every forecast candle must have its score with the value of the store, every close a forecast
or an outage, and the ledger its chain.

What time it was when a line was read is worked out from the file in which the simulation keeps its time, not from the
ledger: a forecast that was dated earlier than it was written would be found here.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coincast.candles.store import read_stored
from coincast.candles.table import INTERVALS
from coincast.live.ledger import Ledger, verify

COMMAND = (sys.executable, "-m", "coincast", "watch")
LONGEST_SILENCE = 300.0
"""Real seconds in which a loop must have written its first forecasts."""
SPEED = 120.0
SPEC = """
[data]
markets = ["binance:BTC/USDT", "binance:ETH/USDT", "binance:SOL/USDT"]
interval = "15m"
[samples]
lookback = 8
horizon = 2
[split]
validation = 0.2
[[models]]
name = "lstm"
units = 4
[training]
epochs = 2
seeds = 1
pool = true
[watch]
history = 400
retrain = 20
grace = 3.0
allowance = 60.0
settle = 30.0
"""
SAID = re.compile(r"INFO +(\S+) (\S+ \S+) UTC: forecast [\d.,]+ s after, (on time|late, not scored); entry ([\d,]+)$")
SLACK = 2.0
"""Real seconds that may pass between an entry and the moment at which its line was read here."""
IN_PEACE = 6
"""Candles at the end."""


@dataclass(frozen=True)
class Said:
    """A line of the loop: a forecast that was acknowledged.

    Attributes:
        number: of its entry.
        market: of the forecast.
        on_time: whether it said so.
        read_at: real seconds since 1970.
    """

    number: int
    market: str
    on_time: bool
    read_at: float


@dataclass
class Loop:
    """One life of the loop.

    Attributes:
        said: what it acknowledged.
        other: the last lines that are no acknowledgement.
    """

    process: subprocess.Popen[str]
    said: list[Said] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Read what it says until it ends."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := SAID.search(line.rstrip()):
                number = int(found[4].replace(",", ""))
                self.said.append(Said(number, found[1], found[3] == "on time", time.time()))
            else:
                self.other = [*self.other[-20:], line.rstrip()]


def main() -> int:
    """Print a line for every ten kills and what was found; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--longest", type=float, default=14.0, help="seconds after which a loop is killed at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    luck, began, faults = random.Random(options.seed), time.monotonic(), Counter[str]()
    said: list[Said] = []
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        (home / "live.toml").write_text(SPEC, encoding="utf-8")
        wait_for_forecasts(home, said)
        for kill in range(1, options.kills + 1):
            loop = start(home)
            if kill % 2 == 0:
                wait_for_words(loop, 1)
            time.sleep(luck.uniform(0, options.longest))
            if loop.process.poll() is not None:
                raise SystemExit(f"a loop ended by itself: {loop.other}")
            said += kill_it(loop)
            faults += check_said(home, loop.said)
            if kill % 10 == 0:
                print(f"{kill} kills, {len(said)} forecasts acknowledged", flush=True)
        said += let_live(home)
        faults += check_said(home, said[-1:]) + check_ledger(home, said)
        told = describe_ledger(home)
    print(f"{options.kills} kills, {len(said)} forecasts acknowledged, {faults.total()} faults")
    print(f"in the ledger: {told}; {time.monotonic() - began:.0f} s")
    for words, number in sorted(faults.items()):
        print(f"WRONG, {number} times: {words}")
    return 1 if faults else 0


# ---------------------------------------------------------------- lives and deaths


def start(home: Path, *changes: str) -> Loop:
    """Begin a life; changes are `section.key=value` of the spec."""
    environment = os.environ | {"COINCAST_HOME": str(home)}
    command = [*COMMAND, str(home / "live.toml"), "--simulate", str(SPEED)]
    command += [word for change in changes for word in ("--set", change)]
    loop = Loop(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    threading.Thread(target=loop.listen, daemon=True).start()
    return loop


def kill_it(loop: Loop) -> list[Said]:
    """SIGKILL; what it had said until then, to the last line."""
    loop.process.kill()
    loop.process.wait()
    time.sleep(0.1)  # the thread reads what is left in the pipe
    return loop.said


def wait_for_forecasts(home: Path, said: list[Said]) -> None:
    """The first life lasts until the first model was trained and asked."""
    loop = start(home)
    wait_for_words(loop, 3)
    said += kill_it(loop)


def wait_for_words(loop: Loop, forecasts: int) -> None:
    """Wait until it has acknowledged so many."""
    end = time.monotonic() + LONGEST_SILENCE
    while len(loop.said) < forecasts:
        time.sleep(0.2)
        if loop.process.poll() is not None:
            raise SystemExit(f"the loop ended by itself: {loop.other}")
        if time.monotonic() > end:
            loop.process.kill()
            raise SystemExit(
                f"the loop has written {len(loop.said)} forecasts in {LONGEST_SILENCE:.0f} s: {loop.other}"
            )


def let_live(home: Path) -> list[Said]:
    """The last life is ended as people end it."""
    loop = start(home)
    wait_for_words(loop, 1)
    time.sleep(IN_PEACE * INTERVALS["15m"] / 1000 / SPEED)
    loop.process.terminate()
    code = loop.process.wait(timeout=30)
    if code != 0:
        raise SystemExit(f"SIGTERM ended the loop with {code}: {loop.other}")
    time.sleep(0.1)
    return loop.said


# ---------------------------------------------------------------- what must hold


def state(home: Path) -> Path:
    return home / "live" / "simulated"


def check_said(home: Path, said: list[Said]) -> Counter[str]:
    """What was acknowledged is there, and was dated when it was written."""
    faults: Counter[str] = Counter()
    kept = json.loads((state(home) / "time.json").read_text(encoding="utf-8"))
    with Ledger.open(state(home) / "ledger.sqlite", write=False) as ledger:
        for one in said:
            entry = ledger.entry(one.number)
            if entry is None or (entry.kind, entry.body["market"]) != ("forecast", one.market):
                faults["an acknowledged forecast is lost"] += 1
                continue
            if entry.body["late"] == one.on_time:
                faults["a forecast is late, and was said to be on time, or the reverse"] += 1
            read_at = kept["now"] + SPEED * (1000 * one.read_at - kept["written"])
            if not -1000 <= (read_at - entry.made_at) / SPEED <= 1000 * SLACK:
                faults["a forecast is dated at another time than it was written at"] += 1
    return faults


def check_ledger(home: Path, said: list[Said]) -> Counter[str]:
    """Nothing twice, nothing late as if on time, every score, every close, and the chain."""
    faults: Counter[str] = Counter()
    found = verify(state(home) / "ledger.sqlite")
    faults["verify finds a fault"] += len(found.faults)
    with Ledger.open(state(home) / "ledger.sqlite", write=False) as ledger:
        forecasts = list(ledger.entries(kind="forecast"))
        scores = {key_of(entry.body): entry.body for entry in ledger.entries(kind="score")}
        outages = [entry.body for entry in ledger.entries(kind="outage")]
        newest = ledger.head().made_at
    places = Counter((e.body["market"], e.body["model"], e.body["origin"]) for e in forecasts)
    faults["a forecast is there twice"] += sum(number > 1 for number in places.values())
    numbers = Counter(one.number for one in said)
    faults["a forecast was acknowledged twice"] += sum(number > 1 for number in numbers.values())
    for entry in forecasts:
        is_late = entry.made_at - entry.body["origin"] > entry.body["allowance"]
        faults["a late forecast counts as one on time"] += is_late and not entry.body["late"]
    faults += check_scores(home, forecasts, scores, newest) + check_closes(forecasts, outages)
    return +faults


def check_scores(home: Path, forecasts: list[Any], scores: dict[Any, Any], newest: int) -> Counter[str]:
    """Every candle that was forecast on time and settled has a score with the value of the store."""
    faults: Counter[str] = Counter()
    places = {(entry.body["market"], entry.body["interval"]) for entry in forecasts}
    closes = {place[0]: read_closes(home, *place) for place in places}
    for entry in forecasts:
        market, last_due = entry.body["market"], newest - 2 * INTERVALS[entry.body["interval"]]
        for step in [] if entry.body["late"] else entry.body["steps"]:
            target = step["target_time"]
            if target > last_due:
                continue  # it was not due long enough before the end
            score = scores.get((market, target))
            if score is None:
                faults["a candle that was due has no score"] += 1
            elif score["actual"] != closes[market].get(target):
                faults["a score has another value than the store"] += 1
    return faults


def check_closes(forecasts: list[Any], outages: list[Any]) -> Counter[str]:
    """Every close from the first forecast on has a forecast or an outage, and none has both."""
    faults: Counter[str] = Counter()
    for market, interval in {(entry.body["market"], entry.body["interval"]) for entry in forecasts}:
        made = [entry.body["origin"] for entry in forecasts if entry.body["market"] == market]
        missed = [origin for body in outages if body["market"] in (None, market) for origin in body["missed"]]
        told = Counter([*made, *missed])
        every = set(range(min(made), max(made) + 1, INTERVALS[interval]))
        faults["a close has neither a forecast nor an outage"] += len(every - set(told))
        faults["a close has a forecast and an outage, or two of them"] += sum(n > 1 for n in told.values())
    return faults


def key_of(body: Any) -> tuple[str, int]:
    """Of several revisions the newest one stays."""
    return body["market"], body["target_time"]


def read_closes(home: Path, market: str, interval: str) -> dict[int, float]:
    stored = read_stored(market, interval, folder=home / "candles")
    return dict(zip(stored["close_time"].dt.epoch("ms").to_list(), stored["close"].to_list(), strict=True))


def describe_ledger(home: Path) -> str:
    """What is in the ledger, in words."""
    with Ledger.open(state(home) / "ledger.sqlite", write=False) as ledger:
        forecasts, scores, outages = (ledger.count(kind=kind) for kind in ("forecast", "score", "outage"))
        late = sum(entry.body["late"] for entry in ledger.entries(kind="forecast"))
    trained = len(list((state(home) / "models").glob("*/[0-9]*")))
    return f"{forecasts} forecasts, {late} of them late, {scores} scores, {outages} outages, {trained} models kept"


if __name__ == "__main__":
    sys.exit(main())
