"""The command line as tests use it, and small files for it."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.__main__ import main

QUICK = (
    *("--set", "samples.lookback=3", "--set", "training.epochs=2", "--set", "training.seeds=2"),
    *("--set", "training.batch_size=16", "--set", "split.test=0.3", "--set", "lstm.units=2"),
)


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout; no NaN in it."""

        def refuse(constant: str) -> None:
            raise AssertionError(constant)

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture(scope="session")
def coincast() -> Callable[..., Answer]:
    """Run one command in this process."""

    def run(*arguments: object) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
        return Answer(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def coincast_process() -> Callable[..., Answer]:
    """Run one command in a process of its own."""

    def run(*arguments: object, cwd: Path | None = None, environment: dict[str, str] | None = None) -> Answer:
        command = [sys.executable, "-m", "coincast", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def quick() -> tuple[str, ...]:
    """Options that make a training last a moment."""
    return QUICK


@pytest.fixture(scope="session")
def btc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 160 days of no known form, in a folder with a blank and an umlaut in its name."""
    path = tmp_path_factory.mktemp("Kurse von März") / "btc.csv"
    table = cc.simulate("echo", candles=160, seed=1)
    table.select(pl.col("open_time").dt.date().alias("date"), "open", "high", "low", "close", "volume").write_csv(path)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
