"""What a bug report needs to know."""

from __future__ import annotations

from pathlib import Path

import jax
import pytest

import coincast
from coincast.experiments.doctor import examine


def test_versions_devices_and_folders_are_told(own_home: Path) -> None:
    facts = examine()
    assert facts["coincast"] == coincast.__version__
    assert facts["jax"] == jax.__version__
    assert facts["devices"].startswith(f"{jax.device_count()} x ")
    assert facts["home"] == f"{own_home} (writable)"
    assert facts["clock"].endswith(" UTC")


def test_a_home_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path / "file" / "home"))
    assert "NOT writable: set COINCAST_HOME" in examine()["home"]
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path / "not" / "there" / "yet"))
    assert examine()["home"].endswith("(writable)")
