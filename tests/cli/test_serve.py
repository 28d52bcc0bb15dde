"""coincast serve: what it needs, and what it hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coincast.cli import serve as command
from coincast.errors import MissingPackageError


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_a_missing_package_is_told_in_a_line(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(MissingPackageError, match=rf"{package} is not installed.*coincast\[web\]"):
        command.serve()


def test_options_become_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    serving = pytest.importorskip("coincast.web.serve")
    handed: list[Any] = []
    monkeypatch.setattr(serving, "serve", lambda settings, **more: handed.append((settings, more)))
    monkeypatch.setattr(serving, "set_up_log", lambda **more: None)
    command.serve(host="0.0.0.0", port=9000, token_file=tmp_path / "token", runs=tmp_path / "runs", quiet=True)
    [(settings, more)] = handed
    assert (settings.host, settings.port, settings.runs) == ("0.0.0.0", 9000, tmp_path / "runs")
    assert settings.token == (tmp_path / "token").read_text().strip()
    assert more["token_file"] == tmp_path / "token"
