"""A training that is killed goes on to the same weights: the proof of `proofs/kill_training.py`, shortened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long


@pytest.mark.slow
def test_a_killed_training_ends_as_if_nothing_had_happened(project: Path) -> None:
    command = [sys.executable, str(project / "proofs" / "kill_training.py"), "--kills", "1", "--epochs", "6"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 kills of ")
    assert ": 0 arrays differ" in done.stdout
