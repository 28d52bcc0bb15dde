"""The REST of `coincast serve` against its own description. Run: python proofs/fuzz_api.py [--requests 5000] [--seed 0]

schemathesis makes requests from /openapi.json, half of them as described and half of them not, and sends them to a
server of its own process over loopback. Its store has three markets, its ledger forecasts, scores and an outage, and
there is a finished run; half of the ids in requests are those of something that is there. Jobs are taken and begun, but
their child processes do nothing. No answer may be a 5xx, none may have a status, a type, a header or a body that the
description does not know, and the server must be well at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDLESS = "/api/v1/events"
"""A stream that ends when its reader goes; the tests listen to it."""
CSV = "text/csv"
MOST_TURNS = 50
"""An operation with few parameters has few different requests, so that others get more."""
DAY = 86_400_000
PRICES = [100.0, 101.0, 99.5, 100.2, 103.0, 102.1]
TABLE = "target_time,actual,predicted\n" + "".join(
    f"2024-{month:02}-{day:02},{100 + (7 * day * month) % 11},{100 + (5 * day) % 13}\n"
    for month in range(1, 5)
    for day in range(1, 29)
)


@dataclass(frozen=True)
class Outcome:
    """What came of the requests.

    Attributes:
        answers: (method and path, status) -> how many.
        faults: what was wrong, in words.
    """

    answers: Counter[tuple[str, int]]
    faults: list[str]

    @property
    def requests(self) -> int:
        return self.answers.total()


def main() -> int:
    """Print a line for each operation; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, serve(Path(scratch)) as url:
        outcome = fuzz(url, options.requests, seed=options.seed)
    for place in sorted({place for place, _ in outcome.answers}):
        told = {status: count for (other, status), count in sorted(outcome.answers.items()) if other == place}
        print(f"{place:45} {told}")
    for fault in outcome.faults:
        print(f"\nFAULT {fault}")
    print(f"{outcome.requests:,} requests, {len(outcome.faults)} faults, {time.monotonic() - began:.0f} s")
    return 1 if outcome.faults or outcome.requests < options.requests else 0


