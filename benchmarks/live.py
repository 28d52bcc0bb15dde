"""How long a live forecast takes: 50 markets at one close, a saved model as a command, and inside the server.

    python benchmarks/live.py

`coincast watch --simulate` watches 50 markets of its local exchange: what counts is the time from the moment a close is
asked for until the last of its forecasts stands in the ledger, requests and writing to disk included. Then the model
that it trained is asked: as a process of its own, over HTTP (each market once before and once after its answer is
kept), and 500 times in one process. Times are in seconds of this machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from coincast.candles.store import read_stored
from coincast.live.ledger import Ledger
from coincast.live.models import load_live
from coincast.live.places import live_places

SPEC = Path(__file__).resolve().parent.parent / "examples" / "live.toml"
MARKETS, SPEED, CLOSES, ASKED, STARTS = 50, 30.0, 5, 500, 5
PORT = 8367
PATIENCE = 300
"""Seconds until the loop has forecast so many closes, its first training included."""
COMMAND = [sys.executable, "-m", "coincast"]


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["COINCAST_HOME"] = scratch
        tell(f"{MARKETS} markets, from asking for a close to the last entry", watch_closes())
        [folder] = sorted(live_places(simulated=True).models.glob("*/*/"))[-1:]
        model = load_live(folder)
        candles = {name: read_stored(name, model.interval).tail(2 * (model.rows or 500)) for name in model.markets}
        asked = [model.markets[number % MARKETS] for number in range(ASKED)]
        tell("a saved model as a command", [clock(ask_command(folder, name)) for name in asked[:STARTS]])
        with serving() as url:
            tell("over HTTP, not asked before", ask_server(url))
            tell("over HTTP, the answer is kept", ask_server(url))
        tell("in one process", [clock(lambda name=name: model.forecast(candles[name], name)) for name in asked])


def tell(what: str, seconds: Sequence[float]) -> None:
    """A line of figures."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    print(f"{what}: median {statistics.median(ordered):.4f} s, 99 % {p99:.4f} s, {len(ordered)} times")


def clock(act: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def watch_closes() -> list[float]:
    """Watch until some closes were forecast by a model that was there before them; the seconds of each."""
    names = [f'"binance:C{number:02}/USDT"' for number in range(MARKETS)]
    options = ["--simulate", f"{SPEED:g}", "--quiet", "--set", f"data.markets=[{', '.join(names)}]"]
    loop = subprocess.Popen([*COMMAND, "watch", str(SPEC), *options], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    try:
        while loop.poll() is None and time.monotonic() < deadline:
            time.sleep(1)
            if len(whole := take_closes(live_places(simulated=True).ledger)) > CLOSES:
                return whole[1:]  # at the first close the model came while the markets waited
    finally:
        loop.terminate()
        loop.wait(60)
    raise SystemExit(f"the loop did not forecast {CLOSES} closes of {MARKETS} markets within {PATIENCE} s")


def take_closes(path: Path) -> list[float]:
    """Of every close of which all markets have a forecast: seconds from asking to the last one."""
    if not path.is_file():
        return []
    grace = 3000  # milliseconds, as the spec says
    made: dict[int, list[int]] = defaultdict(list)
    with Ledger.open(path, write=False) as ledger:
        for entry in ledger.entries(kind="forecast"):
            made[entry.body["origin"]].append(entry.made_at)
    return [
        (max(moments) - origin - grace) / 1000 / SPEED for origin, moments in made.items() if len(moments) == MARKETS
    ]


def ask_command(folder: Path, market: str) -> Callable[[], object]:
    """The saved model, asked by a process of its own."""
    line = [*COMMAND, "forecast", "--model", str(folder), market, "--json", "--quiet"]
    return lambda: subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def serving() -> Iterator[str]:
    """A server on the same home."""
    server = subprocess.Popen([*COMMAND, "serve", "--port", str(PORT), "--quiet"])
    url = f"http://127.0.0.1:{PORT}/api/v1"
    try:
        wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/health")
            return
        except httpx.ConnectError:
            time.sleep(0.2)
    raise SystemExit(f"no server at {url} within {PATIENCE} s")


def ask_server(url: str) -> list[float]:
    """Seconds of the answers on every market."""
    with httpx.Client(base_url=url, timeout=30) as client:
        [model] = client.get("models").json()["items"][:1]
        markets = [item["id"] for item in client.get("markets").json()["items"]]
        return [
            clock(
                lambda market=market: client.get(f"models/{model['id']}/forecast?market_id={market}").raise_for_status()
            )
            for market in markets
        ]


if __name__ == "__main__":
    main()
