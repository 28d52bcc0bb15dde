"""The file that an unfinished training is kept in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coincast.training.resume import ResumeFile
from coincast.training.trainer import Keeper

STATE = {"0/state/0": np.arange(3, dtype=np.float32)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "resume.safetensors"


def keep(path: Path, fingerprint: str = "a", epoch: int = 4) -> None:
    ResumeFile(path, fingerprint=fingerprint, every_seconds=0).keep(STATE, {"epoch": epoch})


def test_what_was_kept_last_comes_back(path: Path) -> None:
    keeper: Keeper = ResumeFile(path, fingerprint="a", every_seconds=0)
    assert keeper.resume() is None
    for epoch in (1, 2):
        assert keeper.is_due()
        keeper.keep(STATE, {"epoch": epoch})
    found = ResumeFile(path, fingerprint="a").resume()
    assert found is not None
    assert found[1] == {"epoch": 2}
    np.testing.assert_array_equal(found[0]["0/state/0"], STATE["0/state/0"])


def test_nothing_is_kept_before_its_time(path: Path) -> None:
    keeper = ResumeFile(path, fingerprint="a", every_seconds=60)
    assert not keeper.is_due()
    keeper.keep(STATE, {"epoch": 1})
    assert not path.exists()


def test_another_training_is_not_gone_on_with(path: Path) -> None:
    keep(path, "a")
    keeper = ResumeFile(path, fingerprint="b", every_seconds=0)
    assert keeper.resume() is None
    assert keeper.note is not None
    assert "The training starts afresh" in keeper.note
    assert "with other settings, data or code" in keeper.note
    keeper.keep(STATE, {"epoch": 1})
    assert keeper.resume() is not None
    assert keeper.note is None


def test_a_damaged_file_is_not_gone_on_with(path: Path) -> None:
    keep(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    keeper = ResumeFile(path, fingerprint="a")
    assert keeper.resume() is None
    assert keeper.note is not None
    assert keeper.note.startswith("The training starts afresh: ")
    assert "was changed" in keeper.note


def test_strays_go_and_the_file_goes_in_the_end(path: Path) -> None:
    keep(path)
    stray = path.with_name(".resume.0123abcd.safetensors")
    stray.write_bytes(b"half")
    keeper = ResumeFile(path, fingerprint="a")
    assert keeper.resume() is not None
    assert not stray.exists()
    keeper.forget()
    keeper.forget()
    assert list(path.parent.iterdir()) == []
