"""Jobs: what may be asked for, in which order they run, how they end; their commands bear no word of a request."""

from __future__ import annotations

import sys
import threading
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coincast.web.ids import market_id
from coincast.web.jobs.child import Child
from coincast.web.jobs.choices import make_choices
from coincast.web.jobs.orders import Command
from coincast.web.jobs.progress import read_progress
from coincast.web.jobs.queue import JobQueue
from coincast.web.site import Site

WALK = market_id("simulated:WALK1/USD", "1d")
ORDER = {"kind": "comparison", "market_ids": [WALK], "models": ["lstm", "ar"], "epochs": 3, "seeds": 2}


class FakeChild:
    """Ends when it is told to, with the code that it is told."""

    def __init__(self, command: Command, on_line: Callable[[str], None]) -> None:
        self.command, self.say = command, on_line
        self.code: int | None = None
        self.ended = threading.Event()

    def finish(self, code: int = 0) -> None:
        self.code = code
        self.ended.set()

    def wait(self, seconds: float) -> int | None:
        return self.code if self.ended.wait(min(seconds, 0.01)) else None

    def end(self) -> None:
        self.finish(-15)


@pytest.fixture
def children(site: Site, candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> list[FakeChild]:
    """Processes that were started, none of them real."""
    started: list[FakeChild] = []

    def start(command: Command, folder: Path, on_line: Callable[[str], None]) -> Any:
        started.append(FakeChild(command, on_line))
        return started[-1]

    monkeypatch.setattr(site.jobs, "_start", start)
    monkeypatch.setattr(site.choices, "_made", make_choices())
    return started


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def order(client: Any, **changes: Any) -> Any:
    return client.post("/api/v1/jobs", json={**ORDER, **changes})


def states(client: Any) -> list[str]:
    return [job["state"] for job in client.json("jobs")["items"]]


def test_an_order_becomes_a_command_and_a_spec(client: Any, children: list[FakeChild], home: Path) -> None:
    answer = order(client)
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    wait_for(lambda: len(children) == 1)
    verb, spec, *out = children[0].command.arguments
    assert (verb, out[0]) == ("compare", "--out")
    values = tomllib.loads((home / "runs" / spec).read_text())
    assert values["data"] == {"markets": ["simulated:WALK1/USD"], "interval": "1d"}
    assert values["models"] == [{"name": "lstm"}, {"name": "ar"}]
    assert values["training"] == {"epochs": 3, "seeds": 2}
    children[0].say("training 2 runs of lstm: epoch 2/3, loss 0.5, 9,000 steps/s")
    told = client.json(f"jobs/{job['id']}")
    assert (told["state"], told["fraction"], told["progress"]["loss"]) == ("running", pytest.approx(2 / 3), 0.5)
    children[0].finish()
    wait_for(lambda: states(client) == ["finished"])
    assert client.json(f"jobs/{job['id']}")["fraction"] == 1.0


FORBIDDEN: list[dict[str, Any]] = [
    {"models": ["lstm; rm -rf /"]},
    {"models": ["--help"]},
    {"models": ["../../etc"]},
    {"models": ["os.system"]},
    {"models": ["oracle"]},
    {"models": []},
    {"models": ["lstm", "lstm"]},
    {"models": ["lstm"] * 7},
    {"market_ids": ["simulated:WALK1/USD"]},
    {"market_ids": ["m0000000000000000"]},
    {"market_ids": [WALK, WALK]},
    {"market_ids": []},
    {"epochs": 0},
    {"epochs": 201},
    {"epochs": "3; ls"},
    {"seeds": 11},
    {"horizon": 1e9},
    {"kind": "shell"},
    {"spec": "/etc/passwd"},
    {"candles": "/etc/passwd"},
    {"kind": "reproduction", "article": "sheehan"},
]


def test_nothing_but_the_choices_can_be_asked_for(client: Any, children: list[FakeChild], home: Path) -> None:
    for changes in FORBIDDEN:
        answer = order(client, **changes)
        assert answer.status_code in (404, 422), changes
        assert set(answer.json()["error"]) == {"code", "message"}
    assert children == []
    assert not list(home.glob("runs/specs/*"))


def test_an_article_needs_its_markets(client: Any, children: list[FakeChild]) -> None:
    asked = {"kind": "reproduction", "market_ids": [WALK], "article": "sheehan"}
    assert "needs 2 markets" in client.post("/api/v1/jobs", json=asked).json()["error"]["message"]
    assert client.post("/api/v1/jobs", json={**asked, "article": "nobody"}).status_code == 422
    assert client.post("/api/v1/jobs", json={**asked, "article": "fmz", "size": "quick"}).status_code == 201
    wait_for(lambda: len(children) == 1)
    told = children[0].command.arguments
    assert told[:6] == ("reproduce", "fmz", "--market", "simulated:WALK1/USD", "--interval", "1d")
    assert "--quick" in told


def test_two_run_the_others_wait_and_too_many_are_refused(client: Any, children: list[FakeChild]) -> None:
    answers = [order(client) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429]
    wait_for(lambda: len(children) == 2)
    assert states(client) == ["waiting"] * 8 + ["running"] * 2
    children[0].finish()
    wait_for(lambda: len(children) == 3)
    assert states(client) == ["waiting"] * 7 + ["running"] * 2 + ["finished"]


def test_a_job_can_be_ended_whether_it_runs_or_waits(client: Any, children: list[FakeChild]) -> None:
    jobs = [order(client).json()["id"] for _ in range(3)]
    wait_for(lambda: len(children) == 2)
    for given in (jobs[2], jobs[0]):
        answer = client.request("DELETE", f"/api/v1/jobs/{given}")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    wait_for(children[0].ended.is_set)
    assert client.request("DELETE", f"/api/v1/jobs/{jobs[0]}").status_code == 409
    assert client.request("DELETE", "/api/v1/jobs/j0000000000000000").status_code == 404
    children[1].finish()
    wait_for(lambda: "running" not in states(client))
    assert len(children) == 2


def test_a_failure_is_told_in_the_words_of_the_command(client: Any, children: list[FakeChild]) -> None:
    given = order(client).json()["id"]
    wait_for(lambda: len(children) == 1)
    children[0].say("coincast: prophet is not installed; run: pip install 'coincast[prophet]'")
    children[0].finish(2)
    wait_for(lambda: states(client) == ["failed"])
    assert client.json(f"jobs/{given}")["message"].startswith("prophet is not installed")


def test_a_fault_of_ours_ends_a_job_and_no_other(
    site: Site, client: Any, children: list[FakeChild], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(*given: Any) -> None:
        raise ValueError("/srv/somebody/secret")

    monkeypatch.setattr(site.jobs, "_start", fail)
    assert [order(client).status_code for _ in range(3)] == [201] * 3
    wait_for(lambda: states(client) == ["failed"] * 3)
    assert client.json("jobs")["items"][0]["message"].startswith("a fault of ours")
    assert "secret" in caplog.text


def test_everything_ends_with_the_server(site: Site, client: Any, children: list[FakeChild]) -> None:
    order(client)
    order(client)
    wait_for(lambda: len(children) == 2)
    site.jobs.close()
    assert all(child.code == -15 for child in children)
    assert order(client).status_code == 429


def test_a_job_that_takes_too_long_is_ended(site: Site, client: Any, children: list[FakeChild]) -> None:
    site.jobs._limits = type(site.settings.limits)(job_seconds=0.0)
    order(client)
    wait_for(lambda: states(client) == ["failed"])
    assert "longer than 0 hours" in client.json("jobs")["items"][0]["message"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("training 3 runs of lstm(units=8): epoch 12/50, loss 0.012, 5,000 steps/s", ("lstm(units=8)", 12, 50, 0.012)),
        ("training 1 runs of gru: epoch 1/1, loss nan, 1 steps/s", ("gru", 1, 1, None)),
        ("training 1 runs of gru: epoch 1/1, loss 1e-05, 1 steps/s", ("gru", 1, 1, 1e-5)),
        ("fitting arima: 3 of 10", ("arima", 3, 10, None)),
        ("binance:BTC/USDT 1d, 300 candles", None),
    ],
)
def test_progress_is_read_from_lines(line: str, expected: tuple[Any, ...] | None) -> None:
    told = read_progress(line)
    assert (None if told is None else (told.label, told.done, told.total, told.loss)) == expected


def run_child(code: str, folder: Path, lines: list[str]) -> Child:
    return Child([sys.executable, "-c", code], folder, lines.append)


def test_a_child_tells_its_lines_and_its_code(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import os, sys; print('a\\x1b[31m', file=sys.stderr); print(os.nice(0), file=sys.stderr); sys.exit(3)"
    child = run_child(code, tmp_path, lines)
    assert child.wait(20) == 3
    assert lines[0] == "a [31m"
    assert int(lines[1]) >= 10


@pytest.mark.parametrize(("leader", "other"), [("SIG_IGN", "SIG_DFL"), ("SIG_DFL", "SIG_IGN")])
def test_a_child_and_its_children_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leader: str, other: str
) -> None:
    monkeypatch.setattr("coincast.web.jobs.child.PATIENCE_SECONDS", 0.3)
    lines: list[str] = []
    code = (
        "import signal, subprocess, sys, time;"
        f"signal.signal(signal.SIGTERM, signal.{other});"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"signal.signal(signal.SIGTERM, signal.{leader});"
        "print(grandchild.pid, file=sys.stderr, flush=True); time.sleep(60)"
    )
    child = run_child(code, tmp_path, lines)
    wait_for(lambda: bool(lines))
    began = time.monotonic()
    child.end()
    assert child.wait(1) == (-9 if leader == "SIG_IGN" else -15)
    assert time.monotonic() - began < 30
    wait_for(lambda: not is_alive(int(lines[0])))


def is_alive(number: int) -> bool:
    """Whether a process still runs; one that waits to be buried does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_queue_starts_nothing_in_a_shell() -> None:
    line: Sequence[str] = Command(("compare", "a b;c"), "f", "t").line
    assert line == [sys.executable, "-m", "coincast", "compare", "a b;c"]
    assert JobQueue.__init__.__kwdefaults__ == {"start": None}
