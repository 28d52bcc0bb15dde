"""Fifty readers beside a running loop. Run: python proofs/load_server.py [--readers 50] [--seconds 60] [--speed 60]

`coincast watch --simulate` and `coincast serve` run as processes of their own. Once there are scored forecasts, every
reader asks for one page after the other, one request a second, and a few follow the stream. No request may fail, 99 of
100 cached answers must come within 100 ms, the server must stay below 250 MB, and the loop must forecast every close
on time: its ledger has no late forecast, no outage and no gap between origins while the readers were there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

PROJECT = Path(__file__).resolve().parent.parent
PAGES = (
    *("health", "markets", "forecasts", "track-record", "ledger", "ledger/entries", "leaderboard"),
    *("runs", "jobs", "glossary", "series", "{market}", "{market}/candles?points=600", "{market}/candles?last=200"),
)
COMMAND = [sys.executable, "-m", "coincast"]
STREAMS = 5
SLOWEST, LARGEST = 0.1, 250
"""Seconds within which 99 of 100 answers come; megabytes of the server."""
WARM_UP = 180
"""Seconds until there are scored forecasts, the first training included."""


@dataclass
class Heard:
    """What the readers saw.

    Attributes:
        seconds: page -> what each answer took.
        faults: requests that failed, in words.
        events: messages of the streams by their kind.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)


def main() -> int:
    """Print the figures; 1 where one of them is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--speed", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "COINCAST_HOME": str(Path(scratch) / "home")}
        port = free_port()
        watch = ["watch", str(PROJECT / "examples" / "live.toml"), "--simulate", f"{options.speed:g}", "--quiet"]
        with (
            running(["serve", "--port", str(port), "--runs", f"{scratch}/runs"], environment, scratch) as server,
            running(watch, environment, scratch),
        ):
            url = f"http://127.0.0.1:{port}/api/v1"
            wait_for_scores(url)
            before = newest_entry(url)
            heard = asyncio.run(read_all(url, options.readers, options.seconds))
            megabytes = resident(server.pid)
            faults = [*heard.faults, *find_missed(url, before)]
    return tell(heard, megabytes, faults)


def tell(heard: Heard, megabytes: float, faults: list[str]) -> int:
    """Print what was found."""
    ordered = sorted(took for page in heard.seconds.values() for took in page)
    shares = {share: 1000 * find_share(ordered, share) for share in (0.5, 0.95, 0.99)}
    told = ", ".join(f"{100 * share:.0f} % within {found:.1f} ms" for share, found in shares.items())
    print(f"{len(ordered):,} answers: {told}, the slowest {1000 * ordered[-1]:.1f} ms")
    for page, took in sorted(heard.seconds.items(), key=lambda one: -find_share(sorted(one[1]), 0.99)):
        print(f"  {page:28} {len(took):5,} answers, 99 % within {1000 * find_share(sorted(took), 0.99):.1f} ms")
    print(f"server: {megabytes:.0f} MB; events: {dict(sorted(heard.events.items()))}")
    if shares[0.99] > 1000 * SLOWEST:
        faults.append(f"one of 100 answers took longer than {1000 * SLOWEST:.0f} ms")
    if megabytes > LARGEST:
        faults.append(f"the server has grown beyond {LARGEST} MB")
    if not heard.events.get("forecast"):
        faults.append("no forecast was told to those who follow the stream")
    for fault in faults[:20]:
        print(f"FAULT {fault}")
    print(f"{len(faults)} faults")
    return 1 if faults else 0


def find_share(ordered: list[float], share: float) -> float:
    """What a share of sorted figures lies within."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def read_all(url: str, readers: int, seconds: float) -> Heard:
    """Let all read at once, and a few follow the stream."""
    heard, ending = Heard(), time.monotonic() + seconds
    market = httpx.get(f"{url}/markets").json()["items"][0]["id"]
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=readers)
    async with httpx.AsyncClient(limits=limits, timeout=10) as client:
        pages = {page: f"{url}/{page.format(market=f'markets/{market}')}" for page in PAGES}
        streams = [asyncio.create_task(follow(client, f"{url}/events", heard)) for _ in range(STREAMS)]
        await asyncio.gather(*(read(client, pages, ending, heard, number) for number in range(readers)))
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    return heard


async def read(client: httpx.AsyncClient, pages: dict[str, str], ending: float, heard: Heard, number: int) -> None:
    """One reader: a request a second, at a moment of his own."""
    luck = random.Random(number)
    await asyncio.sleep(luck.random())
    while time.monotonic() < ending:
        page, began = luck.choice(PAGES), time.perf_counter()
        try:
            answer = await client.get(pages[page])
            if answer.status_code != 200:
                heard.faults.append(f"{page}: {answer.status_code} {answer.text[:100]}")
        except httpx.HTTPError as error:
            heard.faults.append(f"{page}: {error!r}")
        took = time.perf_counter() - began
        heard.seconds.setdefault(page, []).append(took)
        await asyncio.sleep(max(0.0, 1 - took))


async def follow(client: httpx.AsyncClient, url: str, heard: Heard) -> None:
    """One who follows the stream."""
    async with client.stream("GET", url, timeout=None) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
                heard.events[kind] = heard.events.get(kind, 0) + 1


def wait_for_scores(url: str) -> None:
    """Wait until the loop has scored a forecast."""
    deadline = time.monotonic() + WARM_UP
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/ledger/entries?kind=score&limit=1", timeout=5).json()["total"]:
                return
        except (httpx.HTTPError, KeyError):
            pass
        time.sleep(0.5)
    raise SystemExit(f"no forecast was scored within {WARM_UP} s")


def newest_entry(url: str) -> int:
    """Number of the newest entry of the ledger."""
    return int(httpx.get(f"{url}/ledger").json()["entries"])


def find_missed(url: str, before: int) -> Iterator[str]:
    """Closes that the loop missed since an entry: late forecasts, outages, gaps between origins."""
    entries = [entry for entry in read_entries(url) if entry["number"] > before]
    yield from (f"outage: {entry['body']['words']}" for entry in entries if entry["kind"] == "outage")
    origins: dict[str, list[int]] = {}
    for entry in sorted(entries, key=lambda entry: entry["number"]):
        if entry["kind"] == "forecast":
            body = entry["body"]
            origins.setdefault(f"{body['model']} on {body['market']}", []).append(body["origin"])
            if body["late"]:
                yield f"entry {entry['number']} is late"
    if not origins:
        yield "there was no forecast at all"
    for who, times in origins.items():
        steps = {after - earlier for earlier, after in pairwise(times)}
        if len(steps) > 1:
            yield f"{who}: the distances of origins are {sorted(steps)} ms"


def read_entries(url: str) -> Iterator[dict[str, Any]]:
    """All entries of the ledger."""
    cursor = ""
    while cursor is not None:
        page = httpx.get(f"{url}/ledger/entries?limit=200{cursor and f'&cursor={cursor}'}", timeout=30).json()
        yield from page["items"]
        cursor = page["next"]


def resident(process: int) -> float:
    """Megabytes of memory that a process has."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(arguments: list[str], environment: dict[str, str], folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours that runs until the end of the block, and ends cleanly then."""
    process = subprocess.Popen([*COMMAND, *arguments], env=environment, cwd=folder)
    try:
        yield process
        if process.poll() is not None:
            raise SystemExit(f"coincast {arguments[0]} has ended with {process.returncode}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
