"""JSON and progress as commands print them."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from coincast.cli.output import print_json, training_bar
from coincast.training.site import Progress


def test_json_holds_no_nan_and_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(
        {
            "figures": (1, 2.5, float("nan"), float("-inf"), None, True),
            "time": datetime(2024, 1, 2, tzinfo=UTC),
            "day": date(2024, 1, 2),
            "place": Path("a/b"),
            "coin": "Ethereum Ξ",
            "nested": {"x": {"y": float("inf")}},
        }
    )
    text = capsys.readouterr().out
    assert "Ξ" in text
    assert json.loads(text) == {
        "figures": [1, 2.5, None, None, None, True],
        "time": "2024-01-02T00:00:00+00:00",
        "day": "2024-01-02",
        "place": "a/b",
        "coin": "Ethereum Ξ",
        "nested": {"x": {"y": None}},
    }


def test_progress_without_a_terminal_is_a_line_for_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with training_bar(quiet=False) as tell:
        assert tell is not None
        for step in range(1, 101):
            tell("lstm", Progress(runs=3, epoch=step / 2, epochs=50, loss=0.5, steps_per_second=1234.5))
    written = capsys.readouterr()
    assert written.out == ""
    lines = written.err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "training 3 runs of lstm: epoch 5/50, loss 0.5, 1,234 steps/s"


def test_json_is_plain_ascii_where_stdout_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, written in (("ascii", b"\\u039e"), ("cp1252", b"\\u039e"), ("utf-8", "Ξ".encode())):
        raw = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding=encoding))
        print_json({"coin": "Ξ"})
        sys.stdout.flush()
        assert written in raw.getvalue()
        assert json.loads(raw.getvalue()) == {"coin": "Ξ"}


def test_quiet_has_no_progress() -> None:
    with training_bar(quiet=True) as tell:
        assert tell is None


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with training_bar(quiet=False) as tell:
        assert tell is not None
        tell("lstm", Progress(runs=3, epoch=1.0, epochs=2, loss=0.5, steps_per_second=10.0))
        tell("lstm", Progress(runs=3, epoch=2.0, epochs=2, loss=0.25, steps_per_second=10.0))
        tell("[/red]", Progress(runs=3, epoch=2.0, epochs=2, loss=0.25, steps_per_second=10.0))
    written = capsys.readouterr()
    assert written.out == ""
    assert "training 3 runs of lstm" in written.err
    assert "loss 0.25" in written.err
    assert "training 3 runs of [/red]" in written.err
