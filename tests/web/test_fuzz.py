"""The short form of proofs/fuzz_api.py: requests out of the description, right ones and wrong ones."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("schemathesis")


@pytest.fixture
def proof(project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("fuzz_api", project / "proofs" / "fuzz_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fuzz_api", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_every_answer_is_as_described(proof: Any, home: Path, tmp_path: Path) -> None:
    with proof.serve(tmp_path) as url:
        outcome = proof.fuzz(url, 60, seed=1)
    assert outcome.faults == []
    assert outcome.requests >= 60
    places = {place for place, _ in outcome.answers}
    assert {"GET /api/v1/markets", "POST /api/v1/judge", "POST /api/v1/jobs", "DELETE /api/v1/jobs/{job_id}"} <= places
