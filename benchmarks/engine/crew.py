"""The contestants' processes, and how they are spoken to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent


class MissingError(Exception):
    """A peer's library is not installed."""


class FailedError(Exception):
    """A contestant could not do what it was told."""


class Process:
    """One contestant in a process of its own.

    Args:
        name: a key of `engine.contestant.CONTESTANTS`.
        folder: where it works; what it leaves behind stays in there.
        environment: further variables.
    """

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.errors = tempfile.TemporaryFile(mode="w+", dir=folder, errors="replace")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.contestant", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=folder,
            env={**os.environ, **homes(folder), **(environment or {})},
        )

    def send(self, call: str, **given: Any) -> None:
        values = {key: asdict(value) if is_dataclass(value) else value for key, value in given.items()}
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"call": call, "with": values}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None

    def receive(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise self._failure()
        answer = json.loads(line)
        if "missing" in answer:
            raise MissingError(answer["missing"])
        if "error" in answer:
            raise FailedError(f"{self.name}: {answer['error']}")
        return answer["answer"]

    def ask(self, call: str, **given: Any) -> Any:
        self.send(call, **given)
        return self.receive()

    def end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()

    def _failure(self) -> FailedError:
        self.process.wait()
        self.errors.seek(0)
        said = [line for line in self.errors.read().splitlines() if line.strip()]
        return FailedError(f"{self.name} ended with {self.process.returncode}: {said[-1] if said else 'no word'}")


class Crew:
    """The processes of a whole table, each started when it is first needed and kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[tuple[str, int], Process] = {}

    def member(self, name: str, number: int = 0) -> Process:
        if (name, number) not in self.processes:
            self.processes[name, number] = Process(name, self.folder)
        return self.processes[name, number]

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.end()


def homes(folder: Path) -> dict[str, str]:
    """Where libraries keep their things: nothing is written into the user's folders, and no cache is warm."""
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH")])),
        "COINCAST_HOME": str(folder / "coincast"),
        "KERAS_HOME": str(folder / "keras"),
        "KERAS_BACKEND": "jax",
    }