def fuzz(url: str, count: int, *, seed: int) -> Outcome:
    """Send at least so many requests, about as many to every operation, and look at every answer."""
    order_job(url)
    known = find_ids(url)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    chosen = [operation for operation in operations if operation.path != ENDLESS]
    outcome = Outcome(Counter(), [])
    with requests.Session() as session:
        for turn in range(MOST_TURNS):
            left = count - outcome.requests
            if left <= 0 or outcome.faults:
                break
            each = -(-left // (2 * len(chosen)))
            for operation, mode in product(chosen, GenerationMode):
                _fuzz_one(operation, mode, each, known, session, outcome, seed + turn)
    health = requests.get(f"{url}/api/v1/health", timeout=10)
    if health.status_code != 200:
        outcome.faults.append(f"the server is not well at the end: {health.status_code}")
    return outcome


def _fuzz_one(
    operation: Any,
    mode: GenerationMode,
    count: int,
    known: dict[str, list[str]],
    session: requests.Session,
    outcome: Outcome,
    seed: int,
) -> None:
    place = f"{operation.method.upper()} {operation.path}"

    def send(case: Any, number: int) -> None:
        _use_known(case, known, number)
        answer = case.call(session=session, timeout=30)
        outcome.answers[place, answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    settings = hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    strategy, numbers = operation.as_strategy(generation_mode=mode), hypothesis.strategies.integers(0, 1000)
    test = hypothesis.seed(seed)(settings(hypothesis.given(case=strategy, number=numbers)(send)))
    try:
        test()
    except hypothesis.errors.Unsatisfiable:
        pass  # nothing about it can be wrong
    except Exception as fault:
        outcome.faults.append(f"{place}, {mode.value}: {fault}")


def order_job(url: str) -> None:
    """Ask for a comparison, so that there is a job to look at and to cancel."""
    market = requests.get(f"{url}/api/v1/markets", timeout=30).json()["items"][0]["id"]
    order = {"kind": "comparison", "market_ids": [market], "models": ["ar"]}
    requests.post(f"{url}/api/v1/jobs", json=order, timeout=60).raise_for_status()


def find_ids(url: str) -> dict[str, list[str]]:
    """Ids of what is there, by the name of the parameter that takes them."""
    lists = {"market_id": "markets", "run_id": "runs", "job_id": "jobs", "model_id": "models"}
    found = {}
    for name, resource in lists.items():
        items = requests.get(f"{url}/api/v1/{resource}", timeout=30).json()["items"]
        found[name] = [item["id"] for item in items]
    return found


def _use_known(case: Any, known: dict[str, list[str]], number: int) -> None:
    """Put ids of what is there into every second request; and a real table into every second one to be judged."""
    if number % 2:
        return
    for place in (case.path_parameters, case.query):
        for name in set(place or {}) & set(known):
            if known[name]:
                place[name] = known[name][number % len(known[name])]
    if isinstance(case.body, dict) and "market_ids" in case.body:
        case.body["market_ids"] = known["market_id"][: 1 + number % 2]
    if case.media_type == CSV and number % 4 == 0:
        case.body = TABLE


@schemathesis.serializer(CSV)
def _as_csv(context: Any, value: Any) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else str(value).encode()


@contextmanager
def serve(scratch: Path) -> Iterator[str]:
    """A server in this process with something to show; its address."""
    os.environ["COINCAST_HOME"] = str(scratch / "home")
    from coincast.web.jobs.queue import JobQueue
    from coincast.web.serve import listen, make_server
    from coincast.web.settings import Limits, Settings
    from coincast.web.site import make_site

    fill(scratch)
    limits = Limits(requests=1e6, burst=10**6, changes=10**6)
    settings = Settings(runs=scratch / "runs", port=0, limits=limits)
    listening, site = listen(settings), make_site(settings)
    queue = JobQueue(site.runs, limits, tell=lambda job: site.hub.publish("job", job), start=_Idle)
    server = make_server(replace(site, jobs=queue))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.handle_exit(2, None)
        thread.join(30)
        listening.close()


class _Idle:
    """A child process that says one line and ends."""

    def __init__(self, command: Any, folder: Path, on_line: Callable[[str], None]) -> None:
        on_line("training 1 runs of lstm: epoch 1/1, loss nan, 1 steps/s")

    def wait(self, seconds: float) -> int:
        return 0

    def end(self) -> None:
        pass


def fill(scratch: Path) -> None:
    """Three markets, a ledger and a finished run."""
    import coincast as cc
    from coincast.candles.store import write_candles
    from coincast.experiments.folder import write_result
    from coincast.experiments.places import claim_place
    from coincast.live.ledger import Ledger, LiveForecast, LiveStep, append_forecast, append_outage, append_score
    from coincast.live.places import live_places

    echo = cc.simulate("echo", skill=0.1, candles=300, seed=1)
    for table in (echo, cc.simulate("walk", candles=400, seed=2), cc.simulate("walk", candles=200, interval="1h")):
        write_candles(table.select(pl_columns(table)), source="a proof", on_conflict="replace")
    claim_place(scratch / "runs" / "proof", "f" * 64)
    result = cc.compare(echo, models=["ar", "drift"], test=0.5)
    write_result(result, scratch / "runs" / "proof", command="", with_pages=False)
    market = {"market": str(echo["market"][0]), "interval": "1d"}
    with Ledger.open(live_places().ledger, write=True, now=0) as ledger:
        for day, (last, actual) in enumerate(pairwise(PRICES)):
            origin = (day + 1) * DAY
            step = LiveStep(1, origin + DAY, 1.01 * last, {"q05": 0.99 * last, "q95": 1.02 * last})
            told = {**market, "model": "lstm", "origin": origin, "allowance": 60_000, "trained_until": origin}
            append_forecast(ledger, LiveForecast(**told, last_close=last, steps=(step,)), now=origin + 1000)
            append_score(ledger, **market, target_time=origin + DAY, actual=actual, settled_at=origin + DAY + 1)
        append_outage(ledger, reason="network", words="no answer", since=0, until=DAY, now=10 * DAY)


def pl_columns(table: Any) -> list[str]:
    """The columns of a candle table; what a simulated market knows beside them does not belong in a store."""
    from coincast.candles.table import CANDLE_COLUMNS

    return [name for name in CANDLE_COLUMNS if name in table.columns]


if __name__ == "__main__":
    sys.exit(main())
