"""coincast serve: what it needs, what it hands on, and what it says once it can be asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coincast.cli import serve as command
from coincast.errors import MissingPackageError, UsageError


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_a_missing_package_is_told_in_a_line(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(MissingPackageError, match=rf"{package} is not installed.*coincast\[web\]"):
        command.serve()


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Settings that a server would be started with; it says at once that it listens on port 9001."""
    serving = pytest.importorskip("coincast.web.serve")
    given: list[Any] = []

    def serve(settings: Any, *, ready: Any) -> None:
        given.append(settings)
        ready(9001)

    monkeypatch.setattr(serving, "serve", serve)
    monkeypatch.setattr(serving, "set_up_log", lambda **more: None)
    return given


def test_options_become_settings(handed: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.serve(host="0.0.0.0", port=9000, token_file=tmp_path / "token", runs=tmp_path / "runs", quiet=True)
    [settings] = handed
    assert (settings.host, settings.port, settings.runs) == ("0.0.0.0", 9000, tmp_path / "runs")
    assert settings.token == (tmp_path / "token").read_text().strip()
    said = capsys.readouterr()
    assert said.out == ""
    assert "http://127.0.0.1:9001/" in said.err
    assert str(tmp_path / "token") in said.err
    assert settings.token not in said.err


def test_a_program_is_told_where_the_page_is(
    handed: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.serve(host="[::1]", port=0, runs=tmp_path, as_json=True)
    said = capsys.readouterr()
    told = {"url": "http://[::1]:9001/", "port": 9001, "runs": str(tmp_path), "token_file": None}
    assert (json.loads(said.out), said.err) == (told, "")


def test_a_file_is_no_folder_of_runs(handed: list[Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"--runs .*file is no folder that can be read; name one"):
        command.serve(runs=tmp_path / "file")
    assert handed == []
