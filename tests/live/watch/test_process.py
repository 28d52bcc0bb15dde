"""The loop as a process: how it ends, who else may run, what a kill leaves (`proofs/kill_watch.py` does more of it)."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from coincast.live.ledger import Ledger, verify

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="sends signals")]

SPEED = 450.0
"""Two seconds for a candle of 15 minutes."""

LOOP = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from coincast.errors import CoincastError
from coincast.live.watch import run as rim
from coincast.live.watch.section import read_watch_spec
from exchange_server.watching import Nursery, PlainModel

rim.Nursery = lambda plan, *rest: Nursery(PlainModel(plan))
try:
    number = rim.run_watch(read_watch_spec(Path(sys.argv[1])), simulate=float(sys.argv[3]))
except CoincastError as error:
    print(error, file=sys.stderr)
    raise SystemExit(error.exit_code)
raise SystemExit(0 if number == 15 else 130)
"""
SPEC = """
models = ["linear"]
[data]
markets = ["binance:BTC/USDT", "binance:ETH/USDT"]
interval = "15m"
[samples]
lookback = 4
horizon = 2
[watch]
history = 200
retrain = "never"
grace = 10.0
allowance = 600.0
settle = 60.0
"""


@pytest.fixture
def proof(project: Path) -> ModuleType:
    """The functions of the proof, with a loop that has no network to train."""
    found = importlib.util.spec_from_file_location("kill_watch", project / "proofs" / "kill_watch.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["kill_watch"] = module
    found.loader.exec_module(module)
    module.COMMAND = (sys.executable, "-c", LOOP.format(tests=str(project / "tests")))
    module.SPEED = SPEED
    return module


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "live.toml").write_text(SPEC, encoding="utf-8")
    return tmp_path


@pytest.fixture
def start(proof: ModuleType, home: Path) -> Iterator[Callable[[], Any]]:
    """Starts loops that end with the test."""
    loops: list[Any] = []

    def begin() -> Any:
        loops.append(proof.start(home))
        return loops[-1]

    yield begin
    for loop in loops:
        loop.process.kill()
        loop.process.wait()
        loop.process.stderr.close()


def wait_for(ready: Callable[[], bool], seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), pytest.param(signal.SIGINT, 130, marks=pytest.mark.long)]
)
def test_a_signal_ends_it_cleanly_and_a_second_loop_is_refused(
    number: int, code: int, start: Callable[[], Any], proof: ModuleType, home: Path
) -> None:
    loop = start()
    wait_for(lambda: len(loop.said) >= 4)
    if number == signal.SIGTERM:
        second = start()
        assert second.process.wait(timeout=180) == 2
        wait_for(lambda: bool(second.other))
        assert second.other[-1].startswith(f"another loop runs in {home / 'live' / 'simulated'}; end it first")
    loop.process.send_signal(number)
    assert loop.process.wait(timeout=60) == code
    health = json.loads((proof.state(home) / "health.json").read_text(encoding="utf-8"))
    assert (health["state"], health["simulated"]) == ("stopped", SPEED)
    assert health["made"]["forecasts"] >= 4
    assert not proof.check_said(home, loop.said)
    assert verify(proof.state(home) / "ledger.sqlite").ok
    assert (proof.state(home) / "watch.log").read_text(encoding="utf-8").count("entry") >= 4


@pytest.mark.long
def test_what_was_acknowledged_outlives_a_kill(start: Callable[[], Any], proof: ModuleType, home: Path) -> None:
    luck, said, faults = random.Random(2), [], 0
    for _ in range(3):
        loop = start()
        wait_for(lambda loop=loop: len(loop.said) >= 1)
        time.sleep(luck.uniform(0, 2))
        said += proof.kill_it(loop)
        faults += proof.check_said(home, loop.said).total()
    loop = start()
    wait_for(lambda: len(loop.said) >= 6)
    loop.process.terminate()
    assert loop.process.wait(timeout=60) == 0
    time.sleep(0.1)
    said += loop.said
    assert faults == 0
    assert proof.check_ledger(home, said) == {}
    with Ledger.open(proof.state(home) / "ledger.sqlite", write=False) as ledger:
        assert ledger.count(kind="score") >= 6


def test_a_second_loop_with_the_same_ledger_is_refused_wherever_it_runs(home: Path, tmp_path: Path) -> None:
    """The lock is that of the ledger, whoever writes it."""
    with Ledger.open(tmp_path / "ledger.sqlite", write=True):
        code = f"from coincast.live.ledger import Ledger; Ledger.open({str(tmp_path / 'ledger.sqlite')!r}, write=True)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"is being written by process {os.getpid()}" in done.stderr
