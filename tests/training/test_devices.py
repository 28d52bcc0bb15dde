"""Devices and caches, each in a process of its own: JAX reads its settings once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coincast.training.devices import HOST_DEVICES, advise_more_devices, available_cores, use_every_core

ONE_CORE = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from coincast.training import devices
devices.available_cores() if hasattr(os, "sched_setaffinity") else setattr(devices, "available_cores", lambda: 1)
"""


def run(script: str, **environment: str) -> Any:
    """Run a script in a fresh process without the tests' own settings; it prints one JSON document."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_"))}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_even_one_core_gets_two_devices(tmp_path: Path) -> None:
    """A program over one device is other arithmetic: results would not agree between machines."""
    script = ONE_CORE + (
        "devices.use_every_core()\n"
        "import jax, json\n"
        "devices.use_compile_cache()\n"
        "cache = jax.config.jax_compilation_cache_dir\n"
        "print(json.dumps([devices.available_cores(), jax.device_count(), cache]))\n"
    )
    cache = str(tmp_path / "compiled")
    assert run(script, COINCAST_HOME=str(tmp_path)) == [1, 2, cache]


def test_a_library_asks_for_nothing_and_says_how_to_get_more() -> None:
    script = (
        "from coincast.training import devices\n"
        "import jax, json\n"
        "devices.use_every_core()\n"  # too late: JAX is there
        "devices.available_cores = lambda: 4\n"
        "print(json.dumps([jax.device_count(), devices.advise_more_devices()]))\n"
    )
    count, advice = run(script)
    assert count == 1
    assert f"1 device on 4 cores; to train on all of them, set XLA_FLAGS={HOST_DEVICES}=4" in advice


def test_with_several_devices_there_is_no_advice() -> None:
    assert advise_more_devices() is None


@pytest.mark.parametrize(
    ("flags", "expected"), [("", "{new}"), ("--xla_a=1", "--xla_a=1 {new}"), (f"{HOST_DEVICES}=3", f"{HOST_DEVICES}=3")]
)
def test_the_flags_of_a_user_are_kept(monkeypatch: pytest.MonkeyPatch, flags: str, expected: str) -> None:
    monkeypatch.setenv("XLA_FLAGS", flags)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    use_every_core()
    assert os.environ["XLA_FLAGS"] == expected.format(new=f"{HOST_DEVICES}={max(2, available_cores())}")
