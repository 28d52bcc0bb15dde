"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real market files; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("COINCAST_SHARED_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"real market files are absent: {folder} (set COINCAST_SHARED_DATA to their folder)")
    return folder
