"""Ctrl-C during training: at once, with code 130, with nothing half written; and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coincast.experiments.folder import FITTED_TABLES

SPEC = """
models = ["drift", { name = "lstm", units = 2 }]
[samples]
lookback = 3
[split]
test = 0.3
[training]
epochs = 500
batch_size = 16
seeds = 2
"""


def interrupt(run: list[str], folder: Path) -> tuple[float, subprocess.Popen[str], str, str]:
    """Start a command, send Ctrl-C when its network trains, and say how long it took to end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "coincast", *run],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "of lstm: epoch" in line:
            break
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return time.monotonic() - began, process, out, err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT between processes")
def test_ctrl_c_ends_at_once_and_the_same_command_goes_on(
    coincast_process: Callable[..., Any], btc: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(SPEC, encoding="utf-8")
    for attempt in range(3):
        folder = tmp_path / f"run-{attempt}"
        run = ["compare", "mine.toml", "--candles", str(btc), "--out", folder.name]
        seconds, process, out, err = interrupt(run, tmp_path)
        assert (process.returncode, out) == (130, "")
        assert err.splitlines()[-1].startswith("coincast: interrupted; what was finished is kept")
        assert "Traceback" not in err
        if seconds < 2:  # a machine that stands still for a moment gets another chance
            break
    assert seconds < 2

    whole = [*(f"{name}.parquet" for name in FITTED_TABLES), "done"]
    names = [path.relative_to(folder).parts for path in folder.rglob("*") if path.is_file()]
    assert {parts[-1] for parts in names} == {"fingerprint", *whole}
    assert len(names) == 1 + 2 * len(whole)  # of drift and naive, which had their turn before
    for table in folder.rglob("*.parquet"):
        pl.read_parquet(table)

    resumed = coincast_process(*run, cwd=tmp_path)
    assert resumed.code == 0
    assert "of lstm: epoch 500/500" in resumed.err
    assert (folder / "report.html").is_file()
    assert not (folder / "finished").exists()
