"""Help, version, and what starts without the heavy parts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coincast as cc

COMMANDS = (
    *("demo", "judge", "forecast", "compare", "describe", "simulate", "doctor"),
    *("ablate", "audit", "calibrate", "reproduce"),
)
HEAVY = ("jax", "equinox", "optax", "polars", "numpy", "scipy", "matplotlib", "plotly", "pandas", "jinja2")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command: str, coincast: Callable[..., Any]) -> None:
    answer = coincast(command, "--help")
    assert answer.code == 0
    assert f"  coincast {command}" in answer.out
    assert "Examples:" in answer.out
    assert coincast(command, "-h").out == answer.out


def test_help_lists_every_command(coincast: Callable[..., Any]) -> None:
    answer = coincast("--help")
    assert answer.code == 0
    assert all(f"│ {command} " in answer.out for command in COMMANDS)
    assert "Not financial advice" in " ".join(answer.out.split())


def test_version(coincast: Callable[..., Any]) -> None:
    answer = coincast("--version")
    assert (answer.code, answer.out) == (0, f"coincast {cc.__version__}\n")


def test_without_a_command_the_help_is_printed(coincast: Callable[..., Any]) -> None:
    answer = coincast()
    assert (answer.code, answer.err) == (2, "")
    assert "Usage: coincast" in answer.out


@pytest.mark.parametrize(
    "code",
    [
        "import coincast",
        "from coincast.__main__ import main; assert main(['--help']) == 0",
        "from coincast.__main__ import main; assert main(['compare', '--help']) == 0",
        "from coincast.__main__ import main; assert main(['--version']) == 0",
    ],
)
def test_help_and_import_load_nothing_heavy(code: str) -> None:
    loaded = f"import sys; print('loaded:', *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{loaded}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_the_module_and_the_script_are_the_same(coincast_process: Callable[..., Any]) -> None:
    script = Path(sys.executable).with_name("coincast")
    if not script.exists():
        assert shutil.which("coincast") is None
        pytest.skip("the package was not installed with its script")
    for arguments in (["--version"], ["compare"]):
        done = subprocess.run([script, *arguments], capture_output=True, text=True, check=False)
        answer = coincast_process(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (answer.code, answer.out, answer.err)
