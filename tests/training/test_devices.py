"""Cores and caches; those of JAX in a process of its own, since it reads its settings once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coincast.training.devices import available_cores

needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")


def run(script: str, **environment: str) -> Any:
    """Run a script in a fresh process without the tests' own settings; it prints one JSON document."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_"))}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_there_is_a_core() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


@needs_affinity
def test_only_cores_that_may_be_used_count() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, [min(before)])
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_importing_starts_nothing() -> None:
    script = (
        "import json, sys, os\n"
        "import coincast.training.devices\n"
        "print(json.dumps(['jax' in sys.modules, 'XLA_FLAGS' in os.environ]))\n"
    )
    assert run(script) == [False, False]


def test_compiled_programs_are_kept_at_home(tmp_path: Path) -> None:
    script = (
        "import jax, json\n"
        "from coincast.training.devices import use_compile_cache\n"
        "use_compile_cache()\n"
        "print(json.dumps(jax.config.jax_compilation_cache_dir))\n"
    )
    folder = tmp_path / "compiled"
    assert run(script, COINCAST_HOME=str(tmp_path)) == str(folder)
    assert folder.is_dir()
    elsewhere = str(tmp_path / "elsewhere")
    assert run(script, COINCAST_HOME=str(tmp_path), JAX_COMPILATION_CACHE_DIR=elsewhere) == elsewhere


def test_without_a_home_programs_are_compiled_anew(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = (
        "import jax, json\n"
        "from coincast.training.devices import use_compile_cache\n"
        "use_compile_cache()\n"
        "print(json.dumps(jax.config.jax_compilation_cache_dir))\n"
    )
    assert run(script, COINCAST_HOME=str(tmp_path / "file" / "home")) is None
