"""Trainings in a process of their own: taken over, ended, said; the loop is never held up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.live.watch.journal import Journal
from coincast.live.watch.models import KEPT, Loader, list_models, take
from coincast.live.watch.nursery import Nursery
from coincast.live.watch.plan import Plan, make_plan
from coincast.live.watch.section import split_watch
from coincast.live.watch.training import FIRST_PAUSE, Training
from exchange_server.watching import SPEC, START, HandClock, PlainModel
from exchange_server.world import HOUR

DAY = 24 * HOUR
WRITES = """
import json, pathlib, sys
request = json.loads(pathlib.Path(sys.argv[1]).read_text())
pathlib.Path(request["folder"]).mkdir()
"""
FAILS = "print('first line'); print('too few candles'); raise SystemExit(3)"
HANGS = "import sys; print('began', flush=True); sys.stdin.read()"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('began', flush=True); time.sleep(60)"


def make_plan_of(**watch: Any) -> Plan:
    return make_plan(split_watch({**SPEC, "watch": {**SPEC["watch"], **watch}}), simulated=False)


class Rig:
    """A training whose clock is turned by hand, in front of a process that does what a test says."""

    def __init__(self, folder: Path, code: str, **watch: Any) -> None:
        self.clock = HandClock(0)
        self.plan = make_plan_of(**watch)
        self.folder = folder
        command = (sys.executable, "-c", code)
        self.training = Training(self.plan, folder, command=command, monotonic=self.clock.monotonic)

    def wait(self, ready: Callable[[], Any]) -> Any:
        for _ in range(500):
            if (found := ready()) is not None:
                return found
            time.sleep(0.01)
        raise AssertionError("nothing came")

    def wait_for_words(self) -> None:
        self.wait(lambda: (self.folder / "training.log").read_bytes() or None)


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def make(code: str, **watch: Any) -> Rig:
        rigs.append(Rig(tmp_path / "models", code, **watch))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.training.stop()


def test_a_model_that_is_done_is_told_once(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(WRITES)
    rig.training.start(START)
    assert rig.training.is_running
    assert not rig.training.may_start
    trained = rig.wait(rig.training.poll)
    assert trained.folder == rig.folder / f"{START:015d}"
    assert rig.training.poll() is None
    assert rig.training.may_start
    request = json.loads((rig.folder / "request.json").read_text(encoding="utf-8"))
    assert (request["until"], request["until"] - request["since"]) == (START, 100 * HOUR)
    assert request["spec"]["data"]["markets"] == ["binance:BTC/USDT", "binance:ETH/USDT"]


def test_a_failure_says_the_last_words_and_waits_longer_each_time(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(FAILS)
    for failure in range(3):
        rig.training.start(START)
        trained = rig.wait(rig.training.poll)
        assert (trained.folder, trained.words) == (None, "too few candles")
        rig.clock.seconds += FIRST_PAUSE * 2**failure - 1
        assert not rig.training.may_start
        rig.clock.seconds += 1
        assert rig.training.may_start


def test_one_that_cannot_begin_is_a_failure_and_not_the_end(tmp_path: Path) -> None:
    training = Training(make_plan_of(), tmp_path, command=(str(tmp_path / "no-python"),))
    nursery = Nursery(make_plan_of(), tmp_path, training, Loader(pl.DataFrame), Journal(None, quiet=True))
    assert not tend(nursery, START)
    assert "it could not begin" in str(nursery.fault)
    assert (training.is_running, training.may_start) == (False, False)


@pytest.mark.parametrize("code", [HANGS, pytest.param(DEAF, marks=pytest.mark.slow)])
def test_one_that_never_ends_is_ended(code: str, make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coincast.live.watch.training.GENTLE_SECONDS", 0.3)
    rig = make_rig(code, training_limit=2.0)
    rig.training.start(START)
    rig.wait_for_words()
    assert rig.training.poll() is None
    rig.clock.seconds += 121
    trained = rig.training.poll()
    assert trained is not None
    assert trained.words == "it had not ended after 2 minutes"
    assert not rig.training.is_running


@pytest.mark.skipif(os.name == "nt", reason="kills a process by its number")
def test_a_training_ends_with_its_loop_however_that_ends(tmp_path: Path) -> None:
    """The child reads from a pipe that its parent holds; here both are real, and the parent is killed."""
    waits = "from coincast.live.watch import child; child._end_with_parent()"
    parent = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {waits!r}], stdin=subprocess.PIPE)
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    for _ in range(500):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{number}/stat").is_file() and ") Z " in Path(f"/proc/{number}/stat").read_text():
            return  # ended, and nobody has asked for its exit code yet
        time.sleep(0.01)
    raise AssertionError("the child lives")


# ---------------------------------------------------------------- when, and which model


class StubTraining:
    """Notes when it was started."""

    is_running, may_start, seconds = False, True, 0.0

    def __init__(self) -> None:
        self.started: list[int] = []
        self.done: Any = None
        self.failed: list[str] = []

    def start(self, origin: int) -> None:
        self.started.append(origin)

    def poll(self) -> Any:
        done, self.done = self.done, None
        return done

    def fail(self, words: str) -> None:
        self.failed.append(words)

    def stop(self) -> None:
        pass


class QuickLoader(Loader):
    """Loads at once."""

    def start(self, folder: Path) -> None:
        self._taken = take(folder, self._candles, self._load)

    def poll(self) -> Any:
        taken, self._taken = self._taken, None
        return taken


def put_model(folder: Path, origin: int) -> None:
    place = folder / f"{origin:015d}"
    place.mkdir()
    (place / "live.json").touch()


def make_nursery(folder: Path, load: Callable[[Path], Any], **watch: Any) -> tuple[Nursery, StubTraining]:
    training = StubTraining()
    loader = QuickLoader(lambda: pl.DataFrame(), load)
    plan = make_plan_of(**watch)
    return Nursery(plan, folder, training, loader, Journal(None, quiet=True)), training  # type: ignore[arg-type]


def tend(nursery: Nursery, origin: int, *, is_filled: bool = True, losses: Any = None) -> bool:
    return nursery.tend(origin, is_filled=is_filled, losses=lambda since: losses or {})


def model(_: Path) -> Any:
    return SimpleNamespace(forecast=lambda candles: None)


def test_the_newest_model_that_loads_is_taken_and_old_ones_are_dropped(tmp_path: Path) -> None:
    names = [START - number * DAY for number in range(1, 6)]
    for name in names:
        put_model(tmp_path, name)

    def load(folder: Path) -> Any:
        if int(folder.name) == names[0]:
            raise OSError("broken")
        return model(folder)

    nursery, training = make_nursery(tmp_path, load)
    for _ in range(4):
        tend(nursery, START)
    assert nursery.origin == names[1]
    assert training.started == []
    assert len(list_models(tmp_path)) == KEPT


def test_without_a_model_one_is_trained_as_soon_as_the_candles_are_there(tmp_path: Path) -> None:
    nursery, training = make_nursery(tmp_path, model)
    assert not tend(nursery, START, is_filled=False)
    assert training.started == []
    tend(nursery, START)
    assert training.started == [START]
    training.done = SimpleNamespace(folder=tmp_path / f"{START:015d}", seconds=1.0, words="")
    assert tend(nursery, START)
    assert nursery.origin == START
    assert not tend(nursery, START)


@pytest.mark.parametrize(
    ("retrain", "age", "starts"),
    [
        ("daily", DAY - HOUR, False),
        ("daily", DAY, True),
        (10, 9 * HOUR, False),
        (10, 10 * HOUR, True),
        ("never", 100 * DAY, False),
    ],
)
def test_a_model_is_trained_anew_when_it_is_due(tmp_path: Path, retrain: Any, age: int, starts: bool) -> None:
    put_model(tmp_path, START)
    nursery, training = make_nursery(tmp_path, model, retrain=retrain)
    tend(nursery, START)
    tend(nursery, START)
    assert nursery.model is not None
    tend(nursery, START + age)
    assert training.started == ([START + age] if starts else [])


def test_a_drift_is_a_growth_of_losses_beyond_chance(tmp_path: Path) -> None:
    put_model(tmp_path, START)
    nursery, training = make_nursery(tmp_path, model, retrain="drift")
    for _ in range(2):
        tend(nursery, START)
    noise = np.random.default_rng(1).normal(0, 0.01, 200)
    tend(nursery, START + 60 * HOUR, losses={"a": noise})
    assert training.started == []
    grown = noise + np.where(np.arange(200) >= 150, 0.02, 0)
    tend(nursery, START + 61 * HOUR, losses={"a": noise, "b": grown})
    assert training.started == [START + 61 * HOUR]


def test_a_model_that_cannot_be_loaded_leaves_the_old_one(tmp_path: Path) -> None:
    put_model(tmp_path, START)
    loads = [model, lambda _: 1 / 0]
    nursery, training = make_nursery(tmp_path, lambda folder: loads.pop(0)(folder))
    for _ in range(2):
        tend(nursery, START)
    old = nursery.model
    training.done = SimpleNamespace(folder=tmp_path / f"{START + DAY:015d}", seconds=1.0, words="")
    for _ in range(2):
        tend(nursery, START + DAY - HOUR)
    assert nursery.model is old
    assert training.failed == ["ZeroDivisionError: division by zero"]
    assert nursery.fault is not None
    assert "ZeroDivisionError" in nursery.fault


def test_a_model_is_loaded_beside_the_loop(tmp_path: Path) -> None:
    plan = make_plan_of()
    loader = Loader(lambda: pl.DataFrame({"market": []}), lambda _: PlainModel(plan))
    assert loader.poll() is None
    loader.start(tmp_path / "1")
    for _ in range(500):
        if taken := loader.poll():
            break
        time.sleep(0.01)
    assert taken is not None
    assert not loader.is_busy
